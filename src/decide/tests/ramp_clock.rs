//! What a ramp does while `AppConfig`'s time is not known or has been wrong, and from when exactly a hold counts.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::support::*;
use crate::{
    api::{ConditionType, Member},
    decide::{
        Decision, EndedBy, Evidence, Now, Outcome, Owner,
        conditions::find,
        schedule::Next,
        service_time::{ServiceTime, Skew, Untold, Witness},
    },
    run::{FailureKind, LiveRun},
};

fn second(offset: i64) -> Timestamp {
    Timestamp::from_second(START + offset).unwrap()
}

/// The run is held at 5 % for a day, and then goes to 50 %.
fn held_at_5() -> (World, LiveRun) {
    let (mut world, mut run) = (World::new(ramped(50.0, steps(&[(5.0, "24h")]))), live(5.0));
    world.converge(&mut run);
    assert_eq!(summarize(&world.status), "True RampHolding -");
    (world, run)
}

/// The same, where the answer is dated two days ahead.
fn skewed(world: &World) -> Now {
    let now = world.now();
    let date = now.local + SignedDuration::from_hours(48);
    let skew = Skew {
        date,
        other: now.local,
        by: Witness::LocalClock,
    };
    Now {
        service: Err(Untold::Skewed(skew)),
        ..now
    }
}

/// Decides at a time, and records it unless something is to be sent.
fn see(world: &mut World, seen: &Evidence, now: &Now) -> Decision {
    let decision = world.decide_at(seen, now);
    world.memory = decision.memory.clone();
    if decision.update.is_none() {
        world.status = stored(&decision.status);
    }
    decision
}

fn read(run: &LiveRun) -> Evidence {
    Evidence::Read(run.clone(), EndedBy::NotAsked)
}

fn reconciling(world: &World) -> (&str, &str) {
    let condition = find(&world.status.conditions, ConditionType::Reconciling).unwrap();
    (&condition.reason, &condition.message)
}

#[test]
fn p6_a_raise_that_needs_the_time_says_clock_skew_while_the_date_does_not_count() {
    let (mut world, run) = held_at_5();
    let before = world.status.clone();
    let mut first = None;
    for times in 1..=4 {
        world.wait(60);
        let now = skewed(&world);
        let decision = see(&mut world, &read(&run), &now);
        assert_eq!(sends(&decision), None);
        assert_eq!(decision.status.ramp, before.ramp, "what is known of the ramp stays");
        assert_eq!(decision.next, Next::Backoff(Duration::from_secs(1 << (times - 1))));
        let ready = ["True RampHolding Reconciling", "Unknown ClockSkew Reconciling"];
        assert_eq!(summarize(&world.status), ready[usize::from(times > 2)]);
        let (reason, message) = reconciling(&world);
        assert_eq!(reason, "ClockSkew");
        assert!(
            message.contains("2026-09-03T00:01:00Z") && message.contains("2026-09-01T00:01:00Z"),
            "{message}"
        );
        let first = first.get_or_insert(message.to_owned());
        assert_eq!(message, first, "the same situation in the same words");
        let expected = if times == 3 { vec!["ClockSkew"] } else { vec![] };
        assert_eq!(event_reasons(&decision), expected);
    }
    world.wait(60);
    world.read(&run);
    assert_eq!(
        (summarize(&world.status), world.memory.skew),
        ("True RampHolding -".to_owned(), None)
    );
    assert_eq!(world.status.ramp, before.ramp, "the hold is what it was");
}

