//! Time since boot, for everything that must not outlive its time: the Lease and the fence.
//!
//! On the map this is beneath `leader`, `controller` and `appconfig`, which measure with it, and it knows none of them. Wall clocks
//! jump and differ between machines, and the monotonic clock stands still while a machine is suspended; a replica that
//! sleeps through its term would wake up believing that it still leads.

use std::{
    ops::{Add, Sub},
    time::Duration,
};

/// An instant on `CLOCK_BOOTTIME`: it never goes back, and it counts the time that the machine was suspended.
///
/// Instants of two machines, or of one before and after a reboot, can't be compared. See
/// [clock_gettime(2)](https://man7.org/linux/man-pages/man2/clock_gettime.2.html).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BootInstant(Duration);

/// Where instants come from: [`BootInstant::now`], or a test's own.
pub type Clock = fn() -> BootInstant;

impl BootInstant {
    /// The instant at which the machine was booted: before every other.
    pub const BOOT: Self = Self(Duration::ZERO);
    /// After every other.
    pub const NEVER: Self = Self(Duration::MAX);

    /// The present instant.
    #[must_use]
    pub fn now() -> Self {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        // The kernel answers with 0 or more seconds and less than a second of nanoseconds, so neither falls back.
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
        Self(Duration::new(seconds, nanoseconds))
    }

    /// The instant that lies so long after boot: for tests and models, which have no clock.
    #[must_use]
    pub const fn after_boot(time: Duration) -> Self {
        Self(time)
    }

    /// How long the machine had been booted, suspended time included.
    #[must_use]
    pub const fn since_boot(self) -> Duration {
        self.0
    }

    /// How long ago the instant was; zero when it is yet to come.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        Self::now() - self
    }
}

impl Add<Duration> for BootInstant {
    type Output = Self;

    /// The instant that much later, at most [`BootInstant::NEVER`].
    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

impl Sub for BootInstant {
    type Output = Duration;

    /// How long `self` is after `earlier`; zero when it is before.
    fn sub(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_and_never_overflows() {
        let start = BootInstant::now();
        assert!(start > BootInstant::BOOT && start < BootInstant::NEVER);
        assert!(BootInstant::now() >= start);
        assert_eq!(BootInstant::NEVER + Duration::from_secs(1), BootInstant::NEVER);
        assert_eq!(BootInstant::BOOT - start, Duration::ZERO);
        assert_eq!((start + Duration::from_secs(2)) - start, Duration::from_secs(2));
    }
}
