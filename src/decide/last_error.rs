//! The last failed call of a resource, as its status records it: until a call of the same kind succeeds.

use crate::{
    api::LastError,
    run::{Failure, Operation},
};

use super::{EndedBy, Evidence, Now, Outcome, Situation, observation::Observation};

/// The error that the status records once the calls of this pass count.
pub(super) fn after(situation: &Situation<'_>, observation: &Observation<'_>) -> Option<LastError> {
    let (before, now) = (situation.resource.status.last_error.clone(), situation.now);
    match situation.evidence {
        Evidence::Nothing => before,
        Evidence::ReadFailed(failure) => Some(record(before, failure, now)),
        Evidence::Read(..) => {
            let before = without(before, Operation::GetExperimentRun);
            match observation {
                Observation::Usable {
                    ended_by: EndedBy::Event(_),
                    ..
                } => without(before, Operation::ListExperimentRunEvents),
                Observation::Usable {
                    ended_by: EndedBy::Unreadable(failure),
                    ..
                } => Some(record(before, failure, now)),
                _ => before,
            }
        }
        Evidence::Updated { outcome, .. } => match outcome {
            Outcome::Applied(_) if matches!(observation, Observation::Missing) => before,
            Outcome::Applied(_) => without(before, Operation::UpdateExperimentRun),
            Outcome::NotSent(None) => before,
            Outcome::Refused(failure) | Outcome::Unknown(failure) | Outcome::NotSent(Some(failure)) => {
                Some(record(before, failure, now))
            }
        },
    }
}

/// An error, unless it is one of this operation.
pub(super) fn without(error: Option<LastError>, operation: Operation) -> Option<LastError> {
    error.filter(|error| error.operation != operation.as_str())
}

/// A failure as it was first seen: a repeat changes nothing.
pub(super) fn record(before: Option<LastError>, failure: &Failure, now: &Now) -> LastError {
    before
        .filter(|error| failure.repeats(error))
        .unwrap_or_else(|| LastError {
            operation: failure.operation.as_str().to_owned(),
            code: failure.code.clone(),
            status_code: failure.status.map(i32::from),
            message: failure.message.clone(),
            request_id: failure.request_id.clone(),
            at: now.wall(),
        })
}
