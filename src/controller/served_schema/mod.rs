//! The schema that the API server serves: what all passes ask before they act or write, and who keeps it up to date.
//!
//! What follows from a read is decided in [`crate::schema`]. `watches` notices lists and watches as they begin, `reader`
//! reads, `report` tells.

mod reader;
mod report;
mod watches;

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};

use crate::{
    clock::Clock,
    schema::{Begun, SchemaCheck, SchemaState},
};

pub(super) use reader::Reader;
pub(super) use report::Report;

/// What is known of the served schema. Clones share it.
#[derive(Clone)]
pub(super) struct ServedSchema(Arc<Inner>);

struct Inner {
    check: Mutex<SchemaCheck>,
    state: watch::Sender<SchemaState>,
    /// Something has begun that asks for a read.
    read_due: Notify,
    clock: Clock,
}

impl ServedSchema {
    /// Nothing is known of it yet.
    pub(super) fn new(clock: Clock) -> Self {
        let check = SchemaCheck::new(clock());
        Self(Arc::new(Inner {
            state: watch::Sender::new(check.state(clock())),
            check: Mutex::new(check),
            read_due: Notify::new(),
            clock,
        }))
    }

    /// Whether resources may be acted upon and written at this instant, and why not.
    pub(super) fn state(&self) -> SchemaState {
        self.change(|_| ())
    }

    /// Whether resources may be acted upon and written at this instant.
    pub(super) fn is_complete(&self) -> bool {
        self.state().is_complete()
    }

    /// What was read so far says nothing of what the API server tells from now on.
    pub(super) fn begun(&self, what: Begun) {
        self.change(|check| check.begun(what, (self.0.clock)()));
        self.0.read_due.notify_one();
    }

    /// Tells of each change.
    pub(super) fn changes(&self) -> watch::Receiver<SchemaState> {
        self.0.state.subscribe()
    }

    /// Waits until another replica should go on instead.
    pub(super) async fn unusable(&self) {
        let mut changes = self.changes();
        // The sender lives as long as `self`, so there is no error.
        let _ = changes.wait_for(SchemaState::is_unusable).await;
    }

    /// Time alone changes the state too, so whoever asks makes the change known.
    fn change(&self, change: impl FnOnce(&mut SchemaCheck)) -> SchemaState {
        let mut check = self.0.check.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut check);
        let state = check.state((self.0.clock)());
        self.0.state.send_if_modified(|before| {
            let changed = *before != state;
            if changed {
                before.clone_from(&state);
            }
            changed
        });
        state
    }
}
