//! The findings of a run that has ended.

use std::time::Duration;

use jiff::Timestamp;

use super::support::*;
use crate::decide::{EndedBy, Evidence, Outcome, schedule::Next};
use crate::run::{ExperimentRunEvent, ExperimentRunEventType, FailureKind, Operation, TriggeredBy};

fn by(trigger: &str) -> EndedBy {
    EndedBy::Event(Some(trigger.to_owned()))
}

fn unreadable() -> EndedBy {
    EndedBy::Unreadable(failure(Operation::ListExperimentRunEvents, FailureKind::AccessDenied))
}

#[test]
fn row_run_done_is_ready_when_live_matches_whoever_ended_it() {
    for ended_by in [by("USER"), by("CLOUDWATCH_ALARM"), EndedBy::Event(None), unreadable()] {
        let mut world = World::new(wants(25.0));
        let decision = world.see(&Evidence::Read(done(live(25.0)), ended_by));
        assert_eq!(
            (summarize(&world.status).as_str(), sends(&decision)),
            ("True RunDone -", None)
        );
        assert_eq!(target(&world.status), "True InSync");
        assert_eq!(event_reasons(&decision), ["RunDone"]);
        assert!(matches!(decision.next, Next::After(wait) if wait <= Duration::from_hours(1)));
    }
}

#[test]
fn row_run_done_is_ready_when_a_user_ended_what_was_ready_at_this_generation() {
    let mut world = World::new(wants(25.0));
    world.read(&live(25.0));
    // A restart in between keeps it.
    world.restart();
    world.see(&Evidence::Read(done(live(30.0)), by("USER")));
    assert_eq!(summarize(&world.status), "True RunDone -");
    assert_eq!(target(&world.status), "False RunDone");
    assert_eq!(world.status.ended_by.as_deref(), Some("USER"));

    world.edit(|spec| spec.exposure = Some(exposure(50.0)));
    world.read(&done(live(30.0)));
    assert_eq!(
        summarize(&world.status),
        "False RunDone Stalled",
        "at this generation it never was"
    );
}

#[test]
fn row_run_done_otherwise_is_stalled_and_sends_nothing() {
    for ended_by in [by("USER"), by("APPCONFIG"), EndedBy::Event(None)] {
        let mut world = World::new(wants(50.0));
        let decision = world.see(&Evidence::Read(done(live(25.0)), ended_by));
        assert_eq!(
            (summarize(&world.status).as_str(), sends(&decision)),
            ("False RunDone Stalled", None)
        );
        assert!(message(&world.status).contains("create another resource to manage another run"));
    }
}

#[test]
fn row_run_stopped_tells_an_alarm_and_an_internal_error_even_after_it_was_ready() {
    for trigger in ["CLOUDWATCH_ALARM", "INTERNAL_ERROR"] {
        let mut world = World::new(wants(50.0));
        world.read(&live(50.0));
        let mut run = done(live(50.0));
        run.description = "other".to_owned();
        world.desired.description = Some("text".to_owned());
        let decision = world.see(&Evidence::Read(run, by(trigger)));
        assert_eq!(
            (summarize(&world.status).as_str(), sends(&decision)),
            ("False RunStopped Stalled", None)
        );
        assert!(message(&world.status).contains(trigger));
    }
}

#[test]
fn row_run_done_is_unknown_while_the_events_cannot_be_read() {
    let mut world = World::new(wants(50.0));
    let run = done(live(25.0));
    let decision = world.see(&Evidence::Read(run.clone(), unreadable()));
    assert_eq!(summarize(&world.status), "Unknown RunDone Reconciling");
    assert_eq!(decision.next, Next::Backoff(Duration::from_secs(1)));
    assert!(message(&world.status).contains("what to do in AWS"));
    assert_eq!(
        world.status.last_error.as_ref().unwrap().operation,
        "ListExperimentRunEvents"
    );
    let again = world.see(&Evidence::Read(run.clone(), unreadable()));
    assert_eq!(again.next, Next::Backoff(Duration::from_secs(2)));
    world.see(&Evidence::Read(run, by("USER")));
    assert_eq!(
        (summarize(&world.status).as_str(), &world.status.last_error),
        ("False RunDone Stalled", &None)
    );
    assert_eq!(world.memory.attempts, 0);
}

#[test]
fn a_run_that_ends_under_an_update_is_not_updated_again() {
    let mut world = World::new(wants(50.0));
    let decision = world.read(&live(25.0));
    let decision = world.send(&decision, Outcome::Refused(update_failure(FailureKind::Refused)));
    assert_eq!(decision.next, Next::Now);
    let decision = world.see(&Evidence::Read(done(live(25.0)), by("USER")));
    assert_eq!(
        (summarize(&world.status).as_str(), sends(&decision)),
        ("False RunDone Stalled", None)
    );
    assert_eq!((&world.status.last_error, held(&world).len()), (&None, 0));
}

#[test]
fn an_answer_that_shows_the_end_has_the_events_read_at_once() {
    let mut world = World::new(wants(50.0));
    let decision = world.read(&live(25.0));
    let decision = world.send(&decision, Outcome::Applied(Box::new(done(live(50.0)))));
    assert_eq!(
        (summarize(&world.status).as_str(), decision.next),
        ("True RunDone -", Next::Now)
    );
}

#[test]
fn a_revival_that_is_believed_forgets_who_ended_it() {
    let mut world = World::new(wants(25.0));
    world.see(&Evidence::Read(done(live(25.0)), by("USER")));
    let mut run = live(25.0);
    touch(&mut run);
    touch(&mut run);
    world.read(&run);
    assert_eq!(
        world.status.ended_by.as_deref(),
        Some("USER"),
        "RUNNING after DONE is stale"
    );
    world.wait(300);
    world.read(&run);
    assert_eq!(
        (world.status.ended_by.as_deref(), summarize(&world.status).as_str()),
        (None, "True InSync -")
    );
}

#[test]
fn the_last_event_that_stopped_a_run_tells_who_ended_it() {
    let event = |event_type, second, triggered_by| ExperimentRunEvent {
        event_type,
        occurred_at: Timestamp::from_second(second).ok(),
        triggered_by,
        exposure: None,
    };
    let stopped = |second, by| event(ExperimentRunEventType::RunStopped, second, by);
    let started = event(ExperimentRunEventType::RunStarted, 3, Some(TriggeredBy::User));
    let by_alarm = stopped(2, Some(TriggeredBy::CloudWatchAlarm));
    let by = |trigger: Option<&str>| EndedBy::Event(trigger.map(str::to_owned));
    let earlier = stopped(1, Some(TriggeredBy::AppConfig));
    assert_eq!(
        EndedBy::of(&[by_alarm, earlier, started.clone()]),
        by(Some("CLOUDWATCH_ALARM"))
    );
    assert_eq!(
        EndedBy::of(&[stopped(1, None)]),
        by(None),
        "by what this version does not know"
    );
    assert_eq!(EndedBy::of(&[started]), by(None), "no event tells");
}
