//! What the spec of a version authorises. The only place that knows it.

use appconfig_experiment_operator::api::{DeploymentParameters, ExperimentRun, Exposure};
use serde_json::{Map, Value, json};

use crate::{answer::LiveRun, sent::Change};

/// The highest exposure that may be sent on behalf of this version.
pub(crate) fn exposure(version: &ExperimentRun) -> Option<f32> {
    version.spec.exposure_percentage.map(Exposure::percentage)
}

/// Why a version doesn't ask for a change, if it doesn't.
pub(crate) fn objection(version: &ExperimentRun, change: &Change, parameters: &Value) -> Option<String> {
    let spec = &version.spec;
    let asked = match change {
        Change::Description(text) => spec.description.as_ref() == Some(text),
        Change::TreatmentOverrides(overrides) => {
            spec.treatment_overrides.as_ref().map(|asked| &asked.inline) == Some(overrides)
        }
        Change::ExposurePercentage(sent) => exposure(version).is_some_and(|asked| asked.to_bits() == sent.to_bits()),
    };
    if !asked {
        return Some(format!("its spec does not ask for {}", change.words()));
    }
    // Only exposure and overrides are deployed.
    let expected = match change {
        Change::Description(_) => Value::Null,
        _ => spec.deployment_parameters.as_ref().map_or(Value::Null, wire),
    };
    (expected != *parameters).then(|| "its spec asks for other deployment parameters".to_owned())
}

/// Whether a live run is what the spec of a version asks for.
pub(crate) fn matches(version: &ExperimentRun, live: &LiveRun) -> bool {
    let spec = &version.spec;
    let exposure = spec
        .exposure_percentage
        .is_none_or(|asked| asked.percentage().to_bits() == live.exposure.to_bits());
    let description = spec.description.as_ref().is_none_or(|asked| *asked == live.description);
    let overrides = spec
        .treatment_overrides
        .as_ref()
        .is_none_or(|asked| asked.inline == live.overrides);
    exposure && description && overrides
}

fn wire(parameters: &DeploymentParameters) -> Value {
    let mut members = Map::new();
    if !parameters.dynamic_extension_parameters.is_empty() {
        let dynamic = json!(parameters.dynamic_extension_parameters);
        members.insert("DynamicExtensionParameters".to_owned(), dynamic);
    }
    if !parameters.tags.is_empty() {
        members.insert("Tags".to_owned(), json!(parameters.tags));
    }
    if members.is_empty() {
        Value::Null
    } else {
        Value::Object(members)
    }
}
