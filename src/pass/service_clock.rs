//! [`ServiceClock`]: `AppConfig`'s own time, from the `Date` of an answer. A pass hears it with its answers, and its decisions
//! and its fence go by it. It reads no clock.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::BootInstant,
    decide::service_time::ServiceTime,
    run::{end_of_second, whole_seconds},
};

/// What an answer told of `AppConfig`'s time, on a clock that counts suspended time.
///
/// A `Date` is in whole seconds and was written between the request and the answer. So the time is known within bounds:
/// what must not come too early goes by the earlier one, what must not come too late by the later one.
#[derive(Clone, Copy, Debug)]
pub struct ServiceClock {
    date: Timestamp,
    requested: BootInstant,
    came: BootInstant,
    /// Before when the last answer was given.
    answered: Timestamp,
    /// Whether it is known to the nanosecond, as no `Date` tells it.
    exact: bool,
}

impl ServiceClock {
    /// The `Date` of an answer that came at one instant, to a request that was sent at another one.
    #[must_use]
    pub fn new(date: Timestamp, requested: BootInstant, came: BootInstant) -> Self {
        Self {
            date,
            requested,
            came,
            answered: end_of_second(date),
            exact: false,
        }
    }

    /// A time that is known exactly: of a simulated run.
    #[must_use]
    pub const fn exactly(time: Timestamp, now: BootInstant) -> Self {
        Self {
            date: time,
            requested: now,
            came: now,
            answered: time,
            exact: true,
        }
    }

    /// The same, where another answer has come now whose own `Date` does not count: by then it was the `Date` and what has
    /// passed since the request at most, and a second that a `Date` does not tell.
    #[must_use]
    pub fn answered_anew(self, now: BootInstant) -> Self {
        let answered = end_of_second(end_of_second(self.after(now - self.requested)));
        Self { answered, ..self }
    }

    /// The time now.
    #[must_use]
    pub fn time(self, now: BootInstant) -> ServiceTime {
        let time = self.after(now - self.came);
        ServiceTime {
            now: if self.exact { time } else { whole_seconds(time) },
            answered: self.answered,
        }
    }

    /// The earliest instant at which it can be this time.
    #[must_use]
    pub fn reaches(self, time: Timestamp) -> BootInstant {
        let rest_of_second = SignedDuration::from_secs(i64::from(!self.exact));
        let rest = time.duration_since(self.date).saturating_sub(rest_of_second);
        self.requested + Duration::try_from(rest).unwrap_or_default()
    }

    fn after(self, since: Duration) -> Timestamp {
        let since = SignedDuration::try_from(since).unwrap_or(SignedDuration::MAX);
        self.date.checked_add(since).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn at(seconds: f64) -> BootInstant {
        BootInstant::after_boot(Duration::from_secs_f64(seconds))
    }

    fn date(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    #[test]
    fn what_opens_is_told_the_earlier_bound_and_what_closes_the_later() {
        // Asked at 100, and the answer took 4 seconds: its Date is of some moment between them.
        let clock = ServiceClock::new(date(0), at(100.0), at(104.0));
        assert_eq!(clock.time(at(104.0)).now, date(0));
        assert_eq!(clock.time(at(110.0)).now, date(6));
        assert_eq!(
            clock.reaches(date(20)),
            at(119.0),
            "it may have been written when the request was sent"
        );
        assert_eq!(clock.reaches(date(1)), at(100.0));
        assert_eq!(clock.reaches(date(-50)), at(100.0), "it is past already");
        assert!(clock.time(BootInstant::NEVER).now > date(1_000_000_000));
    }

    #[test]
    fn an_exact_time_leaves_out_no_part_of_a_second() {
        let half = date(0) + SignedDuration::from_millis(500);
        let clock = ServiceClock::exactly(half, at(100.0));
        assert_eq!(clock.time(at(100.0)), ServiceTime::exactly(half));
        assert_eq!(clock.reaches(date(1)), at(100.5));
    }

    #[test]
    fn a_hold_begins_after_the_whole_second_of_the_answer_that_confirms_it_however_late_it_is_judged() {
        let clock = ServiceClock::new(date(0), at(100.0), at(100.9));
        for now in [100.9, 101.5, 104.0] {
            assert_eq!(clock.time(at(now)).answered, date(1));
        }
        // A second answer came at 103.2, which is 4.2 s after the Date at most; it tells no time of its own.
        let without = clock.answered_anew(at(103.2));
        let latest = 1 + 3;
        assert!(without.time(at(103.2)).answered > date(latest));
        assert_eq!(without.time(at(103.2)).now, clock.time(at(103.2)).now);
    }
}
