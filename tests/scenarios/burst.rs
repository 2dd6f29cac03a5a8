//! Scenario 8: two hundred changes at once, against an `AppConfig` that takes ten updates a second.

use control_plane::proxy::{Effect, Rule};
use harness::{ACTS, Operator, Scene, proxy};
use jiff::Timestamp;
use serde_json::json;

use crate::fleet::{all_ready, apply_all, seed_runs};

/// How many resources are changed.
const RESOURCES: u32 = 200;
/// Updates a second that `AppConfig` takes.
const LIMIT: u32 = 10;
/// Updates a second that the operator sends unless it is told otherwise; at once after a pause, as many.
const RATE: u32 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn s08_200_changes_at_once_are_sent_at_the_rate_that_appconfig_takes() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let count = usize::try_from(RESOURCES).unwrap();
    seed_runs(&scene, count, 5.0);
    apply_all(&scene, count, 5.0).await;
    scene.set(&json!({ "rateLimits": { "update": LIMIT } }));
    let flags = scene.flags().with("--read-rate=200");
    let operator = Operator::start(&flags.through(&proxy));
    operator.logged(ACTS).await;
    scene.circumstances(|context| context.read_rate = 200.0);
    all_ready(&scene).await;

    // The operator hears of all changes at the same moment, however long it takes to make them.
    let frozen = proxy.add(Rule::new("watch", "experimentruns", Effect::Freeze));
    apply_all(&scene, count, 10.0).await;
    let began = Timestamp::now();
    proxy.remove(frozen);
    all_ready(&scene).await;
    let took = Timestamp::now().duration_since(began).as_secs_f64();

    let (sent, committed) = (scene.updates().len(), scene.committed());
    // Whether it takes at most 1.3 of that is printed for a person: on a busy machine it would be a matter of luck.
    let waited_for_tokens = f64::from(RESOURCES) / f64::from(RATE);
    println!(
        "s08: {sent} updates sent, {committed} committed, all Ready after {took:.1} s ({:.2} of {waited_for_tokens} s)",
        took / waited_for_tokens
    );
    assert_eq!(committed, count, "each change is carried out once");
    assert!(sent * 10 <= committed * 11, "{sent} were sent for {committed}");
    scene.judge();
}