#[test]
fn p6_where_the_time_is_not_needed_a_skewed_date_keeps_nothing_back() {
    let run = live(5.0);
    let plain = World::new(wants(25.0));
    let released = World::new(ramped(25.0, steps(&[])));
    let below = World::new(ramped(100.0, steps(&[(25.0, "24h")])));
    for world in [plain, released, below] {
        let decision = world.decide_at(&read(&run), &skewed(&world));
        assert_eq!(decision.update.unwrap().exposure(), Some(exposure(25.0)));
    }
    // A hold that begins meanwhile is told with the first time that counts, as of then.
    let mut world = World::new(ramped(100.0, steps(&[(25.0, "24h")])));
    let now = skewed(&world);
    let first = see(&mut world, &read(&live(0.0)), &now);
    let (update, id) = world.fence(&first);
    let applied = Evidence::Updated {
        update,
        id: Some(id),
        outcome: Outcome::Applied(Box::new(live(25.0))),
    };
    for seen in [applied, read(&live(25.0))] {
        let decision = see(&mut world, &seen, &now);
        assert_eq!((sends(&decision), &decision.status.ramp), (None, &None));
        assert_eq!(reconciling(&world).0, "ClockSkew");
    }
    world.wait(3600);
    world.read(&live(25.0));
    assert_eq!(world.status.ramp.as_ref().unwrap().reached.at.0, second(3600));

    let mut at_target = World::new(ramped(5.0, steps(&[(5.0, "24h")])));
    let now = skewed(&at_target);
    see(&mut at_target, &read(&run), &now);
    assert_eq!(summarize(&at_target.status), "True InSync -");
}

#[test]
fn p6_windows_need_the_time_though_nothing_is_held() {
    let window = json!({"kind": "Allow", "schedule": "* * * * *", "duration": "1h", "timeZone": "UTC"});
    let mut world = World::new(ramped(25.0, ramp(json!({ "windows": [window] }))));
    assert_eq!(
        sends(&world.decide(&read(&live(5.0)))),
        Some(Member::ExposurePercentage)
    );
    let now = skewed(&world);
    let decision = see(&mut world, &read(&live(5.0)), &now);
    assert_eq!(
        (sends(&decision), summarize(&world.status).as_str()),
        (None, "Unknown ClockSkew Reconciling")
    );
}

#[test]
fn the_rest_of_a_good_read_with_a_skewed_date_is_told_and_done() {
    let (mut world, mut run) = held_at_5();
    world.edit(|spec| spec.description = Some("ours".to_owned()));
    let now = skewed(&world);
    let decision = see(&mut world, &read(&run), &now);
    assert_eq!(sends(&decision), Some(Member::Description));
    let fence = decision.fence(decision.update.as_ref().unwrap(), "id", world.generation, &now);
    let ready = find(&fence.conditions, ConditionType::Ready).unwrap();
    assert_ne!(ready.status, "True", "P4: an update is under way");
    apply(decision.update.as_ref().unwrap(), &mut run);
    let (update, id) = world.fence(&decision);
    let applied = Evidence::Updated {
        update,
        id: Some(id),
        outcome: Outcome::Applied(Box::new(run.clone())),
    };
    see(&mut world, &applied, &now);
    assert_eq!(world.status.description.as_deref(), Some("ours"));
    assert_eq!(reconciling(&world).0, "ClockSkew");

    // What else keeps exposure is told first.
    let mut suspended = world.clone();
    suspended.edit(|spec| spec.suspend = true);
    see(&mut suspended, &read(&run), &now);
    assert_eq!(summarize(&suspended.status), "False Suspended Stalled");
    let mut another = world.clone();
    another.owner = Owner::Other { name: None };
    see(&mut another, &read(&run), &now);
    assert_eq!(summarize(&another.status), "False RunAlreadyManaged Stalled");
    let mut ended = world.clone();
    let user = EndedBy::Event(Some("USER".to_owned()));
    see(&mut ended, &Evidence::Read(done(run.clone()), user), &now);
    assert_eq!(
        find(&ended.status.conditions, ConditionType::Ready).unwrap().reason,
        "RunDone"
    );
    for kept in [&suspended, &another, &ended] {
        assert_eq!(
            kept.memory.skew, world.memory.skew,
            "it is not the Date that keeps it back"
        );
    }
    // And after a failed read, what a good one had shown: the skew was none of it.
    world.read_failed(FailureKind::Unavailable);
    assert_eq!(reconciling(&world).0, "ServiceUnavailable");
}

