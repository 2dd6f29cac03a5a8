//! Scenario 1: a high exposure that is wanted again and again, and withdrawn behind the operator's back.

use control_plane::proxy::{Effect, Rule};
use harness::{Operator, Scene, bodies, is_ready, proxy};
use serde_json::json;

use crate::updates::{conflicts, raise, throttled_with_an_update};

#[tokio::test(flavor = "multi_thread")]
async fn s01_stale_high_50_is_never_sent_after_5() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let _operator = Operator::start(&scene.flags().through(&proxy));
    let spec = json!({ "exposurePercentage": 50 });
    throttled_with_an_update(&scene, &spec).await;
    assert_eq!(bodies(&scene.updates()), [raise(50.0)]);

    let frozen = proxy.add(Rule::new("watch", "experimentruns", Effect::Freeze));
    let before = conflicts(&proxy);
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    scene.heal();
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(bodies(&scene.updates()), [raise(50.0), raise(5.0)]);
    assert!(conflicts(&proxy) > before, "the fence for 50 was refused");
    proxy.remove(frozen);
    scene.pass("run").await;
    assert_eq!(scene.updates().len(), 2);
    scene.judge();
}
