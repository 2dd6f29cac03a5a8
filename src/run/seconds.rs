//! Times of `AppConfig` in whole seconds: the precision of its timestamps varies from answer to answer.

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};

/// The beginning of the second in which a time lies. Only whole seconds are compared and shown.
#[must_use]
pub fn whole_seconds(time: Timestamp) -> Timestamp {
    let floor = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Floor);
    time.round(floor).unwrap_or(time)
}

/// The end of the second in which a time lies: whatever happened at a time that is told in whole seconds, happened before
/// this. At the end of the calendar it is [`Timestamp::MAX`].
#[must_use]
pub fn end_of_second(time: Timestamp) -> Timestamp {
    let second = SignedDuration::from_secs(1);
    whole_seconds(time).checked_add(second).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_fraction_belongs_to_the_second_that_it_lies_in_before_1970_too() {
        for (time, begins, ends) in [
            ("2026-06-16T18:01:24Z", "2026-06-16T18:01:24Z", "2026-06-16T18:01:25Z"),
            (
                "2026-06-16T18:01:24.999999999Z",
                "2026-06-16T18:01:24Z",
                "2026-06-16T18:01:25Z",
            ),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z"),
        ] {
            let time: Timestamp = time.parse().unwrap();
            assert_eq!(whole_seconds(time).to_string(), begins);
            assert_eq!(end_of_second(time).to_string(), ends);
        }
    }

    #[test]
    fn both_ends_of_the_calendar_have_a_second() {
        assert_eq!(whole_seconds(Timestamp::MIN), Timestamp::MIN);
        assert!(end_of_second(Timestamp::MIN) > Timestamp::MIN);
        assert_eq!(end_of_second(Timestamp::MAX), Timestamp::MAX);
    }
}
