//! Specs that admission refuses or accepts, for the rules alone and for a real server.
#![allow(
    clippy::needless_pass_by_value,
    reason = "json!(…) reads better without a & before it"
)]

use serde_json::{Value, json};

pub use changes::{accepted_changes, found, refused_changes};
pub use ramps::unusable_ramps;
use ramps::{accepted_ramps, refused_ramps};

mod changes;
mod ramps;

/// What stands for personal or sensitive data in the specs below: in no answer.
pub const CANARY: &str = "canary-7c1f";

/// Who refuses a spec.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A rule in CEL.
    Rule,
    /// A bound or a type in the schema: only the server shows these.
    Server,
}

/// A spec that must be refused.
pub struct Refused {
    /// The spec.
    pub spec: Value,
    /// Who refuses it.
    pub by: By,
    /// The path that the refusal names.
    pub field: &'static str,
    /// What the refusal says, or a part of it.
    pub message: &'static str,
}

const OVERRIDES: &str =
    "inline must map entity IDs of 1 to 2048 characters to treatment keys of 1 to 8 letters and digits";
const PARAMETER_NAMES: &str = "dynamicExtensionParameters must have keys such as extension#parameter";
const PARAMETER_VALUES: &str = "dynamicExtensionParameters must have values of 1 to 2048 characters";
const TAGS: &str = "tags must have keys of 1 to 128 characters and values of 0 to 256";
const REGION: &str = "region must be the name of an AWS region, such as eu-west-1";
const ZONE: &str = "region must be a region, and this is the name of a zone: write us-east-1, not us-east-1a";
const RESYNC: &str = "resyncInterval must be from 30s to 24h, in whole hours, minutes and seconds";

/// A legal spec, with `members` on top.
#[must_use]
pub fn spec(members: Value) -> Value {
    let mut spec = json!({"applicationIdentifier": "shop", "experimentDefinitionIdentifier": "add-to-cart", "run": 1});
    if let (Some(spec), Value::Object(members)) = (spec.as_object_mut(), members) {
        spec.extend(members);
    }
    spec
}

/// A resource with that spec.
#[must_use]
pub fn resource(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "experiments.appconfig.dev/v1alpha1",
        "kind": "ExperimentRun",
        "metadata": {"name": name},
        "spec": spec,
    })
}

/// `text`, made `characters` long.
fn long(text: &str, characters: usize) -> String {
    text.chars().chain(std::iter::repeat('a')).take(characters).collect()
}

/// A map of `size` entries that all have that value.
fn entries(prefix: &str, size: usize, value: &str) -> Value {
    (0..size)
        .map(|index| (format!("{prefix}{index}"), Value::from(value)))
        .collect()
}

fn inline(map: Value) -> Value {
    spec(json!({"treatmentOverrides": {"inline": map}}))
}

fn parameters(map: Value) -> Value {
    spec(json!({"deploymentParameters": {"dynamicExtensionParameters": map}}))
}

fn tags(map: Value) -> Value {
    spec(json!({"deploymentParameters": {"tags": map}}))
}

fn rule(field: &'static str, message: &'static str, specs: Vec<Value>) -> impl Iterator<Item = Refused> {
    specs.into_iter().map(move |spec| Refused {
        spec,
        by: By::Rule,
        field,
        message,
    })
}

fn server(field: &'static str, message: &'static str, specs: Vec<Value>) -> impl Iterator<Item = Refused> {
    specs.into_iter().map(move |spec| Refused {
        spec,
        by: By::Server,
        field,
        message,
    })
}

/// Everything that must be refused, and how.
#[must_use]
pub fn refused() -> Vec<Refused> {
    refused_overrides()
        .chain(refused_parameters())
        .chain(refused_members())
        .chain(refused_ramps())
        .collect()
}

