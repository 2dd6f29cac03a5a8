//! The row Contested: somebody else keeps changing a member back.

use super::support::*;
use crate::{
    api::{ExperimentRunStatus, Member},
    decide::{Outcome, Owner},
    run::{FailureKind, LiveRun},
};

/// Matches, and is then changed from outside.
fn changed_back(world: &mut World, run: &mut LiveRun) -> Option<Member> {
    world.converge(run);
    run.description = "somebody else's".to_owned();
    touch(run);
    sends(&world.read(run))
}

fn ours() -> World {
    let mut world = World::new(observing());
    world.desired.description = Some("ours".to_owned());
    world
}

/// Contested after the third change.
fn contested() -> (World, LiveRun) {
    let (mut world, mut run) = (ours(), live(10.0));
    for _ in 0..2 {
        assert_eq!(changed_back(&mut world, &mut run), Some(Member::Description));
    }
    assert_eq!(changed_back(&mut world, &mut run), None);
    (world, run)
}

#[test]
fn row_contested_corrects_two_changes_and_holds_at_the_third() {
    let (mut world, run) = contested();
    assert_eq!(summarize(&world.status), "False Contested Stalled");
    assert_eq!(held(&world), [(Member::Description, "Contested")]);
    world.wait(100_000);
    assert_eq!(sends(&world.read(&run)), None, "no time releases it");
    world.restart();
    assert_eq!(sends(&world.read(&run)), None, "nor a restart");
}

#[test]
fn row_contested_ends_with_a_new_generation_or_when_live_matches() {
    let (mut world, mut run) = contested();
    run.description = "ours".to_owned();
    touch(&mut run);
    world.read(&run);
    assert_eq!(
        (summarize(&world.status).as_str(), held(&world).len()),
        ("True InSync -", 0)
    );
    run.description = "somebody else's".to_owned();
    touch(&mut run);
    assert_eq!(sends(&world.read(&run)), None, "the fourth is not corrected either");

    world.edit(|spec| spec.description = Some("ours, again".to_owned()));
    assert_eq!(sends(&world.read(&run)), Some(Member::Description));
}

#[test]
fn the_count_of_changes_starts_anew_after_24_hours_of_matching() {
    let (mut world, mut run) = (ours(), live(10.0));
    for _ in 0..2 {
        assert_eq!(changed_back(&mut world, &mut run), Some(Member::Description));
    }
    world.converge(&mut run);
    world.wait(86_400);
    world.read(&run);
    run.description = "somebody else's".to_owned();
    touch(&mut run);
    assert_eq!(sends(&world.read(&run)), Some(Member::Description));
}

#[test]
fn a_generation_of_its_own_has_a_count_of_its_own() {
    let (mut world, mut run) = (ours(), live(10.0));
    for _ in 0..2 {
        assert_eq!(changed_back(&mut world, &mut run), Some(Member::Description));
    }
    world.edit(|spec| spec.description = Some("ours, again".to_owned()));
    assert_eq!(changed_back(&mut world, &mut run), Some(Member::Description));
}

#[test]
fn p8_who_waits_for_the_owner_does_not_contest_what_the_owner_does() {
    let (mut world, mut run) = (ours(), live(10.0));
    world.owner = Owner::Other { name: None };
    for text in ["ours", "the owner's", "ours", "the owner's", "ours", "the owner's"] {
        run.description = text.to_owned();
        touch(&mut run);
        world.read(&run);
    }
    assert_eq!(held(&world), []);
    world.owner = Owner::Itself;
    assert_eq!(sends(&world.read(&run)), Some(Member::Description));
}

#[test]
fn failed_reads_count_for_nothing() {
    let (mut world, mut run) = (ours(), live(10.0));
    world.converge(&mut run);
    for _ in 0..5 {
        world.read_failed(FailureKind::Unavailable);
    }
    assert_eq!(world.memory.contests[&Member::Description].count, 0);
}

#[test]
fn a_change_that_was_read_as_corrected_in_between_still_counts() {
    let (mut world, mut run) = (ours(), live(10.0));
    for _ in 0..2 {
        assert_eq!(changed_back(&mut world, &mut run), Some(Member::Description));
        world.converge(&mut run);
        world.wait(60);
        world.read(&run);
    }
    assert_eq!(changed_back(&mut world, &mut run), None);
    assert_eq!(summarize(&world.status), "False Contested Stalled");
}

#[test]
fn after_a_restore_what_a_generation_meant_before_holds_nothing_and_settles_nothing() {
    let (mut world, run) = contested();
    world.status = ExperimentRunStatus::default();
    world.memory.forget_generations(&world.status);
    assert_eq!(
        sends(&world.read(&run)),
        Some(Member::Description),
        "the same number, another spec"
    );
    let pin = world.memory.pin.clone();
    assert!(pin.is_some(), "which run it is has nothing to do with generations");

    // An update of the old generation is not settled by live that is what the new one of the same number asks for.
    let decision = world.read(&run);
    world.send(&decision, Outcome::Unknown(update_failure(FailureKind::Unavailable)));
    world.memory.forget_generations(&world.status.clone());
    let mut matching = run.clone();
    matching.description = "ours".to_owned();
    touch(&mut matching);
    world.read(&matching);
    assert!(
        world.status.pending_update.is_some(),
        "{:?}",
        world.status.pending_update
    );
}
