//! What is asked of a run in the course of a plan, and what must have become of it at the end.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::plan::Meanwhile;

/// A run that is adopted as it is, and what is then asked of it. Each value is the managed part of a spec.
#[derive(Clone, Debug)]
pub struct Workload {
    /// What it is, for people.
    pub what: &'static str,
    /// With what the names of its plans begin.
    pub prefix: &'static str,
    /// Which plans are its own. The others are another workload's.
    pub own: Own,
    /// What the run is at first.
    pub found: Value,
    pub adopted: Value,
    pub begins: Begins,
    pub asked: Value,
    pub lowered: Value,
    pub raised: Value,
    pub recreated: Value,
    /// What is left when the ramp is taken out, where there is one. At most one of its raises falls into a plan.
    pub without_ramp: Option<Value>,
}

/// For which faults a workload has plans.
#[derive(Clone, Copy, Debug)]
pub enum Own {
    Everything,
    /// Those at so many updates and their fences.
    FirstUpdates(u32),
    /// Those at updates and their fences, and being killed anywhere.
    UpdatesAndKills,
}

/// What leads to the pass that plans are about.
#[derive(Clone, Copy, Debug)]
pub enum Begins {
    /// Somebody changes the spec to what is asked.
    Asked,
    /// The spec asks for it already, and so many seconds go by: at most five minutes, or `AppConfig` no longer believes
    /// what is signed by the host's clock.
    AfterSeconds(i32),
}

/// All workloads. The names of the first one's plans have no prefix.
pub fn workloads() -> Vec<Workload> {
    vec![raise(), in_order(), ramp()]
}

fn raise() -> Workload {
    Workload {
        what: "a raise",
        prefix: "",
        own: Own::Everything,
        found: json!({ "exposurePercentage": 5 }),
        adopted: json!({ "exposurePercentage": 5 }),
        begins: Begins::Asked,
        asked: json!({ "exposurePercentage": 25 }),
        lowered: json!({ "exposurePercentage": 10 }),
        raised: json!({ "exposurePercentage": 50 }),
        recreated: json!({ "exposurePercentage": 15 }),
        without_ramp: None,
    }
}

fn in_order() -> Workload {
    let asked = |of: &str, exposure: u8| {
        let inline = json!({ of: "t1" });
        json!({
            "description": format!("with {of}"),
            "treatmentOverrides": { "inline": inline },
            "exposurePercentage": exposure
        })
    };
    Workload {
        what: "every member, in order",
        prefix: "in-order/",
        own: Own::FirstUpdates(2),
        asked: asked("qa-bob", 25),
        lowered: asked("qa-bob", 10),
        raised: asked("qa-bob", 50),
        recreated: asked("qa-eve", 15),
        ..raise()
    }
}

/// A ramp whose first hold ends and whose second one lasts.
fn ramp() -> Workload {
    let asked = |target: u8| {
        let steps = json!([
            { "exposurePercentage": 10, "hold": "20s" },
            { "exposurePercentage": 25, "hold": "24h" }
        ]);
        json!({ "exposurePercentage": target, "ramp": { "steps": steps } })
    };
    Workload {
        what: "a raise of a ramp",
        prefix: "ramp/",
        own: Own::UpdatesAndKills,
        found: json!({ "exposurePercentage": 10 }),
        adopted: asked(50),
        begins: Begins::AfterSeconds(22),
        asked: asked(50),
        lowered: asked(12),
        raised: asked(100),
        recreated: asked(15),
        without_ramp: Some(json!({ "exposurePercentage": 50 })),
    }
}

impl Workload {
    /// What users may do.
    pub fn meanwhile(&self) -> Vec<Meanwhile> {
        let mut meanwhile = vec![
            Meanwhile::Nothing,
            Meanwhile::Lowered,
            Meanwhile::Raised,
            Meanwhile::Deleted,
            Meanwhile::Recreated,
        ];
        if self.without_ramp.is_some() {
            meanwhile.extend([Meanwhile::StatusLost, Meanwhile::RampRemoved]);
        }
        meanwhile
    }

