//! Exposure only rises: what a lower value in Git does.

use harness::{Scene, bodies, condition, condition_status, is_ready, is_stalled, message};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn p2_a_lower_exposure_is_told_holds_nothing_else_and_heals_when_raised_again() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let run = scene.wait("run", "ready", is_ready).await;
    assert_eq!(condition_status(&run, "TargetReached"), Some("True"));

    // A git revert, with a new description and new overrides.
    let overrides = json!({ "inline": { "qa": "t1" } });
    let lower = json!({ "exposurePercentage": 10, "description": "reverted", "treatmentOverrides": overrides });
    scene.apply("run", &lower).await;
    let lowered = |run: &_| is_stalled(run, "ExposureAboveDesired") && message(run).contains("AppConfig cannot lower");
    scene.wait("run", "told", lowered).await;
    let run = scene.full_pass("run").await;
    assert_eq!(
        message(&run),
        "live exposure is 25 %, desired exposure is 10 %: AppConfig cannot lower a run's exposure. To accept the live \
         exposure, set exposurePercentage to 25 or more, or remove exposurePercentage; to go back, stop the run and \
         start a new one"
    );
    let reached = condition(&run, "TargetReached").unwrap();
    assert_eq!(
        (reached.status.as_str(), reached.reason.as_str()),
        ("False", "ExposureAboveDesired")
    );
    let expected = [
        json!({ "ExposurePercentage": 25.0 }),
        json!({ "Description": "reverted" }),
        json!({ "TreatmentOverrides": { "Inline": { "qa": "t1" } } }),
    ];
    assert_eq!(bodies(&scene.updates()), expected);
    assert_eq!(scene.wait_for_notes("run", "ExposureAboveDesired", 1).await.len(), 1);

    scene
        .apply(
            "run",
            &json!({ "exposurePercentage": 30, "description": "reverted", "treatmentOverrides": overrides }),
        )
        .await;
    let run = scene.wait("run", "ready", is_ready).await;
    assert_eq!(condition_status(&run, "TargetReached"), Some("True"));
    assert_eq!(bodies(&scene.updates())[3..], [json!({ "ExposurePercentage": 30.0 })]);

    // The other ways out that the message names: to remove it, or to accept it.
    scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    scene
        .wait("run", "told", |run| is_stalled(run, "ExposureAboveDesired"))
        .await;
    scene.apply("run", &json!({})).await;
    scene.wait("run", "ready", is_ready).await;
    scene.apply("run", &json!({ "exposurePercentage": 30 })).await;
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(scene.updates().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_p2_a_value_that_goes_up_and_down_quickly_is_followed_upward_only() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    scene.wait("run", "ready", is_ready).await;
    for exposure in [50, 5] {
        scene.apply("run", &json!({ "exposurePercentage": exposure })).await;
    }
    // The 50 was or wasn't sent in time; the end is the truth either way.
    scene.pass("run").await;
    let settled = |run: &_| is_ready(run) || is_stalled(run, "ExposureAboveDesired");
    let run = scene.wait("run", "settled", settled).await;
    let sent: Vec<Value> = bodies(&scene.updates());
    match sent.len() {
        1 => assert!(is_ready(&run), "5 is live and desired"),
        2 => {
            assert_eq!(sent[1], json!({ "ExposurePercentage": 50.0 }));
            assert!(is_stalled(&run, "ExposureAboveDesired"));
        }
        _ => panic!("{sent:?}"),
    }
    assert!(
        scene.updates().iter().all(|update| update.status == Some(200)),
        "nothing was ever refused"
    );
}
