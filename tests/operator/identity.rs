//! Who the run is: names that come to mean another definition, and resources that are created anew.

use appconfig_emulator::Seed;
use harness::{Scene, bodies, copied, is_ready, is_stalled, message};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn p5_reads_go_by_the_names_of_the_spec_and_updates_by_the_ids_that_were_answered() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    let run = scene.wait("run", "ready", is_ready).await;
    let named = |request: &appconfig_emulator::RequestRecord| {
        (
            request.application.clone().unwrap(),
            request.definition.clone().unwrap(),
        )
    };
    assert_eq!(named(&scene.reads()[0]), ("shop".to_owned(), "add-to-cart".to_owned()));
    let ids = (
        scene.experiment.application_id.clone(),
        scene.experiment.definition_id.clone(),
    );
    assert_eq!(named(&scene.updates()[0]), ids);
    let status = run.status.unwrap();
    assert_eq!(
        (status.application_id.unwrap(), status.experiment_definition_id.unwrap()),
        ids
    );
    assert_eq!(status.region.as_deref(), Some("eu-west-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_names_that_come_to_mean_another_definition_get_nothing_sent() {
    let scene = Scene::new().await;
    let mut operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    let before = scene.wait("run", "ready", is_ready).await;

    scene.emulator.destroy(&scene.experiment).unwrap();
    let other = scene.emulator.seed(&Seed::default()).unwrap();
    scene.emulator.start_run(&other, 0.0).unwrap();
    scene.later(5);
    scene.apply("run", &json!({ "exposurePercentage": 50 })).await;
    let run = scene.wait("run", "told", |run| is_stalled(run, "RunReplaced")).await;
    assert_eq!(copied(&run), copied(&before), "the pins and what was copied stay");
    let words = message(&run);
    assert!(
        words.contains("delete and recreate this resource to manage the new run"),
        "{words}"
    );
    assert!(
        words.contains(&other.definition_id) && words.contains(&scene.experiment.definition_id),
        "{words}"
    );
    assert_eq!(scene.wait_for_notes("run", "RunReplaced", 1).await.len(), 1);

    // The status remembers it for another process.
    operator.stop().await;
    let _operator = scene.operator();
    let run = scene.pass("run").await;
    assert!(is_stalled(&run, "RunReplaced"), "{:?}", run.status);
    assert_eq!(bodies(&scene.updates()), [json!({ "ExposurePercentage": 5.0 })]);

    scene.delete("run").await;
    scene.apply("run", &json!({ "exposurePercentage": 50 })).await;
    let run = scene
        .wait("run", "ready", |run| {
            run.metadata.uid != before.metadata.uid && is_ready(run)
        })
        .await;
    assert_eq!(
        run.status.unwrap().experiment_definition_id.unwrap(),
        other.definition_id
    );
    assert_eq!(scene.emulator.run(&other, 1).unwrap()["ExposurePercentage"], 50.0);
}