#[test]
fn p6_no_time_of_a_date_that_does_not_count_is_taken() {
    let mut world = World::new(ramped(100.0, steps(&[(5.0, "1h")])));
    let now = skewed(&world);
    see(&mut world, &read(&live(5.0)), &now);
    let status = serde_json::to_string(&world.status).unwrap();
    let (times, message) = (status.matches("2026-09-03").count(), reconciling(&world).1);
    assert!(message.contains("2026-09-03"));
    assert_eq!(times, status.matches(message).count(), "{status}");
    assert_eq!(world.status.ramp, None);
}

#[test]
fn a_ramp_that_an_older_crd_has_dropped_is_still_told_of_while_it_has_no_time_to_go_by() {
    let (mut world, run) = held_at_5();
    for _ in 0..3 {
        let now = skewed(&world);
        see(&mut world, &read(&run), &now);
    }
    assert_eq!(summarize(&world.status), "Unknown ClockSkew Reconciling");
    world.status.ramp = None;
    world.edit(|spec| spec.ramp = None);
    world.restart();
    assert_eq!(sends(&world.read(&run)), None);
    assert_eq!(summarize(&world.status), "False RampRemoved Stalled");

    // A plain target whose reads fail for the clock has none.
    let mut plain = World::new(wants(25.0));
    for _ in 0..3 {
        plain.read_failed(FailureKind::ClockSkew);
    }
    assert_eq!(summarize(&plain.status), "Unknown ClockSkew Reconciling");
    plain.restart();
    assert_eq!(sends(&plain.read(&run)), Some(Member::ExposurePercentage));
}

#[test]
fn a_hold_that_was_begun_in_the_future_is_cut_once_and_starts_over() {
    let year = SignedDuration::from_hours(3 * 8760);
    let (mut world, run) = held_at_5();
    let mut poisoned = world.status.clone();
    poisoned.ramp.as_mut().unwrap().reached.at.0 += year;
    let times = |world: &World| {
        let conditions = world.status.conditions.iter();
        conditions
            .map(|condition| condition.last_transition_time.clone())
            .collect::<Vec<_>>()
    };
    // In the status of a process that starts, and in the memory of one that goes on.
    for remembered in [false, true] {
        world.status = poisoned.clone();
        for condition in &mut world.status.conditions {
            condition.last_transition_time.0 += year;
        }
        let before = times(&world);
        world.restart();
        if remembered {
            world.status = poisoned.clone();
            world.status.ramp = None;
        }
        world.wait(100);
        world.read(&run);
        let now = second(i64::try_from(world.elapsed.as_secs()).unwrap());
        let ramp = world.status.ramp.clone().unwrap();
        assert_eq!(ramp.reached.at.0, now);
        assert_eq!(
            ramp.next.unwrap().not_before.unwrap().0,
            now + SignedDuration::from_hours(24)
        );
        if !remembered {
            assert_eq!(times(&world), before, "conditions are left alone");
        }
        world.wait(3600);
        world.read(&run);
        assert_eq!(world.status.ramp.as_ref().unwrap().reached.at.0, now, "once");
        world.wait(23 * 3600 - 1);
        assert_eq!(sends(&world.read(&run)), None);
        world.wait(1);
        assert_eq!(sends(&world.read(&run)), Some(Member::ExposurePercentage));
    }
    world.status = poisoned;
    world.restart();
    world.edit(|spec| spec.ramp = Some(steps(&[])));
    assert_eq!(
        sends(&world.read(&run)),
        Some(Member::ExposurePercentage),
        "the release releases"
    );
}

