//! Where the run is: from the spec, from the status, from the operator, or from nowhere.

use harness::{Operator, Scene, is_ready, is_stalled, message};
use serde_json::{Value, json};

/// A manifest without a region, or with this one.
fn manifest(scene: &Scene, region: Option<&str>) -> Value {
    let mut manifest = scene.manifest("run", &json!({ "exposurePercentage": 5 }));
    let spec = manifest["spec"].as_object_mut().unwrap();
    spec.remove("region");
    if let Some(region) = region {
        spec.insert("region".to_owned(), json!(region));
    }
    manifest
}

async fn refused(scene: &Scene, region: Option<&str>) {
    match scene.try_apply(&manifest(scene, region)).await {
        Err(kube::Error::Api(status)) => {
            assert!(
                status.message.contains("spec.region can't be changed or removed"),
                "{}",
                status.message
            );
        }
        answer => panic!("{region:?} is not refused: {answer:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_is_pinned_by_the_first_read_and_may_be_added_but_never_changed_or_removed() {
    let scene = Scene::new().await;
    let mut operator = scene.operator();
    scene.try_apply(&manifest(&scene, None)).await.unwrap();
    let run = scene.wait("run", "ready", is_ready).await;
    assert_eq!(json!(run.status)["region"], "eu-west-1");
    refused(&scene, Some("us-east-1")).await;

    // An operator of another region, or of none, goes on where the run was found.
    for region in ["us-east-1", ""] {
        operator.stop().await;
        operator = Operator::start(&scene.flags().env("AWS_REGION", region));
        scene.pass("run").await;
    }
    scene.try_apply(&manifest(&scene, Some("eu-west-1"))).await.unwrap();
    scene.wait("run", "ready", is_ready).await;
    refused(&scene, Some("us-east-1")).await;
    refused(&scene, None).await;
    scene.pass("run").await;
    assert_eq!(scene.updates().len(), 1);
    let regions = scene.emulator.requests().into_iter().map(|request| request.region);
    assert!(
        regions.clone().all(|region| region.as_deref() == Some("eu-west-1")),
        "{:?}",
        regions.collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_region_from_anywhere_the_spec_is_invalid_until_an_operator_has_one() {
    let scene = Scene::new().await;
    let mut operator = Operator::start(&scene.flags().env("AWS_REGION", ""));
    scene.try_apply(&manifest(&scene, None)).await.unwrap();
    let run = scene.wait("run", "told", |run| is_stalled(run, "InvalidSpec")).await;
    assert!(
        message(&run).contains("no region is known: set spec.region"),
        "{}",
        message(&run)
    );
    assert_eq!(scene.wait_for_notes("run", "InvalidSpec", 1).await.len(), 1);
    scene.pass("run").await;
    assert_eq!(scene.emulator.requests().len(), 0);

    // Either of the two ways out that the message names.
    operator.stop().await;
    let _operator = scene.operator();
    let run = scene.wait("run", "ready", is_ready).await;
    assert_eq!(json!(run.status)["region"], "eu-west-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_spec_heals_when_a_region_is_added() {
    let scene = Scene::new().await;
    let _operator = Operator::start(&scene.flags().env("AWS_REGION", ""));
    scene.try_apply(&manifest(&scene, None)).await.unwrap();
    scene.wait("run", "told", |run| is_stalled(run, "InvalidSpec")).await;
    scene.try_apply(&manifest(&scene, Some("eu-central-1"))).await.unwrap();
    let run = scene.wait("run", "ready", is_ready).await;
    assert_eq!(json!(run.status)["region"], "eu-central-1");
}
