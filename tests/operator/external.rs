//! What somebody else does to the run: exposure raised, members set back, fights.

use harness::{Scene, bodies, condition_status, is_ready, is_stalled};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn exposure_raised_from_outside_is_told_and_taken_as_it_is() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    scene.wait("run", "ready", is_ready).await;

    // Above the target.
    scene.change_from_outside(&json!({ "ExposurePercentage": 10.0 }));
    let run = scene.pass("run").await;
    assert!(is_stalled(&run, "ExposureAboveDesired"));
    // The target is raised, and before it is reached somebody else is there: at the target, then below it.
    scene
        .patch("run", &json!({ "spec": { "suspend": true, "exposurePercentage": 30 } }))
        .await;
    scene.pass("run").await;
    scene.change_from_outside(&json!({ "ExposurePercentage": 30.0 }));
    scene.pass("run").await;
    scene.patch("run", &json!({ "spec": { "suspend": null } })).await;
    let run = scene.wait("run", "ready", is_ready).await;
    assert_eq!(condition_status(&run, "TargetReached"), Some("True"));
    scene
        .patch("run", &json!({ "spec": { "suspend": true, "exposurePercentage": 60 } }))
        .await;
    scene.pass("run").await;
    scene.change_from_outside(&json!({ "ExposurePercentage": 45.0 }));
    scene.pass("run").await;
    scene.patch("run", &json!({ "spec": { "suspend": null } })).await;
    scene.wait("run", "ready", is_ready).await;

    let sent = [
        json!({ "ExposurePercentage": 5.0 }),
        json!({ "ExposurePercentage": 60.0 }),
    ];
    assert_eq!(bodies(&scene.updates()), sent);
    let told = scene.wait_for_notes("run", "ExposureChangedExternally", 3).await;
    let by_somebody_else = |from, to| format!("somebody else raised the exposure from {from} % to {to} %");
    assert_eq!(
        told,
        [
            by_somebody_else(5, 10),
            by_somebody_else(10, 30),
            by_somebody_else(30, 45)
        ]
    );
    let raised = ["exposure raised from 0 % to 5 %", "exposure raised from 45 % to 60 %"];
    assert_eq!(scene.wait_for_notes("run", "ExposureRaised", 2).await, raised);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_set_back_from_outside_is_corrected_twice_and_then_contested() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let spec = |description: &str, exposure: u32| json!({ "description": description, "exposurePercentage": exposure });
    scene.apply("run", &spec("ours", 5)).await;
    scene.wait("run", "ready", is_ready).await;
    let corrections = || {
        let sent = bodies(&scene.updates());
        sent.iter().filter(|body| body.get("Description").is_some()).count()
    };
    for fight in 1..=2 {
        scene.later(5);
        scene.change_from_outside(&json!({ "Description": "theirs" }));
        scene.later(5);
        scene.pass("run").await;
        scene.wait("run", "ready", is_ready).await;
        assert_eq!(corrections(), 1 + fight);
    }
    scene.later(5);
    scene.change_from_outside(&json!({ "Description": "theirs" }));
    let run = scene.pass("run").await;
    assert!(is_stalled(&run, "Contested"), "{:?}", run.status);
    scene.later(5);
    scene.change_from_outside(&json!({ "Description": "theirs, once more" }));
    let run = scene.pass("run").await;
    assert!(is_stalled(&run, "Contested"), "{:?}", run.status);
    assert_eq!(corrections(), 3, "the third correction is not sent");
    assert_eq!(scene.wait_for_notes("run", "Contested", 1).await.len(), 1);

    // A new generation ends it; the exposure that waited for the description goes after it.
    scene.apply("run", &spec("ours", 10)).await;
    scene.wait("run", "ready", is_ready).await;
    let healed = [json!({ "Description": "ours" }), json!({ "ExposurePercentage": 10.0 })];
    assert_eq!(bodies(&scene.updates())[4..], healed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contest_ends_by_itself_when_live_matches_again() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let overrides = |treatment: &str| json!({ "TreatmentOverrides": { "Inline": { "qa": treatment } } });
    scene
        .apply("run", &json!({ "treatmentOverrides": { "inline": { "qa": "t1" } } }))
        .await;
    scene.wait("run", "ready", is_ready).await;
    for _ in 1..=3 {
        scene.later(5);
        scene.change_from_outside(&overrides("t2"));
        scene.later(5);
        scene.pass("run").await;
        scene
            .wait("run", "settled", |run| is_ready(run) || is_stalled(run, "Contested"))
            .await;
    }
    scene.wait("run", "contested", |run| is_stalled(run, "Contested")).await;
    scene.later(5);
    scene.change_from_outside(&overrides("t1"));
    let run = scene.pass("run").await;
    assert!(is_ready(&run), "{:?}", run.status);
    assert_eq!(scene.updates().len(), 3);
}
