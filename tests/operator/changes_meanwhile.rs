//! What people ask for while a pass is under way: it is not overlooked.

use appconfig_emulator::{Effect, Operation};
use appconfig_experiment_operator::api::RECONCILE_REQUESTED_AT;
use harness::{Operator, Scene, is_ready};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn p12_a_change_made_while_a_pass_writes_its_status_is_acted_upon() {
    let scene = Scene::new().await;
    // So that nothing but the change itself can bring the next pass about.
    let flags = scene.flags().with("--resync-interval=24h");
    let _operator = Operator::start(&flags);
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    scene.wait("run", "ready", is_ready).await;
    for exposure in [10, 20, 30] {
        let reads = scene.reads().len();
        scene.once(Operation::GetExperimentRun, Effect::DelayBeforeCommitMs(1_000));
        let annotations = json!({ RECONCILE_REQUESTED_AT: format!("before {exposure}") });
        scene
            .patch("run", &json!({ "metadata": { "annotations": annotations } }))
            .await;
        scene.eventually("reading", async || scene.reads().len() > reads).await;
        // The pass under way rests on the older object, so its status write meets a conflict.
        scene
            .patch("run", &json!({ "spec": { "exposurePercentage": exposure } }))
            .await;
        scene.wait("run", "ready", is_ready).await;
    }
    assert_eq!(scene.live()["ExposurePercentage"], 30.0);
}
