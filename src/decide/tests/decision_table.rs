//! The findings that a good read leads to.

use super::support::*;
use crate::{
    api::Member,
    decide::{
        EndedBy, Evidence, Now, Outcome, Owner, Resource, decide,
        desired::{Defaults, Desired, InvalidSpec},
        schedule::Next,
    },
    run::{FailureKind, LiveRun},
};
use std::time::Duration;

const RESYNC: Duration = Duration::from_mins(10);

fn slot(next: Next) -> bool {
    matches!(next, Next::After(wait) if wait > Duration::ZERO && wait <= RESYNC)
}

#[test]
fn row_invalid_spec_is_stalled_until_the_spec_changes() {
    let mut world = World::new(wants(10.0));
    world.read(&live(10.0));
    let before = world.status.clone();
    let defaults = Defaults {
        region: None,
        resync_interval: RESYNC,
    };
    let resource = Resource {
        uid: "uid-1",
        generation: 2,
        reconcile_requested_at: Some("now"),
        desired: Err(&InvalidSpec::NoRegion),
        status: &world.status,
        defaults: &defaults,
    };
    let now: Now = world.now();
    let decision = decide(&resource, &world.memory, &Owner::Itself, &Evidence::Nothing, &now);
    assert_eq!(summarize(&decision.status), "False InvalidSpec Stalled");
    assert_eq!(target(&decision.status), "False InvalidSpec");
    assert_eq!(
        message(&decision.status),
        "no region is known: set spec.region, or start the operator with --region"
    );
    assert_eq!((decision.update, decision.next), (None, Next::OnChange));
    assert_eq!(decision.status.exposure_percentage, before.exposure_percentage);
    assert_eq!(decision.status.observed_generation, Some(2));
    assert_eq!(decision.status.last_handled_reconcile_at.as_deref(), Some("now"));
}

#[test]
fn row_run_already_managed_names_a_neighbour_and_takes_over_when_it_goes() {
    let mut world = World::new(wants(25.0));
    world.owner = Owner::Other {
        name: Some("elder".to_owned()),
    };
    let decision = world.read(&live(10.0));
    assert_eq!(summarize(&world.status), "False RunAlreadyManaged Stalled");
    assert!(message(&world.status).contains("elder"));
    assert_eq!(sends(&decision), None);
    assert_eq!(event_reasons(&decision), ["RunAlreadyManaged"]);

    world.owner = Owner::Other { name: None };
    world.read(&live(10.0));
    assert!(message(&world.status).contains("another namespace"));

    world.owner = Owner::Itself;
    assert_eq!(sends(&world.read(&live(10.0))), Some(Member::ExposurePercentage));
}

#[test]
fn row_run_replaced_sends_nothing_and_stands_through_an_outage() {
    let mut world = World::new(wants(25.0));
    world.read(&live(25.0));
    let mut other = live(10.0);
    other.key.experiment_definition_id = "zzzzzz1".to_owned();
    let decision = world.read(&other);
    assert_eq!(summarize(&world.status), "False RunReplaced Stalled");
    assert!(message(&world.status).contains("delete and recreate this resource to manage the new run"));
    assert_eq!(sends(&decision), None);
    assert!(slot(decision.next));
    assert_eq!(world.status.experiment_definition_id.as_deref(), Some("bsxyd7k"));
    assert_eq!(
        world.status.exposure_percentage,
        Some(exposure(25.0)),
        "what was copied is of the pinned run"
    );

    let decision = world.read_failed(FailureKind::Unavailable);
    assert_eq!(summarize(&world.status), "False RunReplaced Stalled");
    assert_eq!(event_reasons(&decision), [""; 0]);
    world.read(&live(25.0));
    assert_eq!(summarize(&world.status), "True InSync -");
}

#[test]
fn row_suspended_reads_on_and_sends_nothing() {
    let mut world = World::new(wants(25.0));
    world.desired.suspend = true;
    let decision = world.read(&live(25.0));
    assert_eq!(
        (summarize(&world.status), sends(&decision)),
        ("True Suspended -".to_owned(), None)
    );
    assert_eq!(target(&world.status), "True InSync");

    world.edit(|spec| spec.exposure = Some(exposure(50.0)));
    let decision = world.read(&live(25.0));
    assert_eq!(
        (summarize(&world.status), sends(&decision)),
        ("False Suspended Stalled".to_owned(), None)
    );
    assert_eq!(target(&world.status), "False Suspended");
    assert!(message(&world.status).contains("remove spec.suspend"));
    assert!(slot(decision.next));

    world.edit(|spec| spec.suspend = false);
    assert_eq!(sends(&world.read(&live(25.0))), Some(Member::ExposurePercentage));
}

