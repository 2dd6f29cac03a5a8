//! [`Failure`]: what can go wrong between the operator and `AppConfig`, and what an update's failure says about the run.

use std::fmt;

use jiff::Timestamp;

use crate::api::LastError;

/// The operations of the `AppConfig` API that are ever called. There are no others (P7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Reads a run.
    GetExperimentRun,
    /// Reads what happened to a run: who ended it, and since when an exposure is live.
    ListExperimentRunEvents,
    /// Changes a run.
    UpdateExperimentRun,
}

impl Operation {
    /// The operation's name in the AWS API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GetExperimentRun => "GetExperimentRun",
            Self::ListExperimentRunEvents => "ListExperimentRunEvents",
            Self::UpdateExperimentRun => "UpdateExperimentRun",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What a failed call means. One failure means one thing: a throttling code, then a skewed clock, then refused
/// credentials, then the HTTP status decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// AWS limits the rate: HTTP 429, or a throttling code with any status.
    Throttled,
    /// A 403 whose `Date` is more than 5 minutes from this machine's clock.
    ClockSkew,
    /// The session of the credentials has expired (`ExpiredTokenException`). They have been dropped, here and in the next
    /// two kinds: the next request asks the credential chain, built anew, for new ones.
    CredentialsExpired,
    /// AWS does not know the access key ID, or it is not active (`UnrecognizedClientException`).
    UnknownAccessKey,
    /// AWS knows the access key ID, and the secret is another one (`InvalidSignatureException`).
    WrongSecret,
    /// There are no usable credentials; nothing was sent.
    CredentialsUnavailable,
    /// 401 or 403 otherwise: AWS refused the identity or its rights.
    AccessDenied,
    /// 404 with `ResourceNotFoundException`: there is no such run.
    RunNotFound,
    /// Any other 404: the endpoint does not know experiments, or is not `AppConfig`.
    ExperimentsUnsupported,
    /// 409 on an update: most likely a deployment is under way in the environment.
    Conflict,
    /// Any other 4xx on an update, except 408.
    Refused,
    /// No connection came about: the host could not be resolved or reached. Nothing was sent.
    Unreachable,
    /// 5xx, 408, a timeout, a connection that was dropped.
    Unavailable,
    /// An answer that can't be understood: an unparsable 2xx, 3xx, any other 4xx on a read.
    UnusableAnswer,
}

impl FailureKind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::Throttled,
        Self::ClockSkew,
        Self::CredentialsExpired,
        Self::UnknownAccessKey,
        Self::WrongSecret,
        Self::CredentialsUnavailable,
        Self::AccessDenied,
        Self::RunNotFound,
        Self::ExperimentsUnsupported,
        Self::Conflict,
        Self::Refused,
        Self::Unreachable,
        Self::Unavailable,
        Self::UnusableAnswer,
    ];

    /// The kind's name: one of a fixed set, fit for a metric's label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "Throttled",
            Self::ClockSkew => "ClockSkew",
            Self::CredentialsExpired => "CredentialsExpired",
            Self::UnknownAccessKey => "UnknownAccessKey",
            Self::WrongSecret => "WrongSecret",
            Self::CredentialsUnavailable => "CredentialsUnavailable",
            Self::AccessDenied => "AccessDenied",
            Self::RunNotFound => "RunNotFound",
            // The label that dashboards and alerts name since the first version.
            Self::ExperimentsUnsupported => "Unsupported404",
            Self::Conflict => "Conflict",
            Self::Refused => "Refused",
            Self::Unreachable => "Unreachable",
            Self::Unavailable => "Unavailable",
            Self::UnusableAnswer => "UnusableAnswer",
        }
    }

    /// Whether AWS refused the credentials themselves, whatever they may do: other ones may be there by now.
    #[must_use]
    pub const fn refuses_credentials(self) -> bool {
        matches!(
            self,
            Self::CredentialsExpired | Self::UnknownAccessKey | Self::WrongSecret
        )
    }
}

/// A call that did not lead to a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub struct Failure {
    /// What it means.
    pub kind: FailureKind,
    /// What was called.
    pub operation: Operation,
    /// AWS's error code, such as `BadRequestException`: up to 128 letters, digits, `.`, `_` and `-`.
    pub code: Option<String>,
    /// The HTTP status. `None` when there was no answer.
    pub status: Option<u16>,
    /// What went wrong, up to [`Failure::MAX_MESSAGE_CHARACTERS`] characters on one line. AWS's own text, except when the
    /// request carried overrides or deployment parameters, which that text could echo: then `None`.
    pub message: Option<String>,
    /// AWS's request ID, up to 128 characters.
    pub request_id: Option<String>,
    /// The answer's `Date` header.
    pub date: Option<Timestamp>,
    /// Which rights in AWS to check. `None` when it isn't a matter of rights.
    pub advice: Option<&'static str>,
}

impl Failure {
    /// The longest message that is kept, in characters.
    pub const MAX_MESSAGE_CHARACTERS: usize = 1024;

    /// A failure without an answer. The message is cut where it is too long.
    #[must_use]
    pub fn without_answer(operation: Operation, kind: FailureKind, message: &str) -> Self {
        Self {
            kind,
            operation,
            code: None,
            status: None,
            message: Some(one_line(message, Self::MAX_MESSAGE_CHARACTERS)),
            request_id: None,
            date: None,
            advice: None,
        }
    }

    /// Whether a status's record tells of the same failure: the operation, the code and the HTTP status are the same.
    #[must_use]
    pub fn repeats(&self, error: &LastError) -> bool {
        error.operation == self.operation.as_str()
            && error.code == self.code
            && error.status_code == self.status.map(i32::from)
    }
}

