//! What the oracle knows of ramps: which exposure comes next, and what keeps it from coming. Of the windows only those of
//! [`crate::fields::ramp`]: a Deny is always closed, and one on the 30th of February is wrong.

use serde_json::Value;

use crate::oracle::{exposure, same};

/// Where a ramp stood, as the status remembers it.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    at: f32,
    is_held: bool,
}

/// The ramp of a spec.
pub struct Ramp {
    /// Each step's exposure; every one is held for longer than a test.
    steps: Vec<f32>,
    is_released: bool,
    is_closed: bool,
    /// Whether the operator refuses it.
    pub is_wrong: bool,
}

/// What a ramp lets happen next.
pub enum Next {
    /// Nothing: it is at its target.
    Nothing,
    /// A raise.
    Raise(f32),
    /// Nothing for now, as this reason says.
    Wait(&'static str),
}

impl Ramp {
    /// The ramp of a spec, if it has one.
    pub fn of(ramp: &Value) -> Option<Self> {
        let members = ramp.as_object()?;
        let steps = members.get("steps").and_then(Value::as_array);
        let exposures = steps
            .into_iter()
            .flatten()
            .filter_map(|step| exposure(&step["exposurePercentage"]));
        let window = &ramp["windows"][0];
        Some(Self {
            steps: exposures.collect(),
            is_released: steps.is_some_and(Vec::is_empty),
            is_closed: window["kind"] == "Deny",
            is_wrong: window["schedule"] == "0 0 30 2 *",
        })
    }

    /// Where it stands, coming from where it stood: a hold in force stays, unless there are explicitly no steps. Which of
    /// two holds it is makes no difference, since each is longer than a test.
    pub fn stands(&self, live: f32, target: f32, before: Option<Standing>) -> Standing {
        let stood = before.is_some_and(|before| same(before.at, live) && before.is_held);
        let a_step_is_reached = self.steps.iter().any(|step| *step <= live && *step <= target);
        Standing {
            at: live,
            is_held: !self.is_released && (stood || a_step_is_reached),
        }
    }

    /// What comes next on the way to a target.
    pub fn next(&self, standing: Standing, target: f32) -> Next {
        if standing.at >= target {
            Next::Nothing
        } else if self.is_closed {
            Next::Wait("RampWaiting")
        } else if standing.is_held {
            Next::Wait("RampHolding")
        } else {
            let step = self.steps.iter().find(|step| **step > standing.at);
            Next::Raise(step.map_or(target, |step| step.min(target)))
        }
    }
}
