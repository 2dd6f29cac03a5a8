//! Journeys: what is asked of one run, step by step. They come of a [`Field`]'s values.

use serde_json::{Map, Value};

use crate::fields::Field;

/// What is asked of one run, one after the other.
pub struct Journey {
    /// The field and the values on the way.
    pub name: String,
    /// The first one creates the resource.
    pub steps: Vec<Step>,
}

/// One change of the spec.
#[derive(Clone)]
pub struct Step {
    /// The spec, as far as it isn't the same in all of a journey.
    pub spec: Map<String, Value>,
    /// What admission says to it, if it can't be what it is whatever was there before.
    pub refused: Option<&'static str>,
    /// Whether `AppConfig` refuses every update of this step.
    pub appconfig_refuses: bool,
}

impl Step {
    /// A step to a spec that is beside a value, and the value.
    pub fn to(beside: Value, value: &Value) -> Self {
        let mut spec = Map::new();
        for part in [&beside, value] {
            spec.extend(part.as_object().expect("a part of a spec").clone());
        }
        Self {
            spec,
            refused: None,
            appconfig_refuses: false,
        }
    }
}

/// From every value to every other one and back.
pub fn there_and_back(field: &Field) -> Vec<Journey> {
    pairs(field)
        .filter(|(from, to)| from != to)
        .map(|(from, to)| through(field, &[from, to, from]))
        .collect()
}

/// As [`there_and_back`], with one journey for both directions.
pub fn there_or_back(field: &Field) -> Vec<Journey> {
    pairs(field)
        .filter(|(from, to)| from < to)
        .map(|(from, to)| through(field, &[from, to, from]))
        .collect()
}

/// From a value to one that is refused, and on to another one, for each that is refused.
pub fn with_refused_in_between(field: &Field) -> Vec<Journey> {
    let count = field.values.len();
    let journey = |(number, (refused, message)): (usize, &(Value, &'static str))| {
        let mut journey = through(field, &[number % count, (number + 1) % count]);
        let mut step = Step::to((field.beside)(1), refused);
        step.refused = Some(message);
        journey.steps.insert(1, step);
        journey.name = format!("{}, refused in between: {number}", journey.name);
        journey
    };
    field.refused.iter().enumerate().map(journey).collect()
}

fn pairs(field: &Field) -> impl Iterator<Item = (usize, usize)> {
    let count = field.values.len();
    (0..count).flat_map(move |from| (0..count).map(move |to| (from, to)))
}

fn through(field: &Field, values: &[usize]) -> Journey {
    let names: Vec<_> = values.iter().map(|value| field.values[*value].0).collect();
    let step = |(step, value): (usize, &usize)| Step::to((field.beside)(step), &field.values[*value].1);
    Journey {
        name: format!("{}/{}", field.name(), names.join(" → ")),
        steps: values.iter().enumerate().map(step).collect(),
    }
}

/// From each value to the next one, whose updates `AppConfig` refuses, to the one after that, and back to what was refused.
pub fn with_updates_refused(field: &Field) -> Vec<Journey> {
    let count = field.values.len();
    let journey = |from: usize| {
        let (to, other) = ((from + 1) % count, (from + 2) % count);
        let mut journey = through(field, &[from, to, other, to]);
        journey.steps[1].appconfig_refuses = true;
        journey.name.push_str(", refused by AppConfig at first");
        journey
    };
    (0..count).map(journey).collect()
}