#[test]
fn row_unknown_treatment_names_the_valid_keys_and_holds_the_exposure() {
    let mut world = World::new(wants(25.0));
    world.desired.overrides = Some(overrides(&[("alice@example.com", "t9")]));
    world.desired.description = Some("second try".to_owned());
    let mut run = live(10.0);
    let decision = world.read(&run);
    assert_eq!(sends(&decision), Some(Member::Description), "the others go on");
    apply(decision.update.as_ref().unwrap(), &mut run);
    let decision = world.read(&run);
    assert_eq!(sends(&decision), None);
    assert_eq!(summarize(&world.status), "False UnknownTreatment Stalled");
    assert_eq!(target(&world.status), "False UnknownTreatment");
    let text = message(&world.status);
    assert!(text.contains("use one of c, t1"), "{text}");
    assert!(!text.contains("alice") && !text.contains("t9"), "{text}");

    run.definition.treatments.clear();
    world.read(&run);
    assert!(message(&world.status).contains("does not say which treatments"));

    run.overrides = overrides(&[("alice@example.com", "t9")]);
    touch(&mut run);
    assert_eq!(
        sends(&world.read(&run)),
        Some(Member::ExposurePercentage),
        "only while the member differs"
    );
}

#[test]
fn row_exposure_above_desired_lets_the_other_members_converge() {
    let mut world = World::new(wants(10.0));
    world.desired.description = Some("second try".to_owned());
    let mut run = live(25.0);
    assert_eq!(
        event_reasons(&world.decide(&Evidence::Read(run.clone(), EndedBy::NotAsked))),
        ["ExposureAboveDesired"]
    );
    let decision = world.converge(&mut run);
    assert_eq!(run.description, "second try");
    assert_eq!(summarize(&world.status), "False ExposureAboveDesired Stalled");
    assert_eq!(target(&world.status), "False ExposureAboveDesired");
    assert_eq!(
        message(&world.status),
        "live exposure is 25 %, desired exposure is 10 %: AppConfig cannot lower a run's exposure. To accept the live \
         exposure, set exposurePercentage to 25 or more, or remove exposurePercentage; to go back, stop the run and \
         start a new one"
    );
    assert_eq!(event_reasons(&decision), ["DescriptionUpdated"], "the row is told once");
    assert_eq!(run.exposure, exposure(25.0));

    world.edit(|spec| spec.exposure = None);
    world.read(&run);
    assert_eq!(
        (summarize(&world.status), target(&world.status)),
        ("True InSync -".to_owned(), "True Observing".to_owned())
    );
}

#[test]
fn row_progressing_first_unknown_then_false_while_an_update_is_under_way() {
    let mut world = World::new(wants(25.0));
    let decision = world.see(&Evidence::Nothing);
    assert_eq!(
        (summarize(&world.status), sends(&decision)),
        ("Unknown Progressing Reconciling".to_owned(), None)
    );
    let mut world = World::new(wants(25.0));
    let decision = world.read(&live(10.0));
    world.fence(&decision);
    assert_eq!(summarize(&decision.status), "False Progressing Reconciling");
    assert_eq!(target(&decision.status), "False Progressing");
    let pending = world.status.pending_update.clone().unwrap();
    assert_eq!((pending.id.as_str(), pending.generation), ("update-1", 1));
    assert_eq!(
        (pending.member, pending.exposure_percentage),
        (Member::ExposurePercentage, Some(exposure(25.0)))
    );
}

#[test]
fn row_in_sync_and_observing_say_what_is_managed() {
    let mut world = World::new(wants(12.5));
    let decision = world.read(&live(12.5));
    assert_eq!(
        (summarize(&world.status), target(&world.status)),
        ("True InSync -".to_owned(), "True InSync".to_owned())
    );
    assert_eq!(message(&world.status), "the run matches the spec; exposure is 12.5 %");
    assert!(slot(decision.next));

    world.edit(|spec| (spec.exposure, spec.description) = (None, Some(String::new())));
    world.read(&live(12.5));
    assert_eq!(
        message(&world.status),
        "the run matches the spec; exposure is not managed"
    );

    world.edit(|spec| spec.description = None);
    world.read(&live(12.5));
    assert_eq!(
        (summarize(&world.status), target(&world.status)),
        ("True Observing -".to_owned(), "True Observing".to_owned())
    );
    assert_eq!(
        message(&world.status),
        "the spec manages nothing; the operator only observes the run"
    );
}

