//! What `AppConfig` answers: a [`LiveRun`], parsed, or nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    api::{ExperimentDefinition, Exposure, Region, RunResult, RunStatus, Treatment, TreatmentOverrides},
    run::{LiveRun, RunAddress, RunKey, whole_seconds},
};

/// The beginning of the year 0.
const YEAR_0: Timestamp = Timestamp::constant(-62_167_219_200, 0);

/// A value, and what the answer that carried it said about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// The value.
    pub value: T,
    /// The `Date` header: `AppConfig`'s own time, in whole seconds.
    pub date: Option<Timestamp>,
    /// AWS's request ID, up to 128 characters.
    pub request_id: Option<String>,
}

/// Why an answer is no run. Says where, never what: answers hold entity IDs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unusable(pub String);

impl Unusable {
    pub(super) fn missing(member: &str) -> Self {
        Self(format!("the answer has no {member}"))
    }

    pub(super) fn invalid(member: &str) -> Self {
        Self(format!("the answer's {member} is not what the API defines"))
    }

    /// Where the JSON breaks, without the text of the parser's error, which quotes values.
    pub(super) fn json(error: &serde_json::Error) -> Self {
        let kind = match error.classify() {
            serde_json::error::Category::Eof => "ends too early",
            serde_json::error::Category::Data => "has a member of another type than the API defines",
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => "is not JSON",
        };
        Self(format!(
            "the answer {kind} (line {}, column {})",
            error.line(),
            error.column()
        ))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireRun {
    application_id: Option<String>,
    experiment_definition_id: Option<String>,
    run: Option<i32>,
    status: Option<String>,
    exposure_percentage: Option<f32>,
    description: Option<String>,
    treatment_overrides: Option<Map<String, Value>>,
    started_at: Option<String>,
    updated_at: Option<String>,
    ended_at: Option<String>,
    result: Option<WireResult>,
    experiment_definition_snapshot: Option<WireDefinition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireResult {
    executive_summary: Option<String>,
    reasons_to_launch: Option<String>,
    reasons_not_to_launch: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireDefinition {
    name: Option<String>,
    flag_key: Option<String>,
    environment_id: Option<String>,
    configuration_profile_id: Option<String>,
    treatments: Option<Vec<WireTreatment>>,
    control: Option<WireTreatment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireTreatment {
    key: Option<String>,
    weight: Option<f32>,
}

/// Parses the body of an answer that is a whole run, which came from this region.
pub(super) fn live_run(region: &Region, body: &[u8]) -> Result<LiveRun, Unusable> {
    let wire: WireRun = serde_json::from_slice(body).map_err(|error| Unusable::json(&error))?;
    let application_id = wire.application_id.ok_or_else(|| Unusable::missing("ApplicationId"))?;
    let experiment_definition_id = wire
        .experiment_definition_id
        .ok_or_else(|| Unusable::missing("ExperimentDefinitionId"))?;
    let run = wire.run.ok_or_else(|| Unusable::missing("Run"))?;
    // Updates name the run by these, so they must be ones that a URL can carry.
    RunAddress::parse(&application_id, &experiment_definition_id, run)
        .map_err(|_| Unusable::invalid("ApplicationId, ExperimentDefinitionId or Run"))?;
    let status = match wire.status.as_deref() {
        Some("RUNNING") => RunStatus::Running,
        Some("DONE") => RunStatus::Done,
        Some(_) => return Err(Unusable::invalid("Status")),
        None => return Err(Unusable::missing("Status")),
    };
    let exposure = wire
        .exposure_percentage
        .ok_or_else(|| Unusable::missing("ExposurePercentage"))?;
    let ended_at = timestamp("EndedAt", wire.ended_at.as_deref())?;
    Ok(LiveRun {
        key: RunKey {
            region: region.clone(),
            application_id,
            experiment_definition_id,
            run,
        },
        status,
        exposure: Exposure::new(exposure).map_err(|_| Unusable::invalid("ExposurePercentage"))?,
        exposed_at: None,
        description: wire.description.unwrap_or_default(),
        overrides: treatment_overrides(wire.treatment_overrides)?,
        started_at: timestamp("StartedAt", wire.started_at.as_deref())?.map(whole_seconds),
        updated_at: timestamp("UpdatedAt", wire.updated_at.as_deref())?.map(whole_seconds),
        ended_at: ended_at.map(whole_seconds).filter(|_| status == RunStatus::Done),
        result: wire.result.and_then(result),
        definition: wire.experiment_definition_snapshot.map(definition).unwrap_or_default(),
    })
}

/// A timestamp of the API: RFC 3339, 0 to 9 fraction digits. Its years are 0 to 9999, and others no status can hold.
pub(super) fn timestamp(member: &str, text: Option<&str>) -> Result<Option<Timestamp>, Unusable> {
    let parse = |text: &str| text.parse().ok().filter(|time| *time >= YEAR_0);
    text.map(|text| parse(text).ok_or_else(|| Unusable::invalid(member)))
        .transpose()
}

/// A union with the one member `Inline`: any other member is something this version must not overwrite.
fn treatment_overrides(union: Option<Map<String, Value>>) -> Result<TreatmentOverrides, Unusable> {
    let Some(mut union) = union else {
        return Ok(TreatmentOverrides::default());
    };
    // The protocol (restJson1) lets a service add this to any structure.
    union.remove("__type");
    let inline = union.remove("Inline").filter(|_| union.is_empty());
    let inline: BTreeMap<String, String> = inline
        .and_then(|inline| serde_json::from_value(inline).ok())
        .ok_or_else(|| Unusable::invalid("TreatmentOverrides"))?;
    Ok(TreatmentOverrides { inline })
}

fn result(wire: WireResult) -> Option<RunResult> {
    let result = RunResult {
        executive_summary: wire.executive_summary,
        reasons_to_launch: wire.reasons_to_launch,
        reasons_not_to_launch: wire.reasons_not_to_launch,
    };
    (result != RunResult::default()).then_some(result)
}

fn definition(wire: WireDefinition) -> ExperimentDefinition {
    let mut treatments: Vec<Treatment> = Vec::new();
    for wire in wire.control.into_iter().chain(wire.treatments.into_iter().flatten()) {
        // Nothing says that the control is not among the treatments as well.
        let Some(key) = wire.key.filter(|key| treatments.iter().all(|known| known.key != *key)) else {
            continue;
        };
        treatments.push(Treatment {
            key,
            weight: wire.weight.map(shortest),
        });
    }
    ExperimentDefinition {
        name: wire.name,
        flag_key: wire.flag_key,
        environment_id: wire.environment_id,
        configuration_profile_id: wire.configuration_profile_id,
        treatments,
    }
}

/// Weights are 32-bit floats in the service model: shown in their shortest decimal form, so that 33.3 and
/// 33.29999923706055 are one status.
fn shortest(weight: f32) -> f64 {
    weight.to_string().parse().unwrap_or_else(|_| f64::from(weight))
}

#[cfg(test)]
mod tests;
