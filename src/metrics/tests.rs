#![allow(clippy::unwrap_used, reason = "tests")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::*;

const REASONS: &[&str] = &["RunDone", "InSync"];

fn condition(type_: &str, status: &str, reason: &str) -> Condition {
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: "alice".to_owned(),
        last_transition_time: Time(Timestamp::UNIX_EPOCH),
        observed_generation: None,
    }
}

fn exposure(percentage: f32) -> Option<Exposure> {
    Exposure::new(percentage).ok()
}

/// The samples, sorted and without buckets: the order within a family is that of a hash map.
fn samples(metrics: &Metrics) -> Vec<String> {
    let text = metrics.encode(Format::OpenMetrics).unwrap();
    let mut lines: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.contains("_bucket{"))
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

fn next() -> RampNext {
    serde_json::from_str(r#"{"exposurePercentage": 50, "notBefore": "2026-09-01T00:00:00Z"}"#).unwrap()
}

#[test]
fn every_name_and_label_is_as_documented() {
    let metrics = Metrics::new("lease", Some(REASONS));
    metrics.reconciled(Reconciled::RequeueAfter, Duration::from_millis(500));
    metrics.reconciled(Reconciled::Error, Duration::from_millis(250));
    metrics.request(Operation::UpdateExperimentRun, "OK", Duration::from_secs(1));
    metrics.rate_wait(RateKind::Write, Duration::from_secs(2));
    metrics.leading(true);
    metrics.event_unpublished();
    metrics.resync_read_share(0.25);
    metrics.object(
        "shop",
        "a",
        exposure(33.3),
        exposure(50.0),
        Some(&next()),
        &[condition("Ready", "False", "Stolen")],
    );
    let expected = "\
appconfig_operator_events_unpublished_total 1
appconfig_operator_resync_read_share 0.25
appconfig_rate_limit_wait_seconds_count{kind=\"write\"} 1
appconfig_rate_limit_wait_seconds_sum{kind=\"write\"} 2.0
appconfig_request_duration_seconds_count{operation=\"UpdateExperimentRun\"} 1
appconfig_request_duration_seconds_sum{operation=\"UpdateExperimentRun\"} 1.0
appconfig_requests_total{operation=\"UpdateExperimentRun\",code=\"OK\"} 1
controller_runtime_reconcile_errors_total{controller=\"experimentrun\"} 1
controller_runtime_reconcile_time_seconds_count{controller=\"experimentrun\"} 2
controller_runtime_reconcile_time_seconds_sum{controller=\"experimentrun\"} 0.75
controller_runtime_reconcile_total{controller=\"experimentrun\",result=\"error\"} 1
controller_runtime_reconcile_total{controller=\"experimentrun\",result=\"requeue\"} 0
controller_runtime_reconcile_total{controller=\"experimentrun\",result=\"requeue_after\"} 1
controller_runtime_reconcile_total{controller=\"experimentrun\",result=\"success\"} 0
experimentrun_condition{namespace=\"shop\",name=\"a\",type=\"Ready\",status=\"False\",reason=\"other\"} 1
experimentrun_desired_exposure_percentage{namespace=\"shop\",name=\"a\"} 50.0
experimentrun_exposure_percentage{namespace=\"shop\",name=\"a\"} 33.3
experimentrun_ramp_next_exposure_percentage{namespace=\"shop\",name=\"a\"} 50.0
experimentrun_ramp_next_raise_timestamp_seconds{namespace=\"shop\",name=\"a\"} 1788220800.0
leader_election_master_status{name=\"lease\"} 1";
    assert_eq!(samples(&metrics).join("\n"), expected);
}

#[test]
fn families_are_typed_and_the_text_is_complete() {
    let metrics = Metrics::new("lease", None);
    let text = metrics.encode(Format::OpenMetrics).unwrap();
    for line in [
        "# TYPE controller_runtime_reconcile counter",
        "# TYPE controller_runtime_reconcile_time_seconds histogram",
        "# TYPE leader_election_master_status gauge",
    ] {
        assert!(text.contains(line), "{line}");
    }
    assert!(text.ends_with("# EOF\n"));
    let text = metrics.encode(Format::Prometheus).unwrap();
    for line in [
        "# TYPE controller_runtime_reconcile_total counter",
        "# HELP controller_runtime_reconcile_total Passes over ExperimentRuns by result.",
        "# TYPE controller_runtime_reconcile_time_seconds histogram",
    ] {
        assert!(text.lines().any(|it| it == line), "{line}");
    }
    assert!(!text.contains("# EOF"));
}

#[test]
fn a_resource_shows_only_what_it_is_now() {
    let metrics = Metrics::new("lease", Some(REASONS));
    let of_objects = || {
        samples(&metrics)
            .into_iter()
            .filter(|line| line.starts_with("experimentrun_"))
            .collect::<Vec<_>>()
    };
    let (ready, stalled) = (
        condition("Ready", "True", "InSync"),
        condition("Stalled", "True", "RunDone"),
    );
    metrics.object(
        "shop",
        "a",
        exposure(5.0),
        exposure(5.0),
        None,
        &[ready.clone(), stalled],
    );
    assert_eq!(of_objects().len(), 4);
    metrics.object(
        "shop",
        "a",
        exposure(5.0),
        None,
        None,
        &[condition("Ready", "False", "RunDone")],
    );
    let labels = "namespace=\"shop\",name=\"a\"";
    let expected = [
        format!("experimentrun_condition{{{labels},type=\"Ready\",status=\"False\",reason=\"RunDone\"}} 1"),
        format!("experimentrun_exposure_percentage{{{labels}}} 5.0"),
    ];
    assert_eq!(of_objects(), expected);
    metrics.object("shop", "b", None, None, None, &[ready]);
    metrics.forget("shop", "a");
    assert_eq!(of_objects().len(), 1);
    metrics.forget("shop", "b");
    assert!(of_objects().is_empty());
}

#[test]
fn without_per_object_metrics_no_resource_is_named() {
    let metrics = Metrics::new("lease", None);
    metrics.object(
        "shop",
        "a",
        exposure(5.0),
        exposure(5.0),
        None,
        &[condition("Ready", "True", "InSync")],
    );
    assert!(!metrics.encode(Format::OpenMetrics).unwrap().contains("experimentrun_"));
}
