//! What becomes of odd objects in the messages that kube's client reads.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use kube::{api::WatchEvent, core::ObjectList};
use serde_json::{Value, json};

use super::*;
use crate::{
    api::Exposure,
    decide::desired::{Defaults, InvalidSpec},
};

const CANARY: &str = "canary-entity-4711";

fn object() -> Value {
    json!({
        "apiVersion": "experiments.appconfig.dev/v1alpha1",
        "kind": "ExperimentRun",
        "metadata": {
            "name": "run",
            "namespace": "shop",
            "uid": "u-1",
            "resourceVersion": "17",
            "generation": 3,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": { "team": "checkout" },
            "annotations": { "experiments.appconfig.dev/reconcile-requested-at": "now", "else": "x" },
        },
        "spec": {
            "applicationIdentifier": "shop",
            "experimentDefinitionIdentifier": "add-to-cart",
            "run": 1,
            "exposurePercentage": 5,
            "treatmentOverrides": { "inline": { CANARY: "t1" } },
        },
        "status": {
            "observedGeneration": 3,
            "lastHandledReconcileAt": "now",
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "InSync", "message": "", "observedGeneration": 3,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }],
        },
    })
}

/// The object with another value somewhere.
fn with(pointer: &str, value: Value) -> Value {
    let mut object = object();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[name] = value;
    object
}

fn received(text: &str) -> Returned {
    serde_json::from_str(text).unwrap()
}

fn fault(object: &Value) -> Option<String> {
    match received(&object.to_string()).object {
        Object::Readable(_) => None,
        Object::Unreadable(unreadable) => Some(unreadable.fault.to_string()),
    }
}

