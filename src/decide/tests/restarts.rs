//! What a restart keeps, a lost status brings back, and an edited or older one can't break.

use super::support::*;
use crate::{
    api::{ExperimentRunStatus, Member, RunStatus},
    decide::{
        EndedBy, Evidence, Outcome,
        memory::{Memory, Pending},
        pinned_region,
    },
    run::{FailureKind, LiveRun},
};

#[test]
fn p10_a_restart_writes_nothing_for_what_is_settled() {
    let mut stalled = World::new(wants(5.0));
    stalled.read(&live(25.0));
    let mut synced = World::new(wants(25.0));
    synced.read(&live(25.0));
    for mut world in [stalled, synced] {
        let before = world.status.clone();
        world.restart();
        world.wait(5);
        let decision = world.read(&live(25.0));
        assert_eq!(world.status, before);
        assert_eq!(event_reasons(&decision), [""; 0]);
    }
}

#[test]
fn p5_a_wiped_status_is_restored_with_its_pins_even_by_a_failed_read() {
    let mut world = World::new(wants(25.0));
    world.read(&live(25.0));
    let before = world.status.clone();
    world.status = ExperimentRunStatus::default();
    let mut other = live(25.0);
    other.key.application_id = "zzzzzz1".to_owned();
    world.read(&other);
    assert_eq!(
        summarize(&world.status),
        "False RunReplaced Stalled",
        "the memory knows the run"
    );

    world.status = ExperimentRunStatus::default();
    world.read_failed(FailureKind::Unavailable);
    assert_eq!(world.status.application_id, before.application_id);
    assert_eq!(world.status.region, before.region);
    world.read(&live(25.0));
    assert_eq!(
        (&world.status.exposure_percentage, summarize(&world.status).as_str()),
        (&before.exposure_percentage, "True InSync -")
    );
}

#[test]
fn a_wiped_status_keeps_what_is_held_and_what_is_unsettled() {
    let mut world = World::new(wants(25.0));
    let decision = world.read(&live(10.0));
    world.send(&decision, Outcome::Unknown(update_failure(FailureKind::Unavailable)));
    let pending = world.status.pending_update.clone();
    world.status = ExperimentRunStatus::default();
    assert_eq!(sends(&world.read(&live(10.0))), None);
    assert_eq!(world.status.pending_update, pending);
}

#[test]
fn p5_edited_pins_are_put_right_by_memory_and_stop_updates_after_a_restart() {
    let mut world = World::new(wants(25.0));
    world.read(&live(10.0));
    let decision = world.read(&live(10.0));
    world.status = stored(&decision.status);
    world.memory.recorded();
    world.status.application_id = Some("zzzzzz1".to_owned());
    let decision = world.read(&live(10.0));
    assert_eq!(sends(&decision), Some(Member::ExposurePercentage));
    assert_eq!(decision.status.application_id.as_deref(), Some("abc1234"));

    // Also when they are edited between a start and its first pass.
    let mut started = world.clone();
    started.status = stored(&decision.status);
    started.restart();
    started.status.application_id = Some("zzzzzz1".to_owned());
    assert_eq!(sends(&started.read(&live(10.0))), Some(Member::ExposurePercentage));

    world.restart();
    assert_eq!(sends(&world.read(&live(10.0))), None);
    assert_eq!(summarize(&world.status), "False RunReplaced Stalled");
}

#[test]
fn p5_the_run_that_another_process_recorded_first_counts_until_the_own_is_recorded() {
    let mut world = World::new(wants(25.0));
    let new = world.clone();
    let decision = world.read(&live(10.0));
    world.fence(&decision);
    // A process that saw the resource when it was new finds another run by the same names, and can't record it.
    let recorded = std::mem::replace(&mut world, new).status;
    let mut other = live(10.0);
    other.key.application_id = "zzzzzz1".to_owned();
    let seen = Evidence::Read(other.clone(), EndedBy::NotAsked);
    world.memory = world.decide(&seen).memory;
    world.status = recorded;
    assert_eq!(sends(&world.see(&seen)), None);
    assert_eq!(world.status.application_id.as_deref(), Some("abc1234"));
    assert_eq!(summarize(&world.status), "False RunReplaced Stalled");
    assert_eq!(sends(&world.read(&other)), None);
}

