//! [`RampPosition`]: where a ramp stands.

use jiff::{SignedDuration, Timestamp};

use crate::api::Exposure;

use super::Ramp;

/// What is live, since when, and for how long it is held at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RampPosition {
    /// The live exposure.
    pub live: Exposure,
    /// When `AppConfig` confirmed it.
    pub since: Timestamp,
    /// The hold in force.
    pub hold: SignedDuration,
}

impl RampPosition {
    /// When the hold is over. One that is none is over now, also when `since` is a second ahead.
    #[must_use]
    pub fn held_until(&self, now: Timestamp) -> Timestamp {
        if self.hold.is_zero() {
            self.since.min(now)
        } else {
            self.since.checked_add(self.hold).unwrap_or(Timestamp::MAX)
        }
    }
}

impl Ramp {
    /// The position of a ramp that has just reached this exposure.
    #[must_use]
    pub fn position(&self, live: Exposure, target: Exposure, since: Timestamp) -> RampPosition {
        RampPosition {
            live,
            since,
            hold: self.hold(live, target, SignedDuration::ZERO),
        }
    }
}
