//! The main job: what a manifest asks for becomes live, with the fewest requests, and the status tells.

use harness::{Scene, condition_status, is_ready};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn p3_a_raise_is_one_read_one_fence_one_update_and_one_status_write() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let run = scene.wait("run", "ready", is_ready).await;
    assert_eq!(
        run.status.unwrap().exposure_percentage.unwrap().percentage().to_bits(),
        25f32.to_bits()
    );
    assert_eq!(scene.live()["ExposurePercentage"], 25.0);
    assert_eq!(scene.reads().len(), 1);
    let updates = scene.updates();
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0].body, json!({ "ExposurePercentage": 25.0 }));
    let versions = scene.versions("run");
    assert_eq!(versions.len(), 3, "the resource, its fence and its status");
    let fence = versions[1].status.as_ref().unwrap();
    let pending = fence
        .pending_update
        .as_ref()
        .expect("the fence records what is about to be sent");
    let agent = updates[0].user_agent.as_deref().unwrap_or_default();
    assert!(
        agent.contains(&pending.id),
        "{agent} names the pending update {}",
        pending.id
    );
    assert_eq!(condition_status(&versions[1], "Ready"), Some("False"));
}
