//! Runs that end.

use appconfig_emulator::{EndedBy, Operation};
use harness::{Scene, bodies, condition_status, is_ready, is_stalled, reason, refuse};
use serde_json::{Value, json};

/// Stops the run as a user would.
fn stop_run(scene: &Scene) {
    scene.emulator.stop_run(&scene.experiment, 1).unwrap();
}

fn ended_by(run: &appconfig_experiment_operator::api::ExperimentRun) -> Value {
    json!(run.status)["endedBy"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_run_that_a_user_ended_after_it_was_ready_is_done_and_gets_no_update_any_more() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene
        .apply("run", &json!({ "exposurePercentage": 25, "description": "ours" }))
        .await;
    scene.wait("run", "ready", is_ready).await;
    // It needn't match: the user who ended it had the last word.
    scene.later(5);
    scene.change_from_outside(&json!({ "Description": "concluded" }));
    stop_run(&scene);
    let run = scene.pass("run").await;
    assert!(is_ready(&run), "{:?}", run.status);
    assert_eq!((reason(&run), ended_by(&run)), ("RunDone", json!("USER")));
    let status = json!(run.status);
    assert_eq!(
        (&status["status"], &status["exposurePercentage"]),
        (&json!("DONE"), &json!(25.0))
    );
    assert!(status["endedAt"].is_string());
    assert_eq!(scene.wait_for_notes("run", "RunDone", 1).await.len(), 1);

    // What is asked for next can't be had from it.
    scene
        .apply("run", &json!({ "exposurePercentage": 50, "description": "ours" }))
        .await;
    let run = scene.wait("run", "stalled", |run| is_stalled(run, "RunDone")).await;
    assert_eq!(condition_status(&run, "TargetReached"), Some("False"));
    let run = scene.pass("run").await;
    assert_eq!(
        ended_by(&run),
        json!("USER"),
        "it is not forgotten, and not asked for again"
    );
    assert_eq!(scene.updates().len(), 2);
    let events = scene
        .emulator
        .requests()
        .into_iter()
        .filter(|request| request.path.contains("/events"));
    assert_eq!(events.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_an_alarm_ended_is_stopped_unless_it_was_where_it_should_be() {
    for (cause, named) in [
        (EndedBy::CloudwatchAlarm, "CLOUDWATCH_ALARM"),
        (EndedBy::InternalError, "INTERNAL_ERROR"),
    ] {
        let scene = Scene::new().await;
        let _operator = scene.operator();
        scene
            .apply("run", &json!({ "exposurePercentage": 25, "suspend": true }))
            .await;
        scene.wait("run", "suspended", |run| is_stalled(run, "Suspended")).await;
        scene.emulator.end_run(&scene.experiment, 1, cause).unwrap();
        let run = scene.pass("run").await;
        assert!(is_stalled(&run, "RunStopped"), "{:?}", run.status);
        assert_eq!(ended_by(&run), json!(named));
        assert_eq!(scene.wait_for_notes("run", "RunStopped", 1).await.len(), 1);
        scene.apply("run", &json!({ "exposurePercentage": 0 })).await;
        let run = scene.wait("run", "ready", is_ready).await;
        assert_eq!(reason(&run), "RunDone");
        assert_eq!(bodies(&scene.updates()), [Value::Null; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ended_before_it_was_ever_seen_is_done_if_it_matches_and_stalled_if_not() {
    let scene = Scene::new().await;
    scene.change_from_outside(&json!({ "ExposurePercentage": 20.0 }));
    stop_run(&scene);
    let _operator = scene.operator();
    scene.apply("differs", &json!({ "exposurePercentage": 25 })).await;
    let run = scene.wait("differs", "stalled", |run| is_stalled(run, "RunDone")).await;
    assert_eq!(ended_by(&run), json!("USER"));
    scene.delete("differs").await;
    scene.apply("matches", &json!({ "exposurePercentage": 20 })).await;
    let run = scene.wait("matches", "ready", is_ready).await;
    assert_eq!((reason(&run), ended_by(&run)), ("RunDone", json!("USER")));
    scene.delete("matches").await;
    scene.apply("observes", &json!({})).await;
    scene.wait("observes", "ready", is_ready).await;
    assert_eq!(bodies(&scene.updates()), [Value::Null; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_can_tell_who_ended_the_run_ready_is_unknown() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("run", &json!({ "description": "ours" })).await;
    scene.wait("run", "ready", is_ready).await;
    scene.always(Operation::ListExperimentRunEvents, refuse(500, None, "not now"));
    scene.later(5);
    scene.change_from_outside(&json!({ "Description": "concluded" }));
    stop_run(&scene);
    let run = scene.pass("run").await;
    assert_eq!(
        (reason(&run), condition_status(&run, "Ready")),
        ("RunDone", Some("Unknown"))
    );
    assert_eq!(condition_status(&run, "Reconciling"), Some("True"));
    scene.heal();
    let run = scene.wait("run", "ready", is_ready).await;
    assert_eq!((reason(&run), ended_by(&run)), ("RunDone", json!("USER")));
    assert_eq!(json!(run.status)["lastError"], Value::Null);
}
