//! Scenario 4: `AppConfig`'s reads lag behind its writes by one to three versions.

use appconfig_emulator::{Effect, Fault, Operation};
use appconfig_experiment_operator::api::ExperimentRun;
use futures::future::join_all;
use harness::{Scene, bodies, condition, condition_status, is_ready, last_error, reason};
use serde_json::{Value, json};

use crate::updates::{is_pending, raise, ready_statuses};

/// How many versions reads lag behind.
const LAGS: [usize; 3] = [1, 2, 3];

fn spec(exposure: u32) -> Value {
    json!({
        "description": "new", "exposurePercentage": exposure, "treatmentOverrides": { "inline": { "qa-bob": "t1" } }
    })
}

/// Reads lag now and then: Ready does not move at all.
async fn lags_now_and_then(versions: usize) {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("run", &spec(25)).await;
    scene.wait("run", "ready", is_ready).await;
    let (statuses, updates) = (ready_statuses(&scene, "run"), scene.updates().len());
    for _ in 0..4 {
        scene.once(Operation::GetExperimentRun, Effect::StaleRead(versions));
        let stale = scene.pass("run").await;
        let reconciling = condition(&stale, "Reconciling").map(|condition| condition.reason.as_str());
        assert_eq!(reconciling, Some("StaleRead"), "{versions}: {:?}", stale.status);
        let fresh = scene.pass("run").await;
        assert!(is_ready(&fresh), "{versions}: {:?}", fresh.status);
    }
    assert_eq!(ready_statuses(&scene, "run"), statuses, "{versions}");
    assert_eq!((scene.updates().len(), updates), (3, 3), "{versions}");
    scene.judge();
}

/// Reads lag while a raise is asked for, longer than the operator's patience: Ready goes and comes back once.
async fn lags_for_long(versions: usize) {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("run", &spec(25)).await;
    scene.wait("run", "ready", is_ready).await;
    let before = ready_statuses(&scene, "run").len();
    scene.always(Operation::GetExperimentRun, Effect::StaleRead(versions));
    scene.apply("run", &spec(50)).await;
    scene
        .wait("run", "doubted", |run| {
            reason(run) == "StaleRead" && condition_status(run, "Ready") == Some("Unknown")
        })
        .await;
    // Once it is doubted, reads that go on to be old tell nothing new.
    let reads = scene.reads().len();
    scene
        .eventually("read again and again", async || scene.reads().len() >= reads + 3)
        .await;
    assert_eq!(scene.updates().len(), 3, "{versions}: a raise rests on a fresh answer");
    scene.heal();
    scene.wait("run", "ready", is_ready).await;
    scene.pass("run").await;
    let mut statuses = ready_statuses(&scene, "run").split_off(before);
    // With the fence of the raise, it is no more unknown that the run is not as asked.
    statuses.retain(|status| status != "False");
    assert_eq!(statuses, ["Unknown", "True"], "{versions}");
    assert_eq!((scene.updates().len(), scene.committed()), (4, 4), "{versions}");
    scene.judge();
}

/// The answer to a raise is lost, and the reads that could tell of it lag.
async fn lags_while_an_outcome_is_unknown(versions: usize) {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("run", &spec(25)).await;
    scene.wait("run", "ready", is_ready).await;
    let lagging = Fault {
        skip: 1,
        times: Some(4),
        ..Fault::once(Operation::GetExperimentRun, Effect::StaleRead(versions))
    };
    let lost = Fault::once(Operation::UpdateExperimentRun, Effect::DropAfterCommit);
    scene.emulator.set_faults(vec![lost, lagging]).unwrap();
    let asked = scene.apply("run", &spec(50)).await;
    let settled = scene.wait("run", "ready", is_ready).await;
    assert!(last_error(&settled).is_none() && !is_pending(&settled), "{versions}");
    let updates = scene.updates();
    assert_eq!(bodies(&updates[3..]), [raise(50.0)], "{versions}");
    assert_eq!(scene.committed(), 4, "{versions}");
    let since = |run: &&ExperimentRun| run.metadata.generation >= asked.metadata.generation;
    let versions_since = scene.versions("run");
    let mut statuses: Vec<_> = versions_since
        .iter()
        .filter(since)
        .filter_map(|run| condition_status(run, "Ready"))
        .collect();
    statuses.dedup();
    // The first version of a generation still carries what was true of the one before.
    assert_eq!(statuses, ["True", "False", "Unknown", "True"], "{versions}");
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn s04_reads_that_lag_now_and_then_do_not_move_ready() {
    join_all(LAGS.map(lags_now_and_then)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s04_reads_that_lag_for_long_move_ready_once_and_a_raise_is_sent_once() {
    join_all(LAGS.map(lags_for_long)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s04_reads_that_lag_after_a_lost_answer_cause_no_second_update() {
    join_all(LAGS.map(lags_while_an_outcome_is_unknown)).await;
}
