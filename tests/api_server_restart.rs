//! The API server goes away and comes back, on a control plane of its own: nobody else's tests may notice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use appconfig_emulator::{Effect, Operation};
use harness::{Scene, bodies, control_plane, is_ready};
use serde_json::json;
use tokio::task::spawn_blocking;

/// There is one control plane: the tests of this target stop it one after the other.
static CONTROL_PLANE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn p6_an_api_server_that_restarts_in_the_middle_of_a_pass_costs_time_and_no_second_update() {
    let _alone = CONTROL_PLANE.lock().await;
    let scene = Scene::new().await;
    let operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    scene.wait("run", "ready", is_ready).await;
    let reads = scene.reads().len();
    scene.once(Operation::GetExperimentRun, Effect::DelayAfterCommitMs(4_000));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.eventually("read", async || scene.reads().len() > reads).await;
    spawn_blocking(|| control_plane().stop_apiserver()).await.unwrap();
    operator.logged("reconcile not finished").await;
    assert_eq!(scene.updates().len(), 1, "without a fence nothing is sent");
    spawn_blocking(|| control_plane().start_apiserver().expect("it starts again"))
        .await
        .unwrap();
    scene.wait("run", "ready", is_ready).await;
    let expected = [5.0, 25.0].map(|to| json!({ "ExposurePercentage": to }));
    assert_eq!(bodies(&scene.updates()), expected);
    // The watch is back too: a change is heard of without a resync, which is ten minutes away.
    scene.apply("run", &json!({ "exposurePercentage": 30 })).await;
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(scene.updates().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_after_a_restore_of_etcd_new_specs_are_heard_of_although_versions_and_generations_repeat() {
    let _alone = CONTROL_PLANE.lock().await;
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let ask = async |exposure: f64, description: &str| {
        let patch = json!({ "spec": { "exposurePercentage": exposure, "description": description } }).to_string();
        scene
            .eventually("asked for", async || {
                let arguments = ["patch", "exprun", "run", "--type=merge", "-p", &patch];
                scene.kubectl(&arguments).await.contains("patched")
            })
            .await;
    };
    let live = async |exposure: f64| {
        scene
            .eventually("live", async || scene.live()["ExposurePercentage"] == json!(exposure))
            .await;
    };
    scene
        .apply("run", &json!({ "exposurePercentage": 5, "description": "" }))
        .await;
    scene.wait("run", "ready", is_ready).await;
    spawn_blocking(|| control_plane().back_up().expect("a backup"))
        .await
        .unwrap();
    // Generations 2 and 3.
    ask(10.0, "").await;
    live(10.0).await;
    ask(15.0, "").await;
    live(15.0).await;

    spawn_blocking(|| control_plane().restore().expect("the backup"))
        .await
        .unwrap();
    let ready = "-o=jsonpath={.status.conditions[?(@.type==\"Ready\")].reason}";
    scene
        .eventually("told what the old spec asks for", async || {
            scene.kubectl(&["get", "exprun", "run", ready]).await == "ExposureAboveDesired"
        })
        .await;
    // Generations 2 and 3 once more, of versions that are lower than those before. The next resync is ten minutes away.
    ask(20.0, "").await;
    live(20.0).await;
    ask(25.0, "").await;
    live(25.0).await;
}
