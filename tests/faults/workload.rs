//! What is asked of a run in the course of a plan, and what must have become of it at the end.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::plan::Meanwhile;

/// A run that is adopted as it is, and a change that is then asked for. Each is the managed part of a spec.
#[derive(Clone, Debug)]
pub struct Workload {
    /// What it is, for people.
    pub what: &'static str,
    /// With what the names of its plans begin.
    pub prefix: &'static str,
    /// Where it has points of its own: at the first so many updates. The others are another workload's; none: everywhere.
    pub first_updates: Option<u32>,
    pub adopted: Value,
    pub asked: Value,
    pub lowered: Value,
    pub raised: Value,
    pub recreated: Value,
}

/// All workloads. The names of the first one's plans have no prefix.
pub fn workloads() -> Vec<Workload> {
    let raise = Workload {
        what: "a raise",
        prefix: "",
        first_updates: None,
        adopted: json!({ "exposurePercentage": 5 }),
        asked: json!({ "exposurePercentage": 25 }),
        lowered: json!({ "exposurePercentage": 10 }),
        raised: json!({ "exposurePercentage": 50 }),
        recreated: json!({ "exposurePercentage": 15 }),
    };
    let overrides = |of: &str, exposure: u8| {
        let inline = json!({ of: "t1" });
        json!({
            "description": format!("with {of}"),
            "treatmentOverrides": { "inline": inline },
            "exposurePercentage": exposure
        })
    };
    let in_order = Workload {
        what: "every member, in order",
        prefix: "in-order/",
        first_updates: Some(2),
        adopted: json!({ "exposurePercentage": 5 }),
        asked: overrides("qa-bob", 25),
        lowered: overrides("qa-bob", 10),
        raised: overrides("qa-bob", 50),
        recreated: overrides("qa-eve", 15),
    };
    vec![raise, in_order]
}

impl Workload {
    /// What the resource asks for in the end; nothing when there is none.
    pub fn asked_in_the_end(&self, meanwhile: Meanwhile) -> Option<&Value> {
        match meanwhile {
            Meanwhile::Nothing => Some(&self.asked),
            Meanwhile::Lowered => Some(&self.lowered),
            Meanwhile::Raised => Some(&self.raised),
            Meanwhile::Deleted => None,
            Meanwhile::Recreated => Some(&self.recreated),
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
#[derive(Debug, PartialEq)]
pub struct End {
    /// The run's managed members.
    pub live: Members,
    /// How many updates `AppConfig` has carried out.
    pub committed: usize,
    /// Whether the exposure asked for is below the live one.
    pub above_desired: bool,
}

impl End {
    /// The end when so many updates of those that lead from what was adopted to what was asked for had been carried out,
    /// and this is what the resource asks for since.
    pub fn after(workload: &Workload, carried_out: usize, asked: Option<&Value>) -> Self {
        let mut end = Self {
            live: members(&workload.adopted),
            committed: 0,
            above_desired: false,
        };
        end.bring_to(&workload.asked, carried_out);
        end.above_desired = false;
        if let Some(asked) = asked {
            end.bring_to(asked, usize::MAX);
        }
        end
    }

    /// Carries out at most so many updates of those that a spec still asks for: one a member, exposure upward and last.
    fn bring_to(&mut self, spec: &Value, at_most: usize) {
        let differing = members(spec)
            .into_iter()
            .filter(|(member, value)| self.live.get(member) != Some(value));
        let (exposure, mut updates): (Vec<_>, Vec<_>) = differing.partition(|(member, _)| *member == EXPOSURE);
        for (member, value) in exposure {
            if value.as_f64() > self.live.get(member).and_then(Value::as_f64) {
                updates.push((member, value));
            } else {
                self.above_desired = true;
            }
        }
        updates.truncate(at_most);
        self.committed += updates.len();
        self.live.extend(updates);
    }
}
