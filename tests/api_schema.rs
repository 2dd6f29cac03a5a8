//! The generated CRD: up to date, documented, and its rules right, as far as that can be told without a server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{fs, path::Path, time::Duration};

use appconfig_experiment_operator::{
    api::{
        ExperimentRunStatus, GROUP, RECONCILE_REQUESTED_AT, custom_resource_definition, custom_resource_definition_yaml,
    },
    decide::desired::{Defaults, Desired},
};
use kube_cel::Validator;
use serde_json::Value;

use cases::{By, CANARY, resource, spec};

#[path = "admission/cases.rs"]
mod cases;

fn schema() -> Value {
    let definition = serde_json::to_value(custom_resource_definition()).unwrap();
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    // kube-cel checks no types, and doesn't know what tells a checker to let something be.
    serde_json::from_str(&schema.to_string().replace("dyn(", "(")).unwrap()
}

/// What the rules say to a spec, all in one.
fn answer(spec: &Value, old: Option<&Value>) -> String {
    let old = old.map(|old| resource("run", old));
    match Validator::new().validate_with_defaults(&schema(), &resource("run", spec), old.as_ref()) {
        Ok(()) => String::new(),
        Err(errors) => errors
            .iter()
            .map(|error| format!("{}: {}", error.field_path, error.message))
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

#[test]
fn the_crd_file_is_what_the_types_say() {
    let path = "crds/experiments.appconfig.dev_experimentruns.yaml";
    let committed = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    assert!(
        committed == custom_resource_definition_yaml().unwrap(),
        "{path} is stale. Bring it up to date with `cargo run -- crds > {path}`"
    );
}

#[test]
fn the_group_is_one_constant() {
    let definition = custom_resource_definition();
    assert_eq!(definition.spec.group, GROUP);
    assert_eq!(definition.metadata.name.unwrap(), format!("experimentruns.{GROUP}"));
    assert!(RECONCILE_REQUESTED_AT.starts_with(&format!("{GROUP}/")));
}

#[test]
fn every_field_is_described_in_plain_text() {
    fn check(path: &str, schema: &Value, fields: &mut usize) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            let description = property["description"].as_str().unwrap_or_default();
            assert!(description.len() > 8, "{path} has no description");
            assert!(
                !description.contains(['`']),
                "{path} has markup in its description: {description}"
            );
            *fields += 1;
            check(&path, property, fields);
            check(&path, &property["items"], fields);
        }
    }
    let mut fields = 0;
    let schema = schema();
    check("spec", &schema["properties"]["spec"], &mut fields);
    check("status", &schema["properties"]["status"], &mut fields);
    assert!(fields > 50, "only {fields} fields were seen");
}

#[test]
fn the_default_of_the_status_is_a_status() {
    let default = schema()["properties"]["status"]["default"].clone();
    let status: ExperimentRunStatus = serde_json::from_value(default.clone()).unwrap();
    assert_eq!(status.observed_generation, Some(-1));
    assert_eq!(
        serde_json::to_value(&status).unwrap(),
        default,
        "nothing of it is lost on the way"
    );
}

/// The API server names the key of a map whose value it refuses by schema.
#[test]
fn p11_nothing_in_a_map_of_entities_or_parameters_is_bounded_by_schema() {
    let spec = schema()["properties"]["spec"]["properties"].clone();
    for map in [
        &spec["treatmentOverrides"]["properties"]["inline"],
        &spec["deploymentParameters"]["properties"]["dynamicExtensionParameters"],
    ] {
        let values = map["additionalProperties"].as_object().unwrap();
        assert_eq!(values.keys().collect::<Vec<_>>(), ["nullable", "type"]);
        for rule in map["x-kubernetes-validations"].as_array().unwrap() {
            assert!(
                rule.get("messageExpression").is_none(),
                "a message that is made from the map could show it"
            );
        }
    }
}

#[test]
fn a_bad_spec_is_refused_by_the_rule_that_says_why() {
    for case in cases::refused().iter().filter(|case| case.by == By::Rule) {
        let answer = answer(&case.spec, None);
        assert!(
            answer.contains(case.message),
            "{} of {:.300}: {answer:?}",
            case.field,
            case.spec.to_string()
        );
        assert!(!answer.contains(CANARY), "{answer}");
    }
}

#[test]
fn what_is_legal_passes_the_rules() {
    // The server counts characters, kube-cel bytes.
    for spec in cases::accepted().iter().filter(|spec| spec.to_string().is_ascii()) {
        assert_eq!(answer(spec, None), "", "{:.300}", spec.to_string());
    }
}

#[test]
fn a_ramp_that_passes_the_rules_and_cannot_be_used_is_an_invalid_spec_that_says_what_to_do() {
    let defaults = Defaults {
        region: "eu-west-1".parse().ok(),
        resync_interval: Duration::from_mins(10),
    };
    let cases = cases::unusable_ramps();
    let by_server = cases::refused()
        .iter()
        .filter(|case| case.spec.get("ramp").is_some())
        .count();
    assert!(by_server + cases.len() >= 30);
    for (spec, what_to_do) in cases {
        assert_eq!(answer(&spec, None), "", "{spec}");
        let parsed = serde_json::from_value(spec.clone()).unwrap();
        let message = Desired::parse(&parsed, None, &defaults).unwrap_err().to_string();
        assert!(message.contains(what_to_do), "{spec}: {message}");
    }
}

#[test]
fn identity_cannot_be_changed() {
    for (from, to, message) in cases::refused_changes() {
        let answer = answer(&to, Some(&from));
        assert!(answer.contains(message), "{from} to {to}: {answer:?}");
    }
    for (from, to) in cases::accepted_changes() {
        assert_eq!(answer(&to, Some(&from)), "", "{from} to {to}");
    }
}

#[test]
fn a_region_is_added_only_as_the_one_that_was_found() {
    let found = |mut resource: Value, region: &str| {
        resource["status"] = serde_json::json!({ "region": region });
        resource
    };
    let old = found(resource("run", &spec(serde_json::json!({}))), "eu-west-1");
    for (region, legal) in [("eu-west-1", true), ("eu-west-2", false)] {
        let new = found(
            resource("run", &spec(serde_json::json!({ "region": region }))),
            "eu-west-1",
        );
        assert_eq!(
            Validator::new().validate(&schema(), &new, Some(&old)).is_ok(),
            legal,
            "{region}"
        );
    }
}
