//! A ramp holds what it has reached, from when `AppConfig` confirmed it: and never catches up.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::support::*;
use crate::{
    api::{ExperimentRunStatus, Member, WaitingFor},
    decide::{
        EndedBy, Evidence, Now, Outcome, Owner, asks_since_when,
        memory::Memory,
        schedule::Next,
        service_time::{ServiceTime, Untold},
    },
    run::FailureKind,
};

fn careful() -> World {
    World::new(ramped(100.0, steps(&[(0.5, "1h"), (10.0, "24h"), (50.0, "48h")])))
}

fn after(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).unwrap()
}

/// Where the ramp is: the exposure reached and its hold, the next one and when, as seconds from the start.
fn place(status: &ExperimentRunStatus) -> (f32, String, Option<(f32, i64)>) {
    let ramp = status.ramp.as_ref().unwrap();
    let next = ramp.next.as_ref().map(|next| {
        let at = next.not_before.as_ref().unwrap().0;
        (next.exposure_percentage.percentage(), at.as_second() - START)
    });
    let hold = ramp.reached.hold.clone().unwrap_or_default();
    (ramp.reached.exposure_percentage.percentage(), hold, next)
}

#[test]
fn each_step_is_held_and_the_status_says_what_comes_and_when() {
    let (mut world, mut run) = (careful(), live(0.0));
    world.converge(&mut run);
    assert_eq!(run.exposure, exposure(0.5), "below the first step nothing is held");
    assert_eq!(summarize(&world.status), "True RampHolding -");
    assert_eq!(target(&world.status), "False RampHolding");
    assert_eq!(place(&world.status), (0.5, "1h".to_owned(), Some((10.0, 3600))));
    let ramp = world.status.ramp.clone().unwrap();
    assert_eq!(ramp.waiting_for, Some(WaitingFor::Hold));
    assert_eq!(ramp.summary, "10 at 2026-09-01T01:00Z");
    assert_eq!(ramp.completes_at.unwrap().0, after((1 + 24 + 48) * 3600));
    assert_eq!(
        message(&world.status),
        "exposure is 0.5 %; it rises to 10 % at 2026-09-01T01:00Z, when the hold of 1h ends"
    );

    world.wait(3599);
    assert_eq!(world.converge(&mut run).next, Next::After(Duration::from_secs(1)));
    assert_eq!(run.exposure, exposure(0.5));
    world.wait(1);
    world.converge(&mut run);
    assert_eq!(place(&world.status), (10.0, "24h".to_owned(), Some((50.0, 25 * 3600))));
    world.wait(24 * 3600);
    world.converge(&mut run);
    world.wait(48 * 3600);
    world.converge(&mut run);
    assert_eq!(run.exposure, exposure(100.0));
    assert_eq!(
        (summarize(&world.status), target(&world.status)),
        ("True InSync -".to_owned(), "True InSync".to_owned())
    );
    let ramp = world.status.ramp.clone().unwrap();
    assert_eq!((ramp.next, ramp.waiting_for, ramp.completes_at), (None, None, None));
    assert_eq!(ramp.summary, "target reached");
}

#[test]
fn each_raise_and_each_wait_is_told_once_and_the_target_at_the_end() {
    let mut world = World::new(ramped(10.0, steps(&[(5.0, "1h")])));
    let first = world.read(&live(0.0));
    assert_eq!(event_reasons(&first), [""; 0]);
    let mut run = live(5.0);
    let waits = world.send(&first, Outcome::Applied(Box::new(run.clone())));
    assert_eq!(event_reasons(&waits), ["RampAdvanced", "RampWaiting", "ExposureRaised"]);
    assert_eq!(waits.events[0].note, "the ramp is at 5 %, step 1 of 1");
    assert!(
        waits.events[1]
            .note
            .contains("it rises to 10 % at 2026-09-01T01:00Z, when the hold of 1h")
    );
    for _ in 0..3 {
        world.wait(60);
        assert_eq!(event_reasons(&world.read(&run)), [""; 0], "once per wait");
    }
    world.wait(3600);
    let due = world.read(&run);
    apply(&due.update.clone().unwrap(), &mut run);
    let done = world.send(&due, Outcome::Applied(Box::new(run)));
    assert_eq!(event_reasons(&done), ["TargetReached", "ExposureRaised"]);
}

