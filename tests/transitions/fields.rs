//! The fields of the spec, and for each the values that are changed into one another.

use harness::cases;
use serde_json::{Map, Value, json};

/// In the place of an identifier: the ID, which is known when the run is there.
pub const BY_ID: &str = "by ID";

/// A field, its values, and what stands beside it.
pub struct Field {
    /// Where it is in the resource.
    pub path: &'static str,
    /// What the rest of the spec is at each step of a journey.
    pub beside: fn(step: usize) -> Value,
    /// What it can be, each with a name.
    pub values: Vec<(&'static str, Value)>,
    /// What admission refuses, with what it says.
    pub refused: Vec<(Value, &'static str)>,
}

impl Field {
    fn new(path: &'static str, beside: fn(usize) -> Value, values: Vec<(&'static str, Value)>) -> Self {
        let cases = cases::refused().into_iter().filter(|case| case.field.starts_with(path));
        let refused = cases.map(|case| (member_of(path, &case.spec), case.message)).collect();
        Self {
            path,
            beside,
            values,
            refused,
        }
    }

    /// The same without what is refused: for another stage, which has no say in that.
    pub fn without_refused(mut self) -> Self {
        self.refused.clear();
        self
    }

    /// Its name, as people say it.
    pub fn name(&self) -> &'static str {
        self.path.strip_prefix("spec.").unwrap_or(self.path)
    }
}

/// That part of a spec which holds the field.
fn member_of(path: &str, spec: &Value) -> Value {
    let member = path.split('.').nth(1).expect("a path begins with spec");
    json!({ member: spec[member] })
}

/// A field that is left out.
fn absent() -> (&'static str, Value) {
    ("absent", json!({}))
}

fn exposure_5(_: usize) -> Value {
    json!({ "exposurePercentage": 5 })
}

/// Exposure rises with every step, which it can only when every other member is as it was asked for.
fn rising(step: usize) -> Value {
    json!({ "exposurePercentage": 5 * (step + 1) })
}

/// Exposure rises with every step, and every other member changes.
fn all_change(step: usize) -> Value {
    let treatment = ["t1", "t2"][step % 2];
    json!({
        "description": format!("step {step}"),
        "treatmentOverrides": { "inline": { "qa": treatment } },
        "exposurePercentage": 10 * (step + 1)
    })
}

fn map(size: usize, key: impl Fn(usize) -> String, value: &str) -> Value {
    let entries: Map<String, Value> = (0..size).map(|number| (key(number), json!(value))).collect();
    Value::Object(entries)
}

/// A field of text.
pub fn description() -> Field {
    let values = vec![
        absent(),
        ("empty", json!({ "description": "" })),
        ("smallest", json!({ "description": " " })),
        ("typical", json!({ "description": "New button, second try" })),
        ("largest", json!({ "description": "€".repeat(1024) })),
        (
            "unusual",
            json!({ "description": "\"\\ \u{0}\t\r\n👩‍🔬 é e\u{301} null </script>" }),
        ),
    ];
    Field::new("spec.description", rising, values)
}

/// The number that only rises.
pub fn exposure() -> Field {
    let beside = |_| json!({ "deploymentParameters": { "tags": { "team": "checkout" } } });
    let exposure = |percentage: Value| json!({ "exposurePercentage": percentage });
    let values = vec![
        absent(),
        ("zero", exposure(json!(0))),
        ("smallest", exposure(json!(1e-7))),
        ("decimal", exposure(json!(33.3))),
        ("widened", exposure(json!(33.299_999_237_060_55))),
        ("typical", exposure(json!(50.0))),
        ("full", exposure(json!(100))),
    ];
    Field::new("spec.exposurePercentage", beside, values)
}

/// The map that is replaced whole. The last value is one that only the operator can see to be wrong.
pub fn overrides() -> Field {
    let beside = |step| {
        let mut spec = rising(step);
        spec["deploymentParameters"] = json!({ "dynamicExtensionParameters": { "ext#stage": "canary" } });
        spec
    };
    let inline = |inline: Value| json!({ "treatmentOverrides": { "inline": inline } });
    let largest = map(32, |number| format!("{number:€<2048}"), "t2");
    let unusual = json!({ "a b/c": "c", "\"{}\\": "t1", "👩‍🔬": "t2", "null": "c", "\n": "t1" });
    let values = vec![
        absent(),
        ("empty", inline(json!({}))),
        ("smallest", inline(json!({ "0": "c" }))),
        ("typical", inline(json!({ "qa-bob": "t1", "qa-eve": "t2" }))),
        ("largest", inline(largest)),
        ("unusual", inline(unusual)),
        ("not-a-treatment", inline(json!({ "qa-bob": "t1", "qa-eve": "t9" }))),
    ];
    Field::new("spec.treatmentOverrides", beside, values)
}

/// What goes along with exposure and overrides.
pub fn dynamic_extension_parameters() -> Field {
    let parameters = |map: Value| json!({ "deploymentParameters": { "dynamicExtensionParameters": map } });
    let values = vec![
        absent(),
        ("smallest", parameters(json!({ "e#s": "x" }))),
        (
            "largest",
            parameters(map(
                10,
                |number| format!("{number:/<96}#{number:p<64}"),
                &"€".repeat(2048),
            )),
        ),
        ("unusual", parameters(json!({ "👩‍🔬 {}#\"\\": "null\n" }))),
    ];
    Field::new(
        "spec.deploymentParameters.dynamicExtensionParameters",
        all_change,
        values,
    )
}

