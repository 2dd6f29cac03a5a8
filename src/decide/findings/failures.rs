//! Which failed call is which finding. One error is one finding.

use crate::{
    api::LastError,
    run::{Failure, FailureKind, Operation},
};

use super::Finding;

/// A call that failed for a cause that passes by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedCall {
    /// The error as the status records it: its words stay the same while it repeats.
    pub error: LastError,
    /// How many reads in a row have failed or were stale by then. 0 when it is another call that failed.
    pub in_a_row: u32,
}

impl Finding {
    /// The finding that a failed call is. `error` is the status's own record of it; `in_a_row` counts the reads in a row that
    /// have failed or were stale.
    #[must_use]
    pub fn of_failure(failure: &Failure, error: LastError, in_a_row: u32) -> Self {
        let advice = failure.advice;
        let passing = |error| FailedCall { error, in_a_row };
        match failure.kind {
            FailureKind::RunNotFound => Self::RunNotFound(error),
            FailureKind::ExperimentsUnsupported => Self::ExperimentsUnsupported(error),
            FailureKind::AccessDenied => Self::AccessDenied { error, advice },
            FailureKind::CredentialsUnavailable => Self::CredentialsUnavailable(error),
            FailureKind::CredentialsExpired => Self::CredentialsExpired(error),
            FailureKind::UnknownAccessKey => Self::UnknownAccessKey(error),
            FailureKind::WrongSecret => Self::WrongSecret(error),
            FailureKind::Conflict if failure.operation == Operation::UpdateExperimentRun => {
                Self::DeploymentInProgress(error)
            }
            FailureKind::Throttled => Self::Throttled(passing(error)),
            FailureKind::ClockSkew => Self::ClockSkew(passing(error)),
            FailureKind::Unreachable => Self::Unreachable(passing(error)),
            FailureKind::Unavailable => Self::ServiceUnavailable(passing(error)),
            // A refused update is confirmed by a read before it is a finding; a refused read tells nothing of the run.
            FailureKind::Conflict | FailureKind::Refused | FailureKind::UnusableAnswer => {
                Self::UnusableAnswer(passing(error))
            }
        }
    }
}
