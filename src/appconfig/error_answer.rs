//! Reads an answer that is not a 2xx: its code, its message, which kind of failure it is and what to do about it in AWS.

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::transport::{Body, RawAnswer};
use crate::run::{Failure, FailureKind, Operation, one_line};

/// The members in which AWS's front ends put code and message.
#[derive(Default, Deserialize)]
struct WireError {
    code: Option<Value>,
    #[serde(rename = "__type")]
    kind: Option<Value>,
    #[serde(rename = "Message")]
    message: Option<Value>,
    #[serde(rename = "message")]
    lower_message: Option<Value>,
    #[serde(rename = "errorMessage")]
    error_message: Option<Value>,
}

/// The failure that an answer tells of. A body that can't be read leaves the status and the request ID. `sensitive` says
/// that the message could echo values of the request that must not be shown; then it is left out.
pub(super) fn failure(operation: Operation, sensitive: bool, answer: &RawAnswer, now: Timestamp) -> Failure {
    let wire = match &answer.body {
        Body::Whole(body) | Body::Cut(body) => serde_json::from_slice::<WireError>(body).unwrap_or_default(),
        Body::Broken(_) => WireError::default(),
    };
    let text = |value: Option<Value>| match value {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let header = answer.header("x-amzn-errortype").map(str::to_owned);
    let code = header
        .or_else(|| text(wire.code))
        .or_else(|| text(wire.kind))
        .and_then(|code| shape_name(&code));
    let message = text(wire.message)
        .or_else(|| text(wire.lower_message))
        .or_else(|| text(wire.error_message));
    let (status, date) = (answer.status, answer.date());
    let kind = classify(Evidence {
        operation,
        status,
        code: code.as_deref(),
        date,
        now,
    });
    Failure {
        kind,
        operation,
        code,
        status: Some(status.as_u16()),
        message: message
            .filter(|_| !sensitive)
            .map(|message| one_line(&message, Failure::MAX_MESSAGE_CHARACTERS)),
        request_id: answer.request_id(),
        date,
        advice: permission_hint(kind, operation),
    }
}

/// The name in `namespace#Name:https://…`, as restJson1 defines it. Anything else than a name is no code: it ends up in
/// status and logs.
fn shape_name(text: &str) -> Option<String> {
    let text = text.split(':').next().unwrap_or_default();
    let name = text.rsplit('#').next().unwrap_or_default().trim();
    let legal = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
    ((1..=128).contains(&name.len()) && name.chars().all(legal)).then(|| name.to_owned())
}

/// Which IAM actions to check when AWS denies an operation. `None` for every other kind of failure.
///
/// `UpdateExperimentRun` also needs `appconfig:StartDeployment`, which AWS's service-authorization page does not say
/// (`CloudFormation`'s handlers and a live test do).
#[must_use]
pub const fn permission_hint(kind: FailureKind, operation: Operation) -> Option<&'static str> {
    if !matches!(kind, FailureKind::AccessDenied) {
        return None;
    }
    Some(match operation {
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

/// What decides a failure's kind.
#[derive(Clone, Copy, Debug)]
struct Evidence<'a> {
    operation: Operation,
    status: StatusCode,
    code: Option<&'a str>,
    date: Option<Timestamp>,
    now: Timestamp,
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
fn classify(evidence: Evidence<'_>) -> FailureKind {
    let Evidence {
        operation,
        status,
        code,
        date,
        now,
    } = evidence;
    if status == StatusCode::TOO_MANY_REQUESTS || code.is_some_and(|code| THROTTLING_CODES.contains(&code)) {
        return FailureKind::Throttled;
    }
    let skewed = date.is_some_and(|date| date.duration_since(now).unsigned_abs() > MAX_SKEW);
    if status == StatusCode::FORBIDDEN && skewed {
        return FailureKind::ClockSkew;
    }
    if status.is_client_error()
        && let Some(refused) = code.and_then(refused_credentials)
    {
        return refused;
    }
    let update = operation == Operation::UpdateExperimentRun;
    match status.as_u16() {
        401 | 403 => FailureKind::AccessDenied,
        404 if code == Some("ResourceNotFoundException") => FailureKind::RunNotFound,
        404 => FailureKind::ExperimentsUnsupported,
        408 | 500..=599 => FailureKind::Unavailable,
        409 if update => FailureKind::Conflict,
        400..=499 if update => FailureKind::Refused,
        _ => FailureKind::UnusableAnswer,
    }
}

/// What AWS's front ends say of credentials that they do not take: each service has its own name for it.
fn refused_credentials(code: &str) -> Option<FailureKind> {
    Some(match code {
        "ExpiredTokenException" | "ExpiredToken" => FailureKind::CredentialsExpired,
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" => FailureKind::UnknownAccessKey,
        "InvalidSignatureException" | "SignatureDoesNotMatch" => FailureKind::WrongSecret,
        _ => return None,
    })
}