/// What goes along with exposure and overrides, too.
pub fn tags() -> Field {
    let tags = |map: Value| json!({ "deploymentParameters": { "tags": map } });
    let values = vec![
        absent(),
        ("empty", tags(json!({}))),
        ("smallest", tags(json!({ "t": "" }))),
        (
            "largest",
            tags(map(50, |number| format!("{number:€<128}"), &"€".repeat(256))),
        ),
    ];
    Field::new("spec.deploymentParameters.tags", all_change, values)
}

/// The same where nothing else changes: then it is no reason for an update.
pub fn deployment_parameters_alone() -> Field {
    let parameters = |map: Value| json!({ "deploymentParameters": map });
    let values = vec![
        absent(),
        ("empty", parameters(json!({}))),
        ("tags", parameters(json!({ "tags": { "team": "checkout" } }))),
        (
            "both",
            parameters(json!({ "tags": { "team": "search" }, "dynamicExtensionParameters": { "e#s": "x" } })),
        ),
    ];
    Field::new("spec.deploymentParameters", exposure_5, values).without_refused()
}

/// The brake, while everything changes.
pub fn suspend() -> Field {
    let values = vec![
        absent(),
        ("false", json!({ "suspend": false })),
        ("true", json!({ "suspend": true })),
    ];
    Field::new("spec.suspend", all_change, values)
}

/// On the way to a target that rises with every step. What is held is held for longer than any test, and windows are always
/// open or never: what they make of time is for tests that have a clock. The last value is one that only the operator can
/// see to be wrong.
pub fn ramp() -> Field {
    let target = |step| json!({ "exposurePercentage": 20 * (step + 1) });
    let ramp = |ramp: Value| json!({ "ramp": ramp });
    let steps = |of: &[(f64, &str)]| -> Value {
        let step = |(exposure, hold): &(f64, &str)| json!({ "exposurePercentage": exposure, "hold": hold });
        of.iter().map(step).collect()
    };
    let always = |kind: &str, schedule: &str| json!([{ "kind": kind, "schedule": schedule, "duration": "8784h", "timeZone": "UTC" }]);
    let fifty: Vec<_> = (1..=50).map(|step| (f64::from(step) * 1.5, "8784h")).collect();
    let values = vec![
        absent(),
        ("empty", ramp(json!({ "steps": [] }))),
        ("smallest", ramp(json!({ "steps": steps(&[(0.0, "24h")]) }))),
        (
            "typical",
            ramp(json!({ "steps": steps(&[(10.0, "24h"), (30.0, "48h")]) })),
        ),
        ("largest", ramp(json!({ "steps": steps(&fifty) }))),
        ("open", ramp(json!({ "windows": always("Allow", "0 0 1 * *") }))),
        (
            "closed",
            ramp(json!({ "steps": [], "windows": always("Deny", "0 0 1 1 *") })),
        ),
        ("never", ramp(json!({ "windows": always("Allow", "0 0 30 2 *") }))),
    ];
    Field::new("spec.ramp", target, values)
}

/// How often a run is read: no reason for an update.
pub fn resync_interval() -> Field {
    let interval = |text: &str| json!({ "resyncInterval": text });
    let values = vec![
        absent(),
        ("smallest", interval("30s")),
        ("typical", interval("10m")),
        ("largest", interval("24h")),
        ("unusual", interval("0h90m0s")),
    ];
    Field::new("spec.resyncInterval", exposure_5, values)
}

/// Where the run is: once the run is found, it can be added, as what it is already.
pub fn region() -> Field {
    let region = |name: &str| json!({ "region": name });
    let values = vec![
        absent(),
        ("typical", region("eu-west-1")),
        ("another", region("us-gov-west-1")),
        ("largest", region("an-unusually-long-region-name-12")),
    ];
    Field::new("spec.region", exposure_5, values)
}

/// What names the run can be corrected until the run is found, and not be changed from then on, also to another name of the
/// same.
pub fn identity() -> [Field; 3] {
    let member = |name: &str, value: Value| json!({ name: value });
    let (application, definition) = ("applicationIdentifier", "experimentDefinitionIdentifier");
    let numbers = [("first", 1), ("second", 2), ("largest", i32::MAX)];
    [
        Field::new(
            "spec.applicationIdentifier",
            exposure_5,
            vec![
                ("name", json!({})),
                ("ID", member(application, json!(BY_ID))),
                ("another", member(application, json!("shop"))),
                ("largest", member(application, json!("ä".repeat(2048)))),
            ],
        ),
        Field::new(
            "spec.experimentDefinitionIdentifier",
            exposure_5,
            vec![
                ("name", json!({})),
                ("ID", member(definition, json!(BY_ID))),
                ("another", member(definition, json!("add-to-cart"))),
            ],
        ),
        Field::new(
            "spec.run",
            exposure_5,
            numbers
                .map(|(name, number)| (name, member("run", json!(number))))
                .into(),
        ),
    ]
}
