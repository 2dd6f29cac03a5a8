//! The API server goes away and comes back, on a control plane of its own: nobody else's tests may notice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[allow(dead_code, unused_imports, reason = "shared with tests/operator")]
#[path = "operator/harness/mod.rs"]
mod harness;

use appconfig_emulator::{Effect, Operation};
use harness::{Scene, bodies, control_plane, is_ready};
use serde_json::json;
use tokio::task::spawn_blocking;

#[tokio::test(flavor = "multi_thread")]
async fn p6_an_api_server_that_restarts_in_the_middle_of_a_pass_costs_time_and_no_second_update() {
    let scene = Scene::new().await;
    let operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    scene.wait("run", "ready", is_ready).await;
    let reads = scene.reads().len();
    scene.once(Operation::GetExperimentRun, Effect::DelayAfterCommitMs(4_000));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.eventually("read", async || scene.reads().len() > reads).await;
    spawn_blocking(|| control_plane().stop_apiserver()).await.unwrap();
    operator.logged("a pass came to no end").await;
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