#[test]
fn p3_members_go_one_by_one_and_exposure_last() {
    let mut world = World::new(wants(25.0));
    world.desired.description = Some("text".to_owned());
    world.desired.overrides = Some(overrides(&[("alice", "t1")]));
    world
        .desired
        .parameters
        .tags
        .insert("team".to_owned(), "checkout".to_owned());
    let mut run = live(0.0);
    let mut sent = Vec::new();
    let mut decision = world.read(&run);
    while let Some(update) = decision.update.clone() {
        sent.push((update.member(), update.parameters().tags.len()));
        apply(&update, &mut run);
        decision = world.send(&decision, crate::decide::Outcome::Applied(Box::new(run.clone())));
    }
    let order = [
        (Member::Description, 0),
        (Member::TreatmentOverrides, 1),
        (Member::ExposurePercentage, 1),
    ];
    assert_eq!(sent, order, "deployment parameters go with what causes a deployment");
    assert_eq!(summarize(&world.status), "True InSync -");
    assert_eq!(event_reasons(&decision), ["ExposureRaised"]);
    assert_eq!(world.status.treatment_override_count, Some(1));
}

#[test]
fn p9_a_new_generation_is_not_ready_before_a_read_of_its_own() {
    let mut world = World::new(wants(25.0));
    world.read(&live(25.0));
    world.edit(|spec| spec.exposure = Some(exposure(50.0)));
    world.read_failed(FailureKind::Unavailable);
    assert_eq!(summarize(&world.status), "Unknown ServiceUnavailable Reconciling");
    assert_eq!(target(&world.status), "Unknown ServiceUnavailable");
    assert_eq!(world.status.observed_generation, Some(2));
}

#[test]
fn p9_findings_of_an_older_generation_are_not_used_again() {
    let mut world = World::new(wants(25.0));
    world.read(&live(25.0));
    world.edit(|spec| spec.exposure = Some(exposure(50.0)));
    world.see(&Evidence::Nothing);
    assert_eq!(summarize(&world.status), "Unknown Progressing Reconciling");

    let mut world = World::new(wants(5.0));
    world.read(&live(25.0));
    world.edit(|spec| spec.exposure = Some(exposure(50.0)));
    world.read_failed(FailureKind::Unavailable);
    assert_eq!(summarize(&world.status), "Unknown ServiceUnavailable Reconciling");
}

#[test]
fn exposure_raised_by_somebody_else_is_told_once_and_by_the_owner_only() {
    let mut world = World::new(wants(50.0));
    world.desired.suspend = true;
    world.read(&live(10.0));
    let mut run = live(25.0);
    touch(&mut run);
    assert_eq!(event_reasons(&world.read(&run)), ["ExposureChangedExternally"]);
    assert_eq!(event_reasons(&world.read(&run)), [""; 0]);

    world.owner = Owner::Other { name: None };
    run.exposure = exposure(30.0);
    touch(&mut run);
    assert_eq!(event_reasons(&world.read(&run)), ["RunAlreadyManaged"]);
}

#[test]
fn what_is_updated_is_named_and_overrides_are_counted() {
    let mut world = World::new(wants(25.0));
    world.desired.description = Some("text".to_owned());
    world.desired.overrides = Some(overrides(&[("alice", "t1"), ("bob", "c")]));
    let mut run = live(5.0);
    let mut named = Vec::new();
    let mut decision = world.read(&run);
    while let Some(update) = decision.update.clone() {
        named.push(message(&decision.status).to_owned());
        apply(&update, &mut run);
        decision = world.send(&decision, Outcome::Applied(Box::new(run.clone())));
    }
    assert_eq!(named[0], "updating the description");
    assert_eq!(named.len(), 3);
    assert_eq!(world.status.treatment_override_count, Some(2));
    for (member, expected) in [
        (Member::Description, "description"),
        (Member::TreatmentOverrides, "treatment overrides"),
        (Member::ExposurePercentage, "exposure"),
    ] {
        assert_eq!(crate::decide::live::words(member), expected);
    }
}

#[test]
fn p11_an_update_is_written_in_logs_by_its_numbers_and_not_by_what_it_says() {
    let said = |desired: Desired, live: &LiveRun| {
        let decision = World::new(desired).read(live);
        format!("{:?}", decision.update.unwrap())
    };
    assert_eq!(said(wants(25.0), &live(1.0)), "Update(exposure 1 -> 25)");
    let describing = Desired {
        description: Some("secret".to_owned()),
        ..observing()
    };
    assert_eq!(said(describing, &live(1.0)), "Update(description of 6 characters)");
    let overriding = Desired {
        overrides: Some(overrides(&[("secret", "t1")])),
        ..observing()
    };
    assert_eq!(said(overriding, &live(1.0)), "Update(TreatmentOverrides(1 entities))");
}
