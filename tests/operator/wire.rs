//! The way to `AppConfig`: an update's connection is made before its fence, is used once, and is over when it is given up.

use std::time::Duration;

use appconfig_experiment_operator::api::ExperimentRun;
use control_plane::proxy::{Effect, Gate, Release, Rule, Stage};
use harness::{Certificate, Forwarder, Operator, Scene, bodies, condition, condition_status, is_ready, proxy, reason};
use serde_json::{Value, json};

/// What the condition says that tells of trouble which may pass.
fn trouble(run: &ExperimentRun) -> Option<&str> {
    let reconciling = condition(run, "Reconciling").filter(|it| it.reason == "ServiceUnavailable");
    reconciling.map(|it| it.message.as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_while_no_connection_comes_about_nothing_is_fenced_and_nothing_sent() {
    let scene = Scene::new().await;
    let way = Forwarder::start(&scene, None);
    let _operator = Operator::start(&scene.flags().by(&way));
    scene.apply("run", &json!({})).await;
    scene.wait("run", "ready", is_ready).await;
    // Reads have a connection, which they keep. None can be made any more.
    let waiting = way.stop_accepting().await;
    let reads = scene.reads().len();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let told = scene.wait("run", "told", |run| trouble(run).is_some()).await;
    let message = trouble(&told).unwrap();
    let address = format!("localhost:{}", way.address.port());
    assert!(message.contains(&address) && message.contains("eu-west-1"), "{message}");
    assert_eq!((scene.fences("run"), scene.updates().len()), (0, 0));
    assert!(
        scene.reads().len() <= reads + 2,
        "{} reads",
        scene.reads().len() - reads
    );
    drop(waiting);
    way.accept();
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(
        (scene.fences("run"), scene.updates().len(), scene.committed()),
        (1, 1, 1)
    );
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_an_update_that_got_stuck_after_its_fence_is_given_up_and_never_arrives() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let way = Forwarder::start(&scene, None);
    let _operator = Operator::start(&scene.flags().by(&way).through(&proxy));
    scene.apply("run", &json!({})).await;
    scene.wait("run", "ready", is_ready).await;
    let fence = Gate::new(Stage::Answer);
    let held = Effect::Hold(fence.clone());
    proxy.add(Rule::new("patch", "experimentruns/status", held).times(1));
    let accepted = way.accepted();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    fence.reached().await;
    assert_eq!(
        way.accepted(),
        accepted + 1,
        "the update's connection stands before its fence"
    );
    way.stop_forwarding();
    fence.release(Release::GoOn);
    let unknown = |run: &ExperimentRun| reason(run) == "OutcomeUnknown";
    scene.wait("run", "in doubt", unknown).await;
    scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    way.forward();
    // A read gets through on the same way, so nothing is under way any more that is older.
    scene.pass("run").await;
    assert_eq!(bodies(&scene.updates()), [Value::Null; 0]);
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_a_handshake_that_takes_longer_than_a_read_holds_is_made_once() {
    let scene = Scene::new().await;
    let certificate = Certificate::generate();
    let way = Forwarder::start(&scene, Some(certificate.acceptor.clone()));
    let flags = scene.flags().by(&way).env("SSL_CERT_FILE", certificate.file());
    let _operator = Operator::start(&flags);
    scene.apply("run", &json!({})).await;
    scene.wait("run", "ready", is_ready).await;
    let (reads, accepted) = (scene.reads().len(), way.accepted());
    way.slow_down(Duration::from_millis(2_200));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.wait("run", "ready", is_ready).await;
    let (reads, accepted) = (scene.reads().len() - reads, way.accepted() - accepted);
    assert_eq!(
        (reads, accepted),
        (2, 1),
        "what was read is too old, the connection is not"
    );
    assert_eq!(
        (scene.fences("run"), scene.updates().len(), scene.committed()),
        (1, 1, 1)
    );
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_there_may_not_be_is_told_with_its_host_after_three_tries() {
    let scene = Scene::new().await;
    let mut flags = scene.flags();
    flags.endpoint = "https://appconfig.eu-wset-1.invalid".to_owned();
    let _operator = Operator::start(&flags);
    scene
        .apply("run", &json!({ "region": "eu-wset-1", "exposurePercentage": 25 }))
        .await;
    let told = scene.wait("run", "told", |run| trouble(run).is_some()).await;
    let message = trouble(&told).unwrap();
    assert!(message.contains("appconfig.eu-wset-1.invalid"), "{message}");
    assert!(!message.contains("may not exist"), "{message}");
    let thrice = |run: &ExperimentRun| trouble(run).is_some_and(|message| message.contains("may not exist"));
    let told = scene.wait("run", "doubted", thrice).await;
    assert_eq!(condition_status(&told, "Ready"), Some("Unknown"));
    assert!(trouble(&told).unwrap().contains("region eu-wset-1"));
}