/// Overrides: what they hold is personal.
pub fn refused_overrides() -> impl Iterator<Item = Refused> {
    const FIELD: &str = "spec.treatmentOverrides.inline";
    let treatment_keys = ["", "t!", "t 1", "tä", "t12345678"].map(|key| inline(json!({CANARY: key})));
    let others = [
        inline(json!({CANARY: long("t", 100_000)})),
        inline(json!({long(CANARY, 2049): "t1"})),
        inline(json!({CANARY: "t1", "": "t1"})),
        inline(json!({CANARY: null})),
        inline(json!({"a": "t1", CANARY: null})),
    ];
    rule(FIELD, OVERRIDES, treatment_keys.into_iter().chain(others).collect())
        .chain(server(
            FIELD,
            "Too many: 33: must have at most 32 items",
            vec![inline(entries(CANARY, 33, "t1"))],
        ))
        .chain(server(
            FIELD,
            "Required value",
            vec![
                spec(json!({"treatmentOverrides": {}})),
                spec(json!({"treatmentOverrides": {"inline": null}})),
            ],
        ))
}

/// Deployment parameters: some of what they hold is sensitive.
pub fn refused_parameters() -> impl Iterator<Item = Refused> {
    const PARAMETERS: &str = "spec.deploymentParameters.dynamicExtensionParameters";
    const TAGS_FIELD: &str = "spec.deploymentParameters.tags";
    let names = [
        "stage".to_owned(),
        "#stage".to_owned(),
        "ext#".to_owned(),
        "ext#stage#2".to_owned(),
        "ext#sta/ge".to_owned(),
        "ext#sta\nge".to_owned(),
        format!("{}#stage", long("e", 97)),
        format!("ext#{}", long("s", 65)),
    ]
    .map(|name| parameters(json!({name: CANARY})));
    let values = [
        parameters(json!({"ext#stage": ""})),
        parameters(json!({"ext#stage": long(CANARY, 2049)})),
        parameters(json!({format!("ext#{CANARY}"): null})),
    ];
    let tag = [
        tags(json!({"": "checkout"})),
        tags(json!({long("team", 129): "checkout"})),
        tags(json!({"team": long("checkout", 257)})),
        tags(json!({"team": null})),
    ];
    rule(PARAMETERS, PARAMETER_NAMES, names.into())
        .chain(rule(PARAMETERS, PARAMETER_VALUES, values.into()))
        .chain(rule(TAGS_FIELD, TAGS, tag.into()))
        .chain(server(PARAMETERS, "at least 1 propert", vec![parameters(json!({}))]))
        .chain(server(
            PARAMETERS,
            "Too many: 11",
            vec![parameters(entries("ext#stage", 11, CANARY))],
        ))
        .chain(server(TAGS_FIELD, "Too many: 51", vec![tags(entries("tag", 51, "x"))]))
}

fn refused_members() -> impl Iterator<Item = Refused> {
    let member = |name: &str, values: Vec<Value>| -> Vec<Value> {
        values.into_iter().map(|value| spec(json!({name: value}))).collect()
    };
    let application = "spec.applicationIdentifier";
    let dots = |name| member(name, vec![json!("."), json!("..")]);
    rule(
        application,
        "give the application's ID instead",
        dots("applicationIdentifier"),
    )
    .chain(rule(
        "spec.experimentDefinitionIdentifier",
        "give the definition's ID instead",
        dots("experimentDefinitionIdentifier"),
    ))
    .chain(rule(
        "spec.region",
        REGION,
        member(
            "region",
            [
                "EU (Ireland)",
                "eu_west_1",
                "-eu-1",
                "eu-",
                "eu.west-1",
                "eu-west-1\n",
                "eu-west",
                "use1-az1",
                "us-west-2-lax-1a",
                "us-east-1-wl1-bos-wlz-1",
            ]
            .map(Value::from)
            .into(),
        ),
    ))
    .chain(rule(
        "spec.region",
        ZONE,
        member("region", ["us-east-1a", "us-gov-west-1b"].map(Value::from).into()),
    ))
    .chain(rule(
        "spec.resyncInterval",
        RESYNC,
        member(
            "resyncInterval",
            [
                "2d",
                "29s",
                "24h1s",
                "1441m",
                "0s",
                "1h 30m",
                "10",
                "-10m",
                "1.5h",
                "9999h9999m99999s",
            ]
            .map(Value::from)
            .into(),
        ),
    ))
    .chain(server(
        application,
        "at least 1 chars long",
        member("applicationIdentifier", vec![json!("")]),
    ))
    .chain(server(
        application,
        "Too long",
        member("applicationIdentifier", vec![json!(long("a", 2049))]),
    ))
    .chain(server(
        "spec.run",
        "greater than or equal to 1",
        member("run", vec![json!(0), json!(-1)]),
    ))
    .chain(server(
        "spec.run",
        "less than or equal to 2147483647",
        member("run", vec![json!(2_147_483_648_i64)]),
    ))
    .chain(server(
        "spec.run",
        "must be of type integer",
        member("run", vec![json!(1.5), json!("1")]),
    ))
    .chain(server(
        "spec.region",
        "Too long",
        member("region", vec![json!(long("eu", 33))]),
    ))
    .chain(server(
        "spec.description",
        "Too long",
        member("description", vec![json!("ä".repeat(1025))]),
    ))
    .chain(refused_exposures(member))
}

