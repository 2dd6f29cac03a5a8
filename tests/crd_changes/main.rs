//! Scenario 13: the CRD changes under a running operator, and an object that an older schema let in is still stored. And what
//! becomes of resources that go with their CRD, come back from a backup, are in two clusters, or stay when the operator goes.
//!
//! A test target of its own, since a changed schema ends every watch of the control plane that it is changed on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod lost_crd;
mod older_crd;
mod restore;
mod tightened_rules;
mod two_clusters;
mod uninstall;

use appconfig_experiment_operator::api::ExperimentRun;
use futures::StreamExt;
use harness::{CANARY, DEADLINE, Operator, Scene, administrator, bodies, is_ready, kubectl};
use jiff::SignedDuration;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams, WatchParams},
};
use serde_json::{Value, json};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::timeout,
};

const NAME: &str = "experimentruns.experiments.appconfig.dev";
const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/crds/experiments.appconfig.dev_experimentruns.yaml"
);

/// Puts a schema in the CRD's place in which the run's number may be anything, as in a version before the first.
async fn loosen_schema(scene: &Scene) {
    change_schema(scene, |schema| {
        schema["properties"]["spec"]["properties"]["run"] = json!({ "x-kubernetes-preserve-unknown-fields": true });
        // CEL can't speak of what may be anything.
        let rules = schema["x-kubernetes-validations"].as_array_mut().unwrap();
        rules.retain(|rule| !rule["rule"].as_str().unwrap().contains("spec.run"));
    })
    .await;
}

async fn change_schema(scene: &Scene, change: impl FnOnce(&mut Value)) {
    let crds: Api<CustomResourceDefinition> = Api::all(scene.client.clone());
    let mut crd = json!(crds.get(NAME).await.unwrap());
    change(&mut crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
    // Whatever is written meanwhile of its conditions. The list of versions is replaced whole.
    let spec = Patch::Merge(json!({ "spec": crd["spec"] }));
    crds.patch(NAME, &PatchParams::default(), &spec).await.unwrap();
}

/// Puts a schema in the CRD's place that a newer operator brings: with fields that this one doesn't know.
async fn widen_schema(scene: &Scene) {
    change_schema(scene, |schema| {
        let (schema, text) = (&mut schema["properties"], json!({ "type": "string" }));
        schema["spec"]["properties"]["approval"] = text.clone();
        let step = &mut schema["spec"]["properties"]["ramp"]["properties"]["steps"]["items"];
        step["properties"]["approval"] = text.clone();
        schema["status"]["properties"]["approvedBy"] = text;
    })
    .await;
}

/// Applies a manifest until the API server knows its fields: it warns of those that it drops.
async fn store_whole(scene: &Scene, manifest: &Value) {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("newer-schema.json");
    std::fs::write(&file, manifest.to_string()).unwrap();
    let arguments = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "-f",
        file.to_str().unwrap(),
    ];
    scene
        .eventually("stored", async || kubectl(&arguments).await.status.success())
        .await;
}

async fn column(scene: &Scene, name: &str, path: &str) -> String {
    scene
        .kubectl(&["get", "exprun", name, &format!("-o=jsonpath={path}")])
        .await
}

/// A manifest without a number that could be a run's.
fn of_an_older_schema(scene: &Scene) -> Value {
    let spec = json!({ "experimentDefinitionIdentifier": "search", "run": "first", "exposurePercentage": 90 });
    scene.manifest("old", &spec)
}

/// Stores an object that can't be parsed, which is accepted as soon as the API server knows the loose schema.
async fn store(scene: &Scene, manifest: &Value) {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("older-schema.json");
    std::fs::write(&file, manifest.to_string()).unwrap();
    let arguments = ["create", "-f", file.to_str().unwrap()];
    scene
        .eventually("stored", async || kubectl(&arguments).await.status.success())
        .await;
}

async fn raise_to(scene: &Scene, exposure: f64) {
    scene.apply("good", &json!({ "exposurePercentage": exposure })).await;
    scene.wait("good", "ready", is_ready).await;
}

/// Puts the CRD of this version in place, and waits until that has ended a watch that was open, a second later: whoever looks
/// next begins after it, and misses nothing.
async fn right_schema() {
    let client = administrator().await;
    let runs: Api<DynamicObject> = Api::all_with(client.clone(), &ApiResource::erase::<ExperimentRun>(&()));
    let crds: Api<CustomResourceDefinition> = Api::all(client);
    let watch = runs.watch(&WatchParams::default(), "0").await.unwrap();
    let before = crds.get(NAME).await.unwrap().metadata.generation;
    replace_schema().await;
    if crds.get(NAME).await.unwrap().metadata.generation != before {
        timeout(DEADLINE, watch.for_each(async |_| ()))
            .await
            .expect("the watch ends");
    }
}

