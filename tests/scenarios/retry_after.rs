//! Scenario 10: an API server that answers everything with 429 and asks to wait for ten minutes. Nobody waits that long.

use control_plane::proxy::{Effect, Rule};
use harness::{Operator, Scene, bodies, is_ready, proxy};
use jiff::SignedDuration;
use serde_json::json;

const RETRY_AFTER: u32 = 600;

#[tokio::test(flavor = "multi_thread")]
async fn s10_no_pass_waits_for_the_ten_minutes_that_an_overloaded_api_server_asks_for() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let _operator = Operator::start(&scene.flags().with("--resync-interval=1s").through(&proxy));
    scene.circumstances(|context| context.resync_interval = SignedDuration::from_secs(1));
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    scene.wait("run", "ready", is_ready).await;
    let refused = || proxy.requests().iter().filter(|it| it.status == Some(429)).count();

    // Once on each kind of request, the watch among them, which is cut so that it has to begin anew.
    let overloaded = Effect::Refuse {
        status: 429,
        retry_after_seconds: Some(RETRY_AFTER),
    };
    let refusing = proxy.add(Rule::new("*", "*", overloaded));
    let cut = proxy.add(Rule::new("watch", "experimentruns", Effect::Cut));
    scene.eventually("refused a watch", async || refused() >= 1).await;
    proxy.remove(cut);
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let reads = scene.reads().len();
    scene
        .eventually("refused again and again", async || {
            refused() >= 5 && scene.reads().len() > reads
        })
        .await;
    assert_eq!(scene.updates().len(), 1, "an update without a fence");

    proxy.remove(refusing);
    // The harness's deadline is far below ten minutes.
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(scene.committed(), 2);
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_a_fence_refused_with_a_long_retry_after_is_tried_again_within_the_back_off() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let operator = Operator::start(&scene.flags().through(&proxy));
    let overloaded = Effect::Refuse {
        status: 429,
        retry_after_seconds: Some(RETRY_AFTER),
    };
    let refusing = proxy.add(Rule::new("patch", "experimentruns/status", overloaded));
    scene.apply("run", &json!({ "exposurePercentage": 50 })).await;
    let fences = || {
        proxy
            .requests()
            .iter()
            .filter(|it| it.verb == "patch" && it.status == Some(429))
            .count()
    };
    scene
        .eventually("fenced four times in vain", async || fences() >= 4)
        .await;
    operator.logged("reconcile not finished").await;
    // What is withdrawn while the operator backs off is not sent when the API server is back.
    scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    proxy.remove(refusing);
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(bodies(&scene.updates()), [json!({ "ExposurePercentage": 10.0 })]);
    scene.judge();
}
