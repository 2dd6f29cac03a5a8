//! What can go wrong between the operator and `AppConfig`, and which row of the table each is.

use crate::api::{LastError, Reason};

use super::conditions::{PATIENCE, Row, Verdict};

/// An operation of `AppConfig` that the operator calls. There are no others (P7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Reads a run.
    GetExperimentRun,
    /// Changes a run.
    UpdateExperimentRun,
    /// Tells who ended a run.
    ListExperimentRunEvents,
}

impl Operation {
    /// Its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GetExperimentRun => "GetExperimentRun",
            Self::UpdateExperimentRun => "UpdateExperimentRun",
            Self::ListExperimentRunEvents => "ListExperimentRunEvents",
        }
    }
}

/// A call that brought no usable answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failure {
    /// What it means.
    pub kind: FailureKind,
    /// What was called.
    pub operation: Operation,
    /// AWS's error code.
    pub code: Option<String>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// What was said, where it may be shown.
    pub message: Option<String>,
    /// AWS's request ID.
    pub request_id: Option<String>,
    /// What to do about it, where that is a matter of AWS.
    pub advice: Option<&'static str>,
}

/// What a failed call means. One failure means one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// AWS limits the rate.
    Throttled,
    /// This machine's clock and AWS's differ by more than 5 minutes.
    ClockSkew,
    /// The session of the credentials has expired. They have been dropped, here and in the next two.
    CredentialsExpired,
    /// AWS does not know the access key ID.
    UnknownAccessKey,
    /// The secret is not that of the access key ID.
    WrongSecret,
    /// No credentials could be had.
    CredentialsUnavailable,
    /// AWS refused the identity or its rights.
    AccessDenied,
    /// AWS knows no such run.
    RunNotFound,
    /// The endpoint knows no experiments.
    ExperimentsUnsupported,
    /// A deployment is under way (409).
    Conflict,
    /// Another 4xx.
    Refused,
    /// No connection came about, so nothing was sent.
    Unreachable,
    /// No answer, or a 5xx.
    Unavailable,
    /// An answer that can't be used.
    UnusableAnswer,
}

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

    /// Whether AWS refused the credentials themselves, which the client has dropped: one more try may have other ones.
    #[must_use]
    pub const fn refuses_credentials(&self) -> bool {
        matches!(
            self.kind,
            FailureKind::CredentialsExpired | FailureKind::UnknownAccessKey | FailureKind::WrongSecret
        )
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
