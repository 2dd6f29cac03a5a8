//! [`ServiceClock`]: `AppConfig`'s own time, from the `Date` of an answer; and [`ServiceClocks`], which knows for each region
//! what its answers were dated, so that `decide` can say which `Date` counts. On the map it is between `observe`, which hears
//! the time, and `decide` and the fence, which go by it. It reads no clock.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::answers::{end_of_second, whole_seconds};
use crate::{
    api::Region,
    clock::BootInstant,
    decide::service_time::{Dates, ServiceTime, Untold},
};

/// What the answers of each region were dated. All passes share it: a `Date` is judged by those before it.
#[derive(Debug, Default)]
pub(super) struct ServiceClocks(Mutex<HashMap<Region, Dates>>);

impl ServiceClocks {
    /// The clock that an answer tells, which was asked for and has come at these instants.
    ///
    /// # Errors
    /// When it has no `Date`, or one that does not count: then no time is taken from it.
    pub(super) fn heard(
        &self,
        region: &Region,
        date: Option<Timestamp>,
        local: Timestamp,
        (asked, told): (BootInstant, BootInstant),
    ) -> Result<ServiceClock, Untold> {
        let date = date.ok_or(Untold::NoDate)?;
        let mut regions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let dates = regions.entry(region.clone()).or_default();
        let judged = dates.judge(date, local, told.since_boot());
        judged.map_err(Untold::Skewed)?;
        Ok(ServiceClock::new(date, asked, told))
    }
}

/// What an answer told of `AppConfig`'s time, on a clock that counts suspended time.
///
/// A `Date` is in whole seconds and was written between the request and the answer. So the time is known within bounds:
/// what must not come too early goes by the earlier one, what must not come too late by the later one.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServiceClock {
    date: Timestamp,
    asked: BootInstant,
    told: BootInstant,
    /// Before when the last answer was given.
    answered: Timestamp,
}

impl ServiceClock {
    /// The `Date` of an answer that came when told to a request that was sent when asked.
    fn new(date: Timestamp, asked: BootInstant, told: BootInstant) -> Self {
        Self {
            date,
            asked,
            told,
            answered: end_of_second(date),
        }
    }

    /// The same, where another answer has come now whose own `Date` does not count: by then it was the `Date` and what has
    /// passed since the request at most, and a second that a `Date` does not tell.
    pub(super) fn answered_anew(self, now: BootInstant) -> Self {
        let answered = end_of_second(end_of_second(self.after(now - self.asked)));
        Self { answered, ..self }
    }

    /// The time now.
    pub(super) fn time(self, now: BootInstant) -> ServiceTime {
        ServiceTime {
            now: whole_seconds(self.after(now - self.told)),
            answered: self.answered,
        }
    }

    /// The earliest instant at which it can be this time.
    pub(super) fn reaches(self, time: Timestamp) -> BootInstant {
        let rest = time
            .duration_since(self.date)
            .saturating_sub(SignedDuration::from_secs(1));
        self.asked + Duration::try_from(rest).unwrap_or_default()
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
    fn a_hold_begins_after_the_whole_second_of_the_answer_that_confirms_it_however_late_it_is_judged() {
        let clock = ServiceClock::new(date(0), at(100.0), at(100.9));
        for judged in [100.9, 101.5, 104.0] {
            assert_eq!(clock.time(at(judged)).answered, date(1));
        }
        // A second answer came at 103.2, which is 4.2 s after the Date at most; it tells no time of its own.
        let without = clock.answered_anew(at(103.2));
        let latest = 1 + 3;
        assert!(without.time(at(103.2)).answered > date(latest));
        assert_eq!(without.time(at(103.2)).now, clock.time(at(103.2)).now);
    }

    #[test]
    fn each_region_has_a_clock_of_its_own() {
        let clocks = ServiceClocks::default();
        let region = |name: &str| name.parse::<Region>().unwrap();
        let heard = |name, second, boot| {
            let moment = (at(boot), at(boot));
            clocks.heard(&region(name), Some(date(second)), date(0), moment)
        };
        assert!(heard("eu-west-1", 0, 10.0).is_ok());
        assert!(matches!(heard("eu-west-1", 60, 11.0), Err(Untold::Skewed(_))));
        assert!(heard("us-east-1", 60, 11.0).is_ok());
        let none = clocks.heard(&region("eu-west-1"), None, date(0), (at(12.0), at(12.0)));
        assert!(matches!(none, Err(Untold::NoDate)));
    }
}
