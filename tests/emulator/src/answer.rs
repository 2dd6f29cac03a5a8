//! What goes back to the client: answers and refusals, in the shape that AWS gives them.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

/// A refusal with AWS's error code.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{status} {code}: {message}")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// AWS's error code; empty for a front end that names none.
    pub code: String,
    /// What the client reads.
    pub message: String,
    /// The one member that the service adds to a 404 (model).
    pub resource_name: Option<String>,
}

impl Refusal {
    /// A refusal with a code and a message.
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            resource_name: None,
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequestException", message)
    }

    /// The text is a guess; the code and `ResourceName` are in the model.
    pub(crate) fn not_found(kind: &str, identifier: &str) -> Self {
        let mut refusal = Self::new(
            404,
            "ResourceNotFoundException",
            format!("{kind} not found: {identifier}"),
        );
        refusal.resource_name = Some(identifier.to_owned());
        refusal
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, "ConflictException", message)
    }

    /// The trailing colon of the header is what the real service sends (seen).
    pub(crate) fn into_answer(self) -> Answer {
        let mut body = json!({"Message": self.message});
        if let Some(name) = self.resource_name {
            body["ResourceName"] = Value::String(name);
        }
        let mut answer = Answer::json(self.status, &body);
        if !self.code.is_empty() {
            answer
                .headers
                .push(("x-amzn-ErrorType".to_owned(), format!("{}:", self.code)));
            answer.code = Some(self.code);
        }
        answer
    }
}

/// An HTTP answer before it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// For the log.
    pub(crate) code: Option<String>,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        Self {
            status,
            headers,
            body: Bytes::from(body.to_string()),
            code: None,
        }
    }

    /// For the 204 of a deletion.
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
            code: None,
        }
    }

    pub(crate) fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// A body as the log shows it: JSON where it is JSON, else text, and null for none.
pub(crate) fn logged(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}
