//! When a window opens: the calendar, and the two nights in which clocks are changed.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::at;
use crate::decide::{ramp::schedule::Schedule, tests::properties::cases};

fn openings(schedule: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::parse(schedule, zone).unwrap();
    let mut stretch = schedule.stretch(at(after));
    let first = schedule.first_after(at(after), &mut stretch).found;
    std::iter::successors(first, |found| schedule.first_after(*found, &mut stretch).found)
        .take(count)
        .map(|found| found.to_string())
        .collect()
}

#[test]
fn an_opening_is_found_to_the_minute_and_never_the_same_again() {
    let found = openings("0 9 * * 1-4", "Europe/Berlin", "2026-11-19T08:00:00Z", 3);
    assert_eq!(
        found,
        ["2026-11-23T08:00:00Z", "2026-11-24T08:00:00Z", "2026-11-25T08:00:00Z"]
    );
    let found = openings("*/15 * * * *", "Asia/Kathmandu", "2026-11-19T08:00:01Z", 2);
    assert_eq!(found, ["2026-11-19T08:15:00Z", "2026-11-19T08:30:00Z"]);
}

#[test]
fn the_day_of_month_and_the_day_of_week_are_both_or_either_as_cron_has_it() {
    // The 13th, and every Friday.
    let either = openings("0 0 13 * 5", "UTC", "2026-11-01T00:00:00Z", 4);
    assert_eq!(
        either,
        [
            "2026-11-06T00:00:00Z",
            "2026-11-13T00:00:00Z",
            "2026-11-20T00:00:00Z",
            "2026-11-27T00:00:00Z"
        ]
    );
    // A field that starts with an asterisk restricts the other.
    let both = openings("0 0 */2 * 5", "UTC", "2026-11-01T00:00:00Z", 2);
    assert_eq!(both, ["2026-11-13T00:00:00Z", "2026-11-27T00:00:00Z"]);
}

#[test]
fn the_29th_of_february_comes_every_four_years_but_for_a_century() {
    let found = openings("0 12 29 2 *", "UTC", "2026-01-01T00:00:00Z", 2);
    assert_eq!(found, ["2028-02-29T12:00:00Z", "2032-02-29T12:00:00Z"]);
    assert_eq!(
        openings("0 12 31 12 *", "UTC", "2026-01-01T00:00:00Z", 1),
        ["2026-12-31T12:00:00Z"]
    );
}

