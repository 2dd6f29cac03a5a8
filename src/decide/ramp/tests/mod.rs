//! Ramps as values: what can be parsed, which exposure comes next, how long it is held, and when windows are open.
#![allow(clippy::unwrap_used, reason = "tests: what is not as expected ends them")]

mod budget;
mod openings;
mod oracle;
mod parsing;
mod schedules;
mod steps;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{InvalidRamp, Ramp, windows::Windows};
use crate::api::{Exposure, RampWindow};

pub(super) fn ramp(spec: Value) -> Ramp {
    parse(spec).unwrap()
}

pub(super) fn parse(spec: Value) -> Result<Ramp, InvalidRamp> {
    Ramp::parse(&serde_json::from_value(spec).unwrap())
}

pub(super) fn steps(steps: &[(f32, &str)]) -> Value {
    let steps = steps
        .iter()
        .map(|(exposure, hold)| json!({"exposurePercentage": exposure, "hold": hold}));
    json!({ "steps": steps.collect::<Vec<_>>() })
}

/// Windows, each as kind, schedule, duration and zone.
pub(super) fn windows(windows: &[[&str; 4]]) -> Windows {
    try_windows(windows).unwrap()
}

pub(super) fn try_windows(windows: &[[&str; 4]]) -> Result<Windows, InvalidRamp> {
    let window = |[kind, schedule, duration, zone]: &[&str; 4]| -> RampWindow {
        let spec = json!({"kind": kind, "schedule": schedule, "duration": duration, "timeZone": zone});
        serde_json::from_value(spec).unwrap()
    };
    Windows::parse(&windows.iter().map(window).collect::<Vec<_>>())
}

pub(super) fn exposure(percentage: f32) -> Exposure {
    Exposure::new(percentage).unwrap()
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
