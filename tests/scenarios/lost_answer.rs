//! Scenario 6: updates that are carried out, and whose answers are lost.

use appconfig_emulator::{Effect, Operation, Release, Stage};
use harness::{Scene, bodies, is_ready, last_error};
use serde_json::json;

use crate::updates::{announced_no_more, is_pending, is_unknown, raise, sent_only};

#[tokio::test(flavor = "multi_thread")]
async fn s06_updates_of_three_members_whose_answers_are_all_lost_are_committed_once_each() {
    let scene = Scene::new().await;
    scene.always(Operation::UpdateExperimentRun, Effect::DropAfterCommit);
    let _operator = scene.operator();
    let spec = json!({
        "description": "new", "exposurePercentage": 25, "treatmentOverrides": { "inline": { "qa-bob": "t1" } }
    });
    scene.apply("run", &spec).await;
    scene.wait("run", "ready", is_ready).await;
    let settled = scene.full_pass("run").await;
    assert!(
        is_ready(&settled) && last_error(&settled).is_none(),
        "{:?}",
        settled.status
    );
    let sent = [
        json!({ "Description": "new" }),
        json!({ "TreatmentOverrides": { "Inline": { "qa-bob": "t1" } } }),
        raise(25.0),
    ];
    assert_eq!(bodies(&scene.updates()), sent);
    assert_eq!(scene.committed(), 3);
    announced_no_more(&scene);
    let doubted = scene.versions("run").iter().filter(|run| is_unknown(run)).count();
    assert!(doubted >= 3, "each was in doubt");
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_an_update_whose_answer_is_lost_is_settled_by_the_process_after_a_crash() {
    let scene = Scene::new().await;
    let update = scene
        .emulator
        .hold(Operation::UpdateExperimentRun, 0, Stage::AfterCommit);
    let mut operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    update.reached().await;
    // The read that would settle it does not come to its end.
    let read = scene.emulator.hold(Operation::GetExperimentRun, 0, Stage::BeforeCommit);
    update.release(Release::Close);
    scene.wait("run", "in doubt", is_unknown).await;
    read.reached().await;
    operator.kill().await;
    read.release(Release::Close);
    let _operator = scene.operator();
    let settled = scene.wait("run", "ready", is_ready).await;
    assert!(
        last_error(&settled).is_none() && !is_pending(&settled),
        "{:?}",
        settled.status
    );
    scene.pass("run").await;
    sent_only(&scene, 25.0);
    scene.judge();
}
