//! [`NextLook`]: when to look at a resource again, and as the how-manieth try in a row.

use crate::fleet::Class;

use super::{
    Now,
    memory::{Memory, Pending},
    schedule::{Next, SETTLING_TIME, backoff, conflict},
};

/// When to look again, as what that counts, and as the how-manieth try in a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct NextLook {
    /// When.
    pub(super) next: Next,
    /// As what it counts, where many wait.
    pub(super) class: Class,
    /// Passes in a row that ended in a back-off.
    pub(super) attempts: u32,
    /// Updates in a row that met a deployment in progress.
    pub(super) conflicts: u32,
}

impl NextLook {
    /// At the next slot, with the counts that are remembered.
    pub(super) fn regular(memory: &Memory, slot: Next) -> Self {
        Self {
            next: slot,
            class: Class::Resync,
            attempts: memory.attempts,
            conflicts: memory.conflicts,
        }
    }

    /// The same at once.
    pub(super) const fn at_once(self) -> Self {
        Self {
            next: Next::Now,
            ..self
        }
    }

    /// After one back-off more.
    pub(super) fn backing_off(self) -> Self {
        let attempts = self.attempts.saturating_add(1);
        Self {
            next: Next::Backoff(backoff(attempts)),
            class: Class::Retry,
            attempts,
            ..self
        }
    }

    /// When the deployment in progress may be over.
    pub(super) fn after_conflict(self) -> Self {
        let conflicts = self.conflicts.saturating_add(1);
        Self {
            next: Next::After(conflict(conflicts)),
            class: Class::Retry,
            conflicts,
            ..self
        }
    }

    /// For an update that is not settled: after a back-off, and once its settling time is over at the latest.
    pub(super) fn settling(self, pending: &Pending, now: &Now) -> Self {
        let left = SETTLING_TIME.saturating_sub(now.elapsed.saturating_sub(pending.first_seen));
        let look = self.backing_off();
        match look.next {
            Next::Backoff(ceiling) if ceiling < left => look,
            _ => Self {
                next: Next::After(left.max(backoff(1))),
                ..look
            },
        }
    }
}
