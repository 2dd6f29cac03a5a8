//! The schema that the API server serves: what all passes ask before they act or write, and who keeps it up to date.
//!
//! What follows from a read is decided in [`crate::schema`]. `watches` events lists and watches as they begin, `reader`
//! reads, `report` tells.

mod reader;
mod report;
mod watches;

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};

use crate::{
    clock::Clock,
    schema::{Begun, Gate, Standing},
};

pub(super) use reader::Reader;
pub(super) use report::Report;

/// What is known of the served schema. Clones share it.
#[derive(Clone)]
pub(super) struct ServedSchema(Arc<Inner>);

struct Inner {
    gate: Mutex<Gate>,
    standing: watch::Sender<Standing>,
    /// Something has begun that asks for a read.
    asked: Notify,
    clock: Clock,
}

impl ServedSchema {
    /// Nothing is known of it yet.
    pub(super) fn new(clock: Clock) -> Self {
        let gate = Gate::new(clock());
        Self(Arc::new(Inner {
            standing: watch::Sender::new(gate.standing(clock())),
            gate: Mutex::new(gate),
            asked: Notify::new(),
            clock,
        }))
    }

    /// Where things stand at this instant.
    pub(super) fn standing(&self) -> Standing {
        self.change(|_| ())
    }

    /// Whether resources may be acted upon and written at this instant.
    pub(super) fn is_complete(&self) -> bool {
        self.standing().is_complete()
    }

    /// What was read so far says nothing of what the API server tells from now on.
    pub(super) fn begun(&self, what: Begun) {
        self.change(|gate| gate.begun(what, (self.0.clock)()));
        self.0.asked.notify_one();
    }

    /// Tells of each change.
    pub(super) fn changes(&self) -> watch::Receiver<Standing> {
        self.0.standing.subscribe()
    }

    /// Waits until another replica should go on instead.
    pub(super) async fn unusable(&self) {
        let mut changes = self.changes();
        // The sender lives as long as `self`, so there is no error.
        let _ = changes.wait_for(Standing::is_unusable).await;
    }

    /// Time alone changes where things stand too, so whoever asks makes the change known.
    fn change(&self, change: impl FnOnce(&mut Gate)) -> Standing {
        let mut gate = self.0.gate.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut gate);
        let standing = gate.standing((self.0.clock)());
        self.0.standing.send_if_modified(|before| {
            let changed = *before != standing;
            if changed {
                before.clone_from(&standing);
            }
            changed
        });
        standing
    }
}
