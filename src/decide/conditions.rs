//! From the most severe finding to the conditions that people read.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::api::ConditionType;

use super::findings::{Finding, Reason, Severity, Target};

/// The conditions that follow from the most severe finding.
#[must_use]
pub fn conditions(
    previous: &[Condition],
    finding: &Finding,
    target: Target,
    generation: i64,
    now: &Time,
) -> Vec<Condition> {
    let (reason, severity, message) = (finding.reason(), finding.severity(), finding.message());
    let set = |kind: ConditionType, status: &str, reason: Reason, message: &str| {
        let since = find(previous, kind).filter(|condition| condition.status == status);
        Condition {
            type_: kind.as_str().to_owned(),
            status: status.to_owned(),
            reason: reason.to_string(),
            message: message.to_owned(),
            observed_generation: Some(generation),
            last_transition_time: since.map_or_else(|| now.clone(), |condition| condition.last_transition_time.clone()),
        }
    };
    let of_generation =
        |kind| find(previous, kind).filter(|condition| condition.observed_generation == Some(generation));
    let set_ready = |status: &str| set(ConditionType::Ready, status, reason, &message);
    let ready = match (severity, of_generation(ConditionType::Ready)) {
        (Severity::Current, _) => set_ready("True"),
        (Severity::Stalled | Severity::InProgress, _) => set_ready("False"),
        // What was last matched stays told until there is reason for doubt.
        (Severity::Retrying, Some(before)) if before.status == "True" => before.clone(),
        (Severity::Retrying, Some(before)) => set_ready(&before.status),
        (Severity::Unknown | Severity::Retrying, _) => set_ready("Unknown"),
    };
    let stalled = severity == Severity::Stalled;
    let set_reached = |status: &str| set(ConditionType::TargetReached, status, reason, &message);
    let reached = match (target.reached(), target, of_generation(ConditionType::TargetReached)) {
        (Some((reason, message)), ..) => set(ConditionType::TargetReached, "True", reason, message),
        (None, Target::NotSeen, Some(before)) if before.status == "True" || !stalled => before.clone(),
        (None, Target::NotSeen, None) if !stalled => set_reached("Unknown"),
        (None, ..) => set_reached("False"),
    };
    let third = match severity {
        Severity::Current => None,
        Severity::Stalled => Some(ConditionType::Stalled),
        Severity::InProgress | Severity::Unknown | Severity::Retrying => Some(ConditionType::Reconciling),
    };
    let third = third.map(|kind| set(kind, "True", reason, &message));
    [ready, reached].into_iter().chain(third).collect()
}

/// Whether conditions say, whole and of this generation, that Ready is not True and why.
#[must_use]
pub fn can_be_reused(conditions: &[Condition], generation: i64) -> bool {
    let [ready, reached, third] = conditions else {
        return false;
    };
    let third_is = |kind: ConditionType| third.type_ == kind.as_str() && third.status == "True";
    ready.type_ == ConditionType::Ready.as_str()
        && ready.status != "True"
        && reached.type_ == ConditionType::TargetReached.as_str()
        && (third_is(ConditionType::Stalled) || third_is(ConditionType::Reconciling))
        && conditions
            .iter()
            .all(|condition| condition.observed_generation == Some(generation))
}

/// A condition by its type.
#[must_use]
pub fn find(conditions: &[Condition], kind: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|condition| condition.type_ == kind.as_str())
}

/// What conditions tell of the last good read, and the generation that it is of. `None` when they tell of no good read.
#[must_use]
pub fn recorded(conditions: &[Condition]) -> Option<(i64, Vec<Finding>)> {
    let ready = find(conditions, ConditionType::Ready)?;
    let reason = Reason::named(&ready.reason).filter(|reason| reason.is_of_a_good_read())?;
    let severity = if find(conditions, ConditionType::Stalled).is_some() {
        Severity::Stalled
    } else if ready.status == "True" {
        Severity::Current
    } else {
        return None;
    };
    let finding = Finding::Recorded {
        reason,
        severity,
        message: ready.message.clone(),
    };
    Some((ready.observed_generation?, vec![finding]))
}
