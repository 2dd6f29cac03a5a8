//! What can be set: every flag, and nothing else.

use std::{collections::BTreeSet, fs, process::Command};

use appconfig_experiment_operator::cli;
use serde_json::Value;

use crate::{
    CRDS, NAME, OPERATOR,
    helm::{Helm, only},
};

const ALL_VALUES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/helm/all-values.yaml");

fn values(path: &str) -> Value {
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Values whose keys are anybody's.
const OPEN: [&str; 12] = [
    "affinity",
    "metrics.prometheusRule.labels",
    "metrics.serviceMonitor.labels",
    "nodeSelector",
    "podAnnotations",
    "podLabels",
    "podSecurityContext",
    "resources",
    "securityContext",
    "serviceAccount.annotations",
    "networkPolicy.from",
    "networkPolicy.egress",
];

/// The path of each map of values whose keys are the chart's own, the root being "".
fn closed(path: &str, value: &Value, paths: &mut Vec<String>) {
    if let (Value::Object(entries), false) = (value, OPEN.contains(&path)) {
        paths.push(path.to_owned());
        for (key, value) in entries {
            let dot = if path.is_empty() { "" } else { "." };
            closed(&format!("{path}{dot}{key}"), value, paths);
        }
    }
}

#[test]
fn a_key_that_the_chart_does_not_have_is_refused_at_every_depth() {
    let helm = Helm::offline();
    let mut paths = Vec::new();
    closed("", &values(&format!("{OPERATOR}/values.yaml")), &mut paths);
    assert!(paths.len() >= 12, "{paths:?}");
    for path in &paths {
        let dot = if path.is_empty() { "" } else { "." };
        let typo = format!("--set={path}{dot}typo=1");
        let said = helm.refuse(&["template", NAME, OPERATOR, &typo]);
        assert!(said.contains("'typo' not allowed"), "{typo}: {said}");
    }
    let said = helm.refuse(&["template", NAME, CRDS, "--set=crds.keep=false"]);
    assert!(said.contains("'crds' not allowed"), "{said}");
}

#[test]
fn a_value_of_the_wrong_kind_is_refused() {
    let helm = Helm::offline();
    for (set, objection) in [
        ("--set=replicas=two", "at '/replicas': got string, want integer"),
        ("--set=image.tag=a b", "at '/image/tag'"),
        ("--set=image.digest=0.1.0", "at '/image/digest'"),
        ("--set=image.pullPolicy=always", "at '/image/pullPolicy'"),
        (
            "--set=watch.namespaces=checkout",
            "at '/watch/namespaces': got string, want array",
        ),
        ("--set=leaderElection.enabled=yes", "at '/leaderElection/enabled'"),
        ("--set=readRate=0", "at '/readRate'"),
        ("--set=concurrency=0", "at '/concurrency'"),
        ("--set=resyncInterval=ten minutes", "at '/resyncInterval'"),
        ("--set=http.port=80800", "at '/http/port'"),
        ("--set=log.format=xml", "at '/log/format'"),
        (
            "--set=serviceAccount.annotations.a=1",
            "at '/serviceAccount/annotations/a'",
        ),
        ("--set=leaderElection.enabled=false", "takes replicas=1"),
    ] {
        let said = helm.refuse(&["template", NAME, OPERATOR, set]);
        assert!(said.contains(objection), "{set}: {said}");
    }
    let one = ["--set=leaderElection.enabled=false,replicas=1"];
    let rendered = helm.render(OPERATOR, NAME, &one);
    let update = &only(&rendered, "Deployment")["spec"]["strategy"]["rollingUpdate"];
    assert_eq!(update["maxSurge"], 0, "no second one beside it");
}

/// The values file of the tests leaves nothing out, so what they see of it is all there is.
#[test]
fn the_schema_the_defaults_and_the_fullest_values_have_the_same_keys() {
    fn keys(path: &str, value: &Value, found: &mut BTreeSet<String>) {
        let mut paths = Vec::new();
        closed(path, value, &mut paths);
        for path in &paths {
            let at = path.split('.').filter(|key| !key.is_empty());
            let map = at.fold(value, |value, key| &value[key]);
            found.extend(map.as_object().unwrap().keys().map(|key| format!("{path}.{key}")));
        }
    }
    fn of_schema(path: &str, schema: &Value, found: &mut BTreeSet<String>) {
        for (key, value) in schema["properties"].as_object().into_iter().flatten() {
            let dot = if path.is_empty() { "" } else { "." };
            found.insert(format!("{path}.{key}"));
            of_schema(&format!("{path}{dot}{key}"), value, found);
        }
    }
    let (mut defaults, mut fullest, mut schema) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    keys("", &values(&format!("{OPERATOR}/values.yaml")), &mut defaults);
    keys("", &values(ALL_VALUES), &mut fullest);
    let text = fs::read_to_string(format!("{OPERATOR}/values.schema.json")).unwrap();
    of_schema("", &serde_json::from_str(&text).unwrap(), &mut schema);
    // Helm hands it to charts that another chart depends on.
    assert!(schema.remove(".global"));
    assert_eq!(defaults, schema);
    assert_eq!(defaults, fullest);
}

/// The arguments of the operator in a Deployment.
fn arguments(deployment: &Value) -> Vec<String> {
    let arguments = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
    let arguments = arguments
        .as_array()
        .unwrap()
        .iter()
        .map(|argument| argument.as_str().unwrap());
    arguments
        .map(|argument| argument.replace("$(NAMESPACE)", NAME))
        .collect()
}

fn settings(arguments: &[String]) -> cli::Run {
    let program = std::iter::once(cli::PROGRAM.to_owned());
    match cli::parse(program.chain(arguments.iter().cloned()).map(Into::into)) {
        Ok(cli::Command::Run(settings)) => *settings,
        other => panic!("{arguments:?}: {other:?}"),
    }
}

#[test]
fn every_flag_can_be_set_by_a_value() {
    let helm = Helm::offline();
    let set = ["--values", ALL_VALUES, "--set=watch.namespaces={checkout,search}"];
    let rendered = helm.render(OPERATOR, NAME, &set);
    let arguments = arguments(only(&rendered, "Deployment"));
    let name = |text: &str| text.split([' ', '=', '[', '\n']).next().unwrap().to_owned();
    let set: BTreeSet<_> = arguments
        .iter()
        .filter_map(|it| it.strip_prefix("--"))
        .map(name)
        .collect();
    let mut program = Command::new(env!("CARGO_BIN_EXE_appconfig-experiment-operator"));
    let printed = program.args(["run", "--help"]).output().unwrap().stdout;
    let printed = String::from_utf8(printed).unwrap();
    let flags: BTreeSet<_> = printed.split("\n      --").skip(1).map(name).collect();
    assert!(flags.len() > 10, "{flags:?}");
    assert_eq!(set, flags);

    let settings = settings(&arguments);
    assert_eq!(settings.namespaces.len(), 2);
    assert!(settings.selector.is_some() && settings.leader_elect && settings.per_object_metrics);
    assert_eq!(settings.lease_name.to_string(), "one-of-its-own");
    assert_eq!(settings.lease_namespace.unwrap().to_string(), "leases");
    assert_eq!(settings.resync_interval.as_secs(), 300);
    assert_eq!(settings.concurrency.get(), 40_000);
    assert_eq!(settings.http_address.port(), 9090);
}

/// A default of the chart that is the operator's own is not passed on, so that there is one place for it.
#[test]
fn without_values_the_operator_has_the_defaults_of_its_flags() {
    let rendered = Helm::offline().render(OPERATOR, NAME, &[]);
    let by_chart = settings(&arguments(only(&rendered, "Deployment")));
    let by_itself = settings(&["run".to_owned(), format!("--lease-namespace={NAME}")]);
    assert_eq!(by_chart, by_itself);
}
