//! The labels and the closed lists of their values.

use std::fmt;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$value_doc])* $value,)* }

        impl $name {
            /// Every value.
            pub const ALL: [Self; [$($text),*].len()] = [$(Self::$value),*];

            /// The value as it stands in the label.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $text,)* }
            }
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
                self.as_str().encode(encoder)
            }
        }
    };
}

closed_list! {
    /// How a pass ended, in controller-runtime's words.
    Reconciled {
        /// Nothing is left to do until something changes.
        Success = "success",
        /// The pass failed, and is repeated after a back-off.
        Error = "error",
        /// Another pass follows at once.
        Requeue = "requeue",
        /// Another pass follows after a time.
        RequeueAfter = "requeue_after",
    }
}

closed_list! {
    /// The operations of `AppConfig` that are called.
    Operation {
        /// Reads a run.
        GetExperimentRun = "GetExperimentRun",
        /// Changes one member of a run.
        UpdateExperimentRun = "UpdateExperimentRun",
        /// Reads what happened to a run.
        ListExperimentRunEvents = "ListExperimentRunEvents",
    }
}

closed_list! {
    /// What a token is for.
    RateKind {
        /// A read.
        Read = "read",
        /// An update.
        Write = "write",
    }
}

closed_list! {
    /// How a request to `AppConfig` ended: with success, one of AWS's error codes, an HTTP status class, or no answer.
    Code {
        /// 2xx, and understood.
        Ok = "OK",
        /// The operator's identity may not do this.
        AccessDenied = "AccessDeniedException",
        /// A value is not acceptable.
        BadRequest = "BadRequestException",
        /// A deployment is under way.
        Conflict = "ConflictException",
        /// The credentials have expired.
        ExpiredToken = "ExpiredTokenException",
        /// AWS failed.
        InternalServer = "InternalServerException",
        /// The request's date is too far off.
        InvalidSignature = "InvalidSignatureException",
        /// There is no such run.
        ResourceNotFound = "ResourceNotFoundException",
        /// A quota is used up.
        ServiceQuotaExceeded = "ServiceQuotaExceededException",
        /// The signature is wrong.
        SignatureDoesNotMatch = "SignatureDoesNotMatch",
        /// Any of AWS's codes for too many requests.
        Throttling = "ThrottlingException",
        /// The endpoint does not know the operation.
        UnknownOperation = "UnknownOperationException",
        /// The credentials are not known.
        UnrecognizedClient = "UnrecognizedClientException",
        /// A value does not fit the API's model.
        Validation = "ValidationException",
        /// 2xx, but the answer can't be understood.
        Unusable = "Unusable",
        /// No answer came in time, or the connection failed.
        NoAnswer = "NoAnswer",
        /// A redirect, without a code of this list.
        Redirect = "3xx",
        /// A refusal, without a code of this list.
        ClientError = "4xx",
        /// A failure of AWS or of something before it, without a code of this list.
        ServerError = "5xx",
        /// Anything else.
        Other = "other",
    }
}

/// AWS's codes for too many requests; which one comes depends on which part of AWS limits.
const THROTTLING: [&str; 11] = [
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

/// Those of AWS's codes that a label shows as they are.
const SHOWN: [Code; 13] = [
    Code::AccessDenied,
    Code::BadRequest,
    Code::Conflict,
    Code::ExpiredToken,
    Code::InternalServer,
    Code::InvalidSignature,
    Code::ResourceNotFound,
    Code::ServiceQuotaExceeded,
    Code::SignatureDoesNotMatch,
    Code::Throttling,
    Code::UnknownOperation,
    Code::UnrecognizedClient,
    Code::Validation,
];

impl Code {
    /// The code of an error that was answered with: AWS's own `code` when the list has it, else the class of the HTTP
    /// `status`.
    #[must_use]
    pub fn of_error(status: u16, code: Option<&str>) -> Self {
        if status == 429 || code.is_some_and(|code| THROTTLING.contains(&code)) {
            return Self::Throttling;
        }
        let shown = code.and_then(|code| SHOWN.into_iter().find(|known| known.as_str() == code));
        shown.unwrap_or(match status {
            300..400 => Self::Redirect,
            400..500 => Self::ClientError,
            500..600 => Self::ServerError,
            _ => Self::Other,
        })
    }
}

/// The label of metrics of the whole controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ControllerLabels {
    pub(super) controller: &'static str,
}

/// The labels of passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ResultLabels {
    pub(super) controller: &'static str,
    pub(super) result: Reconciled,
}

/// The label of leadership.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct LeaseLabels {
    pub(super) name: String,
}

/// The labels of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) operation: Operation,
    pub(super) code: Code,
}

/// The label of the time that requests take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OperationLabels {
    pub(super) operation: Operation,
}

/// The label of the time that requests wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindLabels {
    pub(super) kind: RateKind,
}

/// The labels of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ObjectLabels {
    pub(super) namespace: String,
    pub(super) name: String,
}

/// The labels of a resource's condition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ConditionLabels {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) r#type: &'static str,
    pub(super) status: &'static str,
    pub(super) reason: &'static str,
}
