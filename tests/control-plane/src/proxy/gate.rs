//! A place where a request stops until the test lets it go on.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::request::Request;

/// How long a request may take to come.
const DEADLINE: Duration = Duration::from_mins(2);

/// Stops a request, tells the test, and does to the request what the test then says. Its clones are the same gate. A
/// request is held even if its caller has given up meanwhile; of several that come to one gate, all are.
#[derive(Clone, Debug)]
pub struct Gate {
    stage: Stage,
    state: Arc<watch::Sender<State>>,
}

/// Where on its way a [`Gate`] stops a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before it is passed on to the API server.
    Request,
    /// When the API server has done what was asked, before its answer is passed on.
    Answer,
}

/// How a request leaves a [`Gate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// It goes on as if nothing had happened.
    GoOn,
    /// The connection is closed without an answer.
    Close,
    /// A Kubernetes Status with this code is answered instead, whatever the API server has done.
    Refuse {
        /// The HTTP status, as in 409, 410, 429, 500 or 504.
        status: u16,
        /// What the header `Retry-After` says.
        retry_after_seconds: Option<u32>,
    },
}

#[derive(Debug, Default)]
struct State {
    reached: Vec<Request>,
    release: Option<Release>,
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new(stage: Stage) -> Self {
        Self {
            stage,
            state: Arc::default(),
        }
    }

    /// Waits until a request is held, and gives the first.
    ///
    /// # Panics
    /// When none comes within two minutes: a test that waits for it would never end.
    #[allow(clippy::panic, reason = "a test fails by panicking")]
    pub async fn reached(&self) -> Request {
        let mut state = self.state.subscribe();
        let first = async {
            // The sender is this gate's own.
            let reached = state.wait_for(|state| !state.reached.is_empty()).await;
            reached.ok().and_then(|state| state.reached.first().cloned())
        };
        match tokio::time::timeout(DEADLINE, first).await {
            Ok(Some(first)) => first,
            _ => panic!("no request has come to this gate: {:?}", self.stage),
        }
    }

    /// Lets go what is held, and what comes later. Only the first call counts. Without one, nothing is ever answered.
    pub fn release(&self, release: Release) {
        self.state.send_modify(|state| {
            state.release.get_or_insert(release);
        });
    }

    /// Holds a request that has come to this stage.
    pub(super) async fn hold(&self, stage: Stage, request: &Request) -> Release {
        if stage != self.stage {
            return Release::GoOn;
        }
        let mut changes = self.state.subscribe();
        self.state.send_modify(|state| state.reached.push(request.clone()));
        loop {
            if let Some(release) = changes.borrow_and_update().release {
                return release;
            }
            let _ = changes.changed().await;
        }
    }
}

impl PartialEq for Gate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.state, &other.state)
    }
}

impl Eq for Gate {}
