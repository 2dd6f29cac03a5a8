//! A ramp is edited under way: nothing that is taken away brings a raise forward.

use super::support::*;
use crate::{
    api::{Exposure, Member},
    decide::{Outcome, ramp::Ramp, schedule::Next},
    run::FailureKind,
};

const DAY: u64 = 86_400;

fn careful() -> Ramp {
    steps(&[(0.5, "1h"), (10.0, "24h"), (50.0, "48h")])
}

/// A ramp that has just reached 10 %.
fn at_ten() -> (World, crate::run::LiveRun) {
    let (mut world, mut run) = (World::new(ramped(100.0, careful())), live(10.0));
    world.converge(&mut run);
    assert_eq!(summarize(&world.status), "True RampHolding -");
    (world, run)
}

fn raise(world: &mut World, run: &crate::run::LiveRun) -> Option<Exposure> {
    world.read(run).update.and_then(|update| update.exposure())
}

#[test]
fn a_ramp_that_is_removed_under_way_is_not_released_by_that() {
    let (mut world, mut run) = at_ten();
    world.edit(|spec| spec.ramp = None);
    let decision = world.read(&run);
    assert_eq!(
        (sends(&decision), summarize(&world.status)),
        (None, "False RampRemoved Stalled".to_owned())
    );
    assert_eq!(event_reasons(&decision), ["RampRemoved"]);
    assert!(message(&world.status).ends_with("to go to 100 % at once, set ramp: {steps: []}"));
    assert_eq!(target(&world.status), "False RampRemoved");
    assert_eq!(world.status.ramp.as_ref().unwrap().summary, "ramp removed");
    world.wait(30 * DAY);
    world.restart();
    assert_eq!(raise(&mut world, &run), None, "nor by time or a restart");
    world.status = crate::api::ExperimentRunStatus::default();
    assert_eq!(raise(&mut world, &run), None, "nor by a lost status");

    // Other members still converge, and raising the target is no release either.
    world.edit(|spec| spec.description = Some("ours".to_owned()));
    assert_eq!(sends(&world.read(&run)), Some(Member::Description));
    world.converge(&mut run);
    assert_eq!(summarize(&world.status), "False RampRemoved Stalled");
}

#[test]
fn p6_a_ramp_that_the_api_server_has_dropped_from_spec_and_status_is_not_released_by_that() {
    let prune = |world: &mut World| {
        // No edit: the generation stays, as it does when an object is stored without fields.
        world.desired.ramp = None;
        world.status.ramp = None;
        world.restart();
    };
    let (mut world, mut run) = at_ten();
    prune(&mut world);
    assert_eq!(raise(&mut world, &run), None);
    assert_eq!(summarize(&world.status), "False RampRemoved Stalled");
    prune(&mut world);
    world.wait(30 * DAY);
    assert_eq!(raise(&mut world, &run), None, "nor when that is dropped again");

    // A failed read tells of something else, and TargetReached still of the ramp.
    let (mut world, _) = at_ten();
    world.read_failed(FailureKind::Unavailable);
    prune(&mut world);
    assert_eq!(raise(&mut world, &run), None);

    // An edit that was stored without the ramp it came with.
    world.edit(|spec| spec.exposure = Some(exposure(90.0)));
    assert_eq!(raise(&mut world, &run), None);
    assert_eq!(summarize(&world.status), "False RampRemoved Stalled");
    world.edit(|spec| spec.ramp = Some(steps(&[])));
    world.converge(&mut run);
    assert_eq!(
        (run.exposure, summarize(&world.status)),
        (exposure(90.0), "True InSync -".to_owned())
    );
}

#[test]
fn a_removed_ramp_still_tells_since_when_the_live_exposure_is_live() {
    let (mut world, mut run) = at_ten();
    let before = world.status.ramp.clone().unwrap().reached;
    world.edit(|spec| spec.ramp = None);
    world.wait(60);
    world.read(&run);
    assert_eq!(world.status.ramp.clone().unwrap().reached, before);
    run.exposure = exposure(20.0);
    touch(&mut run);
    world.read(&run);
    let reached = world.status.ramp.clone().unwrap().reached;
    assert_eq!(
        (reached.exposure_percentage, reached.at),
        (exposure(20.0), world.now().wall())
    );
}

#[test]
fn a_removed_ramp_goes_on_when_it_is_set_again_and_at_once_with_an_empty_list() {
    let (mut world, run) = at_ten();
    world.edit(|spec| spec.ramp = None);
    world.read(&run);
    world.edit(|spec| spec.ramp = Some(careful()));
    world.wait(3600);
    assert_eq!(raise(&mut world, &run), None);
    assert_eq!(summarize(&world.status), "True RampHolding -");
    world.wait(DAY - 3600);
    assert_eq!(
        raise(&mut world, &run),
        Some(exposure(50.0)),
        "its hold counts on from when it was reached"
    );

    let (mut world, mut run) = at_ten();
    world.edit(|spec| spec.ramp = None);
    world.read(&run);
    world.edit(|spec| spec.ramp = Some(steps(&[])));
    world.converge(&mut run);
    assert_eq!(
        (run.exposure, summarize(&world.status)),
        (exposure(100.0), "True InSync -".to_owned())
    );
}

#[test]
fn an_empty_list_of_steps_releases_a_ramp_under_way_at_once() {
    let (mut world, run) = at_ten();
    world.edit(|spec| spec.ramp = Some(steps(&[])));
    assert_eq!(raise(&mut world, &run), Some(exposure(100.0)));
}

