//! [`SendWindow`]: the time in which a fenced update may leave (P1). It reads no clock, so that a model can check it.

use std::time::Duration;

use crate::clock::BootInstant;

/// How long after the fence was sent an update may leave.
const LENGTH: Duration = Duration::from_secs(3);

/// Opens just before the fence is sent and closes 3 s later, on a clock that counts suspended time: the API server answers
/// for the spec as it was when the fence arrived, which can't be earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SendWindow {
    opened: BootInstant,
}

impl SendWindow {
    /// The window of a fence that is sent right after this instant.
    #[must_use]
    pub const fn open(now: BootInstant) -> Self {
        Self { opened: now }
    }

    /// Whether the update may leave at this instant.
    #[must_use]
    pub fn is_open(self, now: BootInstant) -> bool {
        now - self.opened < LENGTH
    }
}
