//! What must come of a change, from the words of `docs/design.md` alone: which requests are sent, to the byte, and how it
//! ends.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::ramp::{Next, Ramp, Standing};

/// A run as `AppConfig` has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    pub description: String,
    pub overrides: BTreeMap<String, String>,
    pub exposure: f32,
}

/// What the run's surroundings are.
#[derive(Clone, Copy, Default)]
pub struct Surroundings {
    /// Whether the operator has no region of its own.
    pub no_region: bool,
    /// Whether `AppConfig` merges overrides into those that are there.
    pub overrides_are_merged: bool,
    /// Whether `AppConfig` refuses every update.
    pub updates_are_refused: bool,
}

/// How a change must end.
#[derive(Debug)]
pub struct End {
    /// What is sent, in order.
    pub bodies: Vec<Value>,
    /// The run; none when there is none.
    pub live: Option<Live>,
    /// Ready's status.
    pub ready: bool,
    /// Ready's reason, and Stalled's when Ready is not True.
    pub reason: &'static str,
    /// `TargetReached`'s status.
    pub target_reached: bool,
    /// Where a ramp stands, if the status remembers one.
    pub ramp: Option<Standing>,
}

/// The treatments of every run here.
const TREATMENTS: [&str; 3] = ["c", "t1", "t2"];

impl Live {
    /// The run that `AppConfig` answers with.
    pub fn of(run: &Value) -> Self {
        Self {
            description: run["Description"].as_str().unwrap_or_default().to_owned(),
            overrides: map(&run["TreatmentOverrides"]["Inline"]).unwrap_or_default(),
            exposure: exposure(&run["ExposurePercentage"]).unwrap_or_default(),
        }
    }
}

/// What the design promises of a run that is so, once a spec asks for this. Of what the spec was before, only a ramp makes
/// a difference.
pub fn end(spec: &Map<String, Value>, live: Option<Live>, ramp: Option<Standing>, surroundings: Surroundings) -> End {
    let nothing = |reason, live| End {
        bodies: vec![],
        live,
        ready: false,
        reason,
        target_reached: false,
        ramp,
    };
    let asked_ramp = spec.get("ramp").and_then(Ramp::of);
    let no_region = surroundings.no_region && !spec.contains_key("region");
    if no_region || asked_ramp.as_ref().is_some_and(|ramp| ramp.is_wrong) {
        return nothing("InvalidSpec", live);
    }
    let Some(live) = live else {
        return nothing("RunNotFound", None);
    };
    let member = |name: &str| spec.get(name).unwrap_or(&Value::Null);
    let asked = Asked {
        description: member("description").as_str(),
        overrides: map(&member("treatmentOverrides")["inline"]),
        exposure: exposure(member("exposurePercentage")),
        parameters: deployment_parameters(member("deploymentParameters")),
        ramp: asked_ramp,
    };
    let mut course = Course {
        surroundings,
        live,
        ramp,
        bodies: vec![],
        rows: vec![],
    };
    let suspended = member("suspend") == &json!(true);
    if !suspended {
        course.run(&asked);
    }
    let target_reached = asked.exposure.is_none_or(|asked| same(asked, course.live.exposure));
    let reason = match first(&course.rows) {
        _ if suspended => "Suspended",
        Some(row) => row,
        None if asked.manages_anything() => "InSync",
        None => "Observing",
    };
    let on_the_way = ["RampHolding", "RampWaiting"].contains(&reason);
    End {
        ready: asked.others_match(&course.live) && (target_reached || on_the_way),
        bodies: course.bodies,
        live: Some(course.live),
        reason,
        target_reached,
        ramp: course.ramp,
    }
}

/// The members that a spec manages.
struct Asked<'a> {
    description: Option<&'a str>,
    overrides: Option<BTreeMap<String, String>>,
    exposure: Option<f32>,
    parameters: Option<Value>,
    ramp: Option<Ramp>,
}

impl Asked<'_> {
    fn manages_anything(&self) -> bool {
        self.description.is_some() || self.overrides.is_some() || self.exposure.is_some()
    }

    /// A request, and the deployment's parameters along with it.
    fn along(&self, mut body: Value) -> Value {
        if let Some(parameters) = &self.parameters {
            body["DeploymentParameters"] = parameters.clone();
        }
        body
    }

    /// Whether every member but the exposure is as it was asked for.
    fn others_match(&self, live: &Live) -> bool {
        self.description.is_none_or(|asked| asked == live.description)
            && self.overrides.as_ref().is_none_or(|asked| *asked == live.overrides)
    }
}

/// What has been sent and what has become of the run, so far.
struct Course {
    surroundings: Surroundings,
    live: Live,
    ramp: Option<Standing>,
    bodies: Vec<Value>,
    rows: Vec<&'static str>,
}

