//! What is not sent again: refused updates and those without effect.

use super::support::*;
use crate::{
    api::Member,
    decide::{Outcome, schedule::Next},
    run::FailureKind,
};

fn refused() -> Outcome {
    Outcome::Refused(update_failure(FailureKind::Refused))
}

/// Refused once, and read again.
fn rejected() -> World {
    let mut world = World::new(wants(25.0));
    let decision = world.read(&live(10.0));
    let decision = world.send(&decision, refused());
    assert_eq!(decision.next, Next::Now, "a fresh read comes first");
    assert_eq!(summarize(&world.status), "False Progressing Reconciling");
    assert_eq!(sends(&world.read(&live(10.0))), None);
    world
}

#[test]
fn row_update_rejected_is_told_after_a_fresh_read_leads_to_the_same_update() {
    let world = rejected();
    assert_eq!(summarize(&world.status), "False UpdateRejected Stalled");
    assert_eq!(held(&world), [(Member::ExposurePercentage, "UpdateRejected")]);
    let text = message(&world.status);
    assert!(
        text.contains("returned 400 BadRequestException: what AWS said"),
        "{text}"
    );
    assert_eq!(
        world.status.last_error.as_ref().unwrap().operation,
        "UpdateExperimentRun"
    );
}

#[test]
fn p12_a_rejected_update_is_tried_once_an_hour_without_flapping_and_heals() {
    let mut world = rejected();
    world.wait(3599);
    assert_eq!(sends(&world.read(&live(10.0))), None);
    world.wait(1);
    let decision = world.read(&live(10.0));
    assert_eq!(sends(&decision), Some(Member::ExposurePercentage));
    assert_eq!(
        summarize(&decision.status),
        "False UpdateRejected Stalled",
        "the fence leaves the reason"
    );
    let decision = world.send(&decision, refused());
    assert_eq!(
        (summarize(&world.status).as_str(), event_reasons(&decision).len()),
        ("False UpdateRejected Stalled", 0)
    );
    let decision = world.read(&live(10.0));
    assert_eq!((sends(&decision), event_reasons(&decision).len()), (None, 0));
    world.wait(3600);
    let mut run = live(10.0);
    world.converge(&mut run);
    assert_eq!(summarize(&world.status), "True InSync -");
    assert_eq!((&world.status.last_error, held(&world).len()), (&None, 0));
}

#[test]
fn p12_a_restart_tries_a_rejected_update_no_sooner() {
    let mut world = rejected();
    world.restart();
    assert_eq!(sends(&world.read(&live(10.0))), None);
    assert_eq!(summarize(&world.status), "False UpdateRejected Stalled");
}

#[test]
fn p12_a_crash_between_refusal_and_fresh_read_tries_it_no_sooner() {
    let mut world = World::new(wants(25.0));
    let decision = world.read(&live(10.0));
    world.send(&decision, refused());
    world.restart();
    assert_eq!(sends(&world.read(&live(10.0))), None);
    assert_eq!(summarize(&world.status), "False UpdateRejected Stalled");
}

#[test]
fn p12_a_rejected_update_is_tried_again_when_spec_or_run_changed() {
    let mut world = rejected();
    world.edit(|spec| spec.parameters.tags = [("team".to_owned(), "cart".to_owned())].into());
    assert_eq!(sends(&world.read(&live(10.0))), Some(Member::ExposurePercentage));

    let mut world = rejected();
    let mut run = live(10.0);
    touch(&mut run);
    assert_eq!(sends(&world.read(&run)), Some(Member::ExposurePercentage));
}

#[test]
fn a_refusal_after_which_the_read_leads_elsewhere_holds_nothing() {
    let mut world = World::new(wants(25.0));
    let decision = world.read(&live(10.0));
    world.send(&decision, refused());
    let decision = world.read(&live(20.0));
    assert_eq!(
        sends(&decision),
        Some(Member::ExposurePercentage),
        "from 20, not from 10"
    );
    assert_eq!(world.memory.held, []);

    let mut world = World::new(wants(25.0));
    let decision = world.read(&live(10.0));
    world.send(&decision, refused());
    world.read(&live(25.0));
    assert_eq!(
        (summarize(&world.status).as_str(), &world.status.last_error),
        ("True InSync -", &None)
    );
}

#[test]
fn a_stale_read_is_no_fresh_read() {
    let mut world = World::new(wants(25.0));
    let mut run = live(10.0);
    touch(&mut run);
    let decision = world.read(&run);
    world.send(&decision, refused());
    world.read(&live(10.0));
    assert_eq!(summarize(&world.status), "False StaleRead Reconciling");
    world.read(&run);
    assert_eq!(summarize(&world.status), "False UpdateRejected Stalled");
}

