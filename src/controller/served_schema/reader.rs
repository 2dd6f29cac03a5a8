//! Reads the served schema: whenever something asks for it, and every 30 s.
//!
//! What is read is the document of the resource's group and version, with the hash of the one that was read last
//! (`If-None-Match`): the API server answers 304, and no body, while it is the same. `/openapi/v3` names the same hash, but
//! the API server brings that index up to date once a second only, so for as long it tells of a schema that is gone.

use std::time::Duration;

use http::{
    Request, Response, StatusCode,
    header::{ACCEPT, ETAG, HeaderValue, IF_NONE_MATCH},
};
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::{Report, ServedSchema};
use crate::{controller::call, schema::KnownFields};

/// How long a read may take.
const LIMIT: Duration = Duration::from_secs(5);

/// The largest document that is read: twenty times what there is.
const BYTES: usize = 2 * 1024 * 1024;

/// What keeps [`ServedSchema`] up to date.
pub(in crate::controller) struct Reader {
    schema: ServedSchema,
    client: kube::Client,
    report: Report,
    known: KnownFields,
    /// The hash of the document that was read last, and what that lacks.
    last: Option<(HeaderValue, Vec<String>)>,
}

/// Why a read brought nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the API server did not answer within {} s", LIMIT.as_secs())]
    TimedOut,
    #[error("{0}")]
    Client(String),
    #[error("the API server answered {0}")]
    Refused(StatusCode),
    #[error("the document can't be used: {0}")]
    Unusable(String),
}

impl Reader {
    pub(in crate::controller) fn new(schema: ServedSchema, client: kube::Client, report: Report) -> Self {
        Self {
            schema,
            client,
            report,
            known: KnownFields::of_this_operator(),
            last: None,
        }
    }

    /// Reads for as long as the process runs.
    pub(in crate::controller) async fn run(mut self) {
        let schema = self.schema.clone();
        loop {
            tokio::select! {
                // It may ask for a read sooner, or for one that begins later.
                () = schema.0.read_due.notified() => continue,
                () = sleep(schema.next_read()) => {}
            }
            let began = (schema.0.clock)();
            let read = timeout(LIMIT, self.read()).await.unwrap_or(Err(Failure::TimedOut));
            let (failure, state) = match read {
                Ok(missing) => (None, schema.change(|check| check.read(began, missing))),
                Err(failure) => (Some(failure.to_string()), schema.change(|check| check.failed(began))),
            };
            self.report.tell(&state, failure);
        }
    }

    /// Reads once: which fields the schema lacks.
    async fn read(&mut self) -> Result<Vec<String>, Failure> {
        let unusable = |error: &dyn std::fmt::Display| Failure::Unusable(error.to_string());
        let mut request = Request::get(self.known.document_path()).header(ACCEPT, "application/json");
        if let Some((hash, _)) = &self.last {
            request = request.header(IF_NONE_MATCH, hash);
        }
        let request = request.body(kube::client::Body::empty()).map_err(|it| unusable(&it))?;
        let answer = self.client.send(request).await;
        let answer: Response<_> = answer.map_err(|error| Failure::Client(call::describe(&error)))?;
        match (answer.status(), &self.last) {
            (StatusCode::NOT_MODIFIED, Some((_, missing))) => return Ok(missing.clone()),
            (StatusCode::OK, _) => {}
            (status, _) => return Err(Failure::Refused(status)),
        }
        let hash = answer.headers().get(ETAG).cloned();
        let body = Limited::new(answer.into_body(), BYTES).collect().await;
        let body = body.map_err(|it| unusable(&it))?.to_bytes();
        let document: Value = serde_json::from_slice(&body).map_err(|it| unusable(&it))?;
        let missing = self.known.missing(&document).map_err(|it| unusable(&it))?;
        self.last = hash.map(|hash| (hash, missing.clone()));
        Ok(missing)
    }
}

impl ServedSchema {
    fn next_read(&self) -> Duration {
        let check = self.0.check.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        check.next_read((self.0.clock)())
    }
}