#[test]
fn an_advance_names_the_step_and_how_many_there_are_and_above_the_target_there_is_nothing_to_say() {
    let mut world = careful();
    world.read(&live(0.5));
    let advanced = world.read(&live(10.0));
    let notes: Vec<_> = advanced.events.iter().map(|event| event.note.as_str()).collect();
    assert!(notes.contains(&"the ramp is at 10 %, step 2 of 3"), "{notes:?}");
    world.edit(|spec| spec.exposure = Some(exposure(5.0)));
    world.read(&live(10.0));
    assert_eq!(world.status.ramp.unwrap().summary, "");
}

#[test]
fn after_downtime_across_two_holds_there_is_one_raise_and_its_full_hold() {
    let mut world = World::new(ramped(100.0, steps(&[(1.0, "10m"), (5.0, "10m"), (20.0, "10m")])));
    let mut run = live(1.0);
    world.converge(&mut run);
    world.restart();
    world.wait(1800);
    world.converge(&mut run);
    assert_eq!(run.exposure, exposure(5.0));
    assert_eq!(place(&world.status), (5.0, "10m".to_owned(), Some((20.0, 1800 + 600))));
    world.wait(599);
    world.converge(&mut run);
    assert_eq!(run.exposure, exposure(5.0));
}

#[test]
fn a_restart_goes_on_from_the_status_and_a_lost_status_from_memory() {
    let (mut world, mut run) = (careful(), live(10.0));
    world.converge(&mut run);
    let before = world.status.ramp.clone();
    world.wait(3600);
    world.restart();
    world.read(&run);
    assert_eq!(world.status.ramp, before);
    world.status = ExperimentRunStatus::default();
    world.read(&run);
    assert_eq!(world.status.ramp, before, "restored");
}

#[test]
fn what_became_live_unseen_counts_from_its_event_and_without_one_from_now() {
    let ask = |world: &World, run: &_| asks_since_when(&world.desired, run, &world.status, &world.memory);
    let (mut world, mut run) = (careful(), live(10.0));
    assert!(ask(&world, &run));
    run.exposed_at = Some(after(-7200));
    world.read(&run);
    assert_eq!(place(&world.status).2, Some((50.0, 22 * 3600)));
    assert!(!ask(&world, &run), "it is known now");
    assert!(!ask(&World::new(wants(10.0)), &run), "no ramp");
    assert!(!ask(&careful(), &done(run.clone())), "nothing is raised any more");

    let mut unseen = careful();
    unseen.wait(500);
    unseen.read(&live(10.0));
    assert_eq!(place(&unseen.status).2, Some((50.0, 500 + 24 * 3600)));

    let mut early = careful();
    run.exposed_at = Some(after(3));
    early.read(&run);
    assert_eq!(
        place(&early.status).2,
        Some((50.0, 24 * 3600)),
        "no event is later than now"
    );
}

#[test]
fn a_raise_from_outside_goes_on_from_where_it_led() {
    let (mut world, mut run) = (careful(), live(0.5));
    world.converge(&mut run);
    world.wait(60);
    run.exposure = exposure(20.0);
    touch(&mut run);
    assert!(asks_since_when(&world.desired, &run, &world.status, &world.memory));
    let decision = world.read(&run);
    assert_eq!(
        event_reasons(&decision),
        ["ExposureChangedExternally", "RampAdvanced", "RampWaiting"]
    );
    assert_eq!(
        place(&world.status),
        (20.0, "48h".to_owned(), Some((50.0, 60 + 48 * 3600))),
        "the longer of 24h and 48h"
    );
}