#[test]
fn a_hold_that_somebody_dated_far_ahead_does_not_last() {
    let mut world = rejected();
    let far = jiff::Timestamp::from_second(START + 86_400 * 365).unwrap();
    world.status.held_updates[0].at = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(far);
    world.restart();
    assert_eq!(sends(&world.read(&live(10.0))), Some(Member::ExposurePercentage));
}

#[test]
fn a_rejected_description_holds_the_exposure_but_not_the_other_way_round() {
    let mut world = World::new(wants(25.0));
    world.desired.description = Some("text".to_owned());
    let decision = world.read(&live(10.0));
    world.send(&decision, refused());
    assert_eq!(sends(&world.read(&live(10.0))), None);
    assert_eq!(summarize(&world.status), "False UpdateRejected Stalled");

    let mut world = rejected();
    world.desired.description = Some("text".to_owned());
    assert_eq!(sends(&world.read(&live(10.0))), Some(Member::Description));
}

#[test]
fn row_update_ineffective_is_held_until_generation_or_updated_at_changes() {
    let mut world = World::new(wants(25.0));
    world.desired.overrides = Some(overrides(&[("alice", "t1")]));
    let mut run = live(10.0);
    let decision = world.read(&run);
    run.overrides = overrides(&[("alice", "t1"), ("bob", "c")]);
    touch(&mut run);
    let decision = world.send(&decision, Outcome::Applied(Box::new(run.clone())));
    assert_eq!(summarize(&world.status), "False UpdateIneffective Stalled");
    assert_eq!(held(&world), [(Member::TreatmentOverrides, "UpdateIneffective")]);
    assert!(message(&world.status).contains("remove this field from the spec to raise exposure without it"));
    assert_eq!(
        event_reasons(&decision),
        ["UpdateIneffective"],
        "what was not done is not announced"
    );
    world.wait(7200);
    assert_eq!(sends(&world.read(&run)), None);
    world.restart();
    assert_eq!(sends(&world.read(&run)), None);

    let (status, memory) = (world.status.clone(), world.memory.clone());
    touch(&mut run);
    assert_eq!(sends(&world.read(&run)), Some(Member::TreatmentOverrides));
    (world.status, world.memory) = (status, memory);
    world.edit(|spec| spec.overrides = None);
    assert_eq!(sends(&world.read(&run)), Some(Member::ExposurePercentage));
}

#[test]
fn p12_two_members_without_effect_do_not_release_each_other() {
    let mut world = World::new(observing());
    world.desired.description = Some("text".to_owned());
    world.desired.overrides = Some(overrides(&[("alice", "t1")]));
    let mut run = live(10.0);
    let mut sent = 0;
    let mut decision = world.read(&run);
    while decision.update.is_some() && sent < 10 {
        sent += 1;
        touch(&mut run);
        decision = world.send(&decision, Outcome::Applied(Box::new(run.clone())));
    }
    assert_eq!(sent, 2, "one try each");
    assert_eq!(held(&world).len(), 2);
}

#[test]
fn a_raise_that_somebody_overtook_is_not_ineffective() {
    let mut world = World::new(wants(25.0));
    let decision = world.read(&live(10.0));
    let mut run = live(30.0);
    touch(&mut run);
    let decision = world.send(&decision, Outcome::Applied(Box::new(run)));
    assert_eq!(summarize(&world.status), "False ExposureAboveDesired Stalled");
    assert_eq!(
        (event_reasons(&decision), held(&world).len()),
        (vec!["ExposureRaised", "ExposureAboveDesired"], 0)
    );
}

#[test]
fn row_update_ineffective_of_an_exposure_does_not_advise_to_move_exposure_without_it() {
    let mut world = World::new(wants(25.0));
    let mut run = live(10.0);
    let decision = world.read(&run);
    touch(&mut run);
    world.send(&decision, Outcome::Applied(Box::new(run)));
    assert_eq!(summarize(&world.status), "False UpdateIneffective Stalled");
    assert!(message(&world.status).contains("the operator sends it again when the spec or the run changes"));
}

#[test]
fn p12_a_rejected_member_is_tried_again_after_another_member_has_changed_the_run() {
    let mut world = World::new(observing());
    world.desired.description = Some("text".to_owned());
    world.desired.overrides = Some(overrides(&[("alice", "t1")]));
    let mut run = live(10.0);
    let decision = world.read(&run);
    world.send(&decision, refused());
    let decision = world.read(&run);
    assert_eq!(sends(&decision), Some(Member::TreatmentOverrides));
    apply(decision.update.as_ref().unwrap(), &mut run);
    let decision = world.send(&decision, Outcome::Applied(Box::new(run)));
    assert_eq!(
        sends(&decision),
        Some(Member::Description),
        "the run is another one now"
    );
}
