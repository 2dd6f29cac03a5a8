//! [`Hold`]: a ramp stays at an exposure for a while before it may rise.

use jiff::{SignedDuration, Timestamp};

/// The hold of an exposure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// When `AppConfig` confirmed the exposure.
    pub since: Timestamp,
    /// How long it is held.
    pub length: SignedDuration,
}

impl Hold {
    /// The first instant, from this one on, at which the hold is over.
    #[must_use]
    pub fn opens(self, from: Timestamp) -> Timestamp {
        // What is not held waits for no second of a clock either.
        if self.length.is_zero() {
            return from;
        }
        from.max(self.since.checked_add(self.length).unwrap_or(Timestamp::MAX))
    }

    /// Whether it takes the time to tell that the hold is over.
    #[must_use]
    pub const fn needs_time(self) -> bool {
        !self.length.is_zero()
    }
}
