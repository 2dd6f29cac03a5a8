//! P4: an update whose outcome is unknown holds everything until it is settled.

use std::time::Duration;

use super::support::*;
use crate::{
    api::{ConditionType, Member},
    decide::{
        EndedBy, Evidence, Outcome, conditions,
        desired::Desired,
        memory::{Memory, Pending},
        schedule::Next,
    },
    run::{FailureKind, LiveRun, UpdateError},
};

fn unknown() -> Outcome {
    Outcome::Unknown(update_failure(FailureKind::Unavailable))
}

/// An update was sent and brought no answer.
fn unsettled(desired: Desired) -> World {
    let mut world = World::new(desired);
    let decision = world.read(&live(10.0));
    let decision = world.send(&decision, unknown());
    assert_eq!(summarize(&world.status), "Unknown OutcomeUnknown Reconciling");
    assert_eq!(decision.next, Next::Backoff(Duration::from_secs(1)));
    assert!(world.status.pending_update.is_some());
    world
}

fn describing() -> Desired {
    Desired {
        description: Some("text".to_owned()),
        ..observing()
    }
}

fn described() -> LiveRun {
    LiveRun {
        description: "text".to_owned(),
        ..touched()
    }
}

/// `UpdatedAt` has moved, and nothing else.
fn touched() -> LiveRun {
    let mut run = live(10.0);
    touch(&mut run);
    run
}

#[test]
fn row_outcome_unknown_sends_nothing_until_60_seconds_and_a_read_that_is_not_stale() {
    let mut world = unsettled(wants(25.0));
    for _ in 0..5 {
        world.wait(10);
        assert_eq!(sends(&world.read(&touched())), None, "UpdatedAt alone settles nothing");
        assert_eq!(summarize(&world.status), "Unknown OutcomeUnknown Reconciling");
    }
    world.wait(10);
    world.read_failed(FailureKind::Unavailable);
    assert!(world.status.pending_update.is_some(), "a failed read settles nothing");
    world.read(&live(5.0));
    assert!(world.status.pending_update.is_some(), "nor a stale one");
    let decision = world.read(&touched());
    assert_eq!(sends(&decision), Some(Member::ExposurePercentage));
    assert_eq!(decision.status.pending_update, None);
}

#[test]
fn an_unsettled_update_is_looked_at_when_the_settling_time_is_over_however_long_the_back_off() {
    let mut world = unsettled(wants(25.0));
    for ceiling in [2, 4, 8] {
        world.wait(10);
        assert_eq!(world.read(&touched()).next, Next::Backoff(Duration::from_secs(ceiling)));
    }
    // 16 s are left, which is the next ceiling.
    world.wait(14);
    assert_eq!(world.read(&touched()).next, Next::After(Duration::from_secs(16)));
}

#[test]
fn an_unsettled_exposure_is_settled_by_one_at_or_above_it() {
    let cases = [
        (24.9, false, "ExposureChangedExternally"),
        (25.0, true, "ExposureRaised"),
        (30.0, true, "ExposureChangedExternally"),
    ];
    for (seen, settled, notice) in cases {
        let mut world = unsettled(wants(25.0));
        let mut run = live(seen);
        touch(&mut run);
        let decision = world.read(&run);
        assert_eq!(world.status.pending_update.is_none(), settled, "{seen}");
        assert_eq!(event_reasons(&decision)[0], notice);
    }
}

#[test]
fn another_member_is_settled_when_live_is_the_spec_at_the_generation_that_asked() {
    let mut world = unsettled(describing());
    let decision = world.read(&described());
    assert_eq!(
        (summarize(&world.status).as_str(), event_reasons(&decision)),
        ("True InSync -", vec!["DescriptionUpdated"])
    );
    assert_eq!((&world.status.pending_update, &world.status.last_error), (&None, &None));

    let mut world = unsettled(describing());
    world.edit(|spec| spec.exposure = Some(exposure(25.0)));
    let decision = world.read(&described());
    assert_eq!(sends(&decision), None, "at another generation it settles nothing");
    assert!(world.status.pending_update.is_some());
}

