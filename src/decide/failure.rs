//! Which row of the table each failure is. What a failure *is* stands in [`crate::run`].

use crate::{
    api::{LastError, Reason},
    run::{Failure, FailureKind, Operation},
};

use super::conditions::{PATIENCE, Row, Verdict};

impl Failure {
    /// The row of the table that this failure is. `error` is the status's own record of it, whose words stay the same while
    /// it repeats; `failures` counts the failed or stale reads in a row.
    #[must_use]
    pub fn row(&self, error: &LastError, failures: u32) -> Row {
        let what = told(error);
        let (reason, advice) = match self.kind {
            FailureKind::RunNotFound => (
                Reason::RunNotFound,
                "check applicationIdentifier, experimentDefinitionIdentifier, run and region, or start the run",
            ),
            FailureKind::ExperimentsUnsupported => (
                Reason::ExperimentsUnsupported,
                "this endpoint or region does not offer experiments: check the region",
            ),
            FailureKind::AccessDenied => (
                Reason::AccessDenied,
                self.advice.unwrap_or("allow the operator's IAM role this operation"),
            ),
            FailureKind::CredentialsExpired => (
                Reason::CredentialsUnavailable,
                "the session of the operator's credentials has expired and no new one was to be had: check where they \
                 come from",
            ),
            FailureKind::UnknownAccessKey => (
                Reason::CredentialsUnavailable,
                "AWS does not know the operator's access key ID: it was deleted, is not active, or is of another \
                 partition",
            ),
            FailureKind::WrongSecret => (
                Reason::CredentialsUnavailable,
                "the operator's secret access key is not that of its access key ID: set both anew",
            ),
            FailureKind::CredentialsUnavailable => (
                Reason::CredentialsUnavailable,
                "give the operator's service account an IAM role, and check its trust",
            ),
            FailureKind::Conflict if self.operation == Operation::UpdateExperimentRun => (
                Reason::DeploymentInProgress,
                "a deployment is under way in the run's environment; waiting for its end",
            ),
            FailureKind::Throttled => (Reason::Throttled, "AWS limits the rate of requests; trying again"),
            FailureKind::ClockSkew => (
                Reason::ClockSkew,
                "this machine's clock and AWS's differ by more than 5 minutes: set the clock",
            ),
            FailureKind::Unreachable if failures >= PATIENCE => (
                Reason::ServiceUnavailable,
                "the region may not exist: check it, and the operator's way to AWS; trying again",
            ),
            FailureKind::Unreachable | FailureKind::Unavailable => (Reason::ServiceUnavailable, "trying again"),
            // A refused update is confirmed by a read before it is told; a refused read tells nothing of the run.
            FailureKind::Conflict | FailureKind::Refused | FailureKind::UnusableAnswer => {
                (Reason::UnusableAnswer, "nothing is done with it; trying again")
            }
        };
        let verdict = match reason {
            Reason::DeploymentInProgress => Verdict::Working,
            Reason::RunNotFound
            | Reason::ExperimentsUnsupported
            | Reason::AccessDenied
            | Reason::CredentialsUnavailable => Verdict::Stalled,
            _ if failures >= PATIENCE => Verdict::Unsure,
            _ => Verdict::Interrupted,
        };
        Row::new(reason, verdict, format!("{what}; {advice}"))
    }

    /// Whether another record tells of the same error.
    #[must_use]
    pub fn repeats(&self, error: &LastError) -> bool {
        error.operation == self.operation.as_str()
            && error.code == self.code
            && error.status_code == self.status.map(i32::from)
    }
}

/// One error in words: what was called, and what came of it.
#[must_use]
pub fn told(error: &LastError) -> String {
    let how = match (&error.code, error.status_code) {
        (Some(code), Some(status)) => format!("was answered {status} {code}"),
        (Some(code), None) => format!("failed with {code}"),
        (None, Some(status)) => format!("was answered {status}"),
        (None, None) => "brought no answer".to_owned(),
    };
    let message = error
        .message
        .as_deref()
        .map(|message| format!(": {}", message.trim_end_matches('.')));
    format!("{} {how}{}", error.operation, message.unwrap_or_default())
}
