//! Which transitions are worth an Event, and of which kind.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::support::*;
use crate::decide::{
    conditions::conditions,
    event::{Event, of_transition},
    findings::{Finding, Reason, Severity, Target},
};

fn conditions_of(before: &[Condition], finding: &Finding) -> Vec<Condition> {
    let now = World::new(observing()).now().wall();
    conditions(before, finding, Target::NotSeen, 1, &now)
}

/// The Event of a transition between two findings: its reason, and whether it warns.
fn event_of(before: (Reason, Severity), after: (Reason, Severity)) -> Option<(&'static str, bool)> {
    let finding = |(reason, severity)| Finding::Recorded {
        reason,
        severity,
        message: "why".to_owned(),
    };
    let (before, finding) = (conditions_of(&[], &finding(before)), finding(after));
    let after = conditions_of(&before, &finding);
    of_transition(&before, &after, &finding).map(|event| (event.reason, event.warning))
}

#[test]
fn an_end_or_a_brake_is_told_as_normal_where_nothing_is_wrong() {
    let before = (Reason::InSync, Severity::Current);
    let cases = [
        (Reason::Suspended, Severity::Current, Some(("Suspended", false))),
        (Reason::Suspended, Severity::Stalled, Some(("Suspended", false))),
        (Reason::RunDone, Severity::Current, Some(("RunDone", false))),
        (Reason::RunDone, Severity::Stalled, Some(("RunDone", true))),
        (Reason::RunDone, Severity::Unknown, None),
        (Reason::RunStopped, Severity::Stalled, Some(("RunStopped", true))),
    ];
    for (reason, severity, expected) in cases {
        assert_eq!(event_of(before, (reason, severity)), expected, "{reason} {severity:?}");
    }
}

#[test]
fn only_the_loss_of_ready_to_a_row_of_failures_is_told_of_what_passes() {
    let in_sync = (Reason::InSync, Severity::Current);
    let throttled = (Reason::Throttled, Severity::Unknown);
    assert_eq!(event_of(in_sync, throttled), Some(("Throttled", true)));
    assert_eq!(event_of((Reason::Progressing, Severity::Unknown), throttled), None);
    assert_eq!(event_of(in_sync, (Reason::Throttled, Severity::Retrying)), None);
    assert_eq!(event_of(in_sync, (Reason::Progressing, Severity::InProgress)), None);
    assert_eq!(event_of(in_sync, (Reason::OutcomeUnknown, Severity::Unknown)), None);
    let deployment = (Reason::DeploymentInProgress, Severity::InProgress);
    assert_eq!(event_of(in_sync, deployment), Some(("DeploymentInProgress", true)));
    assert_eq!(event_of(deployment, deployment), None, "once");
    let passing = (Reason::Throttled, Severity::Retrying);
    assert_eq!(
        event_of(deployment, passing),
        None,
        "Ready stays False, for another reason"
    );
    assert_eq!(event_of(deployment, throttled), Some(("Throttled", true)));
}

#[test]
fn the_first_failure_of_a_new_resource_is_not_told_and_a_stalled_reason_is() {
    let of_a_new_one = |finding: Finding| {
        let after = conditions_of(&[], &finding);
        of_transition(&[], &after, &finding).map(|event| event.reason)
    };
    assert_eq!(of_a_new_one(Finding::StaleRead { in_a_row: 3 }), None);
    assert_eq!(of_a_new_one(Finding::RunDoneDiffering), Some("RunDone"));
}

#[test]
fn the_event_of_the_brake_alone_quotes_why_it_was_pulled() {
    let event = |reason: Reason| Event::normal(reason.as_str(), "suspended".to_owned());
    for (reason, why, note) in [
        (
            Reason::Suspended,
            Some("errors rise"),
            "suspended (why: \"errors rise\")",
        ),
        (Reason::Suspended, None, "suspended"),
        (Reason::RunDone, Some("errors rise"), "suspended"),
    ] {
        assert_eq!(event(reason).quoting(why).note, note, "{reason}");
    }
}
