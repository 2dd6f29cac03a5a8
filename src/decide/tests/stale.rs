//! Answers that are older than what is known: no evidence (P6), until they have stood for 5 minutes.

use super::support::*;
use crate::{
    api::RunStatus,
    decide::{EndedBy, Evidence, Outcome, memory::Memory},
    run::LiveRun,
};

/// In sync, after a change at this second.
fn known() -> (World, LiveRun) {
    let mut world = World::new(wants(25.0));
    let mut run = live(25.0);
    touch(&mut run);
    run.description = "new".to_owned();
    world.read(&run);
    (world, run)
}

#[test]
fn p6_each_kind_of_stale_read_changes_nothing_that_was_copied() {
    let older: [fn(&mut LiveRun); 5] = [
        |run| run.updated_at = live(0.0).updated_at,
        |run| run.exposure = exposure(24.9),
        |run| run.description = "old".to_owned(),
        |run| run.overrides = overrides(&[("alice", "t1")]),
        |run| {
            (run.exposure, run.updated_at) = (exposure(1.0), None);
        },
    ];
    for make in older {
        let (mut world, mut run) = known();
        world.edit(|spec| spec.exposure = Some(exposure(50.0)));
        let before = world.status.clone();
        make(&mut run);
        let decision = world.read(&run);
        assert_eq!(sends(&decision), None, "{run:?}");
        assert_eq!(summarize(&world.status), "Unknown StaleRead Reconciling");
        assert_eq!(world.status.exposure_percentage, before.exposure_percentage);
        assert_eq!(world.status.description, before.description);
        assert_eq!(world.status.updated_at, before.updated_at);
    }
    let (mut world, run) = known();
    world.see(&Evidence::Read(done(run.clone()), EndedBy::Event(None)));
    let mut revived = done(run);
    revived.status = RunStatus::Running;
    world.read(&revived);
    assert_eq!(world.status.status, Some(RunStatus::Done));
}

#[test]
fn p2_a_status_that_another_process_wrote_meanwhile_tells_a_new_process_what_is_stale() {
    let (mut world, run) = known();
    let first_seen = world.status.clone();
    let mut raised = run.clone();
    raised.exposure = exposure(50.0);
    touch(&mut raised);
    world.edit(|spec| spec.exposure = Some(exposure(50.0)));
    world.read(&raised);
    // It remembers what an old copy of the status told, and decides on the newest.
    world.memory = Memory::from_status(&first_seen, 1, world.elapsed);
    assert_eq!(sends(&world.read(&run)), None);
    assert_eq!(summarize(&world.status), "True InSync Reconciling");
    // Once it has had an answer of its own, no status tells it otherwise.
    world.read(&raised);
    world.status.exposure_percentage = Some(exposure(90.0));
    assert_eq!(summarize(&world.read(&raised).status), "True InSync -");
}

#[test]
fn row_stale_read_keeps_ready_until_the_third_in_a_row() {
    let (mut world, mut run) = known();
    let fresh = run.clone();
    run.exposure = exposure(10.0);
    for expected in [
        "True InSync Reconciling",
        "True InSync Reconciling",
        "Unknown StaleRead Reconciling",
    ] {
        world.read(&run);
        assert_eq!(summarize(&world.status), expected);
    }
    world.read(&fresh);
    assert_eq!(summarize(&world.status), "True InSync -");
}

#[test]
fn the_same_stale_answer_is_believed_after_5_minutes_with_an_event() {
    let (mut world, mut run) = known();
    run.exposure = exposure(10.0);
    world.read(&run);
    world.wait(299);
    assert_eq!(sends(&world.read(&run)), None);
    world.wait(1);
    let decision = world.read(&run);
    assert!(sends(&decision).is_some());
    assert_eq!(event_reasons(&decision), ["StaleReadBelieved"]);
    assert_eq!(decision.status.exposure_percentage, Some(exposure(10.0)));
}

#[test]
fn another_stale_answer_starts_the_5_minutes_anew() {
    let (mut world, mut run) = known();
    run.exposure = exposure(10.0);
    world.read(&run);
    world.wait(299);
    run.exposure = exposure(9.0);
    world.read(&run);
    world.wait(299);
    assert_eq!(sends(&world.read(&run)), None);
}

#[test]
fn newer_answers_are_not_stale() {
    let (mut world, mut run) = known();
    world.desired.exposure = None;
    touch(&mut run);
    run.description = "newest".to_owned();
    run.overrides = overrides(&[("alice", "t1")]);
    world.read(&run);
    assert_eq!(world.status.description.as_deref(), Some("newest"));
    run.exposure = exposure(30.0);
    world.read(&run);
    assert_eq!(
        world.status.exposure_percentage,
        Some(exposure(30.0)),
        "a rise within the second is news"
    );
}

#[test]
fn a_restart_keeps_the_floor() {
    let (mut world, mut run) = known();
    world.restart();
    run.exposure = exposure(10.0);
    assert_eq!(sends(&world.read(&run)), None);
    assert_eq!(world.status.exposure_percentage, Some(exposure(25.0)));
}

#[test]
fn p2_an_old_answer_to_an_update_neither_lowers_the_floor_nor_settles_it() {
    let mut world = World::new(wants(25.0));
    world.desired.description = Some("text".to_owned());
    let mut run = live(20.0);
    touch(&mut run);
    let decision = world.read(&run);
    let mut old = live(5.0);
    old.description = "text".to_owned();
    world.send(&decision, Outcome::Applied(Box::new(old)));
    assert_eq!(summarize(&world.status), "Unknown OutcomeUnknown Reconciling");
    assert_eq!(world.status.exposure_percentage, Some(exposure(20.0)));
    assert!(world.status.pending_update.is_some());
    apply(decision.update.as_ref().unwrap(), &mut run);
    let decision = world.read(&run);
    assert!(sends(&decision).is_some(), "the read shows it: the exposure goes on");
}
