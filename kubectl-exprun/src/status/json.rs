//! One object a line and run, for programs, as `docs/exprun.md` describes it. Times are in UTC.

use appconfig_experiment_operator::api::{
    ExperimentRunStatus, Exposure, LastError, PendingUpdate, RampStatus, RunStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::{Serialize, Serializer};

use super::{
    advice::advice,
    raises::{Raise, Raises},
};
use crate::run::Run;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    namespace: String,
    name: String,
    application_identifier: &'a str,
    experiment_definition_identifier: &'a str,
    run: i32,
    region: Option<&'a str>,
    generation: Option<i64>,
    observed_generation: Option<i64>,
    status: Option<RunStatus>,
    #[serde(serialize_with = "optional")]
    exposure_percentage: Option<Exposure>,
    #[serde(serialize_with = "optional")]
    target: Option<Exposure>,
    ramp: Option<&'a RampStatus>,
    suspended: bool,
    brake_reason: Option<String>,
    pending_update: Option<&'a PendingUpdate>,
    conditions: &'a [Condition],
    last_error: Option<&'a LastError>,
    advice: Option<&'static str>,
    /// Only with a name. Null when the Events can't be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    raises: Option<Known<'a>>,
}

/// The raises, or null when the Events can't be read.
#[derive(Serialize)]
#[serde(untagged)]
enum Known<'a> {
    Raises(&'a [Raise]),
    Nothing,
}

/// 5 in place of 5.0, as people write it.
#[allow(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "serde asks for a reference; a whole exposure is from 0 to 100"
)]
pub(crate) fn optional<S: Serializer>(exposure: &Option<Exposure>, serializer: S) -> Result<S::Ok, S::Error> {
    match exposure.map(Exposure::shortest) {
        None => serializer.serialize_none(),
        Some(percentage) if percentage.fract() == 0.0 => serializer.serialize_u8(percentage as u8),
        Some(percentage) => serializer.serialize_f64(percentage),
    }
}

/// The line of one run.
pub(crate) fn line(run: &Run, raises: Option<&Raises>) -> String {
    let spec = &run.resource.spec;
    let status: &ExperimentRunStatus = &run.status;
    let line = Line {
        namespace: run.namespace(),
        name: run.name(),
        application_identifier: &spec.application_identifier,
        experiment_definition_identifier: &spec.experiment_definition_identifier,
        run: spec.run,
        region: spec.region.as_deref().or(status.region.as_deref()),
        generation: run.resource.metadata.generation,
        observed_generation: status.observed_generation,
        status: status.status,
        exposure_percentage: status.exposure_percentage,
        target: spec.exposure_percentage,
        ramp: status.ramp.as_ref(),
        suspended: run.is_braked(),
        brake_reason: run.brake_reason(),
        pending_update: status.pending_update.as_ref(),
        conditions: &status.conditions,
        last_error: status.last_error.as_ref(),
        advice: run.reason().and_then(advice),
        raises: raises.map(|raises| raises.as_deref().map_or(Known::Nothing, Known::Raises)),
    };
    let line = serde_json::to_string(&line).unwrap_or_default();
    format!("{line}\n")
}
