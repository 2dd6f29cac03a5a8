//! P1: nothing leaves that the latest spec in the API server does not ask for, however old the cache is and whatever
//! becomes of the fence.

use std::time::Duration;

use appconfig_emulator::{Effect as Fault, Operation};
use appconfig_experiment_operator::api::ExperimentRun;
use control_plane::proxy::{Effect, Gate, Release, Rule, Stage};
use harness::{Operator, Scene, bodies, is_ready, proxy, reason, refuse};
use serde_json::{Value, json};

const STATUS: &str = "experimentruns/status";

/// The ID of a version's pending update.
fn pending(run: &ExperimentRun) -> Option<String> {
    Some(run.status.as_ref()?.pending_update.as_ref()?.id.clone())
}

/// An update's body.
fn raise(to: f64) -> Value {
    json!({ "ExposurePercentage": to })
}

/// The IDs under which updates were announced, in order.
fn announced(scene: &Scene) -> Vec<String> {
    let mut ids: Vec<String> = scene.versions("run").iter().filter_map(pending).collect();
    ids.dedup();
    ids
}

/// Nothing was sent under the first ID, and then the update went under another, once.
async fn only_the_second_fence_was_followed(scene: &Scene) {
    scene.wait("run", "ready", is_ready).await;
    let (fences, updates) = (announced(scene), scene.updates());
    assert_eq!(fences.len(), 2, "the fence that failed, and another");
    assert_eq!(updates.len(), 1);
    let agent = updates[0].user_agent.as_deref().unwrap_or_default();
    assert!(agent.contains(&fences[1]) && !agent.contains(&fences[0]), "{agent}");
    assert_eq!(pending(&scene.newest("run").unwrap()), None);
}

/// Waits until the read has come that the next update will rest on.
async fn is_read(scene: &Scene) {
    scene.eventually("read", async || !scene.reads().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_fence_that_is_acknowledged_after_more_than_two_seconds_is_not_followed() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let late = Effect::DelayAnswer(Duration::from_millis(2_200));
    proxy.add(Rule::new("patch", STATUS, late).times(1));
    let _operator = Operator::start(&scene.flags().through(&proxy));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    only_the_second_fence_was_followed(&scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_fence_whose_answer_is_lost_is_not_followed() {
    let (scene, proxy) = (Scene::new().await, proxy());
    proxy.add(Rule::new("patch", STATUS, Effect::DropAnswer).times(1));
    let _operator = Operator::start(&scene.flags().through(&proxy));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    only_the_second_fence_was_followed(&scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_value_withdrawn_behind_a_frozen_watch_is_never_sent() {
    let (scene, proxy) = (Scene::new().await, proxy());
    scene.always(Operation::GetExperimentRun, refuse(429, None, "slow down"));
    let _operator = Operator::start(&scene.flags().through(&proxy));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.wait("run", "throttled", |run| reason(run) == "Throttled").await;
    // From here on the operator's cache says 25, and only the API server knows better.
    let frozen = proxy.add(Rule::new("watch", "experimentruns", Effect::Freeze));
    scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    scene.heal();
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(bodies(&scene.updates()), [raise(10.0)]);
    let refused = |request: &control_plane::proxy::Request| request.verb == "patch" && request.status == Some(409);
    assert!(proxy.requests().iter().any(refused), "the fence for 25 was refused");
    proxy.remove(frozen);
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_value_withdrawn_between_read_and_fence_is_never_sent() {
    let (scene, proxy) = (Scene::new().await, proxy());
    scene.once(Operation::GetExperimentRun, Fault::DelayAfterCommitMs(2_000));
    let _operator = Operator::start(&scene.flags().through(&proxy));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    is_read(&scene).await;
    scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(bodies(&scene.updates()), [raise(10.0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_resource_deleted_in_the_middle_of_a_pass_sends_nothing() {
    let scene = Scene::new().await;
    scene.once(Operation::GetExperimentRun, Fault::DelayAfterCommitMs(2_000));
    let operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    is_read(&scene).await;
    scene.delete("run").await;
    scene
        .eventually("at the end of the pass", async || operator.passes().await == 1)
        .await;
    assert_eq!(bodies(&scene.updates()), [Value::Null; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_a_namesake_made_behind_a_frozen_watch_gets_nothing_of_the_deleted_resource() {
    let (scene, proxy) = (Scene::new().await, proxy());
    scene.once(Operation::GetExperimentRun, Fault::DelayAfterCommitMs(3_000));
    let operator = Operator::start(&scene.flags().through(&proxy));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    is_read(&scene).await;
    let frozen = proxy.add(Rule::new("watch", "experimentruns", Effect::Freeze));
    scene.delete("run").await;
    let namesake = scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    scene
        .eventually("at the end of the pass", async || operator.passes().await == 1)
        .await;
    assert_eq!(bodies(&scene.updates()), [Value::Null; 0]);
    proxy.remove(frozen);
    let run = scene.wait("run", "ready", is_ready).await;
    assert_eq!(run.metadata.uid, namesake.metadata.uid);
    assert_eq!(bodies(&scene.updates()), [raise(10.0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_a_pending_update_is_not_carried_out_for_a_namesake() {
    let (scene, proxy) = (Scene::new().await, proxy());
    scene.once(Operation::UpdateExperimentRun, Fault::DropBeforeCommit);
    let _operator = Operator::start(&scene.flags().through(&proxy));
    let before = scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene
        .wait("run", "unsettled", |run| reason(run) == "OutcomeUnknown")
        .await;
    let frozen = proxy.add(Rule::new("watch", "experimentruns", Effect::Freeze));
    // The last read for the deleted one may come as soon as it is deleted.
    let reads = scene.reads().len();
    scene.delete("run").await;
    scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    scene
        .eventually("read for the deleted one", async || scene.reads().len() > reads)
        .await;
    proxy.remove(frozen);
    let ready_namesake = |run: &ExperimentRun| is_ready(run) && run.metadata.uid != before.metadata.uid;
    scene.wait("run", "ready", ready_namesake).await;
    let asked = [raise(25.0), raise(10.0)];
    assert_eq!(bodies(&scene.updates()), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_resource_that_is_deselected_in_the_middle_of_a_pass_sends_nothing() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let fence = Gate::new(Stage::Request);
    proxy.add(Rule::new("patch", STATUS, Effect::Hold(fence.clone())).times(1));
    let operator = Operator::start(&scene.flags().with("--selector=team=checkout").through(&proxy));
    let label = async |team: &str| {
        scene
            .patch("run", &json!({ "metadata": { "labels": { "team": team } } }))
            .await;
    };
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    label("checkout").await;
    fence.reached().await;
    label("search").await;
    fence.release(Release::GoOn);
    scene.eventually("ended", async || operator.passes().await == 1).await;
    assert_eq!(scene.updates(), []);
    let read_again = |request: &control_plane::proxy::Request| request.verb == "get" && request.name.is_some();
    assert!(
        proxy.requests().iter().any(read_again),
        "what it was deselected by was seen after the conflict"
    );
    label("checkout").await;
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(bodies(&scene.updates()), [raise(25.0)]);
}
