//! [`ServiceClock`]: `AppConfig`'s own time, from the `Date` of an answer. On the map it is between `observe`, which hears
//! it, and `decide` and the fence, which go by it. It reads no clock.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::answers::whole_seconds;
use crate::clock::BootInstant;

/// What an answer told of `AppConfig`'s time, on a clock that counts suspended time.
///
/// A `Date` is in whole seconds and was written between the request and the answer. So the time is known within bounds:
/// what must not come too early goes by the earlier one, what must not come too late by the later one.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServiceClock {
    date: Timestamp,
    asked: BootInstant,
    told: BootInstant,
}

impl ServiceClock {
    /// The `Date` of an answer that came now to a request that was sent when asked.
    pub(super) const fn new(date: Timestamp, asked: BootInstant, told: BootInstant) -> Self {
        Self { date, asked, told }
    }

    /// The time, which is at least this.
    pub(super) fn at(self, now: BootInstant) -> Timestamp {
        let since = SignedDuration::try_from(now - self.told).unwrap_or(SignedDuration::MAX);
        whole_seconds(self.date.checked_add(since).unwrap_or(Timestamp::MAX))
    }

    /// The earliest instant at which it can be this time.
    pub(super) fn reaches(self, time: Timestamp) -> BootInstant {
        let rest = time.duration_since(self.date) - SignedDuration::from_secs(1);
        self.asked + Duration::try_from(rest).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_opens_is_told_the_earlier_bound_and_what_closes_the_later() {
        let at = |seconds| BootInstant::after_boot(Duration::from_secs(seconds));
        let date = |second: i64| Timestamp::from_second(1_000_000 + second).unwrap();
        // Asked at 100, and the answer took 4 seconds: its Date is of some moment between them.
        let clock = ServiceClock::new(date(0), at(100), at(104));
        assert_eq!(clock.at(at(104)), date(0));
        assert_eq!(clock.at(at(110)), date(6));
        assert_eq!(
            clock.reaches(date(20)),
            at(119),
            "it may have been written when the request was sent"
        );
        assert_eq!(clock.reaches(date(1)), at(100));
        assert_eq!(clock.reaches(date(-50)), at(100), "it is past already");
        assert!(clock.at(BootInstant::NEVER) > date(1_000_000_000));
    }
}
