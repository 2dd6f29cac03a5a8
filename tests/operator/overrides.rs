//! The overrides of two people in one manifest.

use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
    core::ApiResource,
};
use serde_json::{Value, json};

use appconfig_experiment_operator::api::ExperimentRun;
use harness::{Scene, bodies, is_ready};

/// Applies a map of overrides and nothing else, as a field manager that owns only them.
async fn apply_overrides(scene: &Scene, manager: &str, inline: &Value) {
    let kind = ApiResource::erase::<ExperimentRun>(&());
    let runs: Api<DynamicObject> = Api::namespaced_with(scene.client.clone(), &scene.namespace, &kind);
    let manifest = json!({
        "apiVersion": "experiments.appconfig.dev/v1alpha1",
        "kind": "ExperimentRun",
        "metadata": { "name": "run" },
        "spec": { "treatmentOverrides": { "inline": inline } }
    });
    let parameters = PatchParams::apply(manager).force();
    let applied = runs.patch("run", &parameters, &Patch::Apply(manifest)).await.unwrap();
    scene.caught_up(applied.try_parse().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn overrides_are_replaced_whole_and_cleared_whoever_applied_them() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene
        .apply(
            "run",
            &json!({ "treatmentOverrides": { "inline": { "by-git": "c", "both": "c" } } }),
        )
        .await;
    scene.wait("run", "ready", is_ready).await;

    apply_overrides(&scene, "qa", &json!({ "by-qa": "t1", "both": "t2" })).await;
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(
        scene.live()["TreatmentOverrides"]["Inline"],
        json!({ "by-qa": "t1", "both": "t2" })
    );

    scene
        .apply("run", &json!({ "treatmentOverrides": { "inline": {} } }))
        .await;
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(
        scene.live()["TreatmentOverrides"],
        Value::Null,
        "Git's {{}} clears what somebody else added"
    );
    scene.pass("run").await;
    let overrides = |inline: Value| json!({ "TreatmentOverrides": { "Inline": inline } });
    let expected = [
        overrides(json!({ "by-git": "c", "both": "c" })),
        overrides(json!({ "by-qa": "t1", "both": "t2" })),
        overrides(json!({})),
    ];
    assert_eq!(bodies(&scene.updates()), expected);
}
