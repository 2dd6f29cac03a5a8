//! Changes of a spec that admission refuses or accepts.

use serde_json::{Value, json};

use super::{inline, spec};

/// What a status says of a run that was found.
#[must_use]
pub fn found() -> Value {
    json!({"region": "eu-west-1", "applicationId": "abc1234", "experimentDefinitionId": "bsxyd7k", "run": 1})
}

/// Changes that must be refused once the run was found, as [`found`] has it: from, to, and what the answer says. Until then
/// they are corrections.
#[must_use]
pub fn refused_changes() -> Vec<(Value, Value, &'static str)> {
    let from = || spec(json!({"region": "eu-west-1"}));
    let to = |name: &str, value: Value| spec(json!({"region": "eu-west-1", name: value}));
    let region = "since a run in another region is another resource: delete and recreate this one";
    vec![
        (
            from(),
            to("run", json!(2)),
            "since another run is another resource: delete and recreate this one",
        ),
        (
            from(),
            to("applicationIdentifier", json!("s")),
            "since a run of another application is another resource: delete and recreate this one",
        ),
        (
            from(),
            to("experimentDefinitionIdentifier", json!("a")),
            "since a run of another definition is another resource: delete and recreate this one",
        ),
        (from(), spec(json!({"region": "eu-west-2"})), region),
        (from(), spec(json!({})), region),
        (spec(json!({})), spec(json!({"region": "eu-west-2"})), region),
    ]
}

/// Changes that are legal, whether or not the run was found, a lower exposure among them: a revert must not break a sync.
#[must_use]
pub fn accepted_changes() -> Vec<(Value, Value)> {
    let exposure = |percentage: f64| spec(json!({"exposurePercentage": percentage}));
    vec![
        (exposure(25.0), exposure(5.0)),
        (exposure(25.0), spec(json!({}))),
        (spec(json!({})), spec(json!({"region": "eu-west-1"}))),
        (inline(json!({"a": "t1"})), inline(json!({}))),
    ]
}