#[test]
fn the_end_of_the_run_settles_everything() {
    let mut world = unsettled(wants(25.0));
    world.see(&Evidence::Read(
        done(live(10.0)),
        EndedBy::Event(Some("USER".to_owned())),
    ));
    assert_eq!(
        (summarize(&world.status).as_str(), &world.status.pending_update),
        ("False RunDone Stalled", &None)
    );
}

#[test]
fn what_is_known_not_to_be_applied_is_cleared_at_once() {
    let outcomes = [
        Outcome::NotSent(None),
        Outcome::Refused(update_failure(FailureKind::Refused)),
        Outcome::Refused(update_failure(FailureKind::Conflict)),
    ];
    for outcome in outcomes {
        let mut world = World::new(wants(25.0));
        let decision = world.read(&live(10.0));
        world.send(&decision, outcome);
        assert_eq!(world.status.pending_update, None);
    }
}

#[test]
fn p4_one_found_at_start_counts_from_the_first_sight() {
    let mut world = unsettled(wants(25.0));
    world.wait(3600);
    world.restart();
    assert_eq!(sends(&world.read(&touched())), None);
    assert_eq!(summarize(&world.status), "Unknown OutcomeUnknown Reconciling");
    world.wait(59);
    assert_eq!(sends(&world.read(&touched())), None);
    world.wait(1);
    assert_eq!(sends(&world.read(&touched())), Some(Member::ExposurePercentage));
}

#[test]
fn p4_an_outcome_is_unknown_even_when_the_status_at_hand_does_not_say_so() {
    let mut world = World::new(wants(25.0));
    let decision = world.read(&live(10.0));
    let (update, id) = world.fence(&decision);
    world.status.pending_update = None;
    world.see(&Evidence::Updated {
        update,
        id: Some(id.clone()),
        outcome: unknown(),
    });
    assert_eq!(summarize(&world.status), "Unknown OutcomeUnknown Reconciling");
    assert_eq!(world.status.pending_update.as_ref().unwrap().id, id);
    assert_eq!(sends(&world.read(&touched())), None);
}

#[test]
fn p4_a_failed_read_leaves_no_ready_true_beside_an_unsettled_update() {
    let mut world = World::new(wants(25.0));
    world.read(&live(25.0));
    let mut run = World::new(wants(25.0));
    let decision = run.read(&live(10.0));
    run.fence(&decision);
    world.status.pending_update = run.status.pending_update;
    world.read_failed(FailureKind::Unavailable);
    assert_eq!(summarize(&world.status), "Unknown OutcomeUnknown Reconciling");
}

#[test]
fn an_old_copy_of_the_status_does_not_revive_a_settled_update() {
    let mut world = World::new(wants(25.0));
    let mut run = live(10.0);
    let decision = world.read(&run);
    let (update, id) = world.fence(&decision);
    let fenced = world.status.clone();
    apply(&update, &mut run);
    world.see(&Evidence::Updated {
        update,
        id: Some(id),
        outcome: Outcome::Applied(Box::new(run.clone())),
    });
    world.status = fenced;
    world.read(&run);
    assert_eq!(
        (summarize(&world.status).as_str(), &world.status.pending_update),
        ("True InSync -", &None)
    );
}

#[test]
fn p8_an_inherited_update_is_settled_by_the_run_or_by_time_only() {
    let elder = unsettled(describing());
    let mut heir = World::new(describing());
    heir.memory.inherit(elder.memory.pending.clone().unwrap());
    assert_eq!(sends(&heir.read(&live(10.0))), None);
    assert_eq!(summarize(&heir.status), "Unknown OutcomeUnknown Reconciling");
    heir.read(&described());
    assert!(
        heir.status.pending_update.is_some(),
        "another resource's generation says nothing here"
    );
    heir.wait(60);
    heir.read(&described());
    assert_eq!(
        (summarize(&heir.status).as_str(), &heir.status.pending_update),
        ("True InSync -", &None)
    );

    let id = elder.memory.pending.as_ref().unwrap().record.id.clone();
    let mut memory = Memory::default();
    memory.resolve(&id);
    // The next update's fence failed, so whatever copy of the status there is still names the one before.
    memory.resolve("never recorded");
    memory.inherit(elder.memory.pending.unwrap());
    assert_eq!(memory.pending, None, "settled is settled");
}

