//! P6: a version is rolled back in the middle of a ramp that has a field of the newer one.

use std::{fs, path::Path};

use appconfig_experiment_operator::api::{SCHEMA_REVISION, SCHEMA_REVISION_LINE};
use harness::{Scene, bodies, control_plane, is_stalled, kubectl, message, reason};
use serde_json::{Value, json};

use crate::{CRDS, KINDS, NAME, OPERATOR, helm::Helm};

const FILE: &str = "files/experiments.appconfig.dev_experimentruns.yaml";
const BINDING: &str = "validatingadmissionpolicybinding/appconfig-experiment-operator-crd-revisions";

/// The chart of the kinds as a newer version has it: with a field that holds a step, and of the next revision.
fn newer_chart() -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("newer-crds");
    for part in ["templates", "files"] {
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    for file in [
        "Chart.yaml",
        "values.yaml",
        "values.schema.json",
        "templates/_labels.tpl",
        "templates/crds.yaml",
        "templates/crd-revision-policy.yaml",
    ] {
        fs::copy(Path::new(CRDS).join(file), folder.join(file)).unwrap();
    }
    let text = fs::read_to_string(Path::new(CRDS).join(FILE)).unwrap();
    let mut definition: Value = serde_saphyr::from_str(&text).unwrap();
    let schema = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let step = &mut schema["properties"]["spec"]["properties"]["ramp"]["properties"]["steps"]["items"];
    step["properties"]["approval"] = json!({ "type": "string" });
    let line = |revision: u32| format!("{SCHEMA_REVISION_LINE}{revision}");
    let description = schema["description"].as_str().unwrap();
    let description = description.replace(&line(SCHEMA_REVISION), &line(SCHEMA_REVISION + 1));
    schema["description"] = json!(description);
    fs::write(folder.join(FILE), definition.to_string()).unwrap();
    folder.to_str().unwrap().to_owned()
}

/// Applies a manifest until the API server knows all its fields.
async fn store_whole(scene: &Scene, manifest: &Value) {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.json", scene.namespace));
    fs::write(&file, manifest.to_string()).unwrap();
    let apply = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--field-manager=gitops",
        "-f",
        file.to_str().unwrap(),
    ];
    scene
        .eventually("stored", async || kubectl(&apply).await.status.success())
        .await;
}

async fn held_by(scene: &Scene) -> String {
    scene
        .kubectl(&["get", "exprun", "run", "-o=jsonpath={.spec.ramp.steps[0].approval}"])
        .await
}

/// What is left of a conflict with kubectl, which has installed the charts' objects here, is not what this test is about.
const FORCE: &str = "--force-conflicts";

fn upgrade(helm: &Helm, release: &str, chart: &str, more: &[&str]) {
    let upgrade = [
        "upgrade",
        "--install",
        release,
        chart,
        "-n",
        NAME,
        "--take-ownership",
        FORCE,
    ];
    helm.run(&[&upgrade[..], more].concat());
}

fn ramp(step: &Value) -> Value {
    json!({ "exposurePercentage": 100, "ramp": { "steps": [step] } })
}

/// A ramp that this version has brought to its first step, and a newer version with a manifest that only that one knows: a
/// step that waits for somebody, and else for nothing.
async fn in_the_middle_of_a_ramp(scene: &Scene, helm: &Helm) {
    upgrade(helm, KINDS, CRDS, &[]);
    upgrade(helm, NAME, OPERATOR, &[]);
    let mut operator = scene.operator();
    let step = json!({ "exposurePercentage": 5, "hold": "24h" });
    scene.apply("run", &ramp(&step)).await;
    scene.wait("run", "holding", |run| reason(run) == "RampHolding").await;
    operator.stop().await;
    upgrade(helm, KINDS, &newer_chart(), &[]);
    upgrade(helm, NAME, OPERATOR, &["--set=image.tag=newer"]);
    let step = json!({ "exposurePercentage": 5, "hold": "1s", "approval": "needed" });
    store_whole(scene, &scene.manifest("run", &ramp(&step))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_rollback_of_both_charts_in_the_middle_of_a_ramp_raises_nothing() {
    let scene = Scene::new().await;
    let helm = Helm::on(control_plane());
    in_the_middle_of_a_ramp(&scene, &helm).await;
    let kinds = ["rollback", KINDS, "1", "-n", NAME, FORCE];
    let said = helm.refuse(&kinds);
    let newer = SCHEMA_REVISION + 1;
    let refusal = format!("is of revision {newer} and can't go back to {SCHEMA_REVISION}:");
    assert!(said.contains(&refusal), "{said}");
    helm.run(&["rollback", NAME, "1", "-n", NAME, FORCE]);

    let mut rolled_back = scene.operator();
    let run = scene.wait("run", "refused", |run| is_stalled(run, "InvalidSpec")).await;
    let told = "this operator does not know spec.ramp.steps[].approval: upgrade the operator, or remove the field";
    assert_eq!(message(&run), told);
    scene.pass("run").await;
    assert_eq!(held_by(&scene).await, "needed");
    let [five, everybody] = [5.0, 100.0].map(|exposure| json!({ "ExposurePercentage": exposure }));
    assert_eq!(bodies(&scene.updates()), vec![five.clone()], "nothing is raised");

    // It is the policy that has kept this from happening: without it the API server drops the field, and the ramp goes on.
    rolled_back.stop().await;
    scene.kubectl(&["delete", BINDING]).await;
    let older = format!("{CRDS}/{FILE}");
    let try_out = ["apply", "--server-side", FORCE, "--dry-run=server", "-f", &older];
    let unguarded = async || kubectl(&try_out).await.status.success();
    scene.eventually("unguarded", unguarded).await;
    helm.run(&kinds);
    let dropped = async || held_by(&scene).await.is_empty();
    scene.eventually("dropped", dropped).await;
    let _rolled_back = scene.operator();
    let raised = [five, everybody];
    let is_raised = async || bodies(&scene.updates()) == raised;
    scene.eventually("raised", is_raised).await;
}
