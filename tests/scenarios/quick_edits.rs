//! Scenario 2: a spec that is edited several times while the operator hears nothing, and then everything at once.

use control_plane::proxy::{Effect, Rule};
use harness::{Operator, Scene, bodies, is_ready, proxy};
use serde_json::json;

use crate::updates::raise;

/// A resource at 1 % is edited so, and the operator hears of all of it in one batch.
async fn hears_at_once(edits: [u32; 3]) -> Scene {
    let (scene, proxy) = (Scene::new().await, proxy());
    scene.change_from_outside(&json!({ "ExposurePercentage": 1 }));
    let _operator = Operator::start(&scene.flags().through(&proxy));
    scene.apply("run", &json!({ "exposurePercentage": 1 })).await;
    scene.wait("run", "ready", is_ready).await;
    let frozen = proxy.add(Rule::new("watch", "experimentruns", Effect::Freeze));
    for exposure in edits {
        scene.apply("run", &json!({ "exposurePercentage": exposure })).await;
    }
    assert!(scene.updates().is_empty());
    proxy.remove(frozen);
    scene.wait("run", "ready", is_ready).await;
    scene.pass("run").await;
    scene.judge();
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn s02_5_then_50_then_5_in_one_batch_sends_nothing_above_5() {
    let scene = hears_at_once([5, 50, 5]).await;
    assert_eq!(bodies(&scene.updates()), [raise(5.0)]);
    assert_eq!(scene.live()["ExposurePercentage"], 5.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn s02_5_then_20_then_50_in_one_batch_reaches_50() {
    let scene = hears_at_once([5, 20, 50]).await;
    let sent = bodies(&scene.updates());
    assert_eq!(sent.last(), Some(&raise(50.0)), "{sent:?}");
    // The first two are withdrawn by the time at which the operator hears of them.
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(scene.live()["ExposurePercentage"], 50.0);
}