#[test]
fn a_hold_counts_from_the_confirmation_and_not_from_the_request() {
    let (mut world, mut run) = (careful(), live(0.5));
    world.converge(&mut run);
    world.wait(3600);
    let due = world.read(&run);
    assert_eq!(due.update.as_ref().unwrap().exposure(), Some(exposure(10.0)));
    // The answer is lost, and a minute later a read shows that the raise came about.
    world.send(&due, Outcome::Unknown(update_failure(FailureKind::Unavailable)));
    assert_eq!(summarize(&world.status), "Unknown OutcomeUnknown Reconciling");
    world.wait(60);
    run.exposure = exposure(10.0);
    touch(&mut run);
    world.read(&run);
    assert_eq!(
        place(&world.status),
        (10.0, "24h".to_owned(), Some((50.0, 3660 + 24 * 3600)))
    );
}

#[test]
fn without_appconfigs_own_clock_nothing_is_raised() {
    let mut world = World::new(ramped(100.0, steps(&[(0.0, "1h"), (10.0, "1h")])));
    world.read(&live(0.0));
    world.wait(7200);
    let local = world.now();
    let seen = Evidence::Read(live(0.0), EndedBy::NotAsked);
    let without = Now {
        service: Err(Untold::NoDate),
        ..local
    };
    let resource = |world: &World, now: &Now| world.decide_at(&seen, now);
    let decision = resource(&world, &without);
    assert_eq!(
        (decision.update.clone(), summarize(&decision.status)),
        (None, "True RampWaiting -".to_owned())
    );
    assert_eq!(decision.status.ramp, world.status.ramp);
    // A local clock far ahead moves nothing either.
    let behind = Now {
        local: after(1_000_000),
        service: Ok(ServiceTime::exactly(after(3599))),
        ..local
    };
    assert_eq!(sends(&resource(&world, &behind)), None);
    let due = Now {
        local: after(0),
        service: Ok(ServiceTime::exactly(after(3600))),
        ..local
    };
    assert_eq!(sends(&resource(&world, &due)), Some(Member::ExposurePercentage));
}

#[test]
fn other_members_go_first_and_hold_the_ramp_while_they_differ() {
    let (mut world, mut run) = (careful(), live(0.0));
    world.edit(|spec| spec.description = Some("second try".to_owned()));
    let first = world.read(&run);
    assert_eq!(sends(&first), Some(Member::Description));
    world.converge(&mut run);
    assert_eq!(run.exposure, exposure(0.5));
    world.edit(|spec| spec.overrides = Some(overrides(&[("qa", "t9")])));
    world.wait(3600);
    assert_eq!(
        sends(&world.read(&run)),
        None,
        "an override that can't be sent holds the raise that is due"
    );
    assert_eq!(summarize(&world.status), "False UnknownTreatment Stalled");
    world.edit(|spec| spec.overrides = None);
    assert_eq!(sends(&world.read(&run)), Some(Member::ExposurePercentage));
}

#[test]
fn suspended_another_owner_or_ended_nothing_is_raised() {
    let due = || {
        let (mut world, mut run) = (careful(), live(0.5));
        world.converge(&mut run);
        world.wait(3600);
        (world, run)
    };
    let (mut world, run) = due();
    world.edit(|spec| spec.suspend = true);
    assert_eq!(sends(&world.read(&run)), None);
    assert_eq!(summarize(&world.status), "False Suspended Stalled");
    world.edit(|spec| spec.suspend = false);
    assert_eq!(sends(&world.read(&run)), Some(Member::ExposurePercentage));

    let (mut world, run) = due();
    world.owner = Owner::Other { name: None };
    assert_eq!(sends(&world.read(&run)), None);

    // An alarm that stops a run while the ramp waits is no success.
    let (mut world, mut run) = (careful(), live(0.5));
    world.converge(&mut run);
    let alarm = EndedBy::Event(Some("CLOUDWATCH_ALARM".to_owned()));
    let decision = world.see(&Evidence::Read(done(run.clone()), alarm));
    assert_eq!(
        (sends(&decision), summarize(&world.status)),
        (None, "False RunStopped Stalled".to_owned())
    );
    assert_eq!(world.status.ramp.as_ref().unwrap().next, None);

    let (mut world, run) = due();
    let user = EndedBy::Event(Some("USER".to_owned()));
    world.see(&Evidence::Read(done(run), user));
    assert_eq!(
        summarize(&world.status),
        "True RunDone -",
        "it was where it might be when a user ended it"
    );
}

