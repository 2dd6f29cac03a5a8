//! [`Now`]: the time of a pass, by three clocks.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::service_time::{ServiceTime, Untold};

/// The time of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Since the process started, on a clock that never goes back.
    pub elapsed: Duration,
    /// This machine's wall clock.
    pub local: Timestamp,
    /// `AppConfig`'s own clock: the `Date` of this pass's answer, where it counts, and what has passed since.
    pub service: Result<ServiceTime, Untold>,
}

impl Now {
    /// The wall clock that times in the status are taken from.
    #[must_use]
    pub fn wall(&self) -> Time {
        Time(self.service.map_or(self.local, |service| service.now))
    }
}
