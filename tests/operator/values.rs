//! Values as people write them: decimals, and members that are absent, empty or full.

use std::collections::BTreeMap;

use harness::{Scene, bodies, is_ready};
use kube::api::PostParams;
use serde_json::{Value, json};

async fn converged(scene: &Scene) -> Value {
    json!(scene.wait("run", "ready", is_ready).await.status)
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_a_decimal_converges_with_one_update_however_appconfig_prints_it() {
    for decimals in ["shortest", "widened"] {
        let scene = Scene::new().await;
        scene.set(&json!({ "decimals": decimals }));
        let _operator = scene.operator();
        for exposure in [0.1, 33.3, 99.99] {
            scene.emulator.clear_requests();
            scene.apply("run", &json!({ "exposurePercentage": exposure })).await;
            let status = converged(&scene).await;
            assert_eq!(status["exposurePercentage"], exposure, "{decimals}");
            scene.pass("run").await;
            let sent = bodies(&scene.updates());
            assert_eq!(sent.len(), 1, "{decimals} {exposure}: {sent:?}");
            #[expect(clippy::cast_possible_truncation, reason = "AppConfig stores 32 bits")]
            let stored = sent[0]["ExposurePercentage"].as_f64().unwrap() as f32;
            #[expect(clippy::cast_possible_truncation, reason = "AppConfig stores 32 bits")]
            let asked = exposure as f32;
            assert_eq!(stored.to_bits(), asked.to_bits());
        }
        // The same 32-bit float in other decimals is another generation and no other exposure.
        scene.emulator.clear_requests();
        scene
            .apply("run", &json!({ "exposurePercentage": 99.989_997_863_769_53 }))
            .await;
        let status = converged(&scene).await;
        assert_eq!(status["exposurePercentage"], 99.99);
        assert_eq!(bodies(&scene.updates()), [Value::Null; 0], "{decimals}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_members_are_left_alone_and_empty_ones_are_cleared() {
    for cleared in ["absent", "empty"] {
        let scene = Scene::new().await;
        scene.set(&json!({ "clearedMap": cleared, "clearedDescription": cleared }));
        scene.change_from_outside(&json!({ "Description": "by hand" }));
        scene.change_from_outside(&json!({ "TreatmentOverrides": { "Inline": { "qa": "t1" } } }));
        let _operator = scene.operator();

        scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
        let status = converged(&scene).await;
        assert_eq!(
            (&status["description"], &status["treatmentOverrideCount"]),
            (&json!("by hand"), &json!(1))
        );
        assert_eq!(bodies(&scene.updates()), [json!({ "ExposurePercentage": 5.0 })]);
        let live = scene.live();
        assert_eq!(live["Description"], "by hand");
        assert_eq!(live["TreatmentOverrides"]["Inline"], json!({ "qa": "t1" }));

        scene.emulator.clear_requests();
        let empty = json!({ "exposurePercentage": 5, "description": "", "treatmentOverrides": { "inline": {} } });
        scene.apply("run", &empty).await;
        let status = converged(&scene).await;
        assert_eq!(
            (&status["description"], &status["treatmentOverrideCount"]),
            (&Value::Null, &json!(0))
        );
        scene.pass("run").await;
        let sent = bodies(&scene.updates());
        let clearing = [
            json!({ "Description": "" }),
            json!({ "TreatmentOverrides": { "Inline": {} } }),
        ];
        assert_eq!(sent, clearing, "reading back {cleared}");

        // Left out again, they are nobody's business again, and exposure too.
        scene.emulator.clear_requests();
        scene.apply("run", &json!({})).await;
        converged(&scene).await;
        scene.later(5);
        scene.change_from_outside(&json!({ "Description": "by hand again" }));
        scene.change_from_outside(&json!({ "ExposurePercentage": 40.0 }));
        let observed = json!(scene.pass("run").await.status);
        assert_eq!(
            (&observed["description"], &observed["exposurePercentage"]),
            (&json!("by hand again"), &json!(40.0))
        );
        assert_eq!(observed["conditions"][0]["reason"], "Observing");
        assert_eq!(bodies(&scene.updates()), [Value::Null; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn full_overrides_and_the_longest_description_arrive_whole() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    // YAML, and so server-side apply, takes no key of more than 1,024 characters: this one is created.
    let mut entities: BTreeMap<String, &str> = (1..32).map(|number| (format!("ent€ty/{number}"), "t2")).collect();
    entities.insert("€".repeat(2048), "c");
    let description = "€".repeat(1024);
    let full = json!({ "description": description, "treatmentOverrides": { "inline": entities } });
    let manifest = serde_json::from_value(scene.manifest("run", &full)).unwrap();
    scene.runs.create(&PostParams::default(), &manifest).await.unwrap();
    let status = converged(&scene).await;
    assert_eq!(status["treatmentOverrideCount"], 32);
    assert_eq!(status["description"], description);
    scene.pass("run").await;
    assert_eq!(scene.updates().len(), 2);
    assert_eq!(scene.live()["TreatmentOverrides"]["Inline"], json!(entities));
}

#[tokio::test(flavor = "multi_thread")]
async fn deployment_parameters_go_along_with_deployments_and_are_no_reason_for_one() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let spec = |stage: &str| {
        json!({
            "description": "with parameters",
            "exposurePercentage": 5,
            "treatmentOverrides": { "inline": { "qa": "t1" } },
            "deploymentParameters": {
                "dynamicExtensionParameters": { "ext#stage": stage },
                "tags": { "team": "checkout" }
            }
        })
    };
    scene.apply("run", &spec("canary")).await;
    converged(&scene).await;
    let parameters = json!({ "DynamicExtensionParameters": { "ext#stage": "canary" }, "Tags": { "team": "checkout" } });
    let expected = [
        json!({ "Description": "with parameters" }),
        json!({ "TreatmentOverrides": { "Inline": { "qa": "t1" } }, "DeploymentParameters": parameters }),
        json!({ "ExposurePercentage": 5.0, "DeploymentParameters": parameters }),
    ];
    assert_eq!(bodies(&scene.updates()), expected);
    scene.apply("run", &spec("full")).await;
    converged(&scene).await;
    scene.pass("run").await;
    assert_eq!(scene.updates().len(), 3, "parameters alone are no reason for an update");
}
