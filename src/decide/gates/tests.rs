//! The fold over timed gates, by value: when all are open, and which one is named.
#![allow(clippy::unwrap_used, reason = "tests: what is not as expected ends them")]

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Hold, OpenWindows, Opening, TimedGate, closes, need_time, opens};
use crate::{
    api::{RampWindow, WaitingFor},
    decide::ramp::{search::DECISION, windows::Windows},
};

use WaitingFor::{Hold as H, Window as W};

/// A Monday.
const NOW: &str = "2026-11-23T08:00:00Z";

/// A time of that Monday, or of another day of that month, which stands before a `T`.
fn at(text: &str) -> Timestamp {
    let (day, time) = text.split_once('T').unwrap_or(("23", text));
    format!("2026-11-{day}T{time}Z").parse().unwrap()
}

fn windows(windows: &[[&str; 3]]) -> Windows {
    let window = |[kind, schedule, duration]: &[&str; 3]| -> RampWindow {
        let spec = json!({"kind": kind, "schedule": schedule, "duration": duration, "timeZone": "UTC"});
        serde_json::from_value(spec).unwrap()
    };
    Windows::parse(&windows.iter().map(window).collect::<Vec<_>>()).unwrap()
}

/// A hold that began two days before and ends then.
fn held_until(end: Timestamp) -> Hold {
    let since = at("21T08:00:00");
    Hold {
        since,
        length: end.duration_since(since),
    }
}

/// A window, a hold's end, and what is to come of it: the time and the gate that is named.
type Row = (
    &'static str,
    &'static [[&'static str; 3]],
    &'static str,
    Option<(&'static str, WaitingFor)>,
);

const OPEN_FROM_7_TO_12: &[[&str; 3]] = &[["Allow", "0 7 * * *", "5h"]];
const OPEN_FROM_9_TO_12: &[[&str; 3]] = &[["Allow", "0 9 * * *", "3h"]];
const DENIED_UNTIL_9: &[[&str; 3]] = &[["Deny", "0 7 * * *", "2h"]];
const DENIED_FROM_9_TO_12: &[[&str; 3]] = &[["Deny", "0 9 * * *", "3h"]];

const TABLE: [Row; 21] = [
    // It is 8:00, and the windows are open.
    ("the hold is over", OPEN_FROM_7_TO_12, "07:00:00", None),
    ("the hold ends this second", OPEN_FROM_7_TO_12, "08:00:00", None),
    (
        "the hold ends while they are open",
        OPEN_FROM_7_TO_12,
        "10:00:00",
        Some(("10:00:00", H)),
    ),
    (
        "there is still time at the end of the hold",
        OPEN_FROM_7_TO_12,
        "11:59:54",
        Some(("11:59:54", H)),
    ),
    (
        "too late for a raise at the end of the hold",
        OPEN_FROM_7_TO_12,
        "11:59:55",
        Some(("24T07:00:00", W)),
    ),
    (
        "they close first",
        OPEN_FROM_7_TO_12,
        "13:00:00",
        Some(("24T07:00:00", W)),
    ),
    (
        "they close and open as the hold ends",
        OPEN_FROM_7_TO_12,
        "24T07:00:00",
        Some(("24T07:00:00", H)),
    ),
    // They open at 9:00.
    (
        "the hold is over, no window open",
        OPEN_FROM_9_TO_12,
        "07:00:00",
        Some(("09:00:00", W)),
    ),
    (
        "the hold ends this second, no window open",
        OPEN_FROM_9_TO_12,
        "08:00:00",
        Some(("09:00:00", W)),
    ),
    (
        "the hold ends before they open",
        OPEN_FROM_9_TO_12,
        "08:59:59",
        Some(("09:00:00", W)),
    ),
    (
        "both at the same time",
        OPEN_FROM_9_TO_12,
        "09:00:00",
        Some(("09:00:00", H)),
    ),
    (
        "the hold ends after they open",
        OPEN_FROM_9_TO_12,
        "09:00:01",
        Some(("09:00:01", H)),
    ),
    (
        "the hold ends after they close",
        OPEN_FROM_9_TO_12,
        "12:00:00",
        Some(("24T09:00:00", W)),
    ),
    // They deny until 9:00.
    (
        "the hold is over, denied",
        DENIED_UNTIL_9,
        "07:00:00",
        Some(("09:00:00", W)),
    ),
    (
        "the hold ends while denied",
        DENIED_UNTIL_9,
        "08:30:00",
        Some(("09:00:00", W)),
    ),
    (
        "the hold ends as the denial does",
        DENIED_UNTIL_9,
        "09:00:00",
        Some(("09:00:00", H)),
    ),
    (
        "the hold ends in the next denial",
        DENIED_UNTIL_9,
        "24T08:00:00",
        Some(("24T09:00:00", W)),
    ),
    // They deny from 9:00 on.
    (
        "the hold is over, not yet denied",
        DENIED_FROM_9_TO_12,
        "07:00:00",
        None,
    ),
    (
        "the hold ends before the denial",
        DENIED_FROM_9_TO_12,
        "08:30:00",
        Some(("08:30:00", H)),
    ),
    (
        "the hold ends in the denial",
        DENIED_FROM_9_TO_12,
        "09:30:00",
        Some(("12:00:00", W)),
    ),
    ("no windows", &[], "09:30:00", Some(("09:30:00", H))),
];

