//! [`SendWindow`]: the time in which a fenced update may leave (P1). It reads no clock, so that a model can check it.

use std::time::Duration;

use crate::clock::BootInstant;

/// Opens just before the fence is sent and closes 2 s later, on a clock that counts suspended time: the API server answers
/// for the spec as it was when the fence arrived, which can't be earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SendWindow {
    opened: BootInstant,
    closes: BootInstant,
}

impl SendWindow {
    /// How long after the fence was sent an update may leave (P1). Nothing but the fence itself lies in between, which
    /// Kubernetes' own objective gives a second at most in 99 of 100 cases: one that takes twice that is not followed, and its
    /// update is decided anew.
    pub const LENGTH: Duration = Duration::from_secs(2);

    /// The window of a fence that is sent right after this instant.
    #[must_use]
    pub const fn open(now: BootInstant) -> Self {
        Self {
            opened: now,
            closes: BootInstant::NEVER,
        }
    }

    /// The same, but closed from this instant on at the latest: a window of the ramp ends.
    #[must_use]
    pub const fn closing(self, at: BootInstant) -> Self {
        Self { closes: at, ..self }
    }

    /// Whether the update may leave at this instant.
    #[must_use]
    pub fn is_open(self, now: BootInstant) -> bool {
        now - self.opened < Self::LENGTH && now < self.closes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_closes_2_seconds_after_the_fence_or_with_the_ramps_window() {
        let at = |seconds| BootInstant::after_boot(Duration::from_secs(seconds));
        let window = SendWindow::open(at(10));
        assert!(window.is_open(at(11)) && !window.is_open(at(12)));
        let closing = window.closing(at(11));
        assert!(closing.is_open(at(10)) && !closing.is_open(at(11)));
        assert!(!window.closing(at(60)).is_open(at(12)), "never longer than without");
    }
}
