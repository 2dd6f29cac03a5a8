//! Budgets, and the order in which members go.

use harness::{Scene, bodies, is_ready, is_stalled, message};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn p3_p10_a_run_in_sync_is_adopted_with_one_read_and_one_status_write() {
    let scene = Scene::new().await;
    scene.change_from_outside(&json!({ "Description": "as it is" }));
    scene.change_from_outside(&json!({ "TreatmentOverrides": { "Inline": { "qa": "t1" } } }));
    scene.change_from_outside(&json!({ "ExposurePercentage": 12.5 }));
    let as_it_is = json!({
        "description": "as it is",
        "treatmentOverrides": { "inline": { "qa": "t1" } },
        "exposurePercentage": 12.5
    });
    scene.apply("run", &as_it_is).await;
    let operator = scene.operator();
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(scene.versions("run").len(), 2, "the resource and its status");
    assert_eq!(scene.emulator.requests().len(), 1, "one GetExperimentRun");
    scene.pass("run").await;
    assert_eq!(scene.versions("run").len(), 4, "the annotation and its echo");
    let (_, metrics) = operator.get("/metrics").await;
    assert!(
        metrics.contains(r#"appconfig_requests_total{operation="GetExperimentRun",code="OK"} 2"#),
        "{metrics}"
    );
    assert_eq!(bodies(&scene.updates()), [Value::Null; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_an_update_of_any_member_is_one_read_one_fence_one_update_and_one_status_write() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let changes = [
        json!({ "description": "new" }),
        json!({ "description": "new", "treatmentOverrides": { "inline": { "qa": "t1" } } }),
        json!({ "description": "new", "treatmentOverrides": { "inline": { "qa": "t1" } }, "exposurePercentage": 25 }),
    ];
    for change in changes {
        scene.emulator.clear_requests();
        let before = scene.versions("run").len();
        scene.apply("run", &change).await;
        scene.wait("run", "ready", is_ready).await;
        assert_eq!(
            scene.versions("run").len() - before,
            3,
            "the spec, its fence and its status: {change}"
        );
        assert_eq!((scene.reads().len(), scene.updates().len()), (1, 1), "{change}");
        assert_eq!(scene.emulator.requests().len(), 2, "{change}");
    }
    assert_eq!(
        scene.emulator.deployments(&scene.experiment).unwrap(),
        3,
        "the start, overrides and exposure"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_several_members_go_one_per_request_and_exposure_last() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let all = json!({
        "exposurePercentage": 25,
        "treatmentOverrides": { "inline": { "qa": "t2" } },
        "description": "all at once"
    });
    scene.apply("run", &all).await;
    scene.wait("run", "ready", is_ready).await;
    let expected = [
        json!({ "Description": "all at once" }),
        json!({ "TreatmentOverrides": { "Inline": { "qa": "t2" } } }),
        json!({ "ExposurePercentage": 25.0 }),
    ];
    assert_eq!(bodies(&scene.updates()), expected);
    assert_eq!(scene.reads().len(), 1, "each answer is the next one's live state");
    let pending: Vec<_> = scene
        .versions("run")
        .iter()
        .map(|run| json!(run.status)["pendingUpdate"]["member"].clone())
        .collect();
    assert_eq!(
        pending,
        [
            Value::Null,
            json!("Description"),
            json!("TreatmentOverrides"),
            json!("ExposurePercentage"),
            Value::Null
        ],
        "three fences and one status"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_treatment_key_sends_no_override_and_holds_the_exposure() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let spec = |treatment: &str| {
        json!({
            "exposurePercentage": 25,
            "treatmentOverrides": { "inline": { "qa-alice": treatment, "qa-bob": "c" } },
            "description": "goes all the same"
        })
    };
    scene.apply("run", &spec("t9")).await;
    let run = scene
        .wait("run", "stalled", |run| is_stalled(run, "UnknownTreatment"))
        .await;
    assert!(message(&run).contains("use one of c, t1, t2"), "{}", message(&run));
    let status = json!(run.status).to_string();
    assert!(!status.contains("alice") && !status.contains("t9"), "{status}");
    scene.full_pass("run").await;
    assert_eq!(
        bodies(&scene.updates()),
        [json!({ "Description": "goes all the same" })]
    );
    let notes = scene.wait_for_notes("run", "UnknownTreatment", 1).await;
    assert!(
        notes[0].contains("c, t1, t2") && !notes[0].contains("alice"),
        "{notes:?}"
    );

    scene.apply("run", &spec("t2")).await;
    scene.wait("run", "ready", is_ready).await;
    let overrides = json!({ "Inline": { "qa-alice": "t2", "qa-bob": "c" } });
    let healed = [
        json!({ "TreatmentOverrides": overrides }),
        json!({ "ExposurePercentage": 25.0 }),
    ];
    assert_eq!(bodies(&scene.updates())[1..], healed);
}
