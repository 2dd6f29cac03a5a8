//! What comes back from `AppConfig` or from the way to it, as plain values.

use std::fmt;

/// An answer that is no run, or none at all.
#[derive(Clone, Copy)]
pub struct WireError {
    /// The kind of failure that the client makes of it, by the name that its metric has.
    pub kind: &'static str,
    /// The HTTP status; `None` without an answer.
    pub status: Option<u16>,
    /// AWS's code.
    pub code: Option<&'static str>,
    /// AWS's text, or the client's own.
    pub message: Option<&'static str>,
}

impl fmt::Debug for WireError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.kind)?;
        if let Some(status) = self.status {
            write!(formatter, " {status}")?;
        }
        self.code.map_or(Ok(()), |code| write!(formatter, " {code}"))
    }
}

/// One try that failed.
#[derive(Clone, Debug)]
pub struct FailedReply {
    pub error: WireError,
    /// AWS's request ID, which differs from try to try; `None` without an answer.
    pub request_id: Option<String>,
}

const fn answered(kind: &'static str, status: u16, code: &'static str, message: &'static str) -> WireError {
    WireError {
        kind,
        status: Some(status),
        code: Some(code),
        message: Some(message),
    }
}

const fn unanswered(kind: &'static str, message: &'static str) -> WireError {
    WireError {
        kind,
        status: None,
        code: None,
        message: Some(message),
    }
}

const fn bare(kind: &'static str, status: u16, message: Option<&'static str>) -> WireError {
    WireError {
        kind,
        status: Some(status),
        code: None,
        message,
    }
}

const THROTTLED: WireError = answered("Throttled", 400, "ThrottlingException", "Rate exceeded");
const TOO_MANY: WireError = answered("Throttled", 429, "TooManyRequestsException", "Slow down.");
const SKEWED: WireError = answered("ClockSkew", 403, "InvalidSignatureException", "Signature expired.");
const EXPIRED: WireError = answered(
    "CredentialsExpired",
    403,
    "ExpiredTokenException",
    "The token has expired.",
);
const UNKNOWN_KEY: WireError = answered(
    "UnknownAccessKey",
    403,
    "UnrecognizedClientException",
    "The token is invalid.",
);
const WRONG_SECRET: WireError = answered("WrongSecret", 403, "InvalidSignatureException", "It does not match.");
const DENIED: WireError = answered("AccessDenied", 403, "AccessDeniedException", "User is not authorized.");
const NO_RUN: WireError = answered("RunNotFound", 404, "ResourceNotFoundException", "There is no such run.");
const NO_EXPERIMENTS: WireError = answered("Unsupported404", 404, "UnknownOperationException", "Unknown operation");
const INTERNAL: WireError = answered("Unavailable", 500, "InternalServerException", "Something went wrong.");
const GATEWAY: WireError = bare("Unavailable", 503, None);
const TIMEOUT: WireError = unanswered("Unavailable", "there was no answer within 5 s");
const NO_CREDENTIALS: WireError = unanswered("CredentialsUnavailable", "the credential chain has none");
const NO_CONNECTION: WireError = unanswered("Unreachable", "the host could not be resolved");

/// What a read can fail with.
pub const READ: [WireError; 18] = [
    THROTTLED,
    TOO_MANY,
    SKEWED,
    EXPIRED,
    UNKNOWN_KEY,
    WRONG_SECRET,
    DENIED,
    NO_RUN,
    NO_EXPERIMENTS,
    INTERNAL,
    GATEWAY,
    TIMEOUT,
    NO_CREDENTIALS,
    NO_CONNECTION,
    answered("UnusableAnswer", 400, "BadRequestException", "Bad request"),
    answered("UnusableAnswer", 409, "ConflictException", "Conflict"),
    bare(
        "UnusableAnswer",
        200,
        Some("the answer can't be used: it has no Status"),
    ),
    bare("UnusableAnswer", 302, None),
];

/// The 4xx with which an update can be refused.
pub const REFUSED: [WireError; 14] = [
    answered("Refused", 400, "BadRequestException", "The percentage is not allowed."),
    answered("Refused", 400, "BadRequestException", "The percentage is not allowed."),
    answered("Refused", 402, "ServiceQuotaExceededException", "Too many deployments."),
    answered("Conflict", 409, "ConflictException", "A deployment is in progress."),
    answered("Conflict", 409, "ConflictException", "A deployment is in progress."),
    answered("Conflict", 409, "ConflictException", "A deployment is in progress."),
    THROTTLED,
    TOO_MANY,
    SKEWED,
    EXPIRED,
    WRONG_SECRET,
    DENIED,
    NO_RUN,
    NO_EXPERIMENTS,
];

/// What leaves the outcome of an update unknown.
pub const UNKNOWN: [WireError; 6] = [
    INTERNAL,
    GATEWAY,
    TIMEOUT,
    answered("Throttled", 503, "SlowDown", "Please reduce your request rate."),
    bare(
        "UnusableAnswer",
        200,
        Some("the answer can't be used: it is not JSON (line 1, column 1)"),
    ),
    bare("Unavailable", 408, None),
];

/// What keeps an update from being sent.
pub const NOT_SENT: [WireError; 2] = [NO_CREDENTIALS, NO_CONNECTION];
