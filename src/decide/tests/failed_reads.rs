//! What conditions go on to tell when a pass saw nothing of the run: after a failed read, a restart, or no call at all.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::support::*;
use crate::{
    api::{ConditionType, Member},
    decide::{
        Evidence, Outcome,
        conditions::{can_be_reused, conditions},
        findings::{Finding, Reason, Severity, Target},
    },
    run::FailureKind,
};

/// What is told after a restart and a read that fails for a reason that passes.
fn after_restart_and_failed_read(mut world: World) -> String {
    world.restart();
    world.read_failed(FailureKind::Throttled);
    summarize(&world.status)
}

/// What is told after a restart and a pass that could make no call.
fn after_restart_and_no_call(mut world: World) -> String {
    world.restart();
    world.see(&Evidence::Nothing);
    summarize(&world.status)
}

fn above_desired() -> World {
    let mut world = World::new(wants(5.0));
    world.read(&live(25.0));
    world
}

fn in_sync() -> World {
    let mut world = World::new(wants(25.0));
    world.read(&live(25.0));
    world
}

/// A deployment is under way, which is no finding of a read.
fn waiting() -> World {
    let mut world = World::new(wants(25.0));
    let decision = world.read(&live(5.0));
    world.send(&decision, Outcome::Refused(update_failure(FailureKind::Conflict)));
    assert_eq!(summarize(&world.status), "False DeploymentInProgress Reconciling");
    world
}

#[test]
fn p6_what_a_good_read_showed_stands_after_a_restart_and_a_failed_read() {
    let stalled = "False ExposureAboveDesired Stalled";
    assert_eq!(after_restart_and_failed_read(above_desired()), stalled);
    assert_eq!(after_restart_and_no_call(above_desired()), stalled);
    assert_eq!(after_restart_and_failed_read(in_sync()), "True InSync Reconciling");
    assert_eq!(after_restart_and_no_call(in_sync()), "True InSync -");
}

#[test]
fn p6_what_no_good_read_showed_does_not_stand() {
    for kind in [
        FailureKind::RunNotFound,
        FailureKind::ExperimentsUnsupported,
        FailureKind::AccessDenied,
        FailureKind::CredentialsUnavailable,
    ] {
        let mut world = in_sync();
        world.read_failed(kind);
        assert!(summarize(&world.status).ends_with("Stalled"), "{kind:?}");
        assert_eq!(
            after_restart_and_failed_read(world),
            "False Throttled Reconciling",
            "{kind:?}"
        );
    }
    assert_eq!(after_restart_and_failed_read(waiting()), "False Throttled Reconciling");
    assert_eq!(after_restart_and_no_call(waiting()), "Unknown Progressing Reconciling");
}

#[test]
fn p9_what_was_shown_of_another_generation_does_not_stand() {
    for mut world in [above_desired(), in_sync()] {
        world.edit(|spec| spec.exposure = Some(exposure(50.0)));
        assert_eq!(after_restart_and_failed_read(world), "Unknown Throttled Reconciling");
    }
}

#[test]
fn the_target_is_told_as_it_was_last_seen_unless_it_can_not_be_reached_any_more() {
    let now = World::new(observing()).now().wall();
    let target_after = |before: &[Condition], severity| {
        let finding = Finding::Recorded {
            reason: Reason::AccessDenied,
            severity,
            message: "why".to_owned(),
        };
        let after = conditions(before, &finding, Target::NotSeen, 1, &now);
        format!("{} {}", after[1].status, after[1].reason)
    };
    let seen = |target| conditions(&[], &Finding::Updating(Member::Description), target, 1, &now);
    let (reached, ahead) = (seen(Target::Reached), seen(Target::Ahead));
    assert_eq!(target_after(&reached, Severity::Stalled), "True InSync");
    assert_eq!(target_after(&reached, Severity::Retrying), "True InSync");
    assert_eq!(target_after(&ahead, Severity::Retrying), "False Progressing");
    assert_eq!(target_after(&ahead, Severity::Stalled), "False AccessDenied");
    assert_eq!(target_after(&[], Severity::Retrying), "Unknown AccessDenied");
    assert_eq!(target_after(&[], Severity::Stalled), "False AccessDenied");
}

#[test]
fn conditions_are_reused_only_whole_of_this_generation_and_with_a_reason_why_ready_is_not_true() {
    let whole = above_desired().status.conditions;
    let with = |change: &dyn Fn(&mut Vec<Condition>)| {
        let mut conditions = whole.clone();
        change(&mut conditions);
        can_be_reused(&conditions, 1)
    };
    assert!(with(&|_| {}));
    assert!(with(&|it| it[2].type_ = ConditionType::Reconciling.as_str().to_owned()));
    assert!(!can_be_reused(&whole, 2));
    assert!(!with(&|it| it.truncate(2)));
    assert!(!with(&|it| it[0].type_ = "Other".to_owned()));
    assert!(!with(&|it| it[0].status = "True".to_owned()));
    assert!(!with(&|it| it[1].type_ = "Other".to_owned()));
    assert!(!with(&|it| it[2].type_ = "Other".to_owned()));
    assert!(!with(&|it| it[2].status = "False".to_owned()));
    for place in 0..3 {
        assert!(!with(&|it| it[place].observed_generation = None), "{place}");
    }
}

#[test]
fn p9_a_read_that_differs_while_an_update_is_unsettled_leaves_nothing_in_sync_behind() {
    let mut world = World::new(wants(25.0));
    let decision = world.read(&live(5.0));
    world.send(&decision, Outcome::Unknown(update_failure(FailureKind::Unavailable)));
    world.read(&live(5.0));
    assert_eq!(world.memory.last_findings, Some((1, vec![])));
}
