//! A place where a request stops until the test, in the same process, lets it go on.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{faults::RefuseWith, route::Operation};

/// How long a request may take to come.
const DEADLINE: Duration = Duration::from_mins(2);

/// Stops one request, tells the test, and does to the request what the test then says. Its clones are the same gate.
///
/// The request is held even if its client has left meanwhile.
#[derive(Debug, Clone)]
pub struct Gate {
    stage: Stage,
    state: Arc<watch::Sender<State>>,
}

/// Where on its way a [`Gate`] stops a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Before it is carried out.
    BeforeCommit,
    /// When it has been carried out, before the answer.
    AfterCommit,
}

/// How a request leaves a [`Gate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// It goes on as if nothing had happened.
    GoOn,
    /// The connection is closed without an answer.
    Close,
    /// It is refused, whatever has been carried out.
    Refuse(RefuseWith),
}

#[derive(Debug, Default)]
struct State {
    reached: bool,
    release: Option<Release>,
}

impl Gate {
    fn new(stage: Stage) -> Self {
        Self {
            stage,
            state: Arc::default(),
        }
    }

    /// Waits until the request is held.
    ///
    /// # Panics
    /// When none comes within two minutes: a test that waits for it would never end.
    #[allow(clippy::panic, reason = "a test fails by panicking")]
    pub async fn reached(&self) {
        let mut changes = self.state.subscribe();
        let reached = tokio::time::timeout(DEADLINE, changes.wait_for(|state| state.reached)).await;
        assert!(
            matches!(reached, Ok(Ok(_))),
            "no request has come to this gate: {:?}",
            self.stage
        );
    }

    /// Lets the request go. Only the first call counts. Without one, it is never answered.
    pub fn release(&self, release: Release) {
        self.state.send_modify(|state| {
            state.release.get_or_insert(release);
        });
    }

    /// Holds a request that has come to this stage.
    pub(crate) async fn hold(&self, stage: Stage) -> Release {
        if stage != self.stage {
            return Release::GoOn;
        }
        let mut changes = self.state.subscribe();
        self.state.send_modify(|state| state.reached = true);
        let released = changes.wait_for(|state| state.release.is_some()).await;
        released
            .ok()
            .and_then(|state| state.release.clone())
            .unwrap_or(Release::Close)
    }
}

/// The gates that wait for their request.
#[derive(Debug, Default)]
pub(crate) struct Gates(Vec<Waiting>);

#[derive(Debug)]
struct Waiting {
    operation: Operation,
    skip: u32,
    gate: Gate,
}

impl Gates {
    pub(crate) fn add(&mut self, operation: Operation, skip: u32, stage: Stage) -> Gate {
        let gate = Gate::new(stage);
        self.0.push(Waiting {
            operation,
            skip,
            gate: gate.clone(),
        });
        gate
    }

    /// The gate for a request of this operation. Every gate counts it, whichever takes it.
    pub(crate) fn take(&mut self, operation: Operation) -> Option<Gate> {
        let mut taken = None;
        self.0.retain_mut(|waiting| {
            if waiting.operation != operation {
                return true;
            }
            if waiting.skip > 0 {
                waiting.skip -= 1;
                return true;
            }
            if taken.is_some() {
                return true;
            }
            taken = Some(waiting.gate.clone());
            false
        });
        taken
    }
}
