//! [`Moment`]: the time at which an answer has come, by the clocks that a pass goes by, and what may be done then.

use std::time::Duration;

use jiff::Timestamp;

use super::Interruption;
use crate::clock::BootInstant;

/// The moment at which an answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Moment {
    /// On a clock that counts suspended time.
    pub boot: BootInstant,
    /// Since the process started, on a clock that never goes back.
    pub elapsed: Duration,
    /// By this machine's wall clock.
    pub local: Timestamp,
    /// From when on this process may not act: the Lease's renew deadline. Where the process is stopping, it is past.
    pub acts_until: BootInstant,
    /// Whether the schema that the API server serves is known to have every field.
    pub schema_is_complete: bool,
}

impl Moment {
    /// Why nothing may be done now, if so.
    pub(super) fn forbids(&self) -> Option<Interruption> {
        if !self.schema_is_complete {
            Some(Interruption::SchemaUnproven)
        } else if self.boot >= self.acts_until {
            Some(Interruption::MayNotAct)
        } else {
            None
        }
    }
}
