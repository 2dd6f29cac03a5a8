//! A status that somebody wiped or edited by hand: it is restored, and misleads the operator into nothing.

use appconfig_experiment_operator::api::ExperimentRun;
use harness::{Operator, Scene, copied, is_ready, reason};
use serde_json::{Value, json};

/// A scene whose run is at 25 % and in sync, under an operator that reads every second.
async fn settled() -> (Scene, Operator, ExperimentRun) {
    let scene = Scene::new().await;
    let operator = Operator::start(&scene.flags().with("--resync-interval=1s"));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let run = scene.wait("run", "ready", is_ready).await;
    (scene, operator, run)
}

/// Wipes the status, as `kubectl replace --subresource=status` with none would.
async fn wipe(scene: &Scene) {
    let wiped = scene.patch_status("run", &Value::Null).await;
    assert_eq!(reason(&wiped), "Pending", "the schema's default is back");
    scene.caught_up(wiped).await;
}

/// Waits until the status is what it was, and shows that nothing was sent for it.
async fn restored(scene: &Scene, before: &ExperimentRun) {
    let whole = |run: &ExperimentRun| is_ready(run) && copied(run) == copied(before);
    let run = scene.wait("run", "restored", whole).await;
    let status = run.status.unwrap();
    assert!(status.pending_update.is_none() && status.application_id.is_some());
    assert_eq!(scene.updates().len(), 1, "the raise that settled it");
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_a_wiped_status_is_restored_by_the_running_operator_and_by_its_successor() {
    let (scene, mut operator, before) = settled().await;
    wipe(&scene).await;
    restored(&scene, &before).await;
    operator.stop().await;
    wipe(&scene).await;
    let _successor = scene.operator();
    restored(&scene, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_an_invented_pending_update_is_never_sent_and_goes() {
    let (scene, _operator, before) = settled().await;
    let invented = json!({ "pendingUpdate": {
        "id": "invented",
        "generation": 1,
        "member": "ExposurePercentage",
        "exposurePercentage": 99,
        "recordedAt": "2026-01-01T00:00:00Z"
    }});
    let edited = scene.patch_status("run", &invented).await;
    scene.caught_up(edited).await;
    scene.pass("run").await;
    restored(&scene, &before).await;
    assert_eq!(scene.live()["ExposurePercentage"], 25.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_status_edited_upwards_is_not_evidence() {
    let (scene, mut operator, before) = settled().await;
    let raised = scene.patch_status("run", &json!({ "exposurePercentage": 90 })).await;
    scene.caught_up(raised).await;
    restored(&scene, &before).await;
    // A successor has no memory, and takes what the status says for what AppConfig said once: it waits and sends nothing.
    operator.stop().await;
    let raised = scene.patch_status("run", &json!({ "exposurePercentage": 90 })).await;
    scene.caught_up(raised).await;
    let _successor = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 95 })).await;
    scene.wait("run", "in doubt", |run| reason(run) == "StaleRead").await;
    assert_eq!(scene.updates().len(), 1);
}