    /// What the resource asks for in the end; nothing when there is none.
    pub fn asked_in_the_end(&self, meanwhile: Meanwhile) -> Option<&Value> {
        match meanwhile {
            Meanwhile::Nothing | Meanwhile::StatusLost => Some(&self.asked),
            Meanwhile::Lowered => Some(&self.lowered),
            Meanwhile::Raised => Some(&self.raised),
            Meanwhile::Deleted => None,
            Meanwhile::Recreated => Some(&self.recreated),
            Meanwhile::RampRemoved => self.without_ramp.as_ref(),
        }
    }
}

/// A run's members as `AppConfig` names them, as far as specs manage them.
pub type Members = BTreeMap<&'static str, Value>;

/// What a managed part of a spec asks of a run.
pub fn members(spec: &Value) -> Members {
    let asked = [
        ("Description", spec["description"].clone()),
        (
            "TreatmentOverrides",
            match &spec["treatmentOverrides"]["inline"] {
                Value::Null => Value::Null,
                inline => json!({ "Inline": inline }),
            },
        ),
        (EXPOSURE, json!(spec["exposurePercentage"].as_f64())),
    ];
    asked.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

const EXPOSURE: &str = "ExposurePercentage";

/// How a plan must end.
#[derive(Debug)]
pub struct End {
    /// The run's managed members.
    pub live: Members,
    /// How many updates `AppConfig` has carried out.
    pub committed: usize,
    /// Why the resource is Stalled, if it is.
    pub stalled: Option<&'static str>,
    /// Whether the exposure was raised, after which a ramp holds it.
    is_raised: bool,
}

impl End {
    /// The end when so many updates of those that lead from what was found to what was asked for had been carried out,
    /// and this is what the resource asks for since.
    pub fn after(workload: &Workload, carried_out: usize, asked: Option<&Value>) -> Self {
        let mut end = Self {
            live: members(&workload.found),
            committed: 0,
            stalled: None,
            is_raised: false,
        };
        end.bring_to(workload, &workload.asked, carried_out);
        end.stalled = None;
        if let Some(asked) = asked {
            end.bring_to(workload, asked, usize::MAX);
        }
        end
    }

    /// The run's exposure.
    pub fn exposure(&self) -> Option<f64> {
        self.live.get(EXPOSURE).and_then(Value::as_f64)
    }

    /// Carries out at most so many updates of those that a spec still asks for: one a member, exposure upward and last.
    fn bring_to(&mut self, workload: &Workload, spec: &Value, at_most: usize) {
        let differing = members(spec)
            .into_iter()
            .filter(|(member, value)| self.live.get(member) != Some(value));
        let (exposure, mut updates): (Vec<_>, Vec<_>) = differing.partition(|(member, _)| *member == EXPOSURE);
        for (member, target) in exposure {
            if target.as_f64() < self.exposure() {
                self.stalled = Some("ExposureAboveDesired");
            } else if workload.without_ramp.is_some() && spec["ramp"].is_null() {
                self.stalled = Some("RampRemoved");
            } else if spec["ramp"].is_null() || !self.is_raised {
                updates.push((member, self.next(spec, target)));
            }
        }
        updates.truncate(at_most);
        self.committed += updates.len();
        self.is_raised |= updates.iter().any(|(member, _)| *member == EXPOSURE);
        self.live.extend(updates);
    }

    /// The exposure that a spec allows next on the way to its target.
    fn next(&self, spec: &Value, target: Value) -> Value {
        let steps = spec["ramp"]["steps"].as_array().into_iter().flatten();
        let mut steps = steps.filter_map(|step| step["exposurePercentage"].as_f64());
        let step = steps.find(|step| Some(*step) > self.exposure());
        step.filter(|step| Some(*step) < target.as_f64())
            .map_or(target, |step| json!(step))
    }
}