#[test]
fn a_ramp_removed_with_its_target_lowered_to_live_is_at_rest_and_forgotten() {
    let (mut world, mut run) = at_ten();
    world.edit(|spec| {
        spec.ramp = None;
        spec.exposure = Some(exposure(10.0));
    });
    world.read(&run);
    assert_eq!(
        (summarize(&world.status), world.status.ramp.is_none()),
        ("True InSync -".to_owned(), true)
    );
    // From now on it is a resource without a ramp.
    world.edit(|spec| spec.exposure = Some(exposure(25.0)));
    world.converge(&mut run);
    assert_eq!(run.exposure, exposure(25.0));
}

#[test]
fn a_ramp_removed_together_with_the_exposure_is_remembered_until_there_is_a_target() {
    let (mut world, run) = at_ten();
    world.edit(|spec| {
        spec.ramp = None;
        spec.exposure = None;
    });
    world.read(&run);
    assert_eq!(summarize(&world.status), "True Observing -");
    world.edit(|spec| spec.exposure = Some(exposure(100.0)));
    assert_eq!(raise(&mut world, &run), None);
    assert_eq!(summarize(&world.status), "False RampRemoved Stalled");
}

#[test]
fn removing_a_step_never_brings_a_raise_forward_and_a_step_at_live_says_how_long() {
    for fewer in [
        steps(&[(0.5, "1h"), (50.0, "1h")]),
        steps(&[(0.5, "1h")]),
        steps(&[(50.0, "48h")]),
    ] {
        let (mut world, run) = at_ten();
        world.edit(|spec| spec.ramp = Some(fewer));
        world.wait(DAY - 1);
        assert_eq!(raise(&mut world, &run), None);
    }
    let (mut world, run) = at_ten();
    world.edit(|spec| spec.ramp = Some(steps(&[(10.0, "72h"), (50.0, "1h")])));
    world.read(&run);
    world.edit(|spec| spec.ramp = Some(steps(&[(50.0, "1h")])));
    world.wait(3 * DAY - 1);
    assert_eq!(
        raise(&mut world, &run),
        None,
        "the hold in force was 72h when its step went"
    );
    world.wait(1);
    assert_eq!(raise(&mut world, &run), Some(exposure(50.0)));

    let (mut world, run) = at_ten();
    world.edit(|spec| spec.ramp = Some(steps(&[(10.0, "1h"), (50.0, "1h")])));
    world.wait(3600);
    assert_eq!(raise(&mut world, &run), Some(exposure(50.0)), "shortened by name");
}

#[test]
fn lowering_the_target_under_way_stops_the_ramp_below_it() {
    let (mut world, mut run) = at_ten();
    world.edit(|spec| spec.exposure = Some(exposure(30.0)));
    world.wait(DAY);
    world.converge(&mut run);
    assert_eq!(
        (run.exposure, summarize(&world.status)),
        (exposure(30.0), "True InSync -".to_owned())
    );
    // The release: raised again, the hold at 30 % is that of the longer neighbour, from when it was reached.
    world.edit(|spec| spec.exposure = Some(exposure(100.0)));
    world.converge(&mut run);
    assert_eq!(run.exposure, exposure(30.0));
    world.wait(2 * DAY);
    world.converge(&mut run);
    assert_eq!(run.exposure, exposure(50.0));
}

#[test]
fn a_target_below_live_raises_nothing_and_says_so() {
    let (mut world, run) = at_ten();
    world.edit(|spec| spec.exposure = Some(exposure(5.0)));
    let decision = world.read(&run);
    assert_eq!(
        (sends(&decision), summarize(&world.status)),
        (None, "False ExposureAboveDesired Stalled".to_owned())
    );
    assert_eq!(target(&world.status), "False ExposureAboveDesired");
    assert_eq!(world.status.ramp.as_ref().unwrap().next, None);
    world.edit(|spec| spec.exposure = Some(exposure(10.0)));
    world.read(&run);
    assert_eq!(summarize(&world.status), "True InSync -");
}

#[test]
fn a_ramp_put_onto_a_run_that_has_long_been_where_it_is_goes_on_at_once() {
    let mut world = World::new(wants(10.0));
    let mut run = live(10.0);
    world.converge(&mut run);
    world.edit(|spec| *spec = ramped(100.0, careful()));
    run.exposed_at = Some(world.now().local - jiff::SignedDuration::from_hours(25));
    assert_eq!(raise(&mut world, &run), Some(exposure(50.0)));
}

#[test]
fn an_edit_of_the_ramp_after_the_decision_is_decided_upon_anew() {
    // What the fence does on the API server: the update of a decision that no longer holds is never sent.
    let (mut world, run) = at_ten();
    world.wait(DAY);
    let due = world.read(&run);
    let (update, id) = world.fence(&due);
    world.edit(|spec| spec.exposure = Some(exposure(10.0)));
    let decision = world.see(&crate::decide::Evidence::Updated {
        update,
        id: Some(id),
        outcome: Outcome::NotSent(None),
    });
    assert_eq!(decision.next, Next::Now);
    assert_eq!(raise(&mut world, &run), None);
    assert_eq!(summarize(&world.status), "True InSync -");
}

#[test]
fn a_failed_read_leaves_where_the_ramp_stands_and_raises_nothing() {
    let (mut world, run) = at_ten();
    let before = world.status.ramp.clone();
    world.wait(DAY);
    assert_eq!(sends(&world.read_failed(FailureKind::Unavailable)), None);
    assert_eq!(world.status.ramp, before);
    let mut old = run;
    old.exposure = exposure(0.5);
    assert_eq!(sends(&world.read(&old)), None);
    assert_eq!(world.status.ramp, before, "an old answer is no evidence");
}
