//! How much memory the operator needs. It is printed, and judged by a person: see `make memory`.

use std::collections::BTreeMap;

use appconfig_emulator::Seed;
use control_plane::proxy::{Effect, Rule};
use futures::StreamExt;
use harness::{Operator, Scene, is_ready, proxy};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, api::PostParams};
use serde_json::{Value, json};

const RESOURCES: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, of a release build: make memory"]
async fn memory_with_1000_settled_resources() {
    let scene = Scene::new().await;
    scene.apply_many(RESOURCES).await;
    let flags = scene.flags().with("--read-rate=100").with("--resync-interval=24h");
    let mut first = Operator::start(&flags);
    for number in 0..RESOURCES {
        scene.wait(&Scene::definition(number), "ready", is_ready).await;
    }
    println!("{RESOURCES} resources adopted: {} KiB resident", first.resident());
    assert_eq!(first.stop().await.code(), Some(0));
    let second = Operator::start(&flags);
    second.logged("acts from now on").await;
    println!(
        "{RESOURCES} settled resources after a restart: {} KiB resident",
        second.resident()
    );
}

/// The largest spec that admission takes, but for what bounds of the API server itself allow: four bytes a character.
fn largest(number: usize) -> Value {
    let text = |length: usize| "𝔘".repeat(length);
    let entries = |count: usize, key: usize, value: usize| -> BTreeMap<String, String> {
        let entry = |it: usize| (format!("{it:02}{}", text(key - 2)), text(value));
        (0..count).map(entry).collect()
    };
    let overrides: BTreeMap<String, &str> = (0..32).map(|it| (format!("{it:02}{}", text(2046)), "t1")).collect();
    let parameters = (0..10).map(|it| (format!("{it}{}#{}", text(95), text(64)), text(2048)));
    let window = json!({ "kind": "Deny", "schedule": "0 0 20 12 *", "duration": "336h", "timeZone": "Europe/Berlin", "description": text(256) });
    let steps = (1..=50).map(|step| json!({ "exposurePercentage": step, "hold": "24h" }));
    json!({
        "experimentDefinitionIdentifier": Scene::definition(number),
        "exposurePercentage": 50,
        "suspend": true,
        "description": text(1024),
        "treatmentOverrides": { "inline": overrides },
        "deploymentParameters": {
            "dynamicExtensionParameters": parameters.collect::<BTreeMap<_, _>>(),
            "tags": entries(50, 128, 256),
        },
        "ramp": { "steps": steps.collect::<Vec<_>>(), "windows": vec![window; 20] },
    })
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: deploy/deployment.yaml gives a Pod 128 Mi"]
async fn memory_with_1000_of_the_largest_resources() {
    let scene = Scene::new().await;
    // A namespace of their own, of which the scene writes down nothing.
    let namespace = format!("{}-large", scene.namespace);
    let body =
        json!({ "metadata": { "name": namespace, "annotations": { "experiments.appconfig.dev/applications": "*" } } });
    let namespaces: Api<Namespace> = Api::all(scene.client.clone());
    let body = serde_json::from_value(body).unwrap();
    namespaces.create(&PostParams::default(), &body).await.unwrap();
    let path = format!("/apis/experiments.appconfig.dev/v1alpha1/namespaces/{namespace}/experimentruns");
    let ask = async |request: http::Request<Vec<u8>>| scene.client.request_text(request).await.unwrap();
    let manifests = (0..RESOURCES).map(|number| {
        let definition = Scene::definition(number);
        let seed = Seed {
            definition: definition.clone(),
            ..Seed::default()
        };
        let experiment = scene.emulator.seed(&seed).unwrap();
        scene.emulator.start_run(&experiment, 5.0).unwrap();
        let mut manifest = scene.manifest(&definition, &largest(number));
        manifest["metadata"]["namespace"] = json!(namespace);
        // An annotation of somebody else's, of which the API server takes 256 KiB.
        manifest["metadata"]["annotations"] = json!({ "example.com/notes": "x".repeat(100_000) });
        manifest.to_string().into_bytes()
    });
    let bytes = futures::stream::iter(manifests)
        .map(|manifest| async {
            let length = manifest.len();
            let post = http::Request::post(&path).header("Content-Type", "application/json");
            ask(post.body(manifest).unwrap()).await;
            length
        })
        .buffer_unordered(4)
        .fold(0, async |sum, length| sum + length)
        .await;
    println!("each is {} bytes of JSON", bytes / RESOURCES);
    let mut flags = scene
        .flags()
        .with("--read-rate=100")
        .with("--resync-interval=24h")
        .with("--log-level=info");
    flags.namespace = namespace;
    // What the status writes of a thousand such objects take of an API server is not what is measured.
    let proxy = proxy();
    let refuse = Effect::Refuse {
        status: 403,
        retry_after_seconds: None,
    };
    proxy.add(Rule::new("patch", "experimentruns/status", refuse));
    let flags = flags.through(&proxy);
    let first = Operator::start(&flags);
    // A pass reads the resource whole, then the run.
    scene
        .eventually("read", async || scene.reads().len() >= RESOURCES)
        .await;
    println!(
        "{RESOURCES} of the largest read: {} KiB resident, {} KiB at most",
        first.resident(),
        first.most_resident()
    );
    drop(first);
    let second = Operator::start(&flags);
    second.logged("acts from now on").await;
    println!(
        "after a restart: {} KiB resident, {} KiB at most",
        second.resident(),
        second.most_resident()
    );
}
