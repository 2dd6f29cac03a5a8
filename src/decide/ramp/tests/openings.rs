//! When a raise may leave.

use jiff::Timestamp;

use super::{at, windows};
use crate::decide::ramp::{
    search::{DECISION, NoneBefore},
    windows::Windows,
};

const BERLIN: &str = "Europe/Berlin";
const WORKING_HOURS: [&str; 4] = ["Allow", "0 9 * * 1-4", "7h", BERLIN];
const FREEZE: [&str; 4] = ["Deny", "0 0 20 12 *", "336h", BERLIN];

/// The opening at or after an instant, as from and until.
fn opening(windows: &Windows, now: &str) -> (String, String) {
    let mut search = windows.search(at(now));
    let from = search.opens(at(now)).unwrap();
    let until = search.closes(from);
    (
        from.to_string(),
        until.map_or_else(|| "-".to_owned(), |until| until.to_string()),
    )
}

/// How far was looked where none is found.
fn none(windows: &Windows, now: &str) -> Timestamp {
    let NoneBefore(seen) = windows.search(at(now)).opens(at(now)).unwrap_err();
    seen
}

fn pair(from: &str, until: &str) -> (String, String) {
    (from.to_owned(), until.to_owned())
}

#[test]
fn without_windows_it_is_always_open() {
    assert_eq!(
        opening(&windows(&[]), "2026-11-21T12:00:00Z"),
        pair("2026-11-21T12:00:00Z", "-")
    );
}

#[test]
fn an_allow_window_is_open_from_its_schedule_on_and_ends_5_seconds_early() {
    let windows = windows(&[WORKING_HOURS]);
    let monday = pair("2026-11-23T08:00:00Z", "2026-11-23T14:59:55Z");
    assert_eq!(opening(&windows, "2026-11-20T09:00:00Z"), monday, "Friday");
    assert_eq!(opening(&windows, "2026-11-23T07:59:59Z"), monday);
    assert_eq!(opening(&windows, "2026-11-23T08:00:00Z"), monday);
    assert_eq!(
        opening(&windows, "2026-11-23T14:59:51Z"),
        pair("2026-11-23T14:59:51Z", "2026-11-23T14:59:55Z")
    );
    let tuesday = pair("2026-11-24T08:00:00Z", "2026-11-24T14:59:55Z");
    assert_eq!(
        opening(&windows, "2026-11-23T14:59:55Z"),
        tuesday,
        "the last 5 seconds are none"
    );
    assert_eq!(opening(&windows, "2026-11-23T15:00:00Z"), tuesday, "the end is outside");
}

#[test]
fn a_deny_window_takes_its_time_out_of_what_is_allowed_and_of_what_is_not_listed() {
    let frozen = windows(&[WORKING_HOURS, FREEZE]);
    // 20 December, a Sunday, until 3 January, a Sunday.
    assert_eq!(
        opening(&frozen, "2026-12-17T15:00:00Z"),
        pair("2027-01-04T08:00:00Z", "2027-01-04T14:59:55Z")
    );
    let only = windows(&[FREEZE]);
    assert_eq!(
        opening(&only, "2026-12-01T00:00:00Z"),
        pair("2026-12-01T00:00:00Z", "2026-12-19T22:59:55Z")
    );
    assert_eq!(
        opening(&only, "2026-12-24T00:00:00Z"),
        pair("2027-01-02T23:00:00Z", "2027-12-19T22:59:55Z")
    );
    let noon = windows(&[WORKING_HOURS, ["Deny", "0 12 * * *", "1h", BERLIN]]);
    assert_eq!(
        opening(&noon, "2026-11-23T08:30:00Z"),
        pair("2026-11-23T08:30:00Z", "2026-11-23T10:59:55Z")
    );
    assert_eq!(
        opening(&noon, "2026-11-23T11:00:00Z"),
        pair("2026-11-23T12:00:00Z", "2026-11-23T14:59:55Z")
    );
}

#[test]
fn windows_that_overlap_or_touch_are_one() {
    let overlapping = windows(&[
        ["Allow", "0 8 * * *", "4h", "UTC"],
        ["Allow", "0 11 * * *", "4h", "UTC"],
    ]);
    assert_eq!(
        opening(&overlapping, "2026-11-23T09:00:00Z"),
        pair("2026-11-23T09:00:00Z", "2026-11-23T14:59:55Z")
    );
    let touching = windows(&[
        ["Allow", "0 8 * * *", "4h", "UTC"],
        ["Allow", "0 12 * * *", "1h", "UTC"],
    ]);
    assert_eq!(
        opening(&touching, "2026-11-23T11:59:58Z"),
        pair("2026-11-23T11:59:58Z", "2026-11-23T12:59:55Z")
    );
    let denied = windows(&[["Deny", "0 8 * * *", "4h", "UTC"], ["Deny", "0 12 * * *", "1h", "UTC"]]);
    assert_eq!(
        opening(&denied, "2026-11-23T08:00:00Z"),
        pair("2026-11-23T13:00:00Z", "2026-11-24T07:59:55Z")
    );
}

