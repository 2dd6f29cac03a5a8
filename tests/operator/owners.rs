//! Several resources for one run: the oldest acts.

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use serde_json::json;

use appconfig_experiment_operator::api::ExperimentRun;
use harness::{Operator, Scene, bodies, is_ready, is_stalled, message};

#[tokio::test(flavor = "multi_thread")]
async fn p8_of_two_resources_for_one_run_by_name_and_by_id_the_older_acts_and_the_other_takes_over() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("older", &json!({ "exposurePercentage": 5 })).await;
    scene.wait("older", "ready", is_ready).await;
    let ids = json!({
        "applicationIdentifier": scene.experiment.application_id,
        "experimentDefinitionIdentifier": scene.experiment.definition_id,
        "exposurePercentage": 40
    });
    scene.apply("younger", &ids).await;
    let run = scene
        .wait("younger", "told", |run| is_stalled(run, "RunAlreadyManaged"))
        .await;
    assert!(
        message(&run).contains("the older resource older manages the same run"),
        "{}",
        message(&run)
    );
    assert_eq!(scene.wait_for_notes("younger", "RunAlreadyManaged", 1).await.len(), 1);
    scene.pass("younger").await;
    assert_eq!(bodies(&scene.updates()), [json!({ "ExposurePercentage": 5.0 })]);

    // Who waits looks on: what the owner does is not somebody else's to it.
    scene.apply("older", &json!({ "exposurePercentage": 10 })).await;
    scene.wait("older", "ready", is_ready).await;
    scene.pass("younger").await;
    scene.delete("older").await;
    scene.wait("younger", "ready", is_ready).await;
    let sent = [5.0, 10.0, 40.0].map(|exposure| json!({ "ExposurePercentage": exposure }));
    assert_eq!(bodies(&scene.updates()), sent);
    assert_eq!(scene.count_events("younger", "ExposureChangedExternally").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_of_two_resources_that_differ_in_their_region_alone_one_acts_where_one_endpoint_stands_for_both() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("older", &json!({ "exposurePercentage": 5 })).await;
    scene.wait("older", "ready", is_ready).await;
    let elsewhere = json!({ "region": "us-east-1", "exposurePercentage": 40 });
    scene.apply("younger", &elsewhere).await;
    let decided = |run: &ExperimentRun| is_ready(run) || is_stalled(run, "RunAlreadyManaged");
    let run = scene.wait("younger", "decided upon", decided).await;
    assert!(is_stalled(&run, "RunAlreadyManaged"), "{:?}", run.status);
    assert_eq!(json!(run.status)["region"], "us-east-1", "each keeps its own");
    assert_eq!(bodies(&scene.updates()), [json!({ "ExposurePercentage": 5.0 })]);
    scene.delete("older").await;
    scene.wait("younger", "ready", is_ready).await;
    assert_eq!(bodies(&scene.updates())[1..], [json!({ "ExposurePercentage": 40.0 })]);
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_an_owner_in_another_namespace_is_not_named() {
    let scene = Scene::new().await;
    let other = format!("{}-other", scene.namespace);
    let namespaces: Api<Namespace> = Api::all(scene.client.clone());
    let annotations = json!({ "experiments.appconfig.dev/applications": "shop" });
    let namespace = json!({ "metadata": { "name": other, "annotations": annotations } });
    namespaces
        .create(&PostParams::default(), &serde_json::from_value(namespace).unwrap())
        .await
        .unwrap();
    let elsewhere: Api<ExperimentRun> = Api::namespaced(scene.client.clone(), &other);
    let mut manifest = scene.manifest("secret-name", &json!({ "exposurePercentage": 5 }));
    manifest["metadata"]["namespace"] = json!(other);
    let _operator = Operator::start(&scene.flags().with(&format!("--namespace={other}")));
    let manifest = serde_json::from_value(manifest).unwrap();
    let created = scene.eventually("admitted", async || {
        // Admission sees a namespace's annotation a moment later.
        elsewhere.create(&PostParams::default(), &manifest).await.is_ok()
    });
    created.await;
    let ready = scene.eventually("ready", async || is_ready(&elsewhere.get("secret-name").await.unwrap()));
    ready.await;
    // Of two of the same second, the namespace decides, and this one's comes first.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;

    scene.apply("run", &json!({ "exposurePercentage": 40 })).await;
    let run = scene
        .wait("run", "told", |run| is_stalled(run, "RunAlreadyManaged"))
        .await;
    let words = message(&run);
    assert!(
        words.contains("in another namespace") && !words.contains("secret-name"),
        "{words}"
    );
    assert!(!json!(run.status).to_string().contains(&other));
    elsewhere.delete("secret-name", &DeleteParams::default()).await.unwrap();
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(bodies(&scene.updates())[1..], [json!({ "ExposurePercentage": 40.0 })]);
}
