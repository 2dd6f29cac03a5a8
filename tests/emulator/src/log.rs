//! The request log: what was asked, answered and committed, and when, by the host's clock.

use std::{
    fs::File,
    io::{self, Write as _},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    clock::{micros, optional_micros},
    route::Operation,
};

/// One request, as the log shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestRecord {
    /// When the request had been read whole.
    #[serde(serialize_with = "micros")]
    pub arrived_at: Timestamp,
    /// When what it asked for was done; absent if it never was.
    #[serde(serialize_with = "optional_micros")]
    pub committed_at: Option<Timestamp>,
    /// When the answer began to be sent; absent if none was.
    #[serde(serialize_with = "optional_micros")]
    pub answered_at: Option<Timestamp>,
    /// Whether that answer broke off in its middle.
    #[serde(default)]
    pub truncated: bool,
    /// Absent for a path or method that isn't in the API.
    pub operation: Option<Operation>,
    /// The identifier in the path, decoded.
    pub application: Option<String>,
    /// The identifier in the path, decoded.
    pub definition: Option<String>,
    /// The number in the path, if it is one.
    pub run: Option<u32>,
    /// The method, as sent.
    pub method: String,
    /// The path and query, as sent.
    pub path: String,
    /// The request's body as JSON; text if it isn't JSON.
    pub body: Value,
    /// The status answered, or that would have been.
    pub status: Option<u16>,
    /// AWS's error code, if it is an error.
    pub code: Option<String>,
    /// The answer's body, likewise.
    pub answer: Value,
    /// Whether a write was done. A read commits nothing.
    pub committed: bool,
    /// Whether that write made a difference.
    pub changed: bool,
    /// From the credential scope.
    pub access_key_id: Option<String>,
    /// From the credential scope.
    pub region: Option<String>,
    /// The header.
    pub user_agent: Option<String>,
    /// As in `x-amzn-RequestId`.
    pub request_id: String,
}

/// All requests since the start or the last clearing, those in flight too.
#[derive(Debug)]
pub(crate) struct RequestLog(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    records: Vec<RequestRecord>,
    file: Option<File>,
}

impl RequestLog {
    pub(crate) fn new(path: Option<&Path>) -> io::Result<Self> {
        let file = path
            .map(|path| File::options().create(true).append(true).open(path))
            .transpose()?;
        Ok(Self(Mutex::new(Inner {
            records: Vec::new(),
            file,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn records(&self) -> Vec<RequestRecord> {
        self.lock().records.clone()
    }

    pub(crate) fn clear(&self) {
        self.lock().records.clear();
    }

    pub(crate) fn forget_before(&self, moment: Timestamp) {
        self.lock().records.retain(|record| record.arrived_at >= moment);
    }

    pub(crate) fn open(self: &Arc<Self>, record: RequestRecord) -> OpenRecord {
        self.lock().records.push(record.clone());
        OpenRecord {
            log: Arc::clone(self),
            record,
        }
    }
}

/// The record of a request that is being handled. Its line is written when this is dropped: after the answer, or when
/// it is certain that there will be none.
#[derive(Debug)]
pub(crate) struct OpenRecord {
    log: Arc<RequestLog>,
    record: RequestRecord,
}

impl OpenRecord {
    pub(crate) fn edit(&mut self, edit: impl FnOnce(&mut RequestRecord)) {
        edit(&mut self.record);
        let mut inner = self.log.lock();
        if let Some(shown) = inner
            .records
            .iter_mut()
            .rev()
            .find(|shown| shown.request_id == self.record.request_id)
        {
            *shown = self.record.clone();
        }
    }

    pub(crate) fn request_id(&self) -> &str {
        &self.record.request_id
    }
}

impl Drop for OpenRecord {
    fn drop(&mut self) {
        let mut inner = self.log.lock();
        if let (Some(file), Ok(mut line)) = (&mut inner.file, serde_json::to_string(&self.record)) {
            line.push('\n');
            // One write per line, so that a reader never sees half of one. A full disk must not stop the service.
            let _ = file.write_all(line.as_bytes()).and_then(|()| file.flush());
        }
    }
}