#[test]
fn a_window_spans_midnight_and_one_longer_than_its_period_never_closes() {
    let night = windows(&[["Allow", "0 22 * * 5", "8h", BERLIN]]);
    assert_eq!(
        opening(&night, "2026-11-28T00:30:00Z"),
        pair("2026-11-28T00:30:00Z", "2026-11-28T04:59:55Z")
    );
    let always = windows(&[["Allow", "0 0 * * *", "36h", "UTC"]]);
    let (from, until) = opening(&always, "2026-11-28T00:30:00Z");
    assert_eq!(from, "2026-11-28T00:30:00Z");
    assert!(at(&until) > at("2026-11-29T00:00:00Z"), "as far as is looked");
}

#[test]
fn a_window_lasts_as_long_as_it_says_through_both_nights_in_which_clocks_change() {
    let night = windows(&[["Allow", "0 22 * * *", "8h", BERLIN]]);
    // 8 hours, although the clock shows 07:00 in spring.
    assert_eq!(
        opening(&night, "2026-03-28T12:00:00Z"),
        pair("2026-03-28T21:00:00Z", "2026-03-29T04:59:55Z")
    );
    assert_eq!(
        opening(&night, "2026-10-24T12:00:00Z"),
        pair("2026-10-24T20:00:00Z", "2026-10-25T03:59:55Z")
    );
    // A freeze that begins at a time which is left out is in force all the same.
    let freeze = windows(&[["Deny", "30 2 * * *", "1h", BERLIN]]);
    assert_eq!(opening(&freeze, "2026-03-29T01:00:00Z").0, "2026-03-29T02:00:00Z");
    // One at a time that comes twice is in force twice.
    assert_eq!(opening(&freeze, "2026-10-25T00:30:00Z").0, "2026-10-25T02:30:00Z");
}

#[test]
fn what_is_left_between_windows_must_be_long_enough_for_a_raise() {
    let sliver = windows(&[
        ["Allow", "0 9 * * *", "1m5s", "UTC"],
        ["Deny", "0 9 * * *", "1m", "UTC"],
    ]);
    assert!(none(&sliver, "2026-11-23T00:00:00Z") > at("2027-01-01T00:00:00Z"));
    let just = windows(&[
        ["Allow", "0 9 * * *", "1m6s", "UTC"],
        ["Deny", "0 9 * * *", "1m", "UTC"],
    ]);
    assert_eq!(
        opening(&just, "2026-11-23T00:00:00Z"),
        pair("2026-11-23T09:01:00Z", "2026-11-23T09:01:01Z")
    );
}

#[test]
fn a_search_for_what_never_opens_ends_and_says_how_far_it_looked() {
    for never in [
        windows(&[["Deny", "* * * * *", "1m", "UTC"]]),
        windows(&[["Allow", "0 9 1 1 *", "1h", "UTC"], ["Deny", "0 0 1 1 *", "24h", "UTC"]]),
        windows(&[["Allow", "* * * * *", "1m", "UTC"], ["Deny", "0 0 * * *", "25h", "UTC"]]),
    ] {
        let seen = none(&never, "2026-11-23T00:00:00Z");
        assert!(seen > at("2026-11-23T12:00:00Z"), "{seen}");
    }
}

#[test]
fn a_window_that_opens_once_in_four_years_is_found() {
    let leap = windows(&[["Allow", "0 0 29 2 *", "24h", "UTC"]]);
    assert_eq!(
        opening(&leap, "2026-11-23T00:00:00Z"),
        pair("2028-02-29T00:00:00Z", "2028-02-29T23:59:55Z")
    );
}

#[test]
fn how_far_is_looked_ends_at_five_years() {
    let all_year = windows(&[["Deny", "0 0 1 1 *", "8784h", "UTC"]]);
    // 366 days from one New Year to two days into the next: five times 366 days end when one of them does.
    let seen = none(&all_year, "2025-12-29T00:00:00Z");
    assert_eq!(seen, at("2031-01-02T00:00:00Z"), "the instant itself is outside");

    let every_day = windows(&[["Allow", "0 0 * * *", "1h", "UTC"], ["Deny", "0 0 * * *", "2h", "UTC"]]);
    let seen = none(&every_day, "2026-01-01T12:00:00Z");
    assert_eq!(seen, at("2031-01-06T00:00:00Z"), "the first opening beyond");
}

#[test]
fn what_people_write_is_looked_up_in_a_handful() {
    let now = at("2026-11-20T16:00:00Z");
    for (windows, most) in [
        (windows(&[WORKING_HOURS]), 8),
        (windows(&[WORKING_HOURS, FREEZE]), 20),
        (windows(&[["Allow", "0 0 29 2 *", "24h", "UTC"]]), 20),
    ] {
        let mut search = windows.search(now);
        let from = search.opens(now).unwrap();
        search.closes(from);
        let spent = DECISION - search.left();
        assert!((1..=most).contains(&spent), "{spent} of {most}: {windows:?}");
    }
}