#[test]
fn a_time_that_is_left_out_in_spring_is_the_end_of_the_gap() {
    // Berlin, 29 March 2026: from 02:00 to 03:00, which is 01:00 UTC.
    let found = openings("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2);
    assert_eq!(found, ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    let every = openings("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3);
    assert_eq!(
        every,
        ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"]
    );
    // Midnight is left out in Beirut, and half an hour on Lord Howe Island.
    let midnight = openings("0 0 * * *", "Asia/Beirut", "2026-03-28T12:00:00Z", 1);
    assert_eq!(midnight, ["2026-03-28T22:00:00Z"]);
    let half = openings("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 1);
    assert_eq!(half, ["2026-10-03T15:30:00Z"]);
}

#[test]
fn a_time_that_comes_twice_in_autumn_counts_twice() {
    // Berlin, 25 October 2026: 02:00 to 03:00 comes twice, from 00:00 UTC and from 01:00 UTC.
    let found = openings("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 3);
    assert_eq!(
        found,
        ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"]
    );
    for minute in [0, 15, 30, 45, 59] {
        let after = Timestamp::from_second(at("2026-10-25T00:30:00Z").as_second() + minute * 60).unwrap();
        let found = openings("30 2 * * *", "Europe/Berlin", &after.to_string(), 1);
        assert_eq!(found, ["2026-10-25T01:30:00Z"], "{after}");
    }
    // West of Greenwich as well. New York, 1 November 2026: 01:00 to 02:00 comes twice.
    let again = openings("30 1 * * *", "America/New_York", "2026-11-01T05:45:00Z", 1);
    assert_eq!(again, ["2026-11-01T06:30:00Z"]);
    let every = openings("0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", 4);
    assert_eq!(
        every,
        [
            "2026-10-25T00:00:00Z",
            "2026-10-25T01:00:00Z",
            "2026-10-25T02:00:00Z",
            "2026-10-25T03:00:00Z"
        ]
    );
}

#[test]
fn looking_forward_and_looking_back_agree_all_year() {
    for (text, zone) in [
        ("30 2 * * *", "Europe/Berlin"),
        ("0 */3 1-7 * *", "America/New_York"),
        ("15 1,2 * * SUN", "Australia/Lord_Howe"),
    ] {
        let schedule = Schedule::parse(text, zone).unwrap();
        let far = SignedDuration::from_hours(24 * 40);
        let mut stretch = schedule.stretch(at("2026-01-01T00:00:00Z"));
        let mut last = None;
        // Each quarter of an hour about the nights in which clocks change, and some of the others.
        for quarter in (0..35_000_i64).filter(|quarter| {
            quarter % 97 == 0
                || [6_364, 8_356, 8_988, 26_462, 28_516, 29_208]
                    .iter()
                    .any(|night| (quarter - night).abs() < 20)
        }) {
            let now = Timestamp::from_second(at("2026-01-01T00:00:00Z").as_second() + quarter * 900).unwrap();
            let found = schedule.last_until(now, now - far, &mut stretch).found;
            if let (Some(last), Some(found)) = (last, found) {
                assert!(found >= last, "{text} {now}");
                assert!(
                    schedule.first_after(found, &mut stretch).found.unwrap() > now,
                    "{text} {now}: {found} is not the last"
                );
            }
            last = found.or(last);
        }
        assert!(last.is_some());
    }
}

#[test]
fn a_step_that_leads_out_of_its_range_leaves_the_first_value_as_in_a_cron_job() {
    let midnights = ["2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"];
    for text in [
        "0 */24 * * *",
        "0 */100 * * *",
        "0 0-5/10 * * *",
        "*/60 0 * * *",
        "0/75 0/24 */1 * *",
    ] {
        assert_eq!(openings(text, "UTC", "2026-11-19T08:00:00Z", 2), midnights, "{text}");
    }
    let first_of_month = openings("0 0 */32 * *", "UTC", "2026-11-19T08:00:00Z", 2);
    assert_eq!(first_of_month, ["2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"]);
    let january = openings("0 0 1 */13 *", "UTC", "2026-11-19T08:00:00Z", 2);
    assert_eq!(january, ["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]);
}

/// Fields as people may write them, and some that they don't.
pub(super) fn fields() -> impl Strategy<Value = String> {
    let field = |of: &'static [&'static str]| proptest::sample::select(of);
    (
        field(&[
            "*", "0", "30", "59", "*/2", "*/7", "5-50/9", "0,30", "15/20", "58,59", "1-59/2",
        ]),
        field(&["*", "0", "2", "1,2,3", "*/3", "22", "8-17", "23", "1-3/2", "9/5"]),
        field(&["*", "*/2", "25", "1-7", "29", "31", "8/10", "28-31"]),
        field(&["*", "3,10", "JAN-JUN", "*/5", "2-11", "nov,APR"]),
        field(&["*", "SUN", "1-5", "*/2", "0,6", "7", "5-7", "tue-THU/2", "4/3"]),
    )
        .prop_map(|(minute, hour, day, month, weekday)| format!("{minute} {hour} {day} {month} {weekday}"))
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn on_a_calendar_without_a_zone_cronexpr_finds_the_same(text in fields(), from in 0..4_000_000_000_i64) {
        let theirs = cronexpr::parse_crontab(&format!("{text} UTC")).unwrap();
        let after = Timestamp::from_second(from).unwrap();
        match Schedule::parse(&text, "UTC") {
            // Theirs looks four years ahead.
            Ok(ours) => {
                let mut stretch = ours.stretch(after);
                if let Ok(next) = theirs.find_next(after) {
                    let next = next.timestamp();
                    prop_assert_eq!(ours.first_after(after, &mut stretch).found, Some(next));
                    let between = [next - SignedDuration::from_mins(1), after].into_iter().max().unwrap();
                    for before in [next, next + SignedDuration::from_secs(59)] {
                        prop_assert_eq!(ours.last_until(before, after, &mut stretch).found, Some(next));
                    }
                    prop_assert_eq!(ours.last_until(between, after, &mut stretch).found, None);
                }
            }
            Err(_) => prop_assert!(theirs.find_next(Timestamp::UNIX_EPOCH).is_err()),
        }
    }
}
