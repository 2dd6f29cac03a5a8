//! The emulator in a test's own process.

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use jiff::Timestamp;
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    answer::Refusal,
    faults::{Fault, FaultError},
    gate::{Gate, Stage},
    handle::{Shared, State},
    log::{RequestLog, RequestRecord},
    route::{Operation, Route},
    server::serve,
    settings::{Settings, SettingsError},
    signature::KeyPair,
    store::position,
};

/// How to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// A loopback address; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Where to append a line per request.
    pub request_log: Option<PathBuf>,
    /// Whether requests with a wrong signature or none are refused.
    pub require_signature: bool,
    /// The credentials known beside [`KeyPair::example`].
    pub key_pairs: Vec<KeyPair>,
}

impl Default for Options {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            listen,
            request_log: None,
            require_signature: false,
            key_pairs: Vec::new(),
        }
    }
}

/// Why the emulator didn't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It has no access control that would let it be reached from elsewhere.
    #[error("{0} is not a loopback address")]
    NotLoopback(SocketAddr),
    /// The port may be taken.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// The request log can't be written.
    #[error("cannot open the request log {0}: {1}")]
    RequestLog(PathBuf, #[source] io::Error),
}

/// A running emulator. It stops when this is dropped.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
    /// Requests in hand end when this goes.
    _running: watch::Sender<()>,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Emulator {
    /// Starts serving on the current tokio runtime.
    ///
    /// # Errors
    /// When the address is not loopback or taken, or the log can't be opened.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        if !options.listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(options.listen));
        }
        let log = RequestLog::new(options.request_log.as_deref())
            .map_err(|error| StartError::RequestLog(options.request_log.unwrap_or_default(), error))?;
        let unbound = |error| StartError::Listen(options.listen, error);
        let listener = TcpListener::bind(options.listen).await.map_err(unbound)?;
        let address = listener.local_addr().map_err(unbound)?;
        let mut state = State {
            key_pairs: options.key_pairs,
            ..State::default()
        };
        state.key_pairs.push(KeyPair::example());
        let (state, log, require_signature) = (Mutex::new(state), Arc::new(log), options.require_signature);
        let shared = Arc::new(Shared {
            state,
            log,
            require_signature,
        });
        let (running, stopped) = watch::channel(());
        let server = tokio::spawn(serve(listener, Arc::clone(&shared), stopped));
        Ok(Self {
            address,
            shared,
            server,
            _running: running,
        })
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request since the start or the last clearing, in order of arrival, those in flight too.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.log.records()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.shared.log.clear();
    }

    /// Forgets the requests that arrived before a moment. What one of them that is in flight comes to is then not logged.
    pub fn forget_requests_before(&self, moment: Timestamp) {
        self.shared.log.forget_before(moment);
    }

    /// Replaces the faults.
    ///
    /// # Errors
    /// When one of them can't be; then the old ones stay.
    pub fn set_faults(&self, faults: Vec<Fault>) -> Result<(), FaultError> {
        self.shared.lock().faults.replace(faults)
    }

    /// The faults, with what is left of their counts.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.lock().faults.list().to_vec()
    }

    /// Holds the next request of an operation, after so many others, and lets the test say how it goes on. It meets no
    /// fault.
    #[must_use]
    pub fn hold(&self, operation: Operation, skip: u32, stage: Stage) -> Gate {
        self.shared.lock().gates.add(operation, skip, stage)
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.shared.lock().settings.clone()
    }

    /// Replaces the settings.
    ///
    /// # Errors
    /// When they name an environment that isn't there; then the old ones stay.
    pub fn set_settings(&self, settings: Settings) -> Result<(), SettingsError> {
        self.shared.lock().set_settings(settings)
    }

    /// Replaces the credentials that are known: for keys that are rotated, revoked or renewed.
    pub fn set_key_pairs(&self, key_pairs: Vec<KeyPair>) {
        self.shared.lock().key_pairs = key_pairs;
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn call(&self, route: &Route, body: &Value) -> Result<Value, Refusal> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let done = self.shared.lock().perform(route, body.as_bytes(), 0)?;
        Ok(serde_json::from_slice(&done.answer.body).unwrap_or_default())
    }

    /// As [`Self::call`], whatever lag reads have.
    pub(crate) fn call_fresh(&self, route: &Route, body: &Value) -> Result<Value, Refusal> {
        let mut state = self.shared.lock();
        let lag = std::mem::take(&mut state.settings.read_lag_milliseconds);
        let done = state.perform(route, body.to_string().as_bytes(), 0);
        state.settings.read_lag_milliseconds = lag;
        Ok(serde_json::from_slice(&done?.answer.body).unwrap_or_default())
    }
}

impl State {
    pub(crate) fn set_settings(&mut self, settings: Settings) -> Result<(), SettingsError> {
        for wanted in &settings.deployment_in_progress {
            let known = self.world.applications.iter().any(|application| {
                position(&application.environments, wanted, settings.identifier_precedence).is_some()
            });
            if !known {
                return Err(SettingsError(format!(
                    "deploymentInProgress: there is no environment {wanted}"
                )));
            }
        }
        self.settings = settings;
        Ok(())
    }
}
