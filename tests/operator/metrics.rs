//! Metrics that are always there and name no resource: what alerts go by.

use std::{collections::BTreeMap, time::Duration};

use harness::{ACTS, Operator, Scene, is_ready, reason};
use serde_json::json;

use crate::ramp;

fn of_reason(kind: &str, reason: &str) -> String {
    format!("appconfig_operator_experimentruns{kind}{{reason=\"{reason}\"}}")
}

/// The reasons that resources have, and how many have each.
fn by_reason(metrics: &BTreeMap<String, f64>, kind: &str) -> Vec<(String, f64)> {
    let family = format!("appconfig_operator_experimentruns{kind}{{");
    let counted = metrics
        .iter()
        .filter(|(name, count)| name.starts_with(&family) && **count != 0.0);
    counted.map(|(name, count)| (name.clone(), *count)).collect()
}

const OLDEST: &str = "appconfig_operator_oldest_due_raise_age_seconds";

#[tokio::test(flavor = "multi_thread")]
async fn all_resources_count_by_reason_and_a_raise_that_is_late_has_an_age_without_naming_any() {
    let scene = Scene::new().await;
    let operator = Operator::start(&scene.flags());
    operator.logged(ACTS).await;
    let metrics = operator.metrics().await;
    assert_eq!((by_reason(&metrics, ""), metrics[OLDEST]), (vec![], 0.0));
    assert_eq!(
        metrics.get(&of_reason("", "InSync")),
        Some(&0.0),
        "it is shown from the beginning"
    );

    // A raise that is due and can't leave: it has an age, and the age grows.
    scene.deployment_in_progress(true);
    scene
        .apply("run", &ramp::spec(10.0, &ramp::steps(&[(1.0, "10m"), (5.0, "10m")])))
        .await;
    let held = |run: &_| reason(run) == "DeploymentInProgress";
    scene.wait("run", "held up by a deployment", held).await;
    let waiting = [(of_reason("", "DeploymentInProgress"), 1.0)];
    let counted = async || by_reason(&operator.metrics().await, "") == waiting;
    scene.eventually("counted", counted).await;
    let age = operator.metrics().await[OLDEST];
    let grown = async || operator.metrics().await[OLDEST] > age.max(0.5);
    scene.eventually("older", grown).await;

    // The brake: it is late no longer, and a person has to act.
    scene.patch("run", &json!({ "spec": { "suspend": true } })).await;
    let stalled =
        async || by_reason(&operator.metrics().await, "_stalled") == [(of_reason("_stalled", "Suspended"), 1.0)];
    scene.eventually("stalled", stalled).await;
    assert_eq!(operator.metrics().await.get(OLDEST), Some(&0.0));

    scene.deployment_in_progress(false);
    scene.patch("run", &json!({ "spec": { "suspend": false } })).await;
    scene.wait("run", "raised", ramp::is_held_at(1.0)).await;
    let held = async || by_reason(&operator.metrics().await, "") == [(of_reason("", "RampHolding"), 1.0)];
    scene.eventually("held", held).await;
    let metrics = operator.metrics().await;
    assert_eq!(
        (by_reason(&metrics, "_stalled"), metrics[OLDEST]),
        (vec![], 0.0),
        "the next one is not due"
    );
    assert!(
        !metrics.keys().any(|name| name.contains(&scene.namespace)),
        "{metrics:#?}"
    );
    scene.delete("run").await;
    let gone = async || by_reason(&operator.metrics().await, "").is_empty();
    scene.eventually("gone", gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_counts_no_resource_and_the_replica_that_takes_over_counts_them_all() {
    let scene = Scene::with_lease().await;
    let (mut first, second) = scene.two().await;
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.wait("run", "ready", is_ready).await;
    let in_sync = [(of_reason("", "InSync"), 1.0)];
    let counted = async |operator: &Operator| by_reason(&operator.metrics().await, "") == in_sync;
    scene.eventually("counted", async || counted(&first).await).await;
    let metrics = second.metrics().await;
    assert!(!metrics.contains_key(&of_reason("", "InSync")), "{metrics:#?}");
    first.stop().await;
    scene
        .eventually("counted by the other", async || counted(&second).await)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_process_is_and_uses_is_told_and_what_waits_is_counted_by_class() {
    let scene = Scene::new().await;
    let operator = Operator::start(&scene.flags());
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.wait("run", "ready", is_ready).await;
    scene.eventually("counted", async || operator.passes().await == 1).await;
    let metrics = operator.metrics().await;
    let build = format!(
        "appconfig_operator_build_info{{version=\"{}\",commit=\"",
        env!("CARGO_PKG_VERSION")
    );
    let builds: Vec<_> = metrics.iter().filter(|(name, _)| name.starts_with(&build)).collect();
    assert!(matches!(builds[..], [(_, 1.0)]), "{builds:?}");

    let bytes = metrics["process_resident_memory_bytes"];
    #[allow(clippy::cast_precision_loss, reason = "a size")]
    let told = operator.resident() as f64 * 1024.0;
    assert!((0.5..2.0).contains(&(bytes / told)), "{bytes} {told}");
    let seconds = metrics["process_cpu_seconds_total"];
    let slack = Duration::from_millis(20).as_secs_f64();
    assert!(
        seconds > 0.0 && seconds <= operator.cpu().as_secs_f64() + slack,
        "{seconds}"
    );
    assert!((8.0..200.0).contains(&metrics["process_open_fds"]));
    let now = jiff::Timestamp::now().as_duration().as_secs_f64();
    assert!((0.0..300.0).contains(&(now - metrics["process_start_time_seconds"])));

    let of_class = |family: &str| {
        let value = |class| metrics.get(&format!("{family}{{class=\"{class}\"}}"));
        ["change", "raise", "resync", "retry"].map(|class| value(class).copied())
    };
    assert_eq!(
        of_class("appconfig_operator_queue_depth"),
        [Some(0.0); 4],
        "nothing waits"
    );
    assert_eq!(
        of_class("appconfig_operator_queue_wait_seconds_count"),
        [Some(1.0), Some(0.0), Some(0.0), Some(0.0)]
    );
}