/// Puts the CRD of this version in place.
async fn replace_schema() {
    let replaced = kubectl(&["replace", "-f", FILE]).await;
    assert!(
        replaced.status.success(),
        "{}",
        String::from_utf8_lossy(&replaced.stderr)
    );
}

/// Installs the CRD where it is gone, and waits until the API server serves it.
async fn install_crd() {
    let steps: [&[&str]; 2] = [
        &["apply", "-f", FILE],
        &["wait", "--for=condition=Established", "--timeout=20s", "crd", NAME],
    ];
    for arguments in steps {
        let done = kubectl(arguments).await;
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

/// One test at a time: there is one CRD, which begins as it should be even where the test before has failed.
async fn alone() -> MutexGuard<'static, ()> {
    static CRD: Mutex<()> = Mutex::const_new(());
    let alone = CRD.lock().await;
    let crds: Api<CustomResourceDefinition> = Api::all(administrator().await);
    if crds.get_opt(NAME).await.unwrap().is_none() {
        install_crd().await;
    }
    right_schema().await;
    alone
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_field_of_a_newer_crd_is_named_and_nothing_is_sent_until_it_is_gone() {
    let _alone = alone().await;
    let scene = Scene::new().await;
    widen_schema(&scene).await;
    let operator = scene.operator();
    let overrides = json!({ "inline": { CANARY: "t1" } });
    let newer = json!({ "exposurePercentage": 90, "treatmentOverrides": overrides, "approval": "needed" });
    store_whole(&scene, &scene.manifest("newer", &newer)).await;
    let step = json!({ "exposurePercentage": 5, "hold": "1h", "approval": "needed" });
    let deeper = json!({ "exposurePercentage": 90, "ramp": { "steps": [step] }, "run": 2 });
    store_whole(&scene, &scene.manifest("deeper", &deeper)).await;
    let message = "{.status.conditions[?(@.type==\"Stalled\")].message}";
    for (name, field) in [("newer", "spec.approval"), ("deeper", "spec.ramp.steps[].approval")] {
        let told = format!("this operator does not know {field}: upgrade the operator, or remove the field");
        scene
            .eventually(&told, async || column(&scene, name, message).await == told)
            .await;
    }
    let of_newer_operator = r#"{"status":{"approvedBy":"somebody"}}"#;
    scene
        .kubectl(&[
            "patch",
            "exprun",
            "newer",
            "--subresource=status",
            "--type=merge",
            "-p",
            of_newer_operator,
        ])
        .await;
    assert_eq!(scene.updates(), []);
    assert!(!operator.log().contains(CANARY), "what it holds is not shown");

    scene
        .kubectl(&[
            "patch",
            "exprun",
            "newer",
            "--type=merge",
            "-p",
            r#"{"spec":{"approval":null}}"#,
        ])
        .await;
    scene.wait("newer", "ready", is_ready).await;
    assert_eq!(scene.updates().len(), 2, "overrides and exposure");
    assert_eq!(
        column(&scene, "newer", "{.status.approvedBy}").await,
        "somebody",
        "no write erases it"
    );
    right_schema().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_the_crd_reapplied_and_an_object_of_an_older_schema_stop_no_other_resource() {
    let _alone = alone().await;
    let scene = Scene::new().await;
    let mut operator = Operator::start(&scene.flags().with("--resync-interval=1s"));
    scene.circumstances(|context| context.resync_interval = SignedDuration::from_secs(1));
    raise_to(&scene, 1.0).await;
    loosen_schema(&scene).await;
    raise_to(&scene, 2.0).await;
    store(&scene, &of_an_older_schema(&scene)).await;
    let is_invalid = async || {
        let column = "-o=jsonpath={.status.conditions[?(@.type==\"Ready\")].reason}";
        scene.kubectl(&["get", "exprun", "old", column]).await == "InvalidSpec"
    };
    scene
        .eventually("told of the object of an older schema", is_invalid)
        .await;
    raise_to(&scene, 3.0).await;

    replace_schema().await;
    raise_to(&scene, 4.0).await;
    // The stored object is not valid any more; a new process meets it before it has met anything else.
    operator.stop().await;
    let _successor = scene.operator();
    raise_to(&scene, 5.0).await;
    assert!(is_invalid().await, "it is still told of");
    let expected = [1.0, 2.0, 3.0, 4.0, 5.0].map(|to| json!({ "ExposurePercentage": to }));
    assert_eq!(
        bodies(&scene.updates()),
        expected,
        "one update each, and none of the object of an older schema"
    );
    scene.judge();
}
