//! Entity IDs are personal data: they stay in the spec and in `AppConfig`.

use appconfig_emulator::Operation;
use harness::{CANARY, Operator, Scene, is_ready, is_stalled, raw, refuse};
use serde_json::{Value, json};

/// Everything but spec and `AppConfig`'s own traffic in which an entity ID could turn up.
async fn shown(scene: &Scene, operator: &Operator) -> Vec<(&'static str, String)> {
    let statuses: Vec<Value> = scene.versions("run").iter().map(|run| json!(run.status)).collect();
    let (_, metrics) = operator.get("/metrics").await;
    let columns = scene.kubectl(&["get", "exprun", "-o", "wide"]).await;
    vec![
        ("the log", operator.log()),
        ("Events", json!(scene.events("run").await).to_string()),
        ("metrics", metrics),
        ("statuses", json!(statuses).to_string()),
        ("columns", columns),
    ]
}

/// An entity's override.
fn override_of(entity: &str, treatment: &str) -> Value {
    json!({ "treatmentOverrides": { "inline": { entity: treatment } } })
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_an_entity_id_is_nowhere_but_in_the_spec_and_in_appconfig() {
    let scene = Scene::new().await;
    let operator = Operator::start(&scene.flags().with("--per-object-metrics"));
    scene.apply("run", &override_of(CANARY, "t1")).await;
    scene.wait("run", "ready", is_ready).await;

    scene.apply("run", &override_of(CANARY, "t7")).await;
    scene
        .wait("run", "stalled", |run| is_stalled(run, "UnknownTreatment"))
        .await;

    // AppConfig's refusals echo what they refuse.
    let echo = format!("Treatment t2 in the override for entity {CANARY} does not exist.");
    scene.always(
        Operation::UpdateExperimentRun,
        refuse(400, Some("BadRequestException"), &echo),
    );
    scene.apply("run", &override_of(CANARY, "t2")).await;
    scene
        .wait("run", "stalled", |run| is_stalled(run, "UpdateRejected"))
        .await;

    // Answers of an update and of a read that nobody can use.
    let unusable = format!(r#"{{"TreatmentOverrides":{{"Inline":{{"{CANARY}":7}}}},"Status":"{CANARY}"}}"#);
    scene.once(Operation::UpdateExperimentRun, raw(200, "application/json", &unusable));
    scene.apply("run", &override_of(&format!("{CANARY}-2"), "t1")).await;
    scene
        .wait("run", "sent", |run| {
            json!(run.status)["lastError"]["operation"] == "UpdateExperimentRun"
        })
        .await;
    scene.once(Operation::GetExperimentRun, raw(200, "application/json", &unusable));
    scene.pass("run").await;
    scene.heal();

    // Somebody else's overrides, which the spec does not manage.
    scene.later(120);
    scene.change_from_outside(&json!({ "TreatmentOverrides": { "Inline": { CANARY: "c" } } }));
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    scene.wait("run", "ready", is_ready).await;

    let shown = shown(&scene, &operator).await;
    assert!(
        shown[0].1.contains("AppConfig applied an update"),
        "the log tells what happens"
    );
    assert!(shown[1].1.contains("UnknownTreatment"), "Events tell what happens");
    assert!(shown[2].1.contains("experimentrun_condition"), "metrics are per object");
    for (place, text) in shown {
        assert!(!text.contains(CANARY), "{place} show an entity ID: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_the_api_server_refuses_bad_overrides_without_naming_an_entity() {
    let scene = Scene::new().await;
    let many: serde_json::Map<String, Value> = (0..33)
        .map(|number| (format!("{CANARY}-{number}"), json!("t1")))
        .collect();
    for inline in [
        json!({ CANARY: "no-treatment" }),
        json!({ CANARY: "" }),
        json!({ CANARY: "t123456789" }),
        json!({ CANARY: null }),
        json!({ CANARY: "t1", "": "t1" }),
        json!({ CANARY: "t1", "x".repeat(2049): "t1" }),
        Value::Object(many),
    ] {
        let manifest = scene.manifest("run", &json!({ "treatmentOverrides": { "inline": inline } }));
        let manifest = serde_json::from_value(manifest);
        // The client's own types take no null; kubectl does.
        let Ok(manifest) = manifest else { continue };
        let answer = scene.runs.create(&kube::api::PostParams::default(), &manifest).await;
        let Err(kube::Error::Api(status)) = answer else {
            panic!("not refused: {answer:?}");
        };
        let said = json!(*status).to_string();
        assert!(said.contains("treatmentOverrides") && !said.contains(CANARY), "{said}");
    }
}