impl Course {
    /// Sends a request for each member that differs, exposure upward and only when all others match.
    fn run(&mut self, asked: &Asked) {
        if let Some(text) = asked.description.filter(|text| *text != self.live.description)
            && self.send(json!({ "Description": text }))
        {
            text.clone_into(&mut self.live.description);
        }
        if let Some(overrides) = asked
            .overrides
            .as_ref()
            .filter(|overrides| **overrides != self.live.overrides)
        {
            self.override_treatments(asked, overrides);
        }
        let Some(target) = asked.exposure else { return };
        if target < self.live.exposure {
            self.rows.push("ExposureAboveDesired");
        }
        while let Some(exposure) = self.next_exposure(asked, target) {
            if !asked.others_match(&self.live) || !self.send(asked.along(json!({ "ExposurePercentage": exposure }))) {
                break;
            }
            self.live.exposure = exposure;
        }
    }

    /// The exposure that may be sent now, if any.
    fn next_exposure(&mut self, asked: &Asked, target: f32) -> Option<f32> {
        let live = self.live.exposure;
        let Some(ramp) = &asked.ramp else {
            // One that is gone is not released by that.
            self.ramp = self.ramp.filter(|_| live < target);
            if self.ramp.is_some() {
                self.rows.push("RampRemoved");
            }
            return Some(target).filter(|target| live < *target && self.ramp.is_none());
        };
        let stands = ramp.stands(live, target, self.ramp);
        self.ramp = Some(stands);
        match ramp.next(stands, target) {
            Next::Nothing => None,
            Next::Raise(exposure) => Some(exposure),
            Next::Wait(reason) => {
                self.rows.push(reason);
                None
            }
        }
    }

    fn override_treatments(&mut self, asked: &Asked, overrides: &BTreeMap<String, String>) {
        let known = |treatment: &String| TREATMENTS.contains(&treatment.as_str());
        if !overrides.values().all(known) {
            self.rows.push("UnknownTreatment");
        } else if self.send(asked.along(json!({ "TreatmentOverrides": { "Inline": overrides } }))) {
            if !self.surroundings.overrides_are_merged {
                self.live.overrides.clear();
            }
            self.live.overrides.extend(overrides.clone());
            if self.live.overrides != *overrides {
                self.rows.push("UpdateIneffective");
            }
        }
    }

    /// Sends a request. Tells whether it is carried out.
    fn send(&mut self, body: Value) -> bool {
        self.bodies.push(body);
        if self.surroundings.updates_are_refused {
            self.rows.push("UpdateRejected");
        }
        !self.surroundings.updates_are_refused
    }
}

/// What the API server says to a change that can't be made whatever the values are; nothing when it can. Until the run is
/// found, in a region, all that names it may be corrected.
pub fn refused_change(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    found_in: Option<&str>,
) -> Option<&'static str> {
    let found_in = found_in?;
    let region = |spec: &Map<String, Value>| spec.get("region").and_then(Value::as_str).map(str::to_owned);
    let differs = |name: &str| before.get(name) != after.get(name);
    let moved = match (region(before), region(after)) {
        (Some(before), after) => after != Some(before),
        (None, Some(after)) => after != found_in,
        (None, None) => false,
    };
    [
        (
            "a run of another application is another resource",
            differs("applicationIdentifier"),
        ),
        (
            "a run of another definition is another resource",
            differs("experimentDefinitionIdentifier"),
        ),
        ("another run is another resource", differs("run")),
        ("a run in another region is another resource", moved),
    ]
    .into_iter()
    .find_map(|(message, is_so)| is_so.then_some(message))
}

/// A body in which the exposure is the 32-bit float that it stands for.
pub fn exact(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(member) = body.get_mut("ExposurePercentage") {
        *member = json!(exposure(member).map(f32::to_bits));
    }
    body
}

/// Whether two exposures are one for `AppConfig`, which stores 32 bits.
pub fn same(one: f32, other: f32) -> bool {
    one.to_bits() == other.to_bits()
}

/// The row of the design's table that is told: the first, in its order.
fn first(rows: &[&'static str]) -> Option<&'static str> {
    let table = [
        "UnknownTreatment",
        "UpdateRejected",
        "UpdateIneffective",
        "RampRemoved",
        "ExposureAboveDesired",
        "RampHolding",
        "RampWaiting",
    ];
    table.into_iter().find(|row| rows.contains(row))
}

/// The deployment's parameters as `AppConfig` takes them: an empty member is left out, and so are all when all are.
fn deployment_parameters(spec: &Value) -> Option<Value> {
    let names = [
        ("dynamicExtensionParameters", "DynamicExtensionParameters"),
        ("tags", "Tags"),
    ];
    let member = |(ours, theirs): (&str, &str)| {
        let map = map(&spec[ours]).filter(|map| !map.is_empty())?;
        Some((theirs.to_owned(), json!(map)))
    };
    let members: Map<String, Value> = names.into_iter().filter_map(member).collect();
    (!members.is_empty()).then_some(Value::Object(members))
}

fn map(value: &Value) -> Option<BTreeMap<String, String>> {
    serde_json::from_value(value.clone()).ok()
}

/// A number as an exposure.
#[expect(clippy::cast_possible_truncation, reason = "AppConfig stores 32 bits")]
pub fn exposure(value: &Value) -> Option<f32> {
    value.as_f64().map(|percentage| percentage as f32)
}
