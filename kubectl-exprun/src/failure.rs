//! Why a command came to nothing, in words that say what to do.

use std::{error::Error, fmt, time::Duration};

use kube::core::Status;

use crate::exit;

/// How long one call of the API server may take, the library's own repeats included.
pub(crate) const CALL: Duration = Duration::from_secs(15);

/// What is said on standard error, and the exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) what: String,
}

impl Failure {
    /// Something failed.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            code: exit::FAILED,
            what: what.into(),
        }
    }

    /// The arguments ask for what can't be done.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self {
            code: exit::USAGE,
            what: what.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Self {
        Self::new(describe(&error))
    }
}

/// The answer of a call of the API server, if it comes in time.
pub(crate) async fn call<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, Failure> {
    match tokio::time::timeout(CALL, call).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Failure::new(format!(
            "the API server did not answer within {} s",
            CALL.as_secs()
        ))),
    }
}

/// An error of the client in one sentence, with what to do where that is known.
pub(crate) fn describe(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => of_answer(status),
        // It quotes the body, which holds the spec, and so entity IDs.
        kube::Error::SerdeError(_) => "the API server's answer can't be read".to_owned(),
        other => chain(other),
    }
}

fn of_answer(status: &Status) -> String {
    let message = status.message.trim();
    match status.code {
        401 => "the API server does not know you (401): log in again, or check the user of your kubeconfig".to_owned(),
        403 if message.starts_with("experimentruns") => format!("{message} (403): {ROLES}"),
        403 => format!("{message} (403)"),
        404 if is_of_no_kind(status) => {
            "the cluster serves no ExperimentRuns: apply crds/ first; `kubectl exprun check` says what else is missing".to_owned()
        }
        404 => format!("{message} (404)"),
        // The answer of a schema names what it found in the object, which may be an entity ID. A policy's has words of its own.
        422 if !message.contains("ValidatingAdmissionPolicy") => {
            "the API server refused the resource as invalid (422), and its answer may hold entity IDs: `kubectl patch` shows it"
                .to_owned()
        }
        code => format!("{message} ({code})"),
    }
}

const ROLES: &str =
    "ask whoever runs the cluster for the right, which deploy/overlays/aggregate-roles gives to view and edit";

/// The API server doesn't know the path at all, or the resource at it.
fn is_of_no_kind(status: &Status) -> bool {
    let named = status.details.as_ref().is_some_and(|details| !details.name.is_empty());
    !named
}

/// An error with all that caused it, each once.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_words = cause.to_string();
        if !words.contains(&cause_words) {
            words = format!("{words}: {cause_words}");
        }
        source = cause.source();
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}
