//! As what the next look at a resource counts, where many wait.

use std::time::Duration;

use jiff::Timestamp;

use super::support::*;
use crate::{
    api::ExperimentRunStatus,
    decide::{
        EndedBy, Evidence, Outcome, Owner,
        schedule::{Next, slot_or_ramp},
    },
    fleet::Class,
    run::FailureKind,
};

fn careful() -> World {
    let mut world = World::new(ramped(100.0, steps(&[(0.5, "1h"), (10.0, "24h")])));
    world.desired.resync_interval = Duration::from_hours(24);
    world
}

fn after(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).unwrap()
}

#[test]
fn a_look_when_a_ramp_raises_is_a_raise_and_a_regular_one_is_none() {
    let (mut world, mut run) = (careful(), live(0.5));
    let decision = world.converge(&mut run);
    assert_eq!(
        (decision.next, decision.class),
        (Next::After(Duration::from_hours(1)), Class::Raise)
    );
    // The regular look comes first.
    world.desired.resync_interval = Duration::from_secs(30);
    assert_eq!(world.read(&run).class, Class::Resync);
    assert_eq!(World::new(wants(5.0)).read(&live(5.0)).class, Class::Resync);
}

#[test]
fn where_nothing_is_raised_then_a_look_is_no_raise() {
    let (mut world, run) = (careful(), live(0.5));
    world.desired.suspend = true;
    let decision = world.read(&run);
    assert_eq!(
        (decision.next, decision.class),
        (Next::After(Duration::from_hours(1)), Class::Resync)
    );
    world.desired.suspend = false;
    world.owner = Owner::Other { name: None };
    assert_eq!(world.read(&run).class, Class::Resync);
    // The end of an opening raises nothing either.
    let window = serde_json::json!([{"kind": "Allow", "schedule": "0 0 * * *", "duration": "2h", "timeZone": "UTC"}]);
    let mut world = World::new(ramped(100.0, ramp(serde_json::json!({"windows": window}))));
    (world.desired.suspend, world.desired.resync_interval) = (true, Duration::from_hours(24));
    let decision = world.read(&run);
    assert!(
        matches!(decision.next, Next::After(wait) if wait < Duration::from_hours(2)),
        "{:?}",
        decision.next
    );
    assert_eq!(decision.class, Class::Resync);
}

#[test]
fn after_any_failure_it_is_a_retry_whatever_the_resource_was() {
    let kinds = [
        FailureKind::Throttled,
        FailureKind::ClockSkew,
        FailureKind::CredentialsUnavailable,
        FailureKind::AccessDenied,
        FailureKind::RunNotFound,
        FailureKind::ExperimentsUnsupported,
        FailureKind::Refused,
        FailureKind::Unavailable,
        FailureKind::UnusableAnswer,
    ];
    for kind in kinds {
        let (mut world, mut run) = (careful(), live(0.5));
        assert_eq!(world.read_failed(kind).class, Class::Retry, "{kind:?} at first");
        world.converge(&mut run);
        assert_eq!(world.read_failed(kind).class, Class::Retry, "{kind:?}");
        assert_eq!(world.read(&run).class, Class::Raise, "it is over");
    }
    for kind in [FailureKind::Conflict, FailureKind::Throttled] {
        let mut world = World::new(wants(5.0));
        let decision = world.read(&live(1.0));
        let decision = world.send(&decision, Outcome::Refused(update_failure(kind)));
        assert_eq!(decision.class, Class::Retry, "{kind:?}");
    }
}

#[test]
fn what_waits_to_be_settled_or_believed_is_a_retry() {
    let mut world = World::new(wants(5.0));
    let decision = world.read(&live(1.0));
    let unknown = Outcome::Unknown(update_failure(FailureKind::Unavailable));
    assert_eq!(world.send(&decision, unknown).class, Class::Retry);
    assert_eq!(world.read(&live(1.0)).class, Class::Retry);
    let mut world = World::new(wants(5.0));
    world.read(&live(5.0));
    assert_eq!(world.read(&live(1.0)).class, Class::Retry, "a stale read");
    let ended = Evidence::Read(
        done(live(1.0)),
        EndedBy::Unreadable(update_failure(FailureKind::Unavailable)),
    );
    assert_eq!(World::new(wants(5.0)).decide(&ended).class, Class::Retry);
}

#[test]
fn a_settled_ramp_is_looked_at_after_a_start_at_its_slot_or_its_time_if_that_is_earlier() {
    let (mut world, mut run) = (careful(), live(0.5));
    world.converge(&mut run);
    let slot = Duration::from_hours(10);
    let look = |suspend, now| slot_or_ramp(&world.status, suspend, slot, now);
    assert_eq!(look(false, after(600)), (Duration::from_mins(50), Class::Raise));
    assert_eq!(look(true, after(600)), (Duration::from_mins(50), Class::Resync));
    assert_eq!(look(false, after(-36_000)), (slot, Class::Resync));
    assert_eq!(look(false, after(4000)), (Duration::ZERO, Class::Raise), "it is over");
    let other = slot_or_ramp(&ExperimentRunStatus::default(), false, slot, after(0));
    assert_eq!(other, (slot, Class::Resync));
}
