//! What those who run the operator see: probes, metrics, log lines and exit codes.

use std::collections::BTreeMap;

use appconfig_emulator::Operation;
use control_plane::proxy::{Effect, Rule};
use harness::{Operator, Scene, is_ready, proxy, refuse};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn it_is_alive_at_once_and_ready_when_the_cache_is_filled() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let hanging = proxy.add(Rule::new("list", "experimentruns", Effect::Hang));
    let operator = Operator::start(&scene.flags().through(&proxy));
    assert_eq!(operator.get("/livez").await, (200, "ok\n".to_owned()));
    let waiting = (503, "waiting for the cache of ExperimentRuns\n".to_owned());
    let only = async || operator.get("/readyz").await == waiting;
    scene.eventually("waiting for the cache only", only).await;
    proxy.remove(hanging);
    scene
        .eventually("ready", async || operator.get("/readyz").await.0 == 200)
        .await;
    assert_eq!(operator.get("/readyz").await.1, "ok\n");
    assert_eq!(operator.get("/").await.0, 404);
}

/// The samples of counters and gauges that are not zero, without buckets and sums, and without what the process is and uses.
async fn counts(operator: &Operator) -> BTreeMap<String, f64> {
    let mut samples = operator.metrics().await;
    samples.retain(|name, value| *value != 0.0 && !name.contains("_bucket") && !name.contains("_sum"));
    samples.retain(|name, _| !name.starts_with("process_") && !name.starts_with("appconfig_operator_build_info"));
    samples
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_have_the_names_of_dashboards_and_move_by_one_for_each_event() {
    let scene = Scene::new().await;
    let operator = Operator::start(&scene.flags().with("--per-object-metrics=true"));
    operator.logged("acts from now on").await;
    scene.once(
        Operation::GetExperimentRun,
        refuse(500, Some("InternalServerException"), "later"),
    );
    scene.apply("run", &json!({ "exposurePercentage": 33.3 })).await;
    scene.wait("run", "ready", is_ready).await;
    scene.eventually("counted", async || operator.passes().await == 2).await;
    let object = format!("namespace=\"{}\",name=\"run\"", scene.namespace);
    let condition =
        |kind: &str| format!("experimentrun_condition{{{object},type=\"{kind}\",status=\"True\",reason=\"InSync\"}}");
    let controller = "controller=\"experimentrun\"";
    let lease = "name=\"appconfig-experiment-operator\"";
    let expected = [
        (
            "appconfig_requests_total{operation=\"GetExperimentRun\",code=\"Unavailable\"}".to_owned(),
            1.0,
        ),
        (
            "appconfig_requests_total{operation=\"GetExperimentRun\",code=\"OK\"}".to_owned(),
            1.0,
        ),
        (
            "appconfig_requests_total{operation=\"UpdateExperimentRun\",code=\"OK\"}".to_owned(),
            1.0,
        ),
        (
            "appconfig_request_duration_seconds_count{operation=\"GetExperimentRun\"}".to_owned(),
            2.0,
        ),
        (
            "appconfig_request_duration_seconds_count{operation=\"UpdateExperimentRun\"}".to_owned(),
            1.0,
        ),
        ("appconfig_rate_limit_wait_seconds_count{kind=\"read\"}".to_owned(), 2.0),
        (
            "appconfig_rate_limit_wait_seconds_count{kind=\"write\"}".to_owned(),
            1.0,
        ),
        (
            format!("controller_runtime_reconcile_total{{{controller},result=\"requeue\"}}"),
            1.0,
        ),
        (
            format!("controller_runtime_reconcile_total{{{controller},result=\"requeue_after\"}}"),
            1.0,
        ),
        (
            format!("controller_runtime_reconcile_time_seconds_count{{{controller}}}"),
            2.0,
        ),
        (format!("leader_election_master_status{{{lease}}}"), 1.0),
        ("appconfig_operator_experimentruns{reason=\"InSync\"}".to_owned(), 1.0),
        (
            "appconfig_operator_queue_wait_seconds_count{class=\"change\"}".to_owned(),
            1.0,
        ),
        (
            "appconfig_operator_queue_wait_seconds_count{class=\"retry\"}".to_owned(),
            1.0,
        ),
        // Of 20 reads a second, one in ten minutes.
        (
            "appconfig_operator_resync_read_share".to_owned(),
            1_666_666.0 / 20_000_000_000.0,
        ),
        (format!("experimentrun_exposure_percentage{{{object}}}"), 33.3),
        (format!("experimentrun_desired_exposure_percentage{{{object}}}"), 33.3),
        (format!("experimentrun_target_reached{{{object}}}"), 1.0),
        (condition("Ready"), 1.0),
        (condition("TargetReached"), 1.0),
    ];
    assert_eq!(counts(&operator).await, BTreeMap::from(expected));
    scene.delete("run").await;
    let of_object = async || {
        counts(&operator)
            .await
            .keys()
            .any(|name| name.starts_with("experimentrun_"))
    };
    scene
        .eventually("without the metrics of what is gone", async || !of_object().await)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_pass_names_the_resource_and_every_aws_error_its_request() {
    let scene = Scene::new().await;
    let operator = scene.operator();
    scene.once(
        Operation::GetExperimentRun,
        refuse(500, Some("InternalServerException"), "later"),
    );
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.wait("run", "ready", is_ready).await;
    operator.logged("exposure raised").await;
    let log = operator.log();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let (reads, updates) = (scene.reads(), scene.updates());
    let of_pass = |level: &str, request: &str| {
        let of_request: Vec<_> = lines.iter().filter(|line| line["request_id"] == request).collect();
        assert!(of_request.iter().any(|line| line["level"] == level), "{of_request:?}");
        for line in of_request {
            let named = (&line["namespace"], &line["name"], &line["generation"]);
            let expected = (&scene.namespace.as_str().into(), &"run".into(), &1.into());
            assert_eq!(named, expected, "{line}");
        }
    };
    of_pass("WARN", &reads[0].request_id);
    of_pass("INFO", &updates[0].request_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_it_from_starting_is_one_line_and_exit_code_1() {
    let scene = Scene::new().await;
    let first = scene.operator();
    let taken = first.http().await.replace("http://", "");
    let mut second = Operator::start(&scene.flags().with(&format!("--http-address={taken}")));
    assert_eq!(second.ended().await.code(), Some(1));
    let log = second.log();
    assert!(
        log.contains(&taken) && log.contains("--http-address") && log.lines().count() == 1,
        "{log}"
    );
    let mut flags = scene.flags();
    flags.kubeconfig = "/nowhere/kubeconfig".into();
    let mut third = Operator::start(&flags);
    assert_eq!(third.ended().await.code(), Some(1));
    assert!(
        third.log().contains("no Kubernetes cluster is configured"),
        "{}",
        third.log()
    );
}
