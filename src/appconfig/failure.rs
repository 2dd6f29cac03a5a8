//! Reads an answer that is not a 2xx: its code, its message, what kind of failure it is.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Error, Operation,
    error::{Evidence, bounded, classify},
    transport::{Body, RawAnswer},
};

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

/// The error of an answer. It never fails: a body that can't be read leaves the status and the request ID.
pub(super) fn failure(operation: Operation, discreet: bool, answer: &RawAnswer, now: Timestamp) -> Error {
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
    Error {
        kind: classify(Evidence {
            operation,
            status,
            code: code.as_deref(),
            date,
            now,
        }),
        operation,
        code,
        status: Some(status.as_u16()),
        message: message
            .filter(|_| !discreet)
            .map(|message| bounded(&message, Error::MAX_MESSAGE_CHARACTERS)),
        request_id: answer.request_id(),
        date,
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
