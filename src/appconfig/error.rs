//! [`Error`]: what can go wrong with a request, and what an update's failure says about the run.

use std::{fmt, time::Duration};

use http::StatusCode;
use jiff::Timestamp;

/// The operations of the `AppConfig` API that are ever called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Reads a run.
    GetExperimentRun,
    /// Reads what happened to a run.
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

/// What kind of failure it was. One error has one kind: a throttling code, then a skewed clock, then refused
/// credentials, then the HTTP status decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
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
    /// 401 or 403 otherwise: AWS refused the identity or its rights. See [`permission_hint`].
    AccessDenied,
    /// 404 with `ResourceNotFoundException`: there is no such run.
    RunNotFound,
    /// Any other 404: the endpoint does not know experiments, or is not `AppConfig`.
    Unsupported404,
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

impl ErrorKind {
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
            Self::Unsupported404 => "Unsupported404",
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

/// A request that did not lead to a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// What kind of failure it was.
    pub kind: ErrorKind,
    /// The operation that failed.
    pub operation: Operation,
    /// AWS's error code, such as `BadRequestException`: up to 128 letters, digits, `.`, `_` and `-`.
    pub code: Option<String>,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// What went wrong, up to 1,024 characters. AWS's own text, except when the request carried overrides or
    /// deployment parameters, which that text could echo: then absent.
    pub message: Option<String>,
    /// AWS's request ID, up to 128 characters.
    pub request_id: Option<String>,
    /// The answer's `Date` header.
    pub date: Option<Timestamp>,
}

impl Error {
    /// The longest message that is kept, in characters.
    pub const MAX_MESSAGE_CHARACTERS: usize = 1024;

    /// An error without an answer.
    pub(super) fn local(operation: Operation, kind: ErrorKind, message: &str) -> Self {
        let message = Some(bounded(message, Self::MAX_MESSAGE_CHARACTERS));
        Self {
            kind,
            operation,
            code: None,
            status: None,
            message,
            request_id: None,
            date: None,
        }
    }
}

impl fmt::Display for Error {
    /// One sentence, the same for each try that fails in the same way: so it has no request ID.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, operation, .. } = self;
        match kind {
            ErrorKind::Throttled => write!(formatter, "AWS limits the rate of {operation}")?,
            ErrorKind::ClockSkew => {
                write!(
                    formatter,
                    "{operation} was refused, and this machine's clock is more than 5 minutes from AWS's"
                )?;
            }
            ErrorKind::CredentialsExpired => write!(formatter, "the AWS credentials of {operation} have expired")?,
            ErrorKind::UnknownAccessKey => write!(formatter, "AWS does not know the access key ID of {operation}")?,
            ErrorKind::WrongSecret => write!(formatter, "the secret access key of {operation} is not the key ID's")?,
            ErrorKind::CredentialsUnavailable => write!(formatter, "there are no AWS credentials for {operation}")?,
            ErrorKind::AccessDenied => write!(formatter, "AWS denied {operation}")?,
            ErrorKind::RunNotFound => write!(formatter, "{operation} found no such run")?,
            ErrorKind::Unsupported404 => write!(formatter, "the endpoint does not know {operation}")?,
            ErrorKind::Conflict => write!(formatter, "{operation} conflicts with a change that is under way")?,
            ErrorKind::Refused => write!(formatter, "AppConfig refused {operation}")?,
            ErrorKind::Unreachable => write!(formatter, "{operation} was not sent")?,
            ErrorKind::Unavailable => write!(formatter, "{operation} got no answer that says what happened")?,
            ErrorKind::UnusableAnswer => write!(formatter, "the answer to {operation} can't be understood")?,
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
    NotSent(Error),
    /// A 4xx other than 408: nothing has changed.
    #[error("{0}")]
    Refused(Error),
    /// Anything else: it may have been applied, or be applied later.
    #[error("{0}")]
    Unknown(Error),
}

impl UpdateError {
    /// The error itself.
    #[must_use]
    pub const fn error(&self) -> &Error {
        match self {
            Self::NotSent(error) | Self::Refused(error) | Self::Unknown(error) => error,
        }
    }
}

/// Which IAM actions to check when AWS denies an operation. `None` for every other error.
///
/// `UpdateExperimentRun` also needs `appconfig:StartDeployment`, which AWS's service-authorization page does not say
/// (`CloudFormation`'s handlers and a live test do).
#[must_use]
pub const fn permission_hint(error: &Error) -> Option<&'static str> {
    if !matches!(error.kind, ErrorKind::AccessDenied) {
        return None;
    }
    Some(match error.operation {
        Operation::GetExperimentRun => {
            "the operator's IAM role needs appconfig:GetExperimentRun on the application, experiment definition and run"
        }
        Operation::ListExperimentRunEvents => {
            "the operator's IAM role needs appconfig:ListExperimentRunEvents on the application, experiment definition \
             and run"
        }
        Operation::UpdateExperimentRun => {
            "the operator's IAM role needs appconfig:UpdateExperimentRun on the application, experiment definition and \
             run, and appconfig:StartDeployment on the application, its environments and configuration profiles and \
             the deployment strategy AppConfig.ServiceManaged"
        }
    })
}

/// What decides an error's kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence<'a> {
    pub operation: Operation,
    pub status: StatusCode,
    pub code: Option<&'a str>,
    pub date: Option<Timestamp>,
    pub now: Timestamp,
}

/// AWS refuses signatures that are more than this old or early.
const MAX_SKEW: Duration = Duration::from_mins(5);

const THROTTLING_CODES: [&str; 11] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
    "BandwidthLimitExceeded",
];

/// The kind of an answer that is not a 2xx.
pub(super) fn classify(evidence: Evidence<'_>) -> ErrorKind {
    let Evidence {
        operation,
        status,
        code,
        date,
        now,
    } = evidence;
    if status == StatusCode::TOO_MANY_REQUESTS || code.is_some_and(|code| THROTTLING_CODES.contains(&code)) {
        return ErrorKind::Throttled;
    }
    let skewed = date.is_some_and(|date| date.duration_since(now).unsigned_abs() > MAX_SKEW);
    if status == StatusCode::FORBIDDEN && skewed {
        return ErrorKind::ClockSkew;
    }
    if status.is_client_error()
        && let Some(refused) = code.and_then(refused_credentials)
    {
        return refused;
    }
    let update = operation == Operation::UpdateExperimentRun;
    match status.as_u16() {
        401 | 403 => ErrorKind::AccessDenied,
        404 if code == Some("ResourceNotFoundException") => ErrorKind::RunNotFound,
        404 => ErrorKind::Unsupported404,
        408 | 500..=599 => ErrorKind::Unavailable,
        409 if update => ErrorKind::Conflict,
        400..=499 if update => ErrorKind::Refused,
        _ => ErrorKind::UnusableAnswer,
    }
}

/// What AWS's front ends say of credentials that they do not take: each service has its own name for it.
fn refused_credentials(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "ExpiredTokenException" | "ExpiredToken" => ErrorKind::CredentialsExpired,
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" => ErrorKind::UnknownAccessKey,
        "InvalidSignatureException" | "SignatureDoesNotMatch" => ErrorKind::WrongSecret,
        _ => return None,
    })
}

/// The text's first characters, on one line: it ends up in conditions, Events and logs.
pub(super) fn bounded(text: &str, characters: usize) -> String {
    let printable = |character: char| if character.is_control() { ' ' } else { character };
    text.chars().take(characters).map(printable).collect()
}
