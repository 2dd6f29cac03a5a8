//! Reading an `ExperimentRun` as a person or `kubectl wait` would.

use appconfig_experiment_operator::api::{ExperimentRun, LastError};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// A condition, if it is there.
#[must_use]
pub fn condition<'a>(run: &'a ExperimentRun, kind: &str) -> Option<&'a Condition> {
    run.status
        .as_ref()?
        .conditions
        .iter()
        .find(|condition| condition.type_ == kind)
}

/// A condition's status, if it is there.
#[must_use]
pub fn condition_status<'a>(run: &'a ExperimentRun, kind: &str) -> Option<&'a str> {
    condition(run, kind).map(|condition| condition.status.as_str())
}

/// Ready's reason, of whatever generation.
#[must_use]
pub fn reason(run: &ExperimentRun) -> &str {
    condition(run, "Ready").map_or("", |ready| ready.reason.as_str())
}

/// Whether Ready is True of the present generation.
#[must_use]
pub fn is_ready(run: &ExperimentRun) -> bool {
    let observed = run.status.as_ref().and_then(|status| status.observed_generation);
    observed == run.metadata.generation && condition_status(run, "Ready") == Some("True")
}

/// Whether the present generation is Stalled for a reason, with Ready False for the same.
#[must_use]
pub fn is_stalled(run: &ExperimentRun, because: &str) -> bool {
    let observed = run.status.as_ref().and_then(|status| status.observed_generation);
    let stalled = condition(run, "Stalled").is_some_and(|stalled| stalled.reason == because);
    observed == run.metadata.generation
        && stalled
        && reason(run) == because
        && condition_status(run, "Ready") == Some("False")
}

/// The error that the status tells of, if any.
#[must_use]
pub fn last_error(run: &ExperimentRun) -> Option<&LastError> {
    run.status.as_ref()?.last_error.as_ref()
}