#[test]
fn waiting_for_a_suspended_ramp_is_told_as_suspended_with_what_would_change() {
    let (mut world, mut run) = (careful(), live(0.5));
    world.converge(&mut run);
    world.edit(|spec| spec.suspend = true);
    world.read(&run);
    assert_eq!(
        summarize(&world.status),
        "False Suspended Stalled",
        "live is not the target"
    );
    assert_eq!(
        message(&world.status),
        "suspended; the exposure would change: remove spec.suspend to continue"
    );
}

#[test]
fn a_step_that_is_refused_is_tried_once_an_hour_though_the_ramp_waits_meanwhile() {
    let (mut world, mut run) = (careful(), live(0.5));
    world.converge(&mut run);
    world.wait(3600);
    let due = world.read(&run);
    world.send(&due, Outcome::Refused(update_failure(FailureKind::Refused)));
    assert_eq!(sends(&world.read(&run)), None);
    assert_eq!(summarize(&world.status), "False UpdateRejected Stalled");
    world.wait(3599);
    assert_eq!(sends(&world.read(&run)), None);
    world.wait(1);
    assert_eq!(sends(&world.read(&run)), Some(Member::ExposurePercentage));
}

#[test]
fn a_step_that_is_refused_is_not_tried_sooner_after_an_answer_without_a_date() {
    let (mut world, mut run) = (careful(), live(0.5));
    world.converge(&mut run);
    world.wait(3600);
    let due = world.read(&run);
    world.send(&due, Outcome::Refused(update_failure(FailureKind::Refused)));
    let without = Now {
        service: Err(Untold::NoDate),
        ..world.now()
    };
    let decision = world.decide_at(&Evidence::Read(run.clone(), EndedBy::NotAsked), &without);
    (world.memory, world.status) = (decision.memory, stored(&decision.status));
    assert_eq!(sends(&world.read(&run)), None);
    assert_eq!(summarize(&world.status), "False UpdateRejected Stalled");
}

#[test]
fn raises_of_a_ramp_are_never_taken_for_a_contest() {
    let steps: Vec<(f32, &str)> = (1..20_u8).map(|step| (f32::from(step), "1m")).collect();
    let (mut world, mut run) = (World::new(ramped(20.0, super::support::steps(&steps))), live(0.0));
    for _ in 0..20 {
        world.converge(&mut run);
        world.wait(60);
    }
    assert_eq!(run.exposure, exposure(20.0));
    assert!(held(&world).is_empty());
}

#[test]
fn the_same_answer_again_writes_nothing_while_a_ramp_waits_or_is_kept_from_going_on() {
    let (mut world, mut run) = (careful(), live(0.5));
    world.converge(&mut run);
    world.desired.resync_interval = Duration::from_mins(10);
    for suspended in [false, true] {
        world.edit(|spec| spec.suspend = suspended);
        world.read(&run);
        let before = world.status.clone();
        for _ in 0..5 {
            // Suspended, the hold is over in the end.
            world.wait(if suspended { 3600 } else { 60 });
            world.read(&run);
            if !suspended {
                assert_eq!(world.status, before);
            }
        }
    }
    let over = world.status.clone();
    world.wait(86_400);
    world.read(&run);
    assert_eq!(world.status, over);
    assert!(over.ramp.unwrap().summary.ends_with("now"));
}

#[test]
fn memory_of_a_status_has_its_ramp() {
    let (mut world, mut run) = (careful(), live(0.5));
    world.converge(&mut run);
    let memory = Memory::from_status(&world.status, 1, Duration::ZERO);
    assert_eq!(memory.ramp, world.status.ramp);
    let hold = world.status.ramp.unwrap().reached.hold.unwrap();
    assert_eq!(hold.parse::<SignedDuration>().unwrap(), SignedDuration::from_hours(1));
}
