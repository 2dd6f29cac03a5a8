//! The generated CRD: up to date, documented, and its rules right, as far as that can be told without a server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{fs, path::Path, time::Duration};

use appconfig_experiment_operator::{
    api::{
        BRAKE_REASON, ExperimentRunStatus, GROUP, RECONCILE_REQUESTED_AT, SCHEMA_REVISION, SCHEMA_REVISION_LINE,
        custom_resource_definition, custom_resource_definition_yaml,
    },
    decide::desired::{Defaults, Desired},
};
use harness::cases::{self, By, CANARY, resource};
use kube_cel::Validator;
use serde_json::Value;
use sha2::{Digest, Sha256};

fn schema() -> Value {
    let definition = serde_json::to_value(custom_resource_definition()).unwrap();
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    // kube-cel checks no types, and doesn't know what tells a checker to let something be.
    serde_json::from_str(&schema.to_string().replace("dyn(", "(")).unwrap()
}

/// What the rules say to a spec, all in one.
fn answer(spec: &Value) -> String {
    match Validator::new().validate_with_defaults(&schema(), &resource("run", spec), None) {
        Ok(()) => String::new(),
        Err(errors) => errors
            .iter()
            .map(|error| format!("{}: {}", error.field_path, error.message))
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

#[test]
fn the_crd_file_is_what_the_types_say_and_so_is_its_copy_in_the_chart() {
    for folder in ["crds", "deploy/charts/crds/files"] {
        let path = format!("{folder}/experiments.appconfig.dev_experimentruns.yaml");
        let committed = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&path)).unwrap();
        assert!(
            committed == custom_resource_definition_yaml().unwrap(),
            "{path} is stale. Bring it up to date with `make crds`"
        );
    }
}

/// The schema without its descriptions, as a digest.
fn digest(schema: &Value) -> String {
    fn strip(schema: &mut Value) {
        if let Some(members) = schema.as_object_mut() {
            members.retain(|name, value| name != "description" || !value.is_string());
        }
        match schema {
            Value::Object(members) => members.values_mut().for_each(strip),
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut schema = schema.clone();
    strip(&mut schema);
    let digest = Sha256::digest(schema.to_string());
    let bytes = digest.first_chunk().unwrap();
    format!("{:016x}", u64::from_be_bytes(*bytes))
}

/// Each revision that there was and the digest of its schema, the newest last. A change of the schema is a new line.
const REVISIONS: [(u32, &str); 1] = [(1, "0aa01c89de0d0177")];

#[test]
fn a_changed_schema_has_a_revision_of_its_own() {
    for version in custom_resource_definition().spec.versions {
        let schema = serde_json::to_value(version.schema.unwrap()).unwrap()["openAPIV3Schema"].take();
        let last = schema["description"].as_str().unwrap().lines().last().unwrap();
        assert_eq!(last, format!("{SCHEMA_REVISION_LINE}{SCHEMA_REVISION}"));
        let digest = digest(&schema);
        assert_eq!(
            REVISIONS.last(),
            Some(&(SCHEMA_REVISION, &*digest)),
            "the schema has changed: count SCHEMA_REVISION up by one, and add its line with the digest {digest}"
        );
    }
    let counted = REVISIONS.iter().map(|(revision, _)| *revision);
    assert!(counted.eq(1..=SCHEMA_REVISION), "each follows the one before");
}

#[test]
fn the_group_is_one_constant() {
    let definition = custom_resource_definition();
    assert_eq!(definition.spec.group, GROUP);
    assert_eq!(definition.metadata.name.unwrap(), format!("experimentruns.{GROUP}"));
    for annotation in [BRAKE_REASON, RECONCILE_REQUESTED_AT] {
        assert!(annotation.starts_with(&format!("{GROUP}/")), "{annotation}");
    }
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
        let answer = answer(&case.spec);
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
        assert_eq!(answer(spec), "", "{:.300}", spec.to_string());
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
        assert_eq!(answer(&spec), "", "{spec}");
        let parsed = serde_json::from_value(spec.clone()).unwrap();
        let message = Desired::parse(&parsed, None, &defaults).unwrap_err().to_string();
        assert!(message.contains(what_to_do), "{spec}: {message}");
    }
}

#[test]
fn what_names_the_run_is_corrected_until_it_is_found_and_not_changed_from_then_on() {
    let with = |spec: &Value, status: Option<Value>| {
        let mut resource = resource("run", spec);
        resource["status"] = status.unwrap_or_else(|| serde_json::json!({ "observedGeneration": -1 }));
        resource
    };
    let refused = |from: &Value, to: &Value, status: Option<Value>| {
        let (old, new) = (with(from, status.clone()), with(to, status));
        match Validator::new().validate(&schema(), &new, Some(&old)) {
            Ok(()) => vec![],
            Err(errors) => errors.iter().map(|error| error.message.clone()).collect::<Vec<_>>(),
        }
    };
    for (from, to, message) in cases::refused_changes() {
        let said = refused(&from, &to, Some(cases::found()));
        assert!(said.len() == 1 && said[0].contains(message), "{from} to {to}: {said:?}");
        assert_eq!(refused(&from, &to, None), [""; 0], "{from} to {to}, a correction");
    }
    for (from, to) in cases::accepted_changes() {
        for status in [None, Some(cases::found())] {
            assert_eq!(refused(&from, &to, status), [""; 0], "{from} to {to}");
        }
    }
}

/// The API server lets an unchanged field be that breaks a rule of its own, and not a whole object: a rule at the root on
/// anything but a change would refuse every write of a stored object that breaks it, of labels, finalizers and status too.
#[test]
fn rules_at_the_root_are_on_changes_only() {
    let schema = schema();
    let rules = schema["x-kubernetes-validations"].as_array().unwrap();
    assert_eq!(rules.len(), 4);
    for rule in rules {
        assert!(rule["rule"].as_str().unwrap().contains("oldSelf"), "{rule}");
        assert_ne!(rule["optionalOldSelf"], true, "{rule}");
    }
}