impl fmt::Display for Failure {
    /// One sentence, the same for each try that fails in the same way: so it has no request ID.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, operation, .. } = self;
        match kind {
            FailureKind::Throttled => write!(formatter, "AWS limits the rate of {operation}")?,
            FailureKind::ClockSkew => {
                write!(
                    formatter,
                    "AWS refused {operation}, and this machine's clock and AWS's clock differ by more than 5 minutes"
                )?;
            }
            FailureKind::CredentialsExpired => write!(formatter, "the AWS credentials for {operation} have expired")?,
            FailureKind::UnknownAccessKey => write!(
                formatter,
                "AWS does not know the access key ID used for \
                                                                {operation}"
            )?,
            FailureKind::WrongSecret => write!(
                formatter,
                "the secret access key used for {operation} does not match \
                                                           its access key ID"
            )?,
            FailureKind::CredentialsUnavailable => write!(formatter, "there are no AWS credentials for {operation}")?,
            FailureKind::AccessDenied => write!(formatter, "AWS denied {operation}")?,
            FailureKind::RunNotFound => write!(formatter, "{operation} found no such run")?,
            FailureKind::ExperimentsUnsupported => write!(formatter, "the endpoint does not know {operation}")?,
            FailureKind::Conflict => write!(formatter, "{operation} conflicts with a change that is under way")?,
            FailureKind::Refused => write!(formatter, "AppConfig refused {operation}")?,
            FailureKind::Unreachable => write!(formatter, "{operation} was not sent")?,
            FailureKind::Unavailable => write!(formatter, "{operation} got no conclusive answer")?,
            FailureKind::UnusableAnswer => write!(formatter, "the answer to {operation} can't be understood")?,
        }
        match (self.status, &self.code) {
            (Some(status), Some(code)) => write!(formatter, " ({status} {code})")?,
            (Some(status), None) => write!(formatter, " ({status})")?,
            (None, _) => {}
        }
        self.message
            .as_ref()
            .map_or(Ok(()), |message| write!(formatter, ": {message}"))
    }
}

/// An update that did not lead to a parsed 2xx, and what that says about the run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// It failed before any byte of the request could leave: nothing has changed.
    #[error("{0}")]
    NotSent(Failure),
    /// A 4xx other than 408: nothing has changed.
    #[error("{0}")]
    Refused(Failure),
    /// Anything else: it may have been applied, or be applied later.
    #[error("{0}")]
    Unknown(Failure),
}

impl UpdateError {
    /// The failure itself.
    #[must_use]
    pub const fn failure(&self) -> &Failure {
        match self {
            Self::NotSent(failure) | Self::Refused(failure) | Self::Unknown(failure) => failure,
        }
    }
}

/// The text's first characters, on one line: it ends up in conditions, Events and logs.
#[must_use]
pub fn one_line(text: &str, characters: usize) -> String {
    let printable = |character: char| if character.is_control() { ' ' } else { character };
    text.chars().take(characters).map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_label_and_a_sentence_of_its_own_that_names_the_operation() {
        let mut labels: Vec<_> = FailureKind::ALL.iter().map(|kind| kind.as_str()).collect();
        let failure = |kind| Failure::without_answer(Operation::ListExperimentRunEvents, kind, "why");
        let mut sentences: Vec<_> = FailureKind::ALL.iter().map(|kind| failure(*kind).to_string()).collect();
        for sentence in &sentences {
            assert!(
                sentence.contains("ListExperimentRunEvents") && sentence.ends_with(": why"),
                "{sentence}"
            );
        }
        labels.sort_unstable();
        labels.dedup();
        sentences.sort_unstable();
        sentences.dedup();
        assert_eq!(
            (labels.len(), sentences.len()),
            (FailureKind::ALL.len(), FailureKind::ALL.len())
        );
        assert!(labels.contains(&"Unsupported404"), "a label that dashboards name");
    }

    #[test]
    fn three_kinds_refuse_the_credentials_themselves() {
        let refusing: Vec<_> = FailureKind::ALL
            .into_iter()
            .filter(|kind| kind.refuses_credentials())
            .collect();
        let expected = [
            FailureKind::CredentialsExpired,
            FailureKind::UnknownAccessKey,
            FailureKind::WrongSecret,
        ];
        assert_eq!(refusing, expected);
    }

    #[test]
    fn a_sentence_has_status_and_code_and_no_request_id() {
        let failure = |status, code: Option<&str>| Failure {
            status,
            code: code.map(str::to_owned),
            request_id: Some("canary".to_owned()),
            ..Failure::without_answer(Operation::UpdateExperimentRun, FailureKind::Refused, "no")
        };
        let message = |status, code| failure(status, code).to_string();
        assert_eq!(
            message(Some(400), Some("BadRequestException")),
            "AppConfig refused UpdateExperimentRun (400 BadRequestException): no"
        );
        assert_eq!(
            message(Some(400), None),
            "AppConfig refused UpdateExperimentRun (400): no"
        );
        assert_eq!(message(None, None), "AppConfig refused UpdateExperimentRun: no");
        let without_message = Failure {
            message: None,
            ..failure(Some(400), None)
        };
        assert_eq!(
            without_message.to_string(),
            "AppConfig refused UpdateExperimentRun (400)"
        );
    }

    #[test]
    fn a_message_is_bounded_and_on_one_line() {
        let long = "ü".repeat(2_000);
        let failure = Failure::without_answer(Operation::GetExperimentRun, FailureKind::Unavailable, &long);
        assert_eq!(failure.message.unwrap_or_default(), "ü".repeat(1_024));
        assert_eq!(one_line("two\nlines\u{7}", 100), "two lines ");
    }
}