#[test]
fn p4_two_open_updates_are_settled_by_time_only() {
    let mut world = unsettled(wants(25.0));
    let mut other: Pending = unsettled(wants(20.0)).memory.pending.unwrap();
    other.record.id = "another".to_owned();
    world.wait(30);
    other.first_seen = world.elapsed;
    world.memory.inherit(other);
    let mut run = live(25.0);
    touch(&mut run);
    world.read(&run);
    assert_eq!(summarize(&world.status), "Unknown OutcomeUnknown Reconciling");
    world.wait(59);
    world.read(&run);
    assert_eq!(summarize(&world.status), "Unknown OutcomeUnknown Reconciling");
    world.wait(1);
    world.read(&run);
    assert_eq!(summarize(&world.status), "True InSync -");
}

#[test]
fn the_fence_changes_conditions_only_where_ready_is_true_or_of_an_older_generation() {
    let ready = |world: &World| {
        conditions::find(&world.status.conditions, ConditionType::Ready)
            .map(|it| (it.status.clone(), it.reason.clone()))
    };
    let progressing = Some(("False".to_owned(), "Progressing".to_owned()));
    // True at this generation: drift.
    let mut world = World::new(describing());
    world.read(&described());
    let mut run = described();
    run.description = "drift".to_owned();
    touch(&mut run);
    let decision = world.read(&run);
    world.fence(&decision);
    assert_eq!(ready(&world), progressing);
    // Stalled at an older generation.
    let mut world = World::new(wants(5.0));
    world.read(&live(10.0));
    world.edit(|spec| spec.exposure = Some(exposure(25.0)));
    let decision = world.read(&live(10.0));
    world.fence(&decision);
    assert_eq!(ready(&world), progressing);
    assert_eq!(world.status.observed_generation, Some(2));
    // Stalled at this generation, but not whole: somebody edited the status.
    let mut world = World::new(wants(25.0));
    let decision = world.read(&live(10.0));
    world.send(&decision, Outcome::Refused(update_failure(FailureKind::AccessDenied)));
    world
        .status
        .conditions
        .retain(|condition| condition.type_ != "TargetReached");
    let decision = world.read(&live(10.0));
    world.fence(&decision);
    assert_eq!(ready(&world), progressing);
}

#[test]
fn p4_an_update_that_came_about_within_the_second_of_what_was_known_is_settled_and_not_stale() {
    let mut world = unsettled(describing());
    let mut run = live(10.0);
    run.description = "text".to_owned();
    assert_eq!(
        run.updated_at,
        live(10.0).updated_at,
        "AppConfig's times are compared in whole seconds"
    );
    let decision = world.read(&run);
    assert_eq!(summarize(&world.status), "True InSync -");
    assert_eq!(event_reasons(&decision), ["DescriptionUpdated"]);
}

#[test]
fn p12_an_update_of_an_earlier_generation_within_the_second_of_what_was_known_is_not_stale_either() {
    let mut world = unsettled(describing());
    world.edit(|spec| spec.exposure = Some(exposure(25.0)));
    let mut run = live(10.0);
    run.description = "text".to_owned();
    world.read(&run);
    assert_eq!(summarize(&world.status), "Unknown OutcomeUnknown Reconciling");
    world.wait(60);
    assert_eq!(sends(&world.read(&run)), Some(Member::ExposurePercentage));
}

#[test]
fn what_the_client_answers_to_an_update_is_its_outcome() {
    let failure = || update_failure(FailureKind::Unavailable);
    let outcomes = [
        (Ok(live(25.0)), Outcome::Applied(Box::new(live(25.0)))),
        (Err(UpdateError::NotSent(failure())), Outcome::NotSent(Some(failure()))),
        (Err(UpdateError::Refused(failure())), Outcome::Refused(failure())),
        (Err(UpdateError::Unknown(failure())), Outcome::Unknown(failure())),
    ];
    for (answer, outcome) in outcomes {
        assert_eq!(Outcome::of(answer), outcome);
    }
}
