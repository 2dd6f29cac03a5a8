//! A ramp raises in its windows only, and what is sent carries the end of the one that it rests on.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::support::*;
use crate::{
    api::{Member, WaitingFor},
    decide::{EndedBy, Evidence, Now, schedule::Next, service_time::ServiceTime},
};

/// These tests start on a Tuesday at midnight, UTC.
fn windows(windows: &[[&str; 3]]) -> Value {
    let window = |[kind, schedule, duration]: &[&str; 3]| json!({"kind": kind, "schedule": schedule, "duration": duration, "timeZone": "UTC"});
    windows.iter().map(window).collect()
}

fn in_working_hours() -> World {
    let steps = json!([{"exposurePercentage": 1, "hold": "10m"}, {"exposurePercentage": 5, "hold": "4h"}]);
    World::new(ramped(
        100.0,
        ramp(json!({
            "steps": steps,
            "windows": windows(&[["Allow", "0 9 * * 1-5", "7h"], ["Deny", "0 12 * * *", "1h"]]),
        })),
    ))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_raise_waits_for_its_window_and_the_pass_wakes_when_it_opens() {
    let (mut world, mut run) = (in_working_hours(), live(0.0));
    world.desired.resync_interval = Duration::from_hours(24);
    let decision = world.converge(&mut run);
    assert_eq!(
        (run.exposure, summarize(&world.status)),
        (exposure(0.0), "True RampWaiting -".to_owned())
    );
    assert_eq!(target(&world.status), "False RampWaiting");
    assert_eq!(
        message(&world.status),
        "exposure is 0 %; it rises to 1 % at 2026-09-01T09:00Z, when a window opens"
    );
    assert_eq!(event_reasons(&decision), ["RampWaiting"]);
    let ramp = world.status.ramp.clone().unwrap();
    assert_eq!(ramp.waiting_for, Some(WaitingFor::Window));
    assert_eq!(
        ramp.completes_at.unwrap().0,
        at("2026-09-01T13:10:00Z"),
        "09:10 to 5 %, and 4 hours"
    );
    match decision.next {
        Next::After(wait) => assert!(wait <= Duration::from_hours(9)),
        other => panic!("{other:?}"),
    }
    world.wait(9 * 3600 - 1);
    assert_eq!(world.converge(&mut run).next, Next::After(Duration::from_secs(1)));
    world.wait(1);
    world.converge(&mut run);
    assert_eq!(run.exposure, exposure(1.0));
    world.wait(600);
    world.converge(&mut run);
    assert_eq!(run.exposure, exposure(5.0));
    assert_eq!(summarize(&world.status), "True RampHolding -");
}

#[test]
fn what_is_sent_may_leave_until_5_seconds_before_the_window_closes() {
    let (mut world, run) = (in_working_hours(), live(0.0));
    world.wait(9 * 3600);
    let decision = world.read(&run);
    assert_eq!(sends(&decision), Some(Member::ExposurePercentage));
    assert_eq!(
        decision.until,
        Some(at("2026-09-01T11:59:55Z")),
        "the Deny at noon comes first"
    );
    world.edit(|spec| spec.description = Some("ours".to_owned()));
    let other = world.read(&run);
    assert_eq!(
        (sends(&other), other.until),
        (Some(Member::Description), None),
        "windows are for exposure"
    );

    let mut late = in_working_hours();
    late.wait(12 * 3600 - 6);
    assert_eq!(sends(&late.read(&run)), Some(Member::ExposurePercentage));
    late.wait(1);
    let decision = late.read(&run);
    assert_eq!(
        (sends(&decision), summarize(&late.status)),
        (None, "True RampWaiting -".to_owned())
    );
    assert!(message(&late.status).contains("2026-09-01T13:00Z"));
    let mut without = World::new(ramped(10.0, steps(&[])));
    assert_eq!(without.read(&run).until, None);
}

#[test]
fn a_hold_that_ends_outside_waits_for_the_window_and_one_that_ends_inside_for_itself() {
    let (mut world, mut run) = (in_working_hours(), live(5.0));
    // Friday, 15:00: four hours end after the window.
    world.wait((3 * 24 + 15) * 3600);
    world.converge(&mut run);
    let ramp = world.status.ramp.clone().unwrap();
    assert_eq!(
        (ramp.waiting_for, ramp.summary.as_str()),
        (Some(WaitingFor::Window), "100 at 2026-09-07T09:00Z")
    );
    let mut inside = in_working_hours();
    inside.wait(9 * 3600);
    inside.converge(&mut live(5.0));
    let ramp = inside.status.ramp.unwrap();
    assert_eq!(
        (ramp.waiting_for, ramp.summary.as_str()),
        (Some(WaitingFor::Hold), "100 at 2026-09-01T13:00Z")
    );
}

#[test]
fn windows_that_never_open_are_told_and_nothing_is_raised() {
    let never = ramp(json!({"windows": windows(&[["Allow", "0 9 1 1 *", "1h"], ["Deny", "0 0 1 1 *", "24h"]])}));
    let mut world = World::new(ramped(10.0, never));
    let decision = world.read(&live(0.0));
    assert_eq!(
        (sends(&decision), summarize(&world.status)),
        (None, "True RampWaiting -".to_owned())
    );
    assert_eq!(
        message(&world.status),
        "exposure is 0 %; it rises to 10 % when a window opens, but no window was found to open: correct \
         spec.ramp.windows"
    );
    let ramp = world.status.ramp.clone().unwrap();
    assert_eq!((ramp.next.unwrap().not_before, ramp.completes_at), (None, None));
    assert_eq!(ramp.summary, "10 when a window opens");
    world.wait(600);
    assert_eq!(event_reasons(&world.read(&live(0.0))), [""; 0]);
}

#[test]
fn while_a_due_raise_is_kept_back_the_pass_wakes_when_the_window_closes() {
    let (mut world, run) = (in_working_hours(), live(0.0));
    world.edit(|spec| {
        spec.suspend = true;
        spec.resync_interval = Duration::from_hours(24);
    });
    world.wait(12 * 3600 - 60);
    let decision = world.read(&run);
    match decision.next {
        Next::After(wait) => assert!(wait <= Duration::from_secs(55)),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.status.ramp.as_ref().unwrap().summary, "1 now");
}

#[test]
fn only_windows_and_no_steps_go_to_the_target_in_one_raise() {
    let only = ramp(json!({"windows": windows(&[["Allow", "0 9 * * *", "1h"]])}));
    let (mut world, mut run) = (World::new(ramped(100.0, only)), live(0.0));
    world.converge(&mut run);
    assert_eq!(run.exposure, exposure(0.0));
    world.wait(9 * 3600);
    world.converge(&mut run);
    assert_eq!(run.exposure, exposure(100.0));
}

#[test]
fn a_window_is_judged_by_appconfigs_clock_and_not_by_the_local_one() {
    let (world, run) = (in_working_hours(), live(0.0));
    let seen = Evidence::Read(run, EndedBy::NotAsked);
    let now = |local, service| Now {
        elapsed: Duration::ZERO,
        local: at(local),
        service: Ok(ServiceTime::exactly(at(service))),
    };
    let inside = now("2026-09-01T08:58:30Z", "2026-09-01T09:00:00Z");
    assert_eq!(
        sends(&world.decide_at(&seen, &inside)),
        Some(Member::ExposurePercentage)
    );
    let outside = now("2026-09-01T09:01:29Z", "2026-09-01T08:59:59Z");
    assert_eq!(sends(&world.decide_at(&seen, &outside)), None);
}
