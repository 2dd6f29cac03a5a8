//! What the spec of a version authorises. The only place that knows it, ramps included. (Windows it does not know: cron and
//! time zones written a second time would have to be tested a second time.)

use appconfig_experiment_operator::api::{DeploymentParameters, ExperimentRun, Exposure, Ramp};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::{
    answer::LiveRun,
    resource::{Resource, State},
    sent::Change,
};

/// What the clocks of `AppConfig` and of the recorder may differ when neither was set, since a ramp goes by the former.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(1);

/// The reasons with which Ready is True while a ramp is where it may be now.
const ON_THE_WAY: [&str; 3] = ["RampHolding", "RampWaiting", "Suspended"];

/// The exposure that may be sent on behalf of a state, or why there is none.
pub(crate) fn exposure(resource: &Resource<'_>, at: usize) -> Result<f32, &'static str> {
    let state = &resource.states[at];
    let spec = &state.run.spec;
    let Some(target) = spec.exposure_percentage.map(Exposure::percentage) else {
        return Err("the spec leaves exposure alone");
    };
    let Some(ramp) = &spec.ramp else {
        let before = at.checked_sub(1).map(|before| &resource.states[before]);
        let under_way = [Some(state), before].into_iter().flatten();
        let mut under_way = under_way.filter(|state| !state.edited && state.status.ramp.is_some());
        return match under_way.next() {
            Some(_) => Err("its ramp was removed under way"),
            None => Ok(target),
        };
    };
    let live = state.status.exposure_percentage.map_or(0.0, Exposure::percentage);
    let steps = ramp
        .steps
        .iter()
        .flatten()
        .map(|step| step.exposure_percentage.percentage());
    Ok(steps.filter(|step| *step > live).fold(target, f32::min))
}

/// Why a state doesn't ask for a change that arrived at a moment of `AppConfig`'s clock, if it doesn't.
pub(crate) fn objection(
    resource: &Resource<'_>,
    at: usize,
    change: &Change,
    parameters: &Value,
    arrived_at: Timestamp,
) -> Option<String> {
    let state = &resource.states[at];
    let spec = &state.run.spec;
    let asked = match change {
        Change::Description(text) => spec.description.as_ref() == Some(text),
        Change::TreatmentOverrides(overrides) => {
            spec.treatment_overrides.as_ref().map(|asked| &asked.inline) == Some(overrides)
        }
        Change::ExposurePercentage(sent) => exposure(resource, at).is_ok_and(|asked| asked.to_bits() == sent.to_bits()),
    };
    if !asked {
        return Some(format!("its spec does not ask for {}", change.words()));
    }
    if matches!(change, Change::ExposurePercentage(_))
        && let Some(until) = held_until(state).filter(|until| arrived_at < *until)
    {
        let early = until.duration_since(arrived_at);
        return Some(format!(
            "its ramp holds the live exposure for {} s more",
            early.as_secs()
        ));
    }
    // Only exposure and overrides are deployed.
    let expected = match change {
        Change::Description(_) => Value::Null,
        _ => spec.deployment_parameters.as_ref().map_or(Value::Null, wire),
    };
    (expected != *parameters).then(|| "its spec asks for other deployment parameters".to_owned())
}

/// Until when a ramp holds what is live.
fn held_until(state: &State<'_>) -> Option<Timestamp> {
    let ramp = state.run.spec.ramp.as_ref()?;
    let target = state.run.spec.exposure_percentage?;
    let reached = &state.status.ramp.as_ref()?.reached;
    let parsed = |text: &String| text.parse::<SignedDuration>().ok();
    let floor = reached.hold.as_ref().and_then(parsed).unwrap_or_default();
    let hold = hold(ramp, reached.exposure_percentage, target, floor);
    (reached.at.0 - CLOCKS_DIFFER).checked_add(hold).ok()
}

/// How long a ramp holds an exposure: at a step, as the step says; between two, the longer; above the last one on the way
/// to the target, as that says; below the first, not. What was in force before is the least, unless a step says otherwise.
fn hold(ramp: &Ramp, live: Exposure, target: Exposure, floor: SignedDuration) -> SignedDuration {
    if ramp.steps.as_ref().is_some_and(Vec::is_empty) {
        return SignedDuration::ZERO;
    }
    let steps = ramp
        .steps
        .iter()
        .flatten()
        .filter(|step| step.exposure_percentage <= target);
    let steps: Vec<(Exposure, SignedDuration)> = steps
        .map(|step| (step.exposure_percentage, step.hold.parse().unwrap_or_default()))
        .collect();
    if let Some((_, hold)) = steps.iter().find(|(step, _)| *step == live) {
        return *hold;
    }
    let below = steps.iter().rfind(|(step, _)| *step < live).map(|(_, hold)| *hold);
    let above = steps.iter().find(|(step, _)| *step > live).map(|(_, hold)| *hold);
    let between = below.map(|below| above.map_or(below, |above| above.max(below)));
    between.unwrap_or_default().max(floor)
}

/// Whether a live run is what the spec of a version asks for, as a state tells that has been looked at since.
pub(crate) fn matches(version: &ExperimentRun, state: &State<'_>, live: &LiveRun) -> bool {
    let spec = &version.spec;
    let description = spec.description.as_ref().is_none_or(|asked| *asked == live.description);
    let overrides = spec
        .treatment_overrides
        .as_ref()
        .is_none_or(|asked| asked.inline == live.overrides);
    is_where_it_may_be(version, state, Some(live.exposure)) && description && overrides
}

/// Whether a live exposure is the target, or below it while a ramp is where it may be now.
pub(crate) fn is_where_it_may_be(version: &ExperimentRun, state: &State<'_>, live: Option<f32>) -> bool {
    let Some(target) = version.spec.exposure_percentage.map(Exposure::percentage) else {
        return true;
    };
    let reason = state.condition("Ready").map_or("", |ready| ready.reason.as_str());
    let on_the_way = version.spec.ramp.is_some() && ON_THE_WAY.contains(&reason);
    live.is_some_and(|live| live.to_bits() == target.to_bits() || (on_the_way && live < target))
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
