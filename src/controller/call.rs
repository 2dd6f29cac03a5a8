//! Calls of the API server: each has a bound, and its errors are told without the body that they may quote.

use std::time::Duration;

use super::resource::FaultyPart;

/// How long one call of the API server may take. The library sets no bound of its own, and its retries are off.
const CALL: Duration = Duration::from_secs(5);

/// Why a call of the API server brought nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// The object has changed since (409).
    #[error("the resource has changed since it was read")]
    Conflict,
    /// The object is gone, or is another one of the same name.
    #[error("the resource was deleted or is no longer selected")]
    Gone,
    /// The API server may drop fields of what is written.
    #[error("the API server's schema may lack fields; nothing is written")]
    SchemaUnproven,
    /// The API server did not answer in time.
    #[error("the API server did not answer within {} s", CALL.as_secs())]
    TimedOut,
    /// The API server answered, and the object in its answer can't be worked with.
    #[error("the API server returned a resource whose {0} can't be read")]
    Unreadable(FaultyPart),
    /// Anything else.
    #[error("the request to the API server failed: {0}")]
    Failed(String),
}

impl From<kube::Error> for CallError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 409 => Self::Conflict,
            kube::Error::Api(status) if status.code == 404 => Self::Gone,
            // Its message names what it found in the object, which may be an entity ID.
            kube::Error::Api(status) if status.code == 422 => Self::Failed(format!("422 {}", status.reason)),
            kube::Error::Api(status) => Self::Failed(format!("{} {}: {}", status.code, status.reason, status.message)),
            other => Self::Failed(describe(&other)),
        }
    }
}

/// Bounds a call.
pub(super) async fn with_timeout<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, CallError> {
    match tokio::time::timeout(CALL, call).await {
        Ok(answer) => answer.map_err(CallError::from),
        Err(_) => Err(CallError::TimedOut),
    }
}

/// An error of the API server's client in words.
pub(super) fn describe(error: &kube::Error) -> String {
    match error {
        // It quotes the body, which holds the spec.
        kube::Error::SerdeError(_) => "the answer can't be parsed".to_owned(),
        other => other.to_string(),
    }
}
