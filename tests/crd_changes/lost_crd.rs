//! The CRD is deleted, and every resource with it. Runs go on, and Git brings the resources back.

use appconfig_emulator::Operation;
use appconfig_experiment_operator::api::ExperimentRun;
use harness::{Operator, Scene, bodies, is_ready, kubectl, raw, reason};
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::{NAME, alone, install_crd};

/// What Git has: a ramp that holds 5 % for 200 s on its way to a quarter.
fn in_git() -> Value {
    json!({ "exposurePercentage": 25, "ramp": { "steps": [{ "exposurePercentage": 5, "hold": "200s" }] } })
}

fn raises(exposures: &[f64]) -> Vec<Value> {
    let raise = |exposure: &f64| json!({ "ExposurePercentage": exposure });
    exposures.iter().map(raise).collect()
}

fn holds(run: &ExperimentRun) -> bool {
    is_ready(run) && reason(run) == "RampHolding"
}

/// Since when the ramp counts its hold, in seconds since 1970.
fn held_since(run: &ExperimentRun) -> i64 {
    let ramp = run.status.as_ref().and_then(|status| status.ramp.as_ref());
    ramp.expect("a ramp").reached.at.0.as_second()
}

/// The resource holds 5 %, and its CRD is deleted under the running operator.
async fn lose_crd(scene: &Scene, operator: &Operator) -> ExperimentRun {
    scene.apply("run", &in_git()).await;
    let before = scene.wait("run", "held", holds).await;
    let deleted = kubectl(&["delete", "crd", NAME]).await;
    assert!(deleted.status.success(), "{}", String::from_utf8_lossy(&deleted.stderr));
    // The API server has told of each resource that it is deleted, and now has no list any more.
    operator.logged("listing failed").await;
    before
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_deleted_crd_leaves_runs_running_and_git_recreates_the_resources() {
    let _alone = alone().await;
    let scene = Scene::new().await;
    let operator = scene.operator();
    let before = lose_crd(&scene, &operator).await;
    assert_eq!(operator.get("/livez").await.0, 200, "the operator goes on");
    assert_eq!(scene.live()["Status"], "RUNNING", "and costs what a run costs");
    assert_eq!(bodies(&scene.updates()), raises(&[5.0]));

    install_crd().await;
    scene.apply("run", &in_git()).await;
    let after = scene
        .wait("run", "found again", |run| run.uid() != before.uid() && is_ready(run))
        .await;
    let pins = |run: &ExperimentRun| {
        let status = run.status.as_ref().expect("a status");
        (status.application_id.clone(), status.experiment_definition_id.clone())
    };
    assert_eq!(
        pins(&after),
        pins(&before),
        "pinned anew, as the names mean the same run"
    );
    scene.much_later("run", 210).await;
    scene.pass("run").await;
    scene.wait("run", "at its target", |run| reason(run) == "InSync").await;
    assert_eq!(bodies(&scene.updates()), raises(&[5.0, 25.0]), "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_hold_counts_from_appconfigs_event_when_the_resource_is_recreated_and_else_begins_anew() {
    let _alone = alone().await;
    let scene = Scene::new().await;
    let operator = scene.operator();
    let before = lose_crd(&scene, &operator).await;
    let committed = scene.updates()[0].committed_at.expect("it was committed").as_second();
    scene.later(25);
    install_crd().await;
    scene.apply("run", &in_git()).await;
    let recreated = |run: &ExperimentRun| run.uid() != before.uid() && holds(run);
    let after = scene.wait("run", "held again", recreated).await;
    let since = held_since(&after) - committed;
    assert!(
        (0..=1).contains(&since),
        "the hold counts from {since} s after the raise"
    );

    // The same once more, while AppConfig's events do not tell of the raise, and with a manifest that has lost the step. The
    // status had the hold that was in force: 200 s.
    let silent = raw(200, "application/json", &json!({ "Items": [] }).to_string());
    scene.always(Operation::ListExperimentRunEvents, silent);
    scene.delete("run").await;
    let shorter = json!({ "steps": [{ "exposurePercentage": 1, "hold": "100s" }] });
    scene
        .apply("run", &json!({ "exposurePercentage": 25, "ramp": shorter }))
        .await;
    let recreated = |run: &ExperimentRun| run.uid() != after.uid() && holds(run);
    let anew = scene.wait("run", "held once more", recreated).await;
    assert!(
        held_since(&anew) - committed >= 25,
        "a hold of which nobody can tell since when is served anew"
    );
    let ramp = anew.status.and_then(|status| status.ramp).expect("a ramp");
    let hold = ramp.reached.hold.as_deref();
    assert_eq!(hold, Some("1m40s"), "the spec's: nothing has kept the other one");
    assert_eq!(bodies(&scene.updates()), raises(&[5.0]));
}
