//! Living with `GitOps`: the brake, automation beside it, a pass on request, and what people read meanwhile.

use appconfig_experiment_operator::api::ExperimentRun;
use harness::{Scene, argo_cd, bodies, is_ready, is_stalled, message, reason};
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
    core::ApiResource,
};
use serde_json::{Value, json};

/// Applies a manifest with kubectl, as a `GitOps` tool does.
async fn kubectl_apply(scene: &Scene, more: &Value, how: &[&str]) {
    let file = format!("{}/{}.json", env!("CARGO_TARGET_TMPDIR"), scene.namespace);
    std::fs::write(&file, scene.manifest("run", more).to_string()).unwrap();
    scene.kubectl(&[&["apply", "-f", &file], how].concat()).await;
    scene.caught_up(scene.runs.get("run").await.unwrap()).await;
}

async fn health(scene: &Scene) -> String {
    let object = json!(scene.runs.get("run").await.unwrap());
    argo_cd::health(&object).0
}

const SERVER_SIDE: [&str; 3] = ["--server-side", "--force-conflicts", "--field-manager=gitops"];

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_brake_pulled_by_hand_survives_what_git_applies_and_stops_every_update() {
    for how in [&SERVER_SIDE[..], &[]] {
        let scene = Scene::new().await;
        let _operator = scene.operator();
        kubectl_apply(&scene, &json!({ "exposurePercentage": 5 }), how).await;
        scene.wait("run", "ready", is_ready).await;
        let brake = |to: &str| format!(r#"{{"spec":{{"suspend":{to}}}}}"#);
        let pull = [
            "patch",
            "exprun",
            "run",
            "--type",
            "merge",
            "--field-manager=oncall",
            "-p",
        ];
        scene.kubectl(&[&pull[..], &[&brake("true")]].concat()).await;
        let run = scene.wait("run", "suspended", |run| reason(run) == "Suspended").await;
        assert!(is_ready(&run), "live is the target");

        for exposure in [50, 100] {
            kubectl_apply(
                &scene,
                &json!({ "exposurePercentage": exposure, "description": "on" }),
                how,
            )
            .await;
            let run = scene.wait("run", "suspended", |run| is_stalled(run, "Suspended")).await;
            assert!(
                message(&run).contains("the description and the exposure would change"),
                "{}",
                message(&run)
            );
        }
        // Reads go on.
        scene.later(5);
        scene.change_from_outside(&json!({ "ExposurePercentage": 7.0 }));
        let run = scene.pass("run").await;
        assert_eq!(json!(run.status)["exposurePercentage"], 7.0);
        assert!(is_stalled(&run, "Suspended"));
        assert_eq!(
            bodies(&scene.updates()),
            [json!({ "ExposurePercentage": 5.0 })],
            "nothing while suspended"
        );

        scene.kubectl(&[&pull[..], &[&brake("null")]].concat()).await;
        scene
            .wait("run", "ready", |run| is_ready(run) && reason(run) == "InSync")
            .await;
        let resumed = [json!({ "Description": "on" }), json!({ "ExposurePercentage": 100.0 })];
        assert_eq!(bodies(&scene.updates())[1..], resumed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn suspend_false_is_no_brake() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene
        .apply("run", &json!({ "exposurePercentage": 5, "suspend": false }))
        .await;
    let run = scene.wait("run", "ready", is_ready).await;
    assert_eq!(reason(&run), "InSync");
    scene
        .apply("run", &json!({ "exposurePercentage": 10, "suspend": true }))
        .await;
    scene.wait("run", "suspended", |run| is_stalled(run, "Suspended")).await;
    scene
        .apply("run", &json!({ "exposurePercentage": 10, "suspend": false }))
        .await;
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(scene.updates().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn automation_that_owns_the_exposure_is_not_undone_by_git() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    kubectl_apply(&scene, &json!({ "description": "one" }), &SERVER_SIDE).await;
    scene.wait("run", "ready", is_ready).await;
    let kind = ApiResource::erase::<ExperimentRun>(&());
    let runs: Api<DynamicObject> = Api::namespaced_with(scene.client.clone(), &scene.namespace, &kind);
    for exposure in [5.0, 12.5] {
        let manifest = json!({
            "apiVersion": "experiments.appconfig.dev/v1alpha1",
            "kind": "ExperimentRun",
            "metadata": { "name": "run" },
            "spec": { "exposurePercentage": exposure }
        });
        // Without force: nobody else claims the field.
        let applied = runs
            .patch("run", &PatchParams::apply("pipeline"), &Patch::Apply(manifest))
            .await;
        scene.caught_up(applied.unwrap().try_parse().unwrap()).await;
        let run = scene.wait("run", "ready", is_ready).await;
        assert_eq!(json!(run.status)["exposurePercentage"], exposure);
        kubectl_apply(
            &scene,
            &json!({ "description": format!("beside {exposure}") }),
            &SERVER_SIDE,
        )
        .await;
        let run = scene.wait("run", "ready", is_ready).await;
        assert_eq!(json!(run.spec)["exposurePercentage"], exposure, "Git left it alone");
    }
    let sent = bodies(&scene.updates());
    assert_eq!(sent.len(), 5, "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_value_of_the_annotation_makes_a_pass_now_and_is_echoed() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    scene.wait("run", "ready", is_ready).await;
    for (value, reads) in [("one", 2), ("two", 3)] {
        let annotation = format!("experiments.appconfig.dev/reconcile-requested-at={value}");
        scene
            .kubectl(&["annotate", "--overwrite", "exprun/run", &annotation])
            .await;
        let echoed = |run: &ExperimentRun| json!(run.status)["lastHandledReconcileAt"] == value;
        scene.wait("run", "echoed", echoed).await;
        assert_eq!(scene.reads().len(), reads);
    }
    // The same value again, and another annotation, ask for nothing.
    let before = scene.versions("run").len();
    let annotations = json!({ "experiments.appconfig.dev/reconcile-requested-at": "two", "example.com/note": "x" });
    scene
        .patch("run", &json!({ "metadata": { "annotations": annotations } }))
        .await;
    scene.pass("run").await;
    assert_eq!(scene.reads().len(), 4, "only the last was a request");
    assert_eq!(
        scene.versions("run").len() - before,
        3,
        "the note, the request and its echo"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_raise_is_an_event_of_its_own() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    for exposure in [5, 25] {
        scene.apply("run", &json!({ "exposurePercentage": exposure })).await;
        scene.wait("run", "ready", is_ready).await;
    }
    let expected = ["exposure raised from 0 % to 5 %", "exposure raised from 5 % to 25 %"];
    assert_eq!(scene.wait_for_notes("run", "ExposureRaised", 2).await, expected);
    scene.pass("run").await;
    let described = scene.kubectl(&["describe", "exprun", "run"]).await;
    for note in expected {
        assert!(described.contains(note), "{described}");
    }
    assert_eq!(
        scene.events("run").await.len(),
        2,
        "one for each transition, none for a pass"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn argo_cd_shows_the_health_of_what_the_operator_writes() {
    let scene = Scene::new().await;
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    assert_eq!(health(&scene).await, "Progressing", "no operator has looked yet");
    let mut operator = scene.operator();
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(health(&scene).await, "Healthy");
    scene.apply("run", &json!({ "exposurePercentage": 1 })).await;
    scene
        .wait("run", "stalled", |run| is_stalled(run, "ExposureAboveDesired"))
        .await;
    assert_eq!(health(&scene).await, "Degraded");
    scene
        .apply("run", &json!({ "exposurePercentage": 25, "suspend": true }))
        .await;
    scene.wait("run", "suspended", |run| is_stalled(run, "Suspended")).await;
    assert_eq!(health(&scene).await, "Suspended");
    scene.set(&json!({ "deploymentInProgress": [scene.experiment.environment_id] }));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene
        .wait("run", "waiting", |run| reason(run) == "DeploymentInProgress")
        .await;
    assert_eq!(health(&scene).await, "Progressing");
    scene.set(&json!({ "deploymentInProgress": [] }));
    operator.stop().await;
    scene
        .apply("run", &json!({ "exposurePercentage": 5, "suspend": true }))
        .await;
    assert_eq!(
        health(&scene).await,
        "Progressing",
        "conditions of an older generation don't count"
    );
    let _operator = scene.operator();
    let run = scene.wait("run", "suspended", is_ready).await;
    assert_eq!((health(&scene).await.as_str(), reason(&run)), ("Healthy", "Suspended"));
    scene.emulator.stop_run(&scene.experiment, 1).unwrap();
    let run = scene.pass("run").await;
    assert_eq!((health(&scene).await.as_str(), reason(&run)), ("Healthy", "RunDone"));
    scene.apply("run", &json!({ "exposurePercentage": 50 })).await;
    scene.wait("run", "stalled", |run| is_stalled(run, "RunDone")).await;
    assert_eq!(health(&scene).await, "Degraded");
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_shows_and_waits_for_a_live_run() {
    let scene = Scene::new().await;
    scene.apply("run", &json!({ "exposurePercentage": 33.3 })).await;
    let columns = async |wide: &[&str]| {
        let shown = scene.kubectl(&[&["get", "exprun", "run"], wide].concat()).await;
        let lines: Vec<Vec<String>> = shown
            .lines()
            .map(|line| line.split_whitespace().map(str::to_owned).collect())
            .collect();
        (lines[0].clone(), lines[1].clone())
    };
    let (header, row) = columns(&[]).await;
    assert_eq!(
        header,
        [
            "NAME", "RUN", "STATUS", "DESIRED", "LIVE", "READY", "REASON", "NEXT", "AGE"
        ]
    );
    assert_eq!(row[..row.len() - 1], ["run", "1", "33.3", "Unknown", "Pending"]);
    let _operator = scene.operator();
    for condition in ["Ready", "TargetReached"] {
        let wait = format!("--for=condition={condition}");
        scene.kubectl(&["wait", &wait, "--timeout=60s", "exprun/run"]).await;
    }
    let (_, row) = columns(&[]).await;
    assert_eq!(row[..7], ["run", "1", "RUNNING", "33.3", "33.3", "True", "InSync"]);
    let (header, row) = columns(&["-o", "wide"]).await;
    assert_eq!(
        header[9..],
        ["APPLICATION", "DEFINITION", "REGION", "UPDATED", "MESSAGE"]
    );
    assert_eq!(row[8..11], ["shop", "add-to-cart", "eu-west-1"]);
    assert!(
        row.join(" ").ends_with("the run matches the spec; exposure is 33.3 %"),
        "{row:?}"
    );
    let of_status = scene
        .kubectl(&["get", "exprun", "--field-selector=status.status=RUNNING", "-o", "name"])
        .await;
    assert_eq!(of_status.trim(), "experimentrun.experiments.appconfig.dev/run");
}