#[test]
fn of_a_hold_and_windows_the_one_that_ends_later_is_named() {
    let now: Timestamp = NOW.parse().unwrap();
    for (what, list, end, expected) in TABLE {
        let windows = windows(list);
        let mut search = windows.search(now);
        let mut gates = [
            TimedGate::Hold(held_until(at(end))),
            TimedGate::Windows(OpenWindows(&mut search)),
        ];
        let expected = expected.map_or(Opening::Now, |(at_, gate)| Opening::At { at: at(at_), gate });
        assert_eq!(opens(&mut gates, now), expected, "{what}");
    }
}

#[test]
fn the_order_of_gates_tells_only_which_of_two_that_end_together_is_named() {
    let now: Timestamp = NOW.parse().unwrap();
    for (what, list, end, expected) in TABLE {
        let windows = windows(list);
        let mut search = windows.search(now);
        let mut gates = [
            TimedGate::Windows(OpenWindows(&mut search)),
            TimedGate::Hold(held_until(at(end))),
        ];
        let opening = opens(&mut gates, now);
        let Some((time, gate)) = expected else {
            assert_eq!(opening, Opening::Now, "{what}");
            continue;
        };
        // Windows that open as a hold ends are found first, where they stand first.
        let together = ["both at the same time", "the hold ends as the denial does"].contains(&what);
        let gate = if together { W } else { gate };
        assert_eq!(opening, Opening::At { at: at(time), gate }, "{what}");
    }
}

#[test]
fn a_gate_that_a_later_one_has_moved_into_a_closed_time_is_asked_again() {
    let now: Timestamp = NOW.parse().unwrap();
    // The first is open at 9 of each day, the second from noon on Tuesdays and from 9:30 on Wednesdays.
    let (first, second) = (
        windows(&[["Allow", "0 9 * * *", "2h"]]),
        windows(&[["Allow", "0 12 * * 2", "1h"], ["Allow", "30 9 * * 3", "1h"]]),
    );
    let (mut searches, hold) = ((first.search(now), second.search(now)), held_until(at("23T10:00:00")));
    let mut gates = [
        TimedGate::Windows(OpenWindows(&mut searches.0)),
        TimedGate::Windows(OpenWindows(&mut searches.1)),
        TimedGate::Hold(hold),
    ];
    let expected = Opening::At {
        at: at("25T09:30:00"),
        gate: W,
    };
    assert_eq!(opens(&mut gates, now), expected);
    // A hold that ends last of all is named, wherever it stands.
    gates[2] = TimedGate::Hold(held_until(at("25T10:00:00")));
    let expected = Opening::At {
        at: at("25T10:00:00"),
        gate: H,
    };
    assert_eq!(opens(&mut gates, now), expected);
    assert_eq!(opens(&mut gates, at("25T10:00:00")), Opening::Now);
    assert_eq!(closes(&mut gates, at("25T10:00:00")), Some(at("25T10:29:55")));
}

#[test]
fn a_gate_that_has_no_time_is_named_from_where_the_others_have_led() {
    let now: Timestamp = NOW.parse().unwrap();
    let always_denied = windows(&[["Deny", "0 0 * * *", "24h"]]);
    let mut search = always_denied.search_within(3, now);
    let end = at("24T08:00:00");
    let mut gates = [
        TimedGate::Hold(held_until(end)),
        TimedGate::Windows(OpenWindows(&mut search)),
    ];
    let opening = opens(&mut gates, now);
    let later = |seen: Timestamp| seen > end;
    assert!(
        matches!(opening, Opening::NotKnown { gate: W, seen } if later(seen)),
        "{opening:?}"
    );
    // What is spent is closed.
    let again = opens(&mut gates, now);
    assert!(matches!(again, Opening::NotKnown { gate: W, .. }), "{again:?}");
}

#[test]
fn a_gate_is_not_asked_again_about_its_own_answer() {
    let now: Timestamp = NOW.parse().unwrap();
    for list in [
        OPEN_FROM_7_TO_12,
        OPEN_FROM_9_TO_12,
        DENIED_UNTIL_9,
        DENIED_FROM_9_TO_12,
    ] {
        for end in ["07:00:00", "09:00:00", "11:00:00", "13:00:00"] {
            let windows = windows(list);
            let (mut once, mut folded) = (windows.search(now), windows.search(now));
            let _ = once.opens(at(end).max(now));
            let _ = opens(
                &mut [
                    TimedGate::Hold(held_until(at(end))),
                    TimedGate::Windows(OpenWindows(&mut folded)),
                ],
                now,
            );
            assert_eq!(folded.left(), once.left(), "{list:?}, {end}");
            assert!(folded.left() < DECISION);
        }
    }
}

#[test]
fn no_gate_holds_and_no_gate_closes_where_there_is_none() {
    let now: Timestamp = NOW.parse().unwrap();
    assert_eq!(opens(&mut [], now), Opening::Now);
    assert_eq!(closes(&mut [], now), None);
    assert!(!need_time(&[]));
    let (none, some) = (windows(&[]), windows(DENIED_UNTIL_9));
    let (mut no_windows, mut denied) = (none.search(now), some.search(now));
    let not_held = Hold {
        since: at("23T09:00:00"),
        length: SignedDuration::ZERO,
    };
    let mut gates = [
        TimedGate::Hold(not_held),
        TimedGate::Windows(OpenWindows(&mut no_windows)),
    ];
    // What is not held waits for no second of a clock either.
    assert_eq!(opens(&mut gates, now), Opening::Now);
    assert_eq!(closes(&mut gates, now), None);
    assert!(!need_time(&gates));
    assert!(need_time(&[TimedGate::Hold(held_until(now))]));
    assert!(need_time(&[TimedGate::Windows(OpenWindows(&mut denied))]));
}
