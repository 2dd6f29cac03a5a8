//! A process that is told to stop finishes what it can't take back, and starts nothing more.

use appconfig_emulator::{Effect, Fault, Operation, Seed};
use harness::{Scene, is_ready};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn p1_no_update_starts_after_sigterm_and_those_under_way_are_recorded() {
    let scene = Scene::new().await;
    let seed = Seed {
        definition: "search".to_owned(),
        ..Seed::default()
    };
    let other = scene.emulator.seed(&seed).unwrap();
    scene.emulator.start_run(&other, 0.0).unwrap();
    let slow = |operation, definition: &str| Fault {
        definition: Some(definition.to_owned()),
        ..Fault::once(operation, Effect::DelayAfterCommitMs(2_500))
    };
    scene
        .emulator
        .set_faults(vec![
            slow(Operation::UpdateExperimentRun, "add-to-cart"),
            slow(Operation::GetExperimentRun, "search"),
        ])
        .unwrap();
    let mut operator = scene.operator();
    scene.apply("updating", &json!({ "exposurePercentage": 25 })).await;
    let under_way = async || scene.updates().iter().any(|update| update.committed);
    scene.eventually("sent", under_way).await;
    let of_other = json!({ "experimentDefinitionIdentifier": "search", "exposurePercentage": 5 });
    scene.apply("reading", &of_other).await;
    scene.eventually("read", async || scene.reads().len() == 2).await;
    let ended = operator.stop().await;
    assert_eq!(ended.code(), Some(0), "{}", operator.log());
    let finished = scene.wait("updating", "ready", is_ready).await;
    assert_eq!(finished.status.unwrap().pending_update, None);
    assert_eq!(
        scene.updates().len(),
        1,
        "the update of what was being read never started"
    );
    let _successor = scene.operator();
    scene.wait("reading", "ready", is_ready).await;
    assert_eq!(scene.updates().len(), 2);
}
