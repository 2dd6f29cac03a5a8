//! Which transitions are worth an Event, and of which kind.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::support::*;
use crate::{
    api::Reason,
    decide::{
        conditions::{Row, Target, Verdict, conditions},
        notice::of_transition,
    },
};

fn conditions_of(before: &[Condition], reason: Reason, verdict: Verdict) -> Vec<Condition> {
    let now = World::new(observing()).now().wall();
    conditions(before, &Row::new(reason, verdict, "why"), Target::NotSeen, 1, &now)
}

/// What is told of a transition between two rows.
fn told_of(before: (Reason, Verdict), after: (Reason, Verdict)) -> Option<(&'static str, bool)> {
    let before = conditions_of(&[], before.0, before.1);
    let after = conditions_of(&before, after.0, after.1);
    of_transition(&before, &after).map(|notice| (notice.reason, notice.warning))
}

#[test]
fn an_end_or_a_brake_is_told_as_normal_where_nothing_is_wrong() {
    let before = (Reason::InSync, Verdict::Settled);
    let cases = [
        (Reason::Suspended, Verdict::Settled, Some(("Suspended", false))),
        (Reason::Suspended, Verdict::Stalled, Some(("Suspended", false))),
        (Reason::RunDone, Verdict::Settled, Some(("RunDone", false))),
        (Reason::RunDone, Verdict::Stalled, Some(("RunDone", true))),
        (Reason::RunDone, Verdict::Unsure, None),
        (Reason::RunStopped, Verdict::Stalled, Some(("RunStopped", true))),
    ];
    for (reason, verdict, expected) in cases {
        assert_eq!(told_of(before, (reason, verdict)), expected, "{reason} {verdict:?}");
    }
}

#[test]
fn only_the_loss_of_ready_to_a_row_of_failures_is_told_of_what_passes() {
    let in_sync = (Reason::InSync, Verdict::Settled);
    let throttled = (Reason::Throttled, Verdict::Unsure);
    assert_eq!(told_of(in_sync, throttled), Some(("Throttled", true)));
    assert_eq!(told_of((Reason::Progressing, Verdict::Unsure), throttled), None);
    assert_eq!(told_of(in_sync, (Reason::Throttled, Verdict::Interrupted)), None);
    assert_eq!(told_of(in_sync, (Reason::Progressing, Verdict::Working)), None);
    assert_eq!(told_of(in_sync, (Reason::OutcomeUnknown, Verdict::Unsure)), None);
    let deployment = (Reason::DeploymentInProgress, Verdict::Working);
    assert_eq!(told_of(in_sync, deployment), Some(("DeploymentInProgress", true)));
    assert_eq!(told_of(deployment, deployment), None, "once");
}