fn refused_exposures(member: impl Fn(&str, Vec<Value>) -> Vec<Value>) -> impl Iterator<Item = Refused> {
    const FIELD: &str = "spec.exposurePercentage";
    let name = "exposurePercentage";
    server(
        FIELD,
        "should be greater than or equal to 0",
        member(name, vec![json!(-1), json!(-0.001)]),
    )
    .chain(server(
        FIELD,
        "should be less than or equal to 100",
        member(name, vec![json!(100.001), json!(1e9)]),
    ))
    .chain(server(
        FIELD,
        "must be of type number",
        member(name, vec![json!("ten"), json!("10"), json!("10%")]),
    ))
}

/// The outermost of what is legal.
pub fn accepted() -> Vec<Value> {
    let members = [
        json!({}),
        json!({"applicationIdentifier": "my app/π 100%.", "experimentDefinitionIdentifier": "..."}),
        json!({"applicationIdentifier": "ä".repeat(2048), "run": 2_147_483_647}),
        json!({"region": "us-gov-west-1", "suspend": true}),
        json!({"region": "an-unusually-long-region-name-12"}),
        json!({"description": ""}),
        json!({"description": "ä".repeat(1024)}),
        json!({"exposurePercentage": 0}),
        json!({"exposurePercentage": 33.3}),
        json!({"exposurePercentage": 100.0}),
        json!({"region": "cn-northwest-1"}),
        json!({"region": "us-iso-east-1"}),
        json!({"region": "eusc-de-east-1"}),
        json!({"region": "ap-southeast-7"}),
        json!({"resyncInterval": "30s"}),
        json!({"resyncInterval": "1h30m"}),
        json!({"resyncInterval": "24h"}),
        json!({"resyncInterval": "86400s"}),
        json!({"resyncInterval": "1440m"}),
        json!({"resyncInterval": "1440m"}),
        json!({"resyncInterval": "86400s"}),
        json!({"deploymentParameters": {}}),
    ];
    let maps = [
        inline(json!({})),
        inline(json!({"a b/c": "T", long("a", 2048): "t1234567", "0": "0", "z": "AzZ09"})),
        inline(json!({"ä".repeat(2048): "t1"})),
        inline(entries("entity", 32, "t1")),
        parameters(entries("ext#stage", 10, &long("a", 2048))),
        parameters(json!({"ext#stage": "ä".repeat(2048)})),
        parameters(json!({format!("{}#{}", long("/", 96), long("p", 64)): "a"})),
        tags(entries("tag", 50, "")),
        tags(json!({long("a", 128): long("a", 256)})),
        tags(json!({"ä".repeat(128): "ä".repeat(256)})),
    ];
    members
        .into_iter()
        .map(spec)
        .chain(maps)
        .chain(accepted_ramps())
        .collect()
}
