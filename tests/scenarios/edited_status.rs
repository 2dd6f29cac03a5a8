//! Scenario 13: a status restored from an old backup or edited by hand, under an operator that remembers better and under
//! its successor, which has nothing else.

use appconfig_emulator::Seed;
use appconfig_experiment_operator::api::{ExperimentRun, ExperimentRunStatus};
use harness::{Operator, Scene, bodies, is_ready, is_stalled, reason};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// A scene whose run was raised to 5 % and then to 25 %, its operator, and its status at each.
async fn raised_twice() -> (Scene, Operator, ExperimentRun, ExperimentRun) {
    let scene = Scene::new().await;
    let operator = Operator::start(&scene.flags().with("--resync-interval=1s"));
    scene.circumstances(|context| context.resync_interval = SignedDuration::from_secs(1));
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    let before = scene.wait("run", "ready", is_ready).await;
    // So that AppConfig's times, which are compared by whole seconds, tell the two apart.
    scene.later(2);
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let raised = scene.wait("run", "ready", is_ready).await;
    (scene, operator, before, raised)
}

/// Replaces the status whole, as a restored backup does.
async fn restore(scene: &Scene, backup: &ExperimentRunStatus) {
    let gone = scene.runs.get("run").await.unwrap().status;
    let mut patch = json!(gone);
    for value in patch.as_object_mut().unwrap().values_mut() {
        *value = Value::Null;
    }
    let Value::Object(backup) = json!(backup) else {
        panic!("a status is an object")
    };
    patch.as_object_mut().unwrap().extend(backup);
    scene.patch_status("run", &patch).await;
}

/// Waits until the status is of `AppConfig`'s own making again.
async fn healed(scene: &Scene, like: &ExperimentRun) {
    let exposure = |run: &ExperimentRun| json!(run.status)["exposurePercentage"].clone();
    let pins = |run: &ExperimentRun| json!(run.status)["applicationId"].clone();
    let healed = |run: &ExperimentRun| {
        is_ready(run)
            && exposure(run) == exposure(like)
            && pins(run) == pins(like)
            && run
                .status
                .as_ref()
                .is_some_and(|status| status.pending_update.is_none())
    };
    scene.wait("run", "healed", healed).await;
}

/// What was sent, when nothing but the two raises and these was.
fn raises(more: &[f64]) -> Vec<Value> {
    let all = [&[5.0, 25.0], more].concat();
    all.iter().map(|to| json!({ "ExposurePercentage": to })).collect()
}

/// The record of an update that never was, to this exposure.
fn invented(exposure: f64) -> Value {
    json!({
        "id": "invented", "generation": 2, "member": "ExposurePercentage", "exposurePercentage": exposure,
        "recordedAt": "2026-01-01T00:00:00Z"
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_a_status_from_an_old_backup_is_brought_up_to_date_and_leads_to_no_update() {
    let (scene, mut operator, before, raised) = raised_twice().await;
    let backup = before.status.unwrap();
    restore(&scene, &backup).await;
    healed(&scene, &raised).await;
    operator.stop().await;
    // The backup was made while an update was under way.
    let pending = serde_json::from_value(invented(10.0)).unwrap();
    let backup = ExperimentRunStatus {
        pending_update: Some(pending),
        ..backup
    };
    restore(&scene, &backup).await;
    let _successor = scene.operator();
    healed(&scene, &raised).await;
    assert_eq!(bodies(&scene.updates()), raises(&[]));
    scene.apply("run", &json!({ "exposurePercentage": 50 })).await;
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(bodies(&scene.updates()), raises(&[50.0]));
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_an_exposure_lowered_in_the_status_is_not_raised_to_again() {
    let (scene, mut operator, _, raised) = raised_twice().await;
    let lowered = json!({ "exposurePercentage": 1 });
    scene.patch_status("run", &lowered).await;
    healed(&scene, &raised).await;
    operator.stop().await;
    scene.patch_status("run", &lowered).await;
    // Above what the status tells, below what is live.
    scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    let _successor = scene.operator();
    scene
        .wait("run", "stalled", |run| is_stalled(run, "ExposureAboveDesired"))
        .await;
    assert_eq!(bodies(&scene.updates()), raises(&[]));
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_an_invented_pending_update_is_never_sent_and_only_delays_what_the_spec_asks_for() {
    let (scene, mut operator, _, _) = raised_twice().await;
    operator.stop().await;
    scene
        .patch_status("run", &json!({ "pendingUpdate": invented(99.0) }))
        .await;
    scene.apply("run", &json!({ "exposurePercentage": 50 })).await;
    let successor = scene.operator();
    scene
        .wait("run", "in doubt", |run| reason(run) == "OutcomeUnknown")
        .await;
    assert_eq!(
        bodies(&scene.updates()),
        raises(&[]),
        "it may have been sent by another process"
    );
    drop(successor);
    // A third one finds what the second could not settle either, and waits for as long as an update can be late.
    let _third = scene.operator();
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(bodies(&scene.updates()), raises(&[50.0]));
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_pins_changed_by_hand_lead_to_no_update_of_any_run() {
    let (scene, mut operator, _, raised) = raised_twice().await;
    let other = Seed {
        application: "other-shop".to_owned(),
        ..Seed::default()
    };
    let other = scene.emulator.seed(&other).unwrap();
    scene.emulator.start_run(&other, 0.0).unwrap();
    let pins = json!({ "applicationId": other.application_id, "experimentDefinitionId": other.definition_id });
    scene.patch_status("run", &pins).await;
    // It remembers, and puts them right.
    healed(&scene, &raised).await;
    operator.stop().await;
    scene.patch_status("run", &pins).await;
    scene.apply("run", &json!({ "exposurePercentage": 50 })).await;
    let _successor = scene.operator();
    // It has nothing else to go by, and the names do not lead to these IDs.
    scene.wait("run", "stalled", |run| is_stalled(run, "RunReplaced")).await;
    assert_eq!(bodies(&scene.updates()), raises(&[]));
    let of_other = scene.emulator.run(&other, 1).unwrap();
    assert_eq!(of_other["ExposurePercentage"], 0.0);
    // Not judged by the checker: to it, a status that repeats pins which a person wrote changes them.
}
