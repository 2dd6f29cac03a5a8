//! The alerts by themselves, without any program: what they name is there, and each is tested.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    documents::{Alert, PER_OBJECT, RULES, alerts, metrics, names, panels, read},
    expressions::assert_known,
};

/// The labels of metrics that name a resource.
const OF_OBJECTS: [&str; 2] = ["namespace", "name"];

fn set<'a>(alerts: impl IntoIterator<Item = &'a Alert>) -> BTreeSet<String> {
    alerts.into_iter().map(|alert| alert.name.clone()).collect()
}

#[test]
fn every_alert_that_is_promised_is_there_once() {
    let expected = [
        "AwsErrors",
        "EventsLost",
        "ExposureAboveDesired",
        "NotLeading",
        "OperatorDown",
        "OutcomeUnknownFor10m",
        "RampBehindSchedule",
        "ReadBudgetNearlyUsed",
        "ReconcileErrors",
        "ResourceStalled",
        "SchemaIncomplete",
        "Throttled",
    ];
    let (always, per_object) = (alerts(RULES), alerts(PER_OBJECT));
    let named: Vec<_> = set(&always).into_iter().collect();
    assert_eq!(
        (named.as_slice(), always.len()),
        (expected.map(str::to_owned).as_slice(), expected.len())
    );
    assert!(set(&per_object).is_subset(&set(&always)) && per_object.len() == set(&per_object).len());
}

#[test]
fn every_metric_label_and_reason_that_an_alert_names_is_one_that_the_operator_has() {
    let known = metrics();
    let names_objects = |metric: &String| {
        let (_, labels) = known.iter().find(|(name, _)| name == metric).unwrap();
        labels.len() >= OF_OBJECTS.len() && OF_OBJECTS.iter().all(|label| labels.iter().any(|own| own == label))
    };
    for alert in alerts(RULES) {
        let metrics = assert_known(&alert.expression, &known);
        assert!(!metrics.is_empty() && !metrics.iter().any(names_objects), "{alert:?}");
        assert!(
            alert.expression.contains("by (namespace, job") || alert.name == "OperatorDown",
            "{alert:?}"
        );
    }
    for alert in alerts(PER_OBJECT) {
        let metrics = assert_known(&alert.expression, &known);
        assert!(!metrics.is_empty() && metrics.iter().all(names_objects), "{alert:?}");
        assert!(alert.expression.contains("by (namespace, name"), "{alert:?}");
    }
}

#[test]
fn every_metric_and_label_of_the_dashboard_is_one_that_the_operator_has() {
    let known = metrics();
    let panels = panels();
    assert!(panels.len() > 15, "{panels:?}");
    let mut shown = BTreeSet::new();
    for (title, queries) in &panels {
        assert!(!queries.is_empty(), "{title}");
        for query in queries {
            // The variables of the dashboard are values of labels.
            shown.extend(assert_known(query, &known));
        }
    }
    let hidden: Vec<_> = known
        .iter()
        .filter(|(name, _)| !shown.contains(name))
        .map(|(name, _)| name.as_str())
        .collect();
    let expected = [
        "experimentrun_target_reached",
        "process_virtual_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "process_start_time_seconds",
    ];
    let hidden: BTreeSet<_> = hidden.into_iter().collect();
    assert_eq!(hidden, BTreeSet::from(expected), "what the dashboard leaves out");
}

/// The tests of promtool for a file of rules: of each alert, whether it is expected to fire.
fn expectations(rules: &str) -> Vec<(String, bool)> {
    let folder = "deploy/monitoring/tests";
    let files = names(folder).into_iter().map(|name| read(&format!("{folder}/{name}")));
    let files = files.map(|text| serde_saphyr::from_str::<Value>(&text).unwrap());
    let of_rules = files.filter(|file| {
        file["rule_files"][0]
            .as_str()
            .is_some_and(|path| rules.ends_with(&path[3..]))
    });
    let tests: Vec<Value> = of_rules
        .flat_map(|file| file["tests"].as_array().unwrap().clone())
        .collect();
    let expected = tests
        .iter()
        .flat_map(|test| test["alert_rule_test"].as_array().unwrap());
    expected
        .map(|test| {
            let is_firing = test["exp_alerts"].as_array().is_some_and(|alerts| !alerts.is_empty());
            (test["alertname"].as_str().unwrap().to_owned(), is_firing)
        })
        .collect()
}

#[test]
fn every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_rests() {
    for rules in [RULES, PER_OBJECT] {
        let expectations: BTreeSet<_> = expectations(rules).into_iter().collect();
        let expected = alerts(rules)
            .into_iter()
            .flat_map(|alert| [true, false].map(|fires| (alert.name.clone(), fires)));
        assert_eq!(expectations, expected.collect(), "{rules}");
    }
}
