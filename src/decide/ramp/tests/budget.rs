//! What a search may look up, and that what it could not look up is shut.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{at, exposure, ramp, windows};
use crate::{
    api::Exposure,
    decide::ramp::{
        next_raise::NextRaise,
        position::RampPosition,
        search::{DECISION, NoneBefore},
        windows::Windows,
    },
};

const NOW: &str = "2026-11-23T00:00:30Z";

/// Every minute, nineteen windows that hardly ever open, and one that denies nearly all the time.
fn costly() -> Windows {
    let mut all = vec![["Allow", "* * * * *", "1m", "Europe/Berlin"]];
    all.extend([["Allow", "0 0 29 2 *", "1m", "Europe/Berlin"]; 18]);
    all.push(["Deny", "*/2 * * * *", "1m55s", "Europe/Berlin"]);
    windows(&all)
}

#[test]
fn a_search_that_finds_nothing_spends_its_budget_and_no_more_and_says_from_when_to_look_again() {
    let windows = costly();
    let mut search = windows.search(at(NOW));
    let NoneBefore(seen) = search.opens(at(NOW)).unwrap_err();
    assert_eq!(search.left(), 0);
    assert!(seen > at(NOW) + SignedDuration::from_hours(24), "{seen}");
    // What follows is closed, too, and looks up nothing.
    assert!(search.opens(seen).is_err());
    // From there it goes on, so that it comes to an end some day.
    let NoneBefore(further) = windows.search(seen).opens(seen).unwrap_err();
    assert!(further > seen + SignedDuration::from_hours(24), "{further}");
}

#[test]
fn a_deny_of_which_the_end_could_not_be_looked_up_goes_on_denying() {
    // Until noon, in 720 openings.
    let windows = windows(&[["Deny", "* 0-11 * * *", "1m", "UTC"]]);
    let opens = |budget| windows.search_within(budget, at(NOW)).opens(at(NOW));
    assert_eq!(opens(DECISION), Ok(at("2026-11-23T12:00:00Z")));
    for budget in [0, 1, 2, 3, 10, 100, 1_000] {
        let NoneBefore(seen) = opens(budget).unwrap_err();
        assert!(seen <= at("2026-11-23T12:00:00Z"), "{budget}: {seen}");
        assert!(seen >= at(NOW) + SignedDuration::from_mins(1), "{budget}: {seen}");
    }
}

#[test]
fn an_allow_that_could_not_be_looked_up_is_closed_and_the_end_of_an_opening_is_no_later_than_was_looked() {
    let windows = windows(&[["Allow", "* * * * *", "1m", "UTC"], ["Deny", "0 18 * * *", "1h", "UTC"]]);
    assert!(windows.search_within(3, at(NOW)).opens(at(NOW)).is_err());
    let closes = |budget| {
        let mut search = windows.search_within(budget, at(NOW));
        assert_eq!(search.opens(at(NOW)), Ok(at(NOW)));
        search.closes(at(NOW)).unwrap()
    };
    assert_eq!(closes(DECISION), at("2026-11-23T17:59:55Z"));
    let early = closes(100);
    assert!(early > at(NOW) && early < at("2026-11-23T01:00:00Z"), "{early}");
    // The end that could not be looked up at all is now.
    let mut search = windows.search_within(0, at(NOW));
    assert_eq!(search.closes(at(NOW)), Some(at(NOW)));
}

#[test]
fn what_the_next_raise_leaves_of_the_budget_is_for_the_end() {
    let windows: Vec<Value> = [("Allow", "*/5 * * * *", "5m"), ("Deny", "1-59/5 8-19 * * *", "4m55s")]
        .iter()
        .map(|(kind, schedule, duration)| json!({"kind": kind, "schedule": schedule, "duration": duration, "timeZone": "UTC"}))
        .collect();
    let steps: Vec<Value> = (1..=50)
        .map(|step| json!({"exposurePercentage": step, "hold": "6h"}))
        .collect();
    let ramp = ramp(json!({"steps": steps, "windows": windows}));
    let now = at(NOW);
    let position = RampPosition {
        live: exposure(1.0),
        since: now,
        hold: SignedDuration::from_hours(8),
    };
    let of = |budget| {
        let mut search = ramp.windows().search_within(budget, now);
        let raise = ramp.next_raise(&position, Exposure::FULL, now, &mut search);
        let not_before: Option<Timestamp> = match raise {
            NextRaise::Waiting { at, .. } => Some(at),
            other => {
                assert!(matches!(other, NextRaise::Shut { .. }), "{other:?}");
                None
            }
        };
        let to = raise.to().unwrap();
        let ends = not_before.and_then(|at| ramp.completes_at(to, at, Exposure::FULL, &mut search));
        (not_before, ends, search.left())
    };
    let (whole, ends, left) = of(u32::MAX);
    assert!(ends.is_some());
    let enough = u32::MAX - left;
    assert_eq!(of(enough).1, ends);
    // The next raise is found with a part of it, and its time is the same with less.
    assert_eq!((of(enough - 1).0, of(enough - 1).1), (whole, None));
    assert_eq!((of(enough / 8).0, of(enough / 8).1), (whole, None));
    assert_eq!(of(1), (None, None, 0));
}
