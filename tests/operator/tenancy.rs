//! Which namespace may name which application.

use appconfig_experiment_operator::api::ExperimentRun;
use harness::{Scene, is_ready, is_stalled};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

const ANNOTATION: &str = "experiments.appconfig.dev/applications";

/// Allows this namespace these applications, and waits until admission has seen it: until a run is refused, or not.
async fn allow(scene: &Scene, applications: Value, refused: bool) -> String {
    let namespaces: Api<Namespace> = Api::all(scene.client.clone());
    let patch = json!({ "metadata": { "annotations": { ANNOTATION: applications } } });
    namespaces
        .patch(&scene.namespace, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
    let answer = async || match scene
        .try_apply(&scene.manifest("run", &json!({ "exposurePercentage": 5 })))
        .await
    {
        Err(kube::Error::Api(status)) => Some(status.message.clone()),
        Err(error) => panic!("no answer: {error}"),
        Ok(run) => {
            if refused {
                scene.delete(run.metadata.name.as_deref().unwrap()).await;
            }
            None
        }
    };
    scene
        .eventually("judged by the annotation", async || answer().await.is_some() == refused)
        .await;
    answer().await.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_names_only_the_applications_that_it_is_allowed() {
    let scene = Scene::new().await;
    let said = allow(&scene, Value::Null, true).await;
    let what = format!(
        "namespace {} may not name any AppConfig application yet",
        scene.namespace
    );
    let how = format!(
        "kubectl annotate namespace {} {ANNOTATION}=APPLICATION",
        scene.namespace
    );
    assert!(said.contains(&what) && said.contains(&how), "{said}");
    let said = allow(&scene, json!("search, cart"), true).await;
    assert!(
        said.contains("may not name the AppConfig application shop: its annotation"),
        "{said}"
    );
    assert!(said.contains("lists search, cart"), "{said}");
    let _operator = scene.operator();
    allow(&scene, json!("search,shop"), false).await;
    scene.wait("run", "ready", is_ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_withdrawal_a_lower_target_and_the_brake_are_taken() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    allow(&scene, json!("shop"), false).await;
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    scene.wait("run", "ready", is_ready).await;
    let namespaces: Api<Namespace> = Api::all(scene.client.clone());
    let withdraw = Patch::Merge(json!({ "metadata": { "annotations": { ANNOTATION: null } } }));
    let parameters = PatchParams::default();
    namespaces
        .patch(&scene.namespace, &parameters, &withdraw)
        .await
        .unwrap();
    let more = scene.manifest("run", &json!({ "exposurePercentage": 6, "description": "more" }));
    let runs: Api<ExperimentRun> = Api::namespaced(scene.client.clone(), &scene.namespace);
    // Nothing is stored by what is asked before admission has heard of the withdrawal.
    let dry_run = PatchParams {
        dry_run: true,
        ..PatchParams::apply("withdrawn").force()
    };
    let refused = async || runs.patch("run", &dry_run, &Patch::Apply(&more)).await.is_err();
    scene.eventually("refused", refused).await;
    scene.pass("run").await;
    scene.apply("run", &json!({ "exposurePercentage": 3 })).await;
    scene
        .wait("run", "told", |run| is_stalled(run, "ExposureAboveDesired"))
        .await;
    scene
        .apply("run", &json!({ "exposurePercentage": 3, "suspend": true }))
        .await;
    scene.wait("run", "suspended", |run| is_stalled(run, "Suspended")).await;
    assert_eq!(scene.updates().len(), 1);
    scene.judge();
}
