//! Scenario 11: a leader stands still at the worst moment, and the user lowers meanwhile.

use std::time::Duration;

use control_plane::proxy::{Effect, Gate, Proxy, Release, Rule, Stage};
use harness::{ACTS, HOLDING, Operator, Scene, bodies, is_ready, proxy};
use rustix::process::Signal;
use serde_json::json;

use crate::updates::{conflicts, is_pending, raise};

/// Stops the fence of the first update at this stage.
fn hold_fence(proxy: &Proxy, stage: Stage) -> Gate {
    let gate = Gate::new(stage);
    let held = Effect::Hold(gate.clone());
    proxy.add(Rule::new("patch", "experimentruns/status", held).times(1));
    gate
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_a_leader_stopped_with_its_fence_acknowledged_sends_nothing_when_another_has_taken_over() {
    let (scene, proxy) = (Scene::with_lease().await, proxy());
    let (mut first, second) = scene.two_of(&scene.replica().through(&proxy)).await;
    let fence = hold_fence(&proxy, Stage::Answer);
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    fence.reached().await;
    first.pause().await;
    // The acknowledgement is the next thing that it hears.
    fence.release(Release::GoOn);
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    second.logged(HOLDING).await;
    // The second can't know that the first sent nothing, and waits for what may come.
    scene.wait("run", "ready", is_ready).await;
    first.signal(Signal::CONT);
    assert_eq!(first.ended().await.code(), Some(3), "{}", first.log());
    scene.pass("run").await;
    assert_eq!(bodies(&scene.updates()), [raise(5.0)]);
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_a_leader_stopped_before_its_fence_gets_a_409_and_sends_nothing() {
    let (scene, proxy) = (Scene::with_lease().await, proxy());
    let (mut first, second) = scene.two_of(&scene.replica().through(&proxy)).await;
    // What it has sent is not at the API server yet.
    let fence = hold_fence(&proxy, Stage::Request);
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    fence.reached().await;
    first.pause().await;
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    second.logged(HOLDING).await;
    scene.wait("run", "ready", is_ready).await;
    fence.release(Release::GoOn);
    scene
        .eventually("refused the fence", async || conflicts(&proxy) > 0)
        .await;
    first.signal(Signal::CONT);
    assert_eq!(first.ended().await.code(), Some(3), "{}", first.log());
    scene.pass("run").await;
    assert_eq!(bodies(&scene.updates()), [raise(5.0)]);
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_a_process_stopped_for_longer_than_a_fence_holds_sends_nothing_that_was_withdrawn() {
    let (scene, proxy) = (Scene::new().await, proxy());
    // Without a Lease, which it would have kept: only the age of the fence tells that it stood still.
    let operator = Operator::start(&scene.flags().through(&proxy));
    operator.logged(ACTS).await;
    let fence = hold_fence(&proxy, Stage::Answer);
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    fence.reached().await;
    operator.pause().await;
    fence.release(Release::GoOn);
    scene.wait("run", "pending", is_pending).await;
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    // A fence holds for 2 s, and its acknowledgement is waited for for 5 s.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    operator.signal(Signal::CONT);
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(bodies(&scene.updates()), [raise(5.0)]);
    scene.judge();
}
