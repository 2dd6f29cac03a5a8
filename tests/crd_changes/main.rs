//! Scenario 13: the CRD changes under a running operator, and an object that an older schema let in is still stored.
//!
//! A test target of its own, since a changed schema ends every watch of the control plane that it is changed on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[allow(dead_code, unused_imports, reason = "shared with tests/operator")]
#[path = "../operator/harness/mod.rs"]
mod harness;

use harness::{Operator, Scene, bodies, is_ready, kubectl};
use jiff::SignedDuration;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, api::PostParams};
use serde_json::{Value, json};

const NAME: &str = "experimentruns.experiments.appconfig.dev";
const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/crds/experiments.appconfig.dev_experimentruns.yaml"
);

impl Scene {
    /// Puts a schema in the CRD's place in which the run's number may be anything, as in a version before the first.
    async fn loosen_schema(&self) {
        let crds: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        let mut crd = json!(crds.get(NAME).await.unwrap());
        let schema = &mut crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        schema["properties"]["spec"]["properties"]["run"] = json!({ "x-kubernetes-preserve-unknown-fields": true });
        let crd = serde_json::from_value(crd).unwrap();
        crds.replace(NAME, &PostParams::default(), &crd).await.unwrap();
    }

    /// A manifest without a number that could be a run's.
    fn of_an_older_schema(&self) -> Value {
        let spec = json!({ "experimentDefinitionIdentifier": "search", "run": "first", "exposurePercentage": 90 });
        self.manifest("old", &spec)
    }

    /// Stores an object that can't be parsed, which is accepted as soon as the API server knows the loose schema.
    async fn store(&self, manifest: &Value) {
        let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("older-schema.json");
        std::fs::write(&file, manifest.to_string()).unwrap();
        let arguments = ["create", "-f", file.to_str().unwrap()];
        self.eventually("stored", async || kubectl(&arguments).await.status.success())
            .await;
    }

    async fn raise_to(&self, exposure: f64) {
        self.apply("good", &json!({ "exposurePercentage": exposure })).await;
        self.wait("good", "ready", is_ready).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_the_crd_reapplied_and_an_object_of_an_older_schema_stop_no_other_resource() {
    let scene = Scene::new().await;
    let mut operator = Operator::start(&scene.flags().with("--resync-interval=1s"));
    scene.circumstances(|context| context.resync_interval = SignedDuration::from_secs(1));
    scene.raise_to(1.0).await;
    scene.loosen_schema().await;
    scene.raise_to(2.0).await;
    scene.store(&scene.of_an_older_schema()).await;
    let told = async || {
        let column = "-o=jsonpath={.status.conditions[?(@.type==\"Ready\")].reason}";
        scene.kubectl(&["get", "exprun", "old", column]).await == "InvalidSpec"
    };
    scene.eventually("told of the object of an older schema", told).await;
    scene.raise_to(3.0).await;

    let replaced = kubectl(&["replace", "-f", FILE]).await;
    assert!(
        replaced.status.success(),
        "{}",
        String::from_utf8_lossy(&replaced.stderr)
    );
    scene.raise_to(4.0).await;
    // The stored object is not valid any more; a new process meets it before it has met anything else.
    operator.stop().await;
    let _successor = scene.operator();
    scene.raise_to(5.0).await;
    assert!(told().await, "it is still told of");
    let expected = [1.0, 2.0, 3.0, 4.0, 5.0].map(|to| json!({ "ExposurePercentage": to }));
    assert_eq!(
        bodies(&scene.updates()),
        expected,
        "one update each, and none of the object of an older schema"
    );
    scene.judge();
}
