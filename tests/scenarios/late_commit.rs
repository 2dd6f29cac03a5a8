//! Scenario 7: an update that the operator has given up is carried out 20 s later, when the user wants something else.

use appconfig_emulator::{Effect, Operation};
use appconfig_experiment_operator::api::ExperimentRun;
use harness::{Operator, Scene, bodies, condition_status, is_ready, is_stalled, last_error};
use jiff::SignedDuration;
use serde_json::json;

use crate::updates::{exposure, is_pending, is_unknown, raise, sent_only, was_ready};

/// The operator gives an update up after 3 s.
const COMMITTED_AFTER_MILLISECONDS: u64 = 25_000;

/// A raise to 25 % that has been given up, and that `AppConfig` has not carried out yet.
async fn given_up() -> (Scene, Operator) {
    let scene = Scene::new().await;
    let late = Effect::CommitLaterMs(COMMITTED_AFTER_MILLISECONDS);
    scene.once(Operation::UpdateExperimentRun, late);
    let operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let unknown = scene.wait("run", "in doubt", is_unknown).await;
    assert_eq!(exposure(&unknown), Some(0.0));
    (scene, operator)
}

/// The late raise is found where the spec asks for less: it is told, and nothing is sent.
async fn finds_too_high_an_exposure(scene: &Scene) {
    let above = |run: &ExperimentRun| is_stalled(run, "ExposureAboveDesired");
    let found = scene.wait("run", "above what is desired", above).await;
    assert_eq!(exposure(&found), Some(25.0));
    assert!(
        last_error(&found).is_none() && !is_pending(&found),
        "{:?}",
        found.status
    );
    scene.pass("run").await;
    sent_only(scene, 25.0);
    let updates = scene.updates();
    let waited = updates[0].committed_at.unwrap().duration_since(updates[0].arrived_at);
    assert!(waited >= SignedDuration::from_secs(25), "{waited}");
    assert!(!was_ready(scene, "run"), "it never was what was asked for");
    assert_eq!(scene.live()["ExposurePercentage"], 25.0);
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn s07_a_late_raise_above_a_lowered_spec_is_told_and_followed_by_nothing() {
    let (scene, _operator) = given_up().await;
    scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    let lowered = scene.pass("run").await;
    assert!(is_unknown(&lowered), "{:?}", lowered.status);
    finds_too_high_an_exposure(&scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s07_a_late_raise_is_waited_for_by_the_process_after_a_restart_too() {
    let (scene, mut operator) = given_up().await;
    scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    scene.pass("run").await;
    operator.kill().await;
    let _operator = scene.operator();
    let lowered = scene.pass("run").await;
    assert!(is_unknown(&lowered), "{:?}", lowered.status);
    finds_too_high_an_exposure(&scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s07_a_late_raise_below_a_raised_spec_is_waited_for_and_then_followed() {
    let (scene, _operator) = given_up().await;
    scene.apply("run", &json!({ "exposurePercentage": 40 })).await;
    let raised = scene.pass("run").await;
    assert!(is_unknown(&raised), "{:?}", raised.status);
    let settled = scene.wait("run", "ready", is_ready).await;
    assert_eq!(exposure(&settled), Some(40.0));
    let updates = scene.updates();
    assert_eq!(bodies(&updates), [raise(25.0), raise(40.0)]);
    assert!(
        updates[1].arrived_at > updates[0].committed_at.unwrap(),
        "it rests on what the first one came to"
    );
    assert_eq!(scene.committed(), 2);
    let early = |run: &ExperimentRun| condition_status(run, "Ready") == Some("True") && exposure(run) != Some(40.0);
    assert!(!scene.versions("run").iter().any(early));
    scene.judge();
}