#[test]
fn p5_what_was_seen_of_another_run_does_not_count_for_the_one_that_was_recorded_first() {
    let mut first = World::new(wants(10.0));
    first.read(&live(10.0));
    let beside = |seen: &LiveRun| {
        let mut world = World::new(wants(10.0));
        let seen = Evidence::Read(seen.clone(), EndedBy::NotAsked);
        world.memory = world.decide(&seen).memory;
        world.status = first.status.clone();
        world.edit(|spec| spec.exposure = Some(exposure(60.0)));
        sends(&world.read(&live(10.0)))
    };
    let mut other = live(50.0);
    other.key.application_id = "zzzzzz1".to_owned();
    assert_eq!(beside(&other), Some(Member::ExposurePercentage));
    assert_eq!(beside(&live(50.0)), None, "the same run was seen at 50 %");
}

#[test]
fn a_status_of_an_older_schema_or_edited_by_hand_breaks_nothing() {
    let texts = [
        r#"{"observedGeneration": -1, "conditions": [{"type": "Ready", "status": "Unknown", "reason": "Pending",
            "message": "", "lastTransitionTime": "1970-01-01T00:00:00Z"}]}"#,
        r#"{"region": "NOT A REGION", "applicationId": "a", "experimentDefinitionId": "d"}"#,
        r#"{"heldUpdates": [{"member": "ExposurePercentage", "reason": "Whim", "generation": 1, "at": "2026-09-01T00:00:00Z"}]}"#,
        r#"{"conditions": [{"type": "Stalled", "status": "False", "reason": "Whim", "message": "", "observedGeneration": 1,
            "lastTransitionTime": "1970-01-01T00:00:00Z"}, {"type": "Ready", "status": "False", "reason": "Whim",
            "message": "", "observedGeneration": 1, "lastTransitionTime": "1970-01-01T00:00:00Z"}]}"#,
    ];
    for text in texts {
        let mut world = World::new(wants(25.0));
        world.status = serde_json::from_str(text).unwrap();
        world.restart();
        let mut run = live(10.0);
        world.converge(&mut run);
        assert_eq!(
            (summarize(&world.status).as_str(), held(&world).len()),
            ("True InSync -", 0),
            "{text}"
        );
    }
}

#[test]
fn the_annotation_is_echoed_whatever_the_pass_saw() {
    let mut world = World::new(wants(25.0));
    world.requested_at = Some("first".to_owned());
    world.read(&live(25.0));
    assert_eq!(world.status.last_handled_reconcile_at.as_deref(), Some("first"));
    world.requested_at = Some("second".to_owned());
    world.read_failed(FailureKind::Unavailable);
    assert_eq!(world.status.last_handled_reconcile_at.as_deref(), Some("second"));
}

#[test]
fn a_pass_that_saw_nothing_leaves_what_was_seen_last() {
    let mut world = World::new(wants(25.0));
    world.read(&live(25.0));
    let before = world.status.clone();
    world.see(&Evidence::Nothing);
    assert_eq!(world.status, before);
}

#[test]
fn the_pinned_region_is_remembered_even_without_a_status() {
    let mut world = World::new(wants(25.0));
    world.read(&live(25.0));
    let nothing = ExperimentRunStatus::default();
    let region = |status, memory| pinned_region(status, memory).map(|region| region.to_string());
    assert_eq!(region(&world.status, None).as_deref(), Some("eu-west-1"));
    assert_eq!(region(&nothing, Some(&world.memory)).as_deref(), Some("eu-west-1"));
    assert_eq!(region(&nothing, Some(&Memory::default())), None);
}