/// As an API server may send it: `managedFields` with a time that jiff has not, or nested deeper than any parser goes.
fn managed(time: &str, depth: usize) -> String {
    let fields = format!("{}{}", r#"{"f:a":"#.repeat(depth), "{}") + &"}".repeat(depth);
    let entry = format!(r#""managedFields":[{{"manager":"m","time":"{time}","fieldsV1":{fields}}}],"name":"run""#);
    object().to_string().replace(r#""name":"run""#, &entry)
}

#[test]
fn what_nobody_reads_makes_no_object_unreadable() {
    for text in [
        managed("9999-12-31T23:59:59Z", 1),
        managed("2026-01-01T00:00:00Z", 200),
        managed("soon", 100_000),
        with("/metadata/finalizers", json!(5)).to_string(),
        with("/status/ofANewerOperator", json!({ "deep": [1] })).to_string(),
    ] {
        let Object::Readable(run) = received(&text).object else {
            panic!("{}", &text[..200]);
        };
        assert_eq!(run.identity.requested(), (3, Some("now")));
        assert_eq!(run.exposure(), Exposure::new(5.0).ok());
    }
}

#[test]
fn p6_what_is_there_and_cannot_be_read_is_not_taken_for_absent_and_its_place_is_named() {
    let odd = json!("9999-12-31T23:59:59Z");
    for (pointer, value, place) in [
        ("/metadata/uid", json!(5), "metadata.uid"),
        ("/metadata/uid", json!(""), "metadata.uid"),
        ("/metadata/resourceVersion", Value::Null, "metadata.resourceVersion"),
        ("/metadata/generation", json!("3"), "metadata.generation"),
        ("/metadata/creationTimestamp", odd.clone(), "metadata.creationTimestamp"),
        ("/metadata/creationTimestamp", Value::Null, "metadata.creationTimestamp"),
        ("/metadata/labels", json!([]), "metadata.labels"),
        ("/metadata/annotations", json!(7), "metadata.annotations"),
        ("/metadata", json!("none"), "metadata"),
        ("/spec", Value::Null, "spec"),
        ("/spec", json!([]), "spec"),
        ("/spec/run", json!("first"), "spec.run"),
        ("/spec/exposurePercentage", json!(101), "spec.exposurePercentage"),
        (
            "/spec/treatmentOverrides",
            json!({ CANARY: "t1" }),
            "spec.treatmentOverrides",
        ),
        (
            "/spec/treatmentOverrides/inline",
            json!({ CANARY: 1 }),
            "spec.treatmentOverrides.inline",
        ),
        (
            "/spec/treatmentOverrides/inline",
            json!(CANARY),
            "spec.treatmentOverrides.inline",
        ),
        (
            "/spec/ramp",
            json!({ "steps": [{ "exposurePercentage": 1 }] }),
            "spec.ramp.steps[]",
        ),
        ("/status", json!("RUNNING"), "status"),
        ("/status/startedAt", odd.clone(), "status.startedAt"),
        ("/status/pendingUpdate", json!({ "id": "x" }), "status.pendingUpdate"),
        (
            "/status/conditions/0/lastTransitionTime",
            odd.clone(),
            "status.conditions[].lastTransitionTime",
        ),
        (
            "/status/ramp",
            json!({ "summary": "", "reached": { "exposurePercentage": 5, "at": odd } }),
            "status.ramp.reached.at",
        ),
    ] {
        let found = fault(&with(pointer, value.clone()));
        assert_eq!(found.as_deref(), Some(place), "{pointer}: {value}");
    }
    assert_eq!(fault(&object()), None);
}

#[test]
fn an_object_that_is_being_deleted_is_so_whatever_the_time() {
    for time in ["2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
        let received = received(&with("/metadata/deletionTimestamp", json!(time)).to_string());
        assert!(received.object.identity().deleting, "{time}");
        assert!(matches!(received.answered(None), Err(CallError::Gone)));
    }
}

#[test]
fn what_was_told_of_an_unreadable_object_is_read_as_far_as_it_can_be() {
    let mut odd = with("/status/startedAt", json!(true));
    let status_of = |odd: &Value| match received(&odd.to_string()).object {
        Object::Unreadable(unreadable) => unreadable.status.clone(),
        Object::Readable(_) => panic!("it can be read"),
    };
    assert_eq!(status_of(&odd).conditions.len(), 1);
    assert_eq!(status_of(&odd).observed_generation, Some(3));
    odd["status"]["conditions"] = json!("none");
    assert_eq!(status_of(&odd).conditions, []);
    assert_eq!(status_of(&odd).last_handled_reconcile_at.as_deref(), Some("now"));
}

#[test]
fn p12_one_odd_object_costs_one_object_of_a_list_and_one_event_of_a_watch() {
    let odd = with("/status", json!(5));
    let items = format!("{},{},{}", managed("9999-12-31T23:59:59Z", 200), odd, object());
    let list =
        format!(r#"{{"apiVersion":"v1","kind":"List","metadata":{{"resourceVersion":"20"}},"items":[{items}]}}"#);
    let list: ObjectList<Watched> = serde_json::from_str(&list).unwrap();
    let readable: Vec<_> = list.items.iter().map(|item| item.object.is_readable()).collect();
    assert_eq!(readable, [true, false, true]);
    assert_eq!(list.metadata.resource_version.as_deref(), Some("20"));

    let event = |kind: &str, object: &str| {
        serde_json::from_str::<WatchEvent<Watched>>(&format!(r#"{{"type":"{kind}","object":{object}}}"#)).unwrap()
    };
    for (text, readable) in [(managed("9999-12-31T23:59:59Z", 200), true), (odd.to_string(), false)] {
        let WatchEvent::Modified(received) = event("MODIFIED", &text) else {
            panic!("an event of another kind");
        };
        assert_eq!(received.object.is_readable(), readable);
        assert_eq!(received.meta().resource_version.as_deref(), Some("17"));
    }
    let bookmark = r#"{"kind":"ExperimentRun","apiVersion":"experiments.appconfig.dev/v1alpha1","metadata":{"resourceVersion":"30"}}"#;
    assert!(
        matches!(event("BOOKMARK", bookmark), WatchEvent::Bookmark(mark) if mark.metadata.resource_version == "30")
    );
    let error =
        r#"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"too old","reason":"Expired","code":410}"#;
    assert!(matches!(event("ERROR", error), WatchEvent::Error(status) if status.code == 410));
}

#[test]
fn an_answer_that_is_not_selected_any_more_is_gone() {
    let team = |team: &str| with("/metadata/labels", json!({ "team": team })).to_string();
    let selector = Selector::from_iter([("team".to_owned(), "checkout".to_owned())]);
    let answered = |text: &str| received(text).answered(Some(&selector));
    assert!(answered(&team("checkout")).is_ok());
    assert!(matches!(answered(&team("search")), Err(CallError::Gone)));
    assert!(received(&team("search")).answered(None).is_ok());
}

#[test]
fn p11_neither_debug_nor_a_fault_shows_what_is_in_the_object() {
    for odd in [
        object(),
        with(
            "/spec/treatmentOverrides",
            json!({ "inline": { CANARY: { "deep": CANARY } } }),
        ),
        with("/spec/treatmentOverrides", json!(CANARY)),
        with("/status/conditions", json!(CANARY)),
    ] {
        let shown = format!("{:?}", received(&odd.to_string()));
        assert!(!shown.contains(CANARY), "{shown}");
    }
}

#[test]
fn p6_a_field_that_is_not_known_is_named_by_its_path_and_makes_the_spec_unusable() {
    let steps = json!({ "steps": [{ "exposurePercentage": 1, "hold": "1h", "approval": CANARY }] });
    let overrides = json!({ "inline": { CANARY: "t1", "approval": "t1" }, "file": { CANARY: "t1" } });
    let parameters = json!({ "dynamicExtensionParameters": { "x#approval": CANARY }, "tags": { CANARY: "" } });
    for (pointer, value, named) in [
        ("/spec/approval", json!({ CANARY: CANARY }), "spec.approval"),
        ("/spec/ramp", steps, "spec.ramp.steps[].approval"),
        (
            "/spec/ramp",
            json!({ "steps": [], "gates": [CANARY] }),
            "spec.ramp.gates",
        ),
        ("/spec/treatmentOverrides", overrides, "spec.treatmentOverrides.file"),
        ("/spec/deploymentParameters", parameters, ""),
        ("/status/approval", json!(CANARY), ""),
    ] {
        let Object::Readable(run) = received(&with(pointer, value).to_string()).object else {
            panic!("{pointer} can be read");
        };
        match run.desired(None, &defaults()) {
            Ok(_) => assert_eq!(named, "", "{pointer}"),
            Err(invalid) => {
                let message = format!("this operator does not know {named}: upgrade the operator, or remove the field");
                assert_eq!(invalid.to_string(), message);
            }
        }
    }
}

#[test]
fn a_long_value_of_the_annotation_counts_and_is_echoed_as_its_sha_256() {
    let pointer = "/metadata/annotations/experiments.appconfig.dev~1reconcile-requested-at";
    let asked = |value: &str| {
        let mut object = object();
        *object.pointer_mut(pointer).unwrap() = json!(value);
        received(&object.to_string())
            .object
            .identity()
            .reconcile_requested_at
            .clone()
            .unwrap()
    };
    let (longest, longer) = ("\u{e9}".repeat(126) + "x", "x".repeat(254));
    assert_eq!(asked(&longest), longest);
    assert_eq!(
        asked(&longer),
        "af97a1a6ca66df0bc0d0ae024383edea1ea899f3715b4e016f6898296c5cade6",
        "sha256sum says so"
    );
    assert_ne!(asked(&longer), asked(&"x".repeat(255)));
}

fn defaults() -> Defaults {
    Defaults {
        region: "eu-west-1".parse().ok(),
        resync_interval: std::time::Duration::from_mins(10),
    }
}

#[test]
fn a_large_spec_is_not_kept_is_told_from_another_and_can_not_be_decided_upon() {
    let asking = |entity: &str| {
        let inline: BTreeMap<String, &str> = (0..32)
            .map(|it| (format!("{it}{}", entity.repeat(512)), "t1"))
            .collect();
        with("/spec/treatmentOverrides", json!({ "inline": inline })).to_string()
    };
    let watched = |text: &str| match serde_json::from_str::<Watched>(text).unwrap().object {
        Object::Readable(run) => run,
        Object::Unreadable(_) => panic!("it can be read"),
    };
    let (kept, other) = (watched(&asking("a")), watched(&asking("b")));
    assert!(kept.is_abridged());
    assert!(matches!(
        kept.desired(None, &defaults()),
        Err(InvalidSpec::Unreadable(_))
    ));
    assert_eq!((kept.number(), kept.exposure()), (1, Exposure::new(5.0).ok()));
    assert!(kept.is_read(None, &defaults()).is_some());
    let whole = received(&asking("a")).answered(None).unwrap();
    assert!(whole.desired(None, &defaults()).is_ok());
    assert!(!whole.was_restored_since(&kept), "it is the same spec");
    assert!(other.was_restored_since(&kept), "the same generation, another spec");
    assert_eq!(whole.kept(), kept);
    assert!(!watched(&object().to_string()).is_abridged());
}

/// How many bytes each of 10,000 typical resources takes that were read one after the other. Each measurement is a process's
/// only test: `cargo test --lib memory_of_10_000 NAME -- --ignored --nocapture --exact`.
fn measure<T>(what: &str, read: impl Fn(&str) -> T) {
    const COUNT: u32 = 10_000;
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim_end_matches("kB").trim().parse::<u32>().unwrap() * 1024
    };
    let text = typical();
    let before = resident();
    let kept: Vec<T> = (0..COUNT).map(|_| read(&text)).collect();
    let bytes = (resident() - before) / COUNT;
    println!(
        "{what}: {bytes} bytes for each of {} resources of {} bytes of JSON",
        kept.len(),
        text.len()
    );
}

#[test]
#[ignore = "a measurement, alone in its process"]
fn memory_of_10_000_typical_resources() {
    measure("kept now", |text| serde_json::from_str::<Watched>(text).unwrap().object);
}

/// As the cache kept it when the whole metadata was read by way of `DeserializeGuard`.
#[test]
#[ignore = "a measurement, alone in its process"]
fn memory_of_10_000_typical_resources_before() {
    measure("kept before", |text| {
        let guarded: kube::core::DeserializeGuard<ExperimentRun> = serde_json::from_str(text).unwrap();
        let mut run = guarded.0.unwrap();
        run.metadata.managed_fields = None;
        let annotations = run.metadata.annotations.get_or_insert_default();
        annotations.retain(|name, _| name == RECONCILE_REQUESTED_AT);
        Arc::new(run)
    });
}

/// As the API server sends one that Flux or Argo CD applied, with a ramp under way.
fn typical() -> String {
    let mut typical = object();
    let managed = |manager: &str, fields: Value| {
        json!({
            "manager": manager, "operation": "Apply", "apiVersion": "experiments.appconfig.dev/v1alpha1",
            "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": fields,
        })
    };
    let of_spec = json!({ "f:spec": { "f:applicationIdentifier": {}, "f:experimentDefinitionIdentifier": {},
        "f:exposurePercentage": {}, "f:ramp": { "f:steps": {}, "f:windows": {} }, "f:run": {}, "f:treatmentOverrides": { "f:inline": {} } } });
    let of_status = json!({ "f:status": { "f:conditions": { "k:{\"type\":\"Ready\"}": { ".": {}, "f:message": {} } },
        "f:ramp": { "f:reached": {}, "f:next": {}, "f:summary": {} }, "f:updatedAt": {}, "f:status": {} } });
    typical["metadata"]["managedFields"] =
        json!([managed("kustomize-controller", of_spec), managed("operator", of_status)]);
    typical["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "flux", "team": "checkout" });
    typical["spec"]["ramp"] = json!({
        "steps": [{ "exposurePercentage": 5, "hold": "24h" }, { "exposurePercentage": 50, "hold": "48h" }],
        "windows": [{ "kind": "Allow", "schedule": "0 9 * * 1-4", "duration": "7h", "timeZone": "Europe/Berlin" }],
    });
    let condition = |kind: &str| {
        json!({ "type": kind, "status": "True", "reason": "RampHolding", "observedGeneration": 3,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "message": "exposure is 5 %, held until 2026-01-02T00:00:00Z; then 50 % in the next window" })
    };
    let treatments = json!([{ "key": "c", "weight": 50 }, { "key": "t1", "weight": 50 }]);
    typical["status"] = json!({
        "observedGeneration": 3, "region": "eu-west-1", "applicationId": "abc1234", "experimentDefinitionId": "bsxyd7k",
        "status": "RUNNING", "exposurePercentage": 5, "description": "New button, second try", "treatmentOverrideCount": 1,
        "startedAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z",
        "experimentDefinition": { "name": "add-to-cart", "flagKey": "cart", "environmentId": "env1234",
            "configurationProfileId": "cfg1234", "treatments": treatments },
        "ramp": { "reached": { "exposurePercentage": 5, "at": "2026-01-01T00:00:00Z", "hold": "24h" },
            "next": { "exposurePercentage": 50, "notBefore": "2026-01-02T08:00:00Z" }, "waitingFor": "Hold",
            "completesAt": "2026-01-06T08:00:00Z", "summary": "50 at 2026-01-02T08:00Z" },
        "conditions": [condition("Ready"), condition("TargetReached")],
    });
    typical.to_string()
}
