//! [`SendWindow`]: the time in which a fenced update may leave (P1).

use std::time::Duration;

use crate::clock::{BootInstant, Clock};

/// How long after the fence was sent an update may leave.
const LENGTH: Duration = Duration::from_secs(3);

/// Opens just before the fence is sent and closes 3 s later, on a clock that counts suspended time: the API server answers
/// for the spec as it was when the fence arrived, which can't be earlier.
#[derive(Clone, Copy, Debug)]
pub(super) struct SendWindow {
    opened: BootInstant,
    clock: Clock,
}

impl SendWindow {
    pub(super) fn open(clock: Clock) -> Self {
        Self { opened: clock(), clock }
    }

    pub(super) fn is_open(self) -> bool {
        (self.clock)() - self.opened < LENGTH
    }
}
