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
        .filter(|line| !line.starts_with('#') && !line.contains("_bucket{") && !line.starts_with("process_"))
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

fn next() -> RampNext {
    serde_json::from_str(r#"{"exposurePercentage": 50, "notBefore": "2026-09-01T00:00:00Z"}"#).unwrap()
}

/// Every sample, once each thing has happened that is counted.
const SAMPLES: &str = "\
appconfig_operator_build_info{version=\"0.1.0\",commit=\"\"} 1
appconfig_operator_events_unpublished_total 1
appconfig_operator_experimentruns_stalled{reason=\"InSync\"} 0
appconfig_operator_experimentruns_stalled{reason=\"RunDone\"} 0
appconfig_operator_experimentruns{reason=\"InSync\"} 1
appconfig_operator_experimentruns{reason=\"RunDone\"} 0
appconfig_operator_oldest_due_raise_age_seconds 0.0
appconfig_operator_queue_depth{class=\"change\"} 0
appconfig_operator_queue_depth{class=\"raise\"} 3
appconfig_operator_queue_depth{class=\"resync\"} 0
appconfig_operator_queue_depth{class=\"retry\"} 0
appconfig_operator_queue_wait_seconds_count{class=\"change\"} 0
appconfig_operator_queue_wait_seconds_count{class=\"raise\"} 0
appconfig_operator_queue_wait_seconds_count{class=\"resync\"} 1
appconfig_operator_queue_wait_seconds_count{class=\"retry\"} 0
appconfig_operator_queue_wait_seconds_sum{class=\"change\"} 0.0
appconfig_operator_queue_wait_seconds_sum{class=\"raise\"} 0.0
appconfig_operator_queue_wait_seconds_sum{class=\"resync\"} 4.0
appconfig_operator_queue_wait_seconds_sum{class=\"retry\"} 0.0
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

#[test]
fn every_name_and_label_is_as_documented() {
    let metrics = Metrics::new("lease", REASONS, true);
    metrics.reconciled(Reconciled::RequeueAfter, Duration::from_millis(500));
    metrics.reconciled(Reconciled::Error, Duration::from_millis(250));
    metrics.request(Operation::UpdateExperimentRun, "OK", Duration::from_secs(1));
    metrics.rate_wait(RateKind::Write, Duration::from_secs(2));
    metrics.leading(true);
    metrics.event_unpublished();
    metrics.resync_read_share(0.25);
    metrics.queue_depth(Class::Raise, 3);
    metrics.queue_wait(Class::Resync, Duration::from_secs(4));
    let _ = metrics.count(None, &[condition("Ready", "True", "InSync")], None);
    metrics.object(
        "shop",
        "a",
        exposure(33.3),
        exposure(50.0),
        Some(&next()),
        &[condition("Ready", "False", "Stolen")],
    );
    // The program may have been told its commit.
    let commit = format!("commit=\"{}\"", COMMIT.unwrap_or_default());
    let expected = SAMPLES.replace("commit=\"\"", &commit);
    assert_eq!(samples(&metrics).join("\n"), expected);
}

/// The value of a sample.
fn value(metrics: &Metrics, series: &str) -> Option<f64> {
    let text = metrics.encode(Format::Prometheus).unwrap();
    let of_series = |line: &str| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned);
    text.lines().find_map(of_series).map(|value| value.parse().unwrap())
}

fn of_reason(metrics: &Metrics, reason: &str) -> [Option<f64>; 2] {
    ["", "_stalled"].map(|kind| {
        let series = format!("appconfig_operator_experimentruns{kind}{{reason=\"{reason}\"}}");
        value(metrics, &series)
    })
}

#[test]
fn resources_count_by_reason_and_only_where_this_replica_leads() {
    let metrics = Metrics::new("lease", REASONS, false);
    assert_eq!(of_reason(&metrics, "InSync"), [None, None], "a standby has none");
    metrics.leading(true);
    assert_eq!(of_reason(&metrics, "InSync"), [Some(0.0), Some(0.0)]);
    let in_sync = [condition("Ready", "True", "InSync")];
    let ended = [
        condition("Ready", "False", "RunDone"),
        condition("Stalled", "True", "RunDone"),
    ];
    let first = metrics.count(None, &in_sync, None);
    let second = metrics.count(None, &in_sync, None);
    assert_eq!(of_reason(&metrics, "InSync"), [Some(2.0), Some(0.0)]);
    let second = metrics.count(Some(second), &ended, None);
    assert_eq!(of_reason(&metrics, "InSync"), [Some(1.0), Some(0.0)]);
    assert_eq!(of_reason(&metrics, "RunDone"), [Some(1.0), Some(1.0)]);
    let odd = [condition("Ready", "False", "Stolen")];
    let first = metrics.count(Some(first), &odd, None);
    assert_eq!(of_reason(&metrics, "other"), [Some(1.0), None], "no label is free text");
    metrics.uncount(&first);
    metrics.uncount(&second);
    assert_eq!(of_reason(&metrics, "other"), [None, None]);
    assert_eq!(of_reason(&metrics, "RunDone"), [Some(0.0), Some(0.0)]);
    metrics.leading(false);
    assert_eq!(of_reason(&metrics, "RunDone"), [None, None]);
}

#[test]
fn the_oldest_raise_that_is_due_counts_from_when_it_might_have_left() {
    const AGE: &str = "appconfig_operator_oldest_due_raise_age_seconds";
    let metrics = Metrics::new("lease", REASONS, false);
    metrics.leading(true);
    let holding = [condition("Ready", "True", "InSync")];
    let raise = |exposure: u8, ago: i64| {
        let at = Timestamp::now() - k8s_openapi::jiff::SignedDuration::from_secs(ago);
        let next = serde_json::json!({ "exposurePercentage": exposure, "notBefore": at.to_string() });
        serde_json::from_value::<RampNext>(next).unwrap()
    };
    let age = || value(&metrics, AGE).unwrap();
    let counted = metrics.count(None, &holding, Some(&raise(10, -60)));
    assert!(age().abs() < f64::EPSILON, "it is not due");
    let counted = metrics.count(Some(counted), &holding, Some(&raise(25, 100)));
    let late = metrics.count(None, &holding, Some(&raise(25, 200)));
    assert!((200.0..260.0).contains(&age()), "{}", age());
    metrics.uncount(&late);
    assert!((100.0..160.0).contains(&age()), "{}", age());
    // A raise that is due is told with the end of its hold, whichever window opened after it.
    let counted = metrics.count(Some(counted), &holding, Some(&raise(25, 9000)));
    assert!((100.0..160.0).contains(&age()), "{}", age());
    let stalled = [
        condition("Ready", "False", "RunDone"),
        condition("Stalled", "True", "RunDone"),
    ];
    let counted = metrics.count(Some(counted), &stalled, Some(&raise(25, 100)));
    assert!(age().abs() < f64::EPSILON, "a person has to act");
    let counted = metrics.count(Some(counted), &holding, Some(&raise(50, 300)));
    assert!((300.0..360.0).contains(&age()), "{}", age());
    let _ = metrics.count(Some(counted), &holding, None);
    assert!(age().abs() < f64::EPSILON, "it was raised");
}

#[test]
fn each_family_of_the_classic_format_has_its_help_and_its_type() {
    let metrics = Metrics::new("lease", REASONS, true);
    metrics.leading(true);
    let text = metrics.encode(Format::Prometheus).unwrap();
    let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let families: Vec<_> = families.filter_map(|line| line.split_once(' ')).collect();
    for (family, kind) in [
        ("appconfig_operator_experimentruns", "gauge"),
        ("appconfig_operator_experimentruns_stalled", "gauge"),
        ("appconfig_operator_oldest_due_raise_age_seconds", "gauge"),
        ("appconfig_operator_queue_depth", "gauge"),
        ("appconfig_operator_queue_wait_seconds", "histogram"),
        ("appconfig_operator_build_info", "gauge"),
        ("process_cpu_seconds_total", "counter"),
        ("process_resident_memory_bytes", "gauge"),
        ("process_virtual_memory_bytes", "gauge"),
        ("process_open_fds", "gauge"),
        ("process_max_fds", "gauge"),
        ("process_start_time_seconds", "gauge"),
    ] {
        assert!(families.contains(&(family, kind)), "{family}");
    }
    for (family, _) in families {
        let help = format!("# HELP {family} ");
        let help = text.lines().find_map(|line| line.strip_prefix(&help));
        assert!(
            help.is_some_and(|help| help.len() > 5 && help.ends_with('.')),
            "{family}"
        );
    }
}

#[test]
fn what_the_process_uses_is_as_the_system_tells_it() {
    let metrics = Metrics::new("lease", REASONS, false);
    let of_process = |name: &str| value(&metrics, &format!("process_{name}")).unwrap();
    let before = of_process("cpu_seconds_total");
    let started = std::time::Instant::now();
    while started.elapsed() < Duration::from_millis(50) {
        std::hint::black_box(of_process("open_fds"));
    }
    assert!(of_process("cpu_seconds_total") > before);
    assert!((1e6..1e11).contains(&of_process("resident_memory_bytes")));
    assert!(of_process("virtual_memory_bytes") >= of_process("resident_memory_bytes"));
    assert!(of_process("max_fds") >= of_process("open_fds") && of_process("open_fds") >= 3.0);
    let age = Timestamp::now().as_duration().as_secs_f64() - of_process("start_time_seconds");
    assert!((0.0..60.0).contains(&age), "{age}");
}

#[test]
fn families_are_typed_and_the_text_is_complete() {
    let metrics = Metrics::new("lease", REASONS, false);
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
    let metrics = Metrics::new("lease", REASONS, true);
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
    let metrics = Metrics::new("lease", REASONS, false);
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
