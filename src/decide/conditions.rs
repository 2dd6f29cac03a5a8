//! From the rows of the decision table that apply to the conditions that people read.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::api::{ConditionType, Reason};

/// Failed or stale reads in a row after which Ready is Unknown, whatever it was.
pub const PATIENCE: u32 = 3;

/// One row of the decision table that applies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    /// Its reason.
    pub reason: Reason,
    /// What it makes of Ready, Reconciling and Stalled.
    pub verdict: Verdict,
    /// What happened, to what, and what to do: one sentence, the same for the same situation.
    pub message: String,
}

/// What a row makes of Ready, Reconciling and Stalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Ready False, Stalled: a person has to act.
    Stalled,
    /// Ready False, Reconciling.
    Working,
    /// Ready Unknown, Reconciling.
    Unsure,
    /// Ready as it was for this generation, else Unknown; Reconciling.
    Interrupted,
    /// Ready True.
    Settled,
}

impl Row {
    /// A row.
    #[must_use]
    pub fn new(reason: Reason, verdict: Verdict, message: impl Into<String>) -> Self {
        Self {
            reason,
            verdict,
            message: message.into(),
        }
    }

    /// The row that is told: the first that is Stalled, else the first that is Reconciling, else the first.
    #[must_use]
    pub fn told(rows: &[Self]) -> Option<&Self> {
        let rank = |row: &&Self| match row.verdict {
            Verdict::Stalled => (0, row.reason),
            Verdict::Working | Verdict::Unsure | Verdict::Interrupted => (1, row.reason),
            Verdict::Settled => (2, row.reason),
        };
        rows.iter().min_by_key(rank)
    }
}

/// Whether live exposure is the spec's target, as far as this pass knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// It is.
    Reached,
    /// Exposure isn't managed.
    NotManaged,
    /// It isn't.
    Ahead,
    /// No answer of this pass tells.
    NotSeen,
}

/// The conditions that follow from the row that is told.
#[must_use]
pub fn conditions(previous: &[Condition], row: &Row, target: Target, generation: i64, now: &Time) -> Vec<Condition> {
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
    let ready = match (row.verdict, of_generation(ConditionType::Ready)) {
        (Verdict::Settled, _) => set(ConditionType::Ready, "True", row.reason, &row.message),
        (Verdict::Stalled | Verdict::Working, _) => set(ConditionType::Ready, "False", row.reason, &row.message),
        // What was last matched stays told until there is reason for doubt.
        (Verdict::Interrupted, Some(before)) if before.status == "True" => before.clone(),
        (Verdict::Interrupted, Some(before)) => set(ConditionType::Ready, &before.status, row.reason, &row.message),
        (Verdict::Unsure | Verdict::Interrupted, _) => set(ConditionType::Ready, "Unknown", row.reason, &row.message),
    };
    let stalled = row.verdict == Verdict::Stalled;
    let reached = match (target, of_generation(ConditionType::TargetReached)) {
        (Target::Reached, _) => set(
            ConditionType::TargetReached,
            "True",
            Reason::InSync,
            "live exposure is the target",
        ),
        (Target::NotManaged, _) => set(
            ConditionType::TargetReached,
            "True",
            Reason::Observing,
            "exposure is not managed: no target is set",
        ),
        (Target::NotSeen, Some(before)) if before.status == "True" => before.clone(),
        (Target::NotSeen, Some(before)) if !stalled => before.clone(),
        (Target::NotSeen, _) if !stalled => set(ConditionType::TargetReached, "Unknown", row.reason, &row.message),
        (Target::NotSeen | Target::Ahead, _) => set(ConditionType::TargetReached, "False", row.reason, &row.message),
    };
    let third = match row.verdict {
        Verdict::Settled => None,
        Verdict::Stalled => Some(ConditionType::Stalled),
        Verdict::Working | Verdict::Unsure | Verdict::Interrupted => Some(ConditionType::Reconciling),
    };
    let third = third.map(|kind| set(kind, "True", row.reason, &row.message));
    [ready, reached].into_iter().chain(third).collect()
}

/// Whether conditions say, whole and of this generation, that Ready is not True and why.
#[must_use]
pub fn stand(conditions: &[Condition], generation: i64) -> bool {
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

/// The row of the last good read that conditions still tell, and the generation that it speaks of.
#[must_use]
pub fn standing(conditions: &[Condition]) -> Option<(i64, Vec<Row>)> {
    let ready = find(conditions, ConditionType::Ready)?;
    let reason = *Reason::ALL.iter().find(|reason| reason.as_str() == ready.reason)?;
    let verdict = match reason {
        // These tell of a read or an update that failed, not of what a good read showed.
        Reason::InvalidSpec
        | Reason::RunNotFound
        | Reason::ExperimentsUnsupported
        | Reason::AccessDenied
        | Reason::CredentialsUnavailable => return None,
        _ if find(conditions, ConditionType::Stalled).is_some() => Verdict::Stalled,
        _ if ready.status == "True" => Verdict::Settled,
        _ => return None,
    };
    Some((
        ready.observed_generation?,
        vec![Row::new(reason, verdict, ready.message.clone())],
    ))
}