#[test]
fn what_a_process_saw_first_is_remembered_when_somebody_wipes_the_status_before_its_first_pass() {
    let restarted_and_wiped = |mut world: World| {
        world.restart();
        world.status = ExperimentRunStatus::default();
        world
    };
    let mut above = World::new(wants(5.0));
    above.read(&live(25.0));
    let mut world = restarted_and_wiped(above.clone());
    world.read_failed(FailureKind::Throttled);
    assert_eq!(summarize(&world.status), "False ExposureAboveDesired Stalled");

    let mut world = restarted_and_wiped(above);
    let mut other = live(25.0);
    other.key.application_id = "zzzzzz1".to_owned();
    world.read(&other);
    assert_eq!(summarize(&world.status), "False RunReplaced Stalled");

    let mut fenced = World::new(wants(25.0));
    let decision = fenced.read(&live(5.0));
    fenced.fence(&decision);
    let mut world = restarted_and_wiped(fenced);
    assert_eq!(sends(&world.read(&live(5.0))), None);
    assert_eq!(summarize(&world.status), "Unknown OutcomeUnknown Reconciling");

    let mut refused = World::new(wants(25.0));
    let decision = refused.read(&live(5.0));
    refused.send(&decision, Outcome::Refused(update_failure(FailureKind::Refused)));
    assert_eq!(held(&refused).len(), 1);
    let mut world = restarted_and_wiped(refused);
    assert_eq!(sends(&world.read(&live(5.0))), None, "it is held");

    let mut seen = World::new(wants(10.0));
    let mut newer = live(10.0);
    touch(&mut newer);
    seen.read(&newer);
    let mut world = restarted_and_wiped(seen);
    assert_eq!(sends(&world.read(&live(5.0))), None, "older than what was seen");
    assert_eq!(summarize(&world.status), "Unknown StaleRead Reconciling");

    let mut ready = World::new(wants(25.0));
    ready.read(&live(25.0));
    let mut world = restarted_and_wiped(ready);
    let by_a_user = EndedBy::Event(Some("USER".to_owned()));
    world.see(&Evidence::Read(done(live(30.0)), by_a_user));
    assert_eq!(summarize(&world.status), "True RunDone -", "it had matched the spec");

    let mut never_ready = World::new(wants(5.0));
    never_ready.read(&live(25.0));
    never_ready.restart();
    let by_a_user = EndedBy::Event(Some("USER".to_owned()));
    never_ready.see(&Evidence::Read(done(live(25.0)), by_a_user));
    assert_eq!(summarize(&never_ready.status), "False RunDone Stalled");
}

#[test]
fn an_older_copy_of_the_status_does_not_revive_a_run_that_ended_within_the_same_second() {
    let mut world = World::new(wants(25.0));
    let running = live(25.0);
    world.read(&running);
    let older = world.status.clone();
    let ended = LiveRun {
        status: RunStatus::Done,
        ..running.clone()
    };
    world.see(&Evidence::Read(ended, EndedBy::Event(None)));
    world.restart();
    world.status = older;
    world.edit(|spec| spec.exposure = Some(exposure(50.0)));
    assert_eq!(sends(&world.read(&running)), None);
    assert_eq!(summarize(&world.status), "Unknown StaleRead Reconciling");
}

#[test]
fn p4_two_updates_that_are_open_are_settled_by_no_live_state() {
    let mut world = World::new(wants(25.0));
    let decision = world.read(&live(5.0));
    let update = decision.update.unwrap();
    let mut memory = Memory::default();
    for id in ["one", "other"] {
        let record = update.pending(id, 1, &world.now());
        memory.open(Pending {
            record,
            first_seen: world.elapsed,
        });
    }
    let record = memory.pending.unwrap().record;
    assert_eq!(
        (record.id.as_str(), record.generation, record.exposure_percentage),
        ("other", -1, None)
    );
}
