//! Answers older than what is known: never acted upon, and no reason to flap (P6).

use appconfig_emulator::{Effect, Operation, Settings};
use appconfig_experiment_operator::api::ExperimentRun;
use harness::{Scene, condition, condition_status, copied, is_ready, is_stalled, reason};
use serde_json::json;

/// Meets answers from one to so many versions ago: each is told, none is copied, and Ready is doubted from the third.
async fn meets_old_answers(scene: &Scene, versions: usize) {
    let before = copied(&scene.newest("run").unwrap());
    let updates = scene.updates().len();
    for behind in 1..=versions {
        scene.always(Operation::GetExperimentRun, Effect::StaleRead(behind));
        let once = scene.pass("run").await;
        assert_eq!(
            condition_status(&once, "Ready"),
            Some("True"),
            "{behind}: once is no doubt"
        );
        let reconciling = condition(&once, "Reconciling").map(|condition| condition.reason.as_str());
        assert_eq!(reconciling, Some("StaleRead"), "{behind}");
        let unknown = |run: &_| condition_status(run, "Ready") == Some("Unknown");
        let doubted = scene.wait("run", "doubted", unknown).await;
        assert_eq!(
            (reason(&doubted), copied(&doubted)),
            ("StaleRead", before.clone()),
            "{behind}"
        );
        scene.heal();
        let healed = scene.pass("run").await;
        assert!(is_ready(&healed), "{behind}: {:?}", healed.status);
        assert_eq!(copied(&healed), before, "{behind}");
    }
    assert_eq!(scene.updates().len(), updates, "nothing was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_an_older_exposure_is_not_acted_upon() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    for exposure in [5, 25, 50] {
        scene.apply("run", &json!({ "exposurePercentage": exposure })).await;
        scene.wait("run", "ready", is_ready).await;
    }
    meets_old_answers(&scene, 3).await;
    assert_eq!(scene.count_events("run", "ExposureRaised").await, 3);
    assert_eq!(scene.count_events("run", "ExposureChangedExternally").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_older_overrides_and_an_older_description_are_not_acted_upon() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let spec = json!({ "description": "new", "treatmentOverrides": { "inline": { "qa-bob": "t1" } } });
    scene.apply("run", &spec).await;
    scene.wait("run", "ready", is_ready).await;
    meets_old_answers(&scene, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_a_raise_waits_for_an_answer_that_is_not_old_and_is_sent_once() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.wait("run", "ready", is_ready).await;
    scene.always(Operation::GetExperimentRun, Effect::StaleRead(1));
    scene.apply("run", &json!({ "exposurePercentage": 50 })).await;
    scene.wait("run", "read", |run| reason(run) == "StaleRead").await;
    let waiting = scene.pass("run").await;
    assert_eq!(
        condition_status(&waiting, "Ready"),
        Some("Unknown"),
        "it was ready for another spec"
    );
    assert_eq!((scene.updates().len(), scene.fences("run")), (1, 1));
    scene.heal();
    scene.wait("run", "ready", is_ready).await;
    let sent: Vec<_> = scene.updates().into_iter().map(|update| update.body).collect();
    assert_eq!(
        sent,
        [
            json!({ "ExposurePercentage": 25.0 }),
            json!({ "ExposurePercentage": 50.0 })
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_reads_that_lag_behind_writes_cause_no_second_update() {
    let scene = Scene::new().await;
    let settings = Settings {
        read_lag_milliseconds: 3_000,
        ..Settings::default()
    };
    scene.emulator.set_settings(settings).unwrap();
    let _operator = scene.operator();
    let spec = json!({
        "description": "new", "exposurePercentage": 25, "treatmentOverrides": { "inline": { "qa-bob": "t1" } }
    });
    scene.apply("run", &spec).await;
    scene.wait("run", "ready", is_ready).await;
    let lagging = scene.pass("run").await;
    assert_eq!(condition(&lagging, "Reconciling").unwrap().reason, "StaleRead");
    let caught_up = |run: &ExperimentRun| is_ready(run) && condition(run, "Reconciling").is_none();
    scene.wait("run", "caught up", caught_up).await;
    assert_eq!((scene.updates().len(), scene.committed()), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_run_known_to_have_ended_is_not_updated_when_an_old_answer_says_that_it_runs() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.wait("run", "ready", is_ready).await;
    scene.emulator.stop_run(&scene.experiment, 1).unwrap();
    let ended = scene.pass("run").await;
    assert_eq!((reason(&ended), is_ready(&ended)), ("RunDone", true));
    scene.always(Operation::GetExperimentRun, Effect::StaleRead(1));
    scene.apply("run", &json!({ "exposurePercentage": 50 })).await;
    scene.wait("run", "read", |run| reason(run) == "StaleRead").await;
    let waiting = scene.pass("run").await;
    assert_eq!(copied(&waiting), copied(&ended));
    scene.heal();
    scene.pass("run").await;
    scene.wait("run", "ended", |run| is_stalled(run, "RunDone")).await;
    assert_eq!((scene.updates().len(), scene.fences("run")), (1, 1));
}
