//! P4: a process that is killed leaves a record, and its successor settles it before anything more is sent.

use std::time::Duration;

use appconfig_emulator::{Effect as Fault, Operation};
use control_plane::proxy::{Effect, Rule};
use harness::{Operator, Scene, is_ready, proxy, reason};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn p4_after_a_crash_between_fence_and_update_the_successor_settles_it_first() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let late = Effect::DelayAnswer(Duration::from_secs(20));
    proxy.add(Rule::new("patch", "experimentruns/status", late).times(1));
    let mut operator = Operator::start(&scene.flags().through(&proxy));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let recorded = |run: &_| pending(run).is_some();
    let fence = pending(&scene.wait("run", "fenced", recorded).await).unwrap();
    operator.kill().await;
    assert_eq!(scene.updates(), []);
    let _successor = scene.operator();
    let unknown = |run: &_| reason(run) == "OutcomeUnknown";
    let told = scene.wait("run", "of unknown outcome", unknown).await;
    assert_eq!(pending(&told).as_ref(), Some(&fence));
    assert_eq!(scene.updates(), []);
    scene.wait("run", "ready", is_ready).await;
    let updates = scene.updates();
    assert_eq!(updates.len(), 1);
    assert!(!updates[0].user_agent.as_deref().unwrap_or_default().contains(&fence));
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_after_a_crash_between_commit_and_status_the_update_is_not_repeated() {
    let scene = Scene::new().await;
    scene.once(Operation::UpdateExperimentRun, Fault::DelayAfterCommitMs(60_000));
    let mut operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let committed = async || scene.updates().iter().any(|update| update.committed);
    scene.eventually("committed", committed).await;
    operator.kill().await;
    let left = scene.newest("run").unwrap();
    assert!(pending(&left).is_some() && !is_ready(&left));
    let _successor = scene.operator();
    let run = scene.wait("run", "ready", is_ready).await;
    assert_eq!(pending(&run), None);
    assert_eq!(scene.updates().len(), 1);
}

/// The ID of the update that a status says may be under way.
fn pending(run: &appconfig_experiment_operator::api::ExperimentRun) -> Option<String> {
    Some(run.status.as_ref()?.pending_update.as_ref()?.id.clone())
}