#[test]
fn a_hold_is_cut_only_when_both_clocks_say_that_it_was_begun_in_the_future() {
    let (mut world, run) = held_at_5();
    let ahead = second(3600);
    world.status.ramp.as_mut().unwrap().reached.at.0 = ahead;
    world.restart();
    let reached = |now: Now| {
        let decision = world.decide_at(&read(&run), &now);
        decision.status.ramp.unwrap().reached.at.0
    };
    let by = |local: i64, service| Now {
        local: second(local),
        service,
        ..world.now()
    };
    let at = |seconds| Ok(ServiceTime::exactly(second(seconds)));
    assert_eq!(reached(by(3300, at(0))), ahead, "the local clock is not so far behind");
    assert_eq!(reached(by(0, at(3300))), ahead, "AppConfig's is not");
    assert_eq!(reached(by(3299, at(0))), second(3299), "the later of the two");
    assert_eq!(reached(by(0, at(3299))), second(3299));
    assert_eq!(reached(by(0, Err(Untold::NoDate))), ahead, "one clock is not both");
    assert_eq!(reached(skewed(&world)), ahead);
}

/// What a pass knows of `AppConfig`'s time: that it is this, and before when the answer was given.
fn now_at(at: i64, answered: i64) -> Now {
    Now {
        service: Ok(ServiceTime {
            now: second(at),
            answered: second(answered),
        }),
        ..World::new(wants(5.0)).now()
    }
}

fn held_for_a_second() -> World {
    World::new(ramped(50.0, steps(&[(5.0, "1s")])))
}

fn begins(world: &World) -> Timestamp {
    world.status.ramp.as_ref().unwrap().reached.at.0
}

#[test]
fn a_hold_begins_at_the_end_of_the_second_in_which_an_updates_answer_was_given_and_nothing_cuts_it_back() {
    let mut world = held_for_a_second();
    let due = see(&mut world, &read(&live(0.0)), &now_at(0, 1));
    let (update, id) = world.fence(&due);
    let applied = Evidence::Updated {
        update,
        id: Some(id),
        outcome: Outcome::Applied(Box::new(live(5.0))),
    };
    let decision = see(&mut world, &applied, &now_at(3, 4));
    assert_eq!(
        (begins(&world), decision.next),
        (second(4), Next::After(Duration::from_secs(2)))
    );
    // Neither what comes later in the pass nor the next one.
    let mut seen_again = live(5.0);
    seen_again.exposed_at = Some(second(3));
    for (at, answered, due) in [(3, 4, false), (4, 5, false), (5, 6, true)] {
        let decision = see(&mut world, &read(&seen_again), &now_at(at, answered));
        assert_eq!(sends(&decision).is_some(), due, "at {at}");
        assert_eq!(decision.status.ramp.unwrap().reached.at.0, second(4));
    }
}

#[test]
fn what_is_seen_first_is_held_from_the_end_of_that_second_or_from_its_event_if_that_is_earlier() {
    let mut world = held_for_a_second();
    see(&mut world, &read(&live(5.0)), &now_at(7, 8));
    assert_eq!(begins(&world), second(8));

    for (event, expected) in [(-3600, -3600), (7, 7), (8, 8), (9, 8), (1_000_000, 8)] {
        let mut run = live(5.0);
        run.exposed_at = Some(second(event));
        let decision = held_for_a_second().decide_at(&read(&run), &now_at(7, 8));
        let ramp = decision.status.ramp.unwrap();
        assert_eq!(ramp.reached.at.0, second(expected), "an event at {event}");
    }

    // What is not held waits for no second.
    for spec in [ramped(50.0, steps(&[])), ramped(50.0, steps(&[(10.0, "1h")]))] {
        let decision = World::new(spec).decide_at(&read(&live(5.0)), &now_at(7, 8));
        assert_eq!(sends(&decision), Some(Member::ExposurePercentage));
    }
}

#[test]
fn what_comes_about_while_the_ramp_is_gone_is_recorded_with_the_first_time_that_is_known() {
    let mut world = held_for_a_second();
    see(&mut world, &read(&live(5.0)), &now_at(7, 8));
    world.edit(|spec| spec.ramp = None);
    let without = see(&mut world, &read(&live(6.0)), &skewed(&World::new(wants(5.0))));
    let reached = without.status.ramp.unwrap().reached;
    assert_eq!((reached.exposure_percentage, reached.at.0), (exposure(5.0), second(8)));
    see(&mut world, &read(&live(6.0)), &now_at(9, 10));
    assert_eq!(begins(&world), second(10));
}
