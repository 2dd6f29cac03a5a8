//! Of several replicas one acts, and one that has lost the Lease sends nothing any more (P1).

use std::time::Duration;

use appconfig_emulator::{Effect as Fault, Operation};
use control_plane::proxy::{Effect, Gate, Release, Rule, Stage};
use harness::{ACTS, HOLDING, NAME, Operator, Scene, bodies, is_ready, proxy};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_leader_is_followed_when_its_lease_has_run_out() {
    let scene = Scene::with_lease().await;
    let (mut first, second) = scene.two().await;
    let of_first = scene.holder().await;
    assert!(leads(&first).await);
    assert!(!leads(&second).await);
    assert_eq!(second.get("/readyz").await.0, 200, "a standby does all that it should");
    first.kill().await;
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.wait("run", "ready", is_ready).await;
    second.logged(ACTS).await;
    assert_ne!(scene.holder().await, of_first);
    assert!(leads(&second).await);
    assert_eq!(scene.updates().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_told_to_stop_gives_its_lease_away_at_once() {
    let scene = Scene::with_lease().await;
    let (mut first, second) = scene.two().await;
    let of_first = scene.holder().await;
    assert_eq!(first.stop().await.code(), Some(0));
    assert_ne!(scene.holder().await, of_first, "the Lease is released before the end");
    // A Lease that nobody gives away lasts for 15 s.
    let soon = timeout(Duration::from_secs(10), second.logged(HOLDING)).await;
    soon.expect("it is taken over at the next try");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_told_to_stop_while_it_still_starts_gives_its_lease_away_too() {
    let scene = Scene::with_lease().await;
    let mut first = Operator::start(&scene.replica());
    first.logged(HOLDING).await;
    assert_eq!(first.stop().await.code(), Some(0), "{}", first.log());
    assert_eq!(scene.holder().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_leader_frozen_beyond_its_lease_sends_nothing_afterwards_and_ends() {
    let scene = Scene::with_lease().await;
    scene.once(Operation::GetExperimentRun, Fault::DelayAfterCommitMs(3_000));
    let (mut first, second) = scene.two().await;
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene
        .eventually("read by the first", async || !scene.reads().is_empty())
        .await;
    // It stops in the middle of a pass whose next steps are the fence and the update.
    first.pause().await;
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    scene.wait("run", "ready", is_ready).await;
    second.logged(HOLDING).await;
    first.signal(Signal::CONT);
    assert_eq!(first.ended().await.code(), Some(3), "{}", first.log());
    assert!(first.log().contains("the Lease is lost"));
    assert_eq!(bodies(&scene.updates()), [json!({ "ExposurePercentage": 5.0 })]);
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_leader_whose_lease_is_taken_between_fence_and_update_sends_nothing() {
    let (scene, proxy) = (Scene::with_lease().await, proxy());
    let mut first = Operator::start(&scene.replica().through(&proxy));
    first.logged(ACTS).await;
    let (renewal, fence) = (Gate::new(Stage::Request), Gate::new(Stage::Answer));
    proxy.add(Rule::new("update", "leases", Effect::Hold(renewal.clone())).times(1));
    renewal.reached().await;
    let held = Effect::Hold(fence.clone());
    proxy.add(Rule::new("patch", "experimentruns/status", held).times(1));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    fence.reached().await;
    scene.take_lease("somebody-else").await;
    // Its renewal is refused now, well within the 2 s for which the fence holds.
    renewal.release(Release::GoOn);
    first.logged("the Lease is lost").await;
    fence.release(Release::GoOn);
    assert_eq!(first.ended().await.code(), Some(3), "{}", first.log());
    assert_eq!(bodies(&scene.updates()), [Value::Null; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_leader_without_an_api_server_ends_at_its_renew_deadline_and_another_goes_on() {
    let (scene, proxy) = (Scene::with_lease().await, proxy());
    let mut first = Operator::start(&scene.replica().with("--resync-interval=1s").through(&proxy));
    first.logged(HOLDING).await;
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    scene.wait("run", "ready", is_ready).await;
    let second = Operator::start(&scene.replica());
    proxy.add(Rule::new("*", "*", Effect::Hang));
    proxy.add(Rule::new("watch", "*", Effect::Freeze));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    assert_eq!(first.ended().await.code(), Some(3), "{}", first.log());
    let reads = scene.reads().len();
    scene.wait("run", "ready", is_ready).await;
    second.logged(HOLDING).await;
    let expected = [5.0, 25.0].map(|to| json!({ "ExposurePercentage": to }));
    assert_eq!(bodies(&scene.updates()), expected);
    assert!(scene.reads().len() > reads, "the second has read for itself");
}

/// What the gauge of dashboards says.
async fn leads(operator: &Operator) -> bool {
    let name = format!("leader_election_master_status{{name=\"{NAME}\"}}");
    let metrics = operator.metrics().await;
    metrics.get(&name).is_some_and(|leading| *leading > 0.5)
}
