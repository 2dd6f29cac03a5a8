//! The README and `docs/` say what the code does: their tables and the code's lists are the same, both ways, their recipes
//! work, and their links lead somewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{
    collections::BTreeSet,
    fs,
    process::{Command, Output},
    time::Duration,
};

use appconfig_experiment_operator::{
    api::{Exposure, custom_resource_definition},
    appconfig::{Observer, RateKind},
    cli,
    decide::{
        conditions::conditions,
        event,
        findings::{Finding, Reason, Severity, Target},
    },
    metrics::{Format, Metrics, Reconciled},
    run::Operation,
};
use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use serde_json::Value;

use document::{Page, ROOT, Row, code, name};

#[path = "readme/check.rs"]
mod check;
#[path = "readme/commands.rs"]
mod commands;
#[path = "readme/design.rs"]
mod design;
#[path = "readme/document.rs"]
mod document;
#[path = "readme/followed.rs"]
mod followed;
#[path = "readme/install.rs"]
mod install;
#[path = "readme/links.rs"]
mod links;
#[path = "readme/named_tests.rs"]
mod named_tests;
#[path = "readme/recipes.rs"]
mod recipes;

const CONDITIONS: &str = "## Conditions and reasons";

/// The rows of a table of the reference.
fn table(heading: &str, first: &str) -> Vec<Row> {
    Page::docs("reference").table(heading, first)
}

fn names(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| name(&row[0])).collect()
}

fn set<T: Into<String>>(items: impl IntoIterator<Item = T>) -> BTreeSet<String> {
    items.into_iter().map(Into::into).collect()
}

/// What `--help` says of a flag: itself, its variable and its default.
fn flags() -> Vec<(String, String, Option<String>)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_appconfig-experiment-operator"));
    let help = command.args(["run", "--help"]).env_clear().output().unwrap().stdout;
    let help = String::from_utf8(help).unwrap();
    let options = help.split("\n      --").skip(1);
    let between = |text: &str, from: &str| Some(text.split(from).nth(1)?.split(']').next()?.to_owned());
    options
        .filter_map(|option| {
            let flag = option.split([' ', '[', '\n']).next()?;
            // A default in brackets amid the words is one that the words explain.
            Some((
                format!("--{flag}"),
                between(option, "[env: ")?,
                between(option, "\n          [default: "),
            ))
        })
        .collect()
}

#[test]
fn every_flag_stands_in_the_reference_with_its_variable_and_default() {
    let flags = flags();
    assert!(flags.len() > 10, "{flags:?}");
    let rows = table("### Flags", "flag");
    let told: Vec<_> = rows.iter().map(|row| (name(&row[0]), name(&row[1]))).collect();
    let real: Vec<_> = flags
        .iter()
        .map(|(flag, variable, _)| (flag.clone(), variable.clone()))
        .collect();
    assert_eq!(told, real, "in the order of --help");
    for ((flag, _, default), row) in flags.iter().zip(&rows) {
        if let Some(default) = default {
            assert_eq!(row[2], format!("`{default}`"), "{flag}");
        }
    }
}

/// The flags that `plan` has and `run` has not.
fn flags_of_plan() -> Vec<String> {
    let output = operator(&["plan", "--help"]);
    let help = String::from_utf8(output.stdout).unwrap();
    let lines = help.lines().map(str::trim_start);
    let options = lines.filter(|line| line.starts_with("--") || (line.starts_with('-') && line.contains(", --")));
    let name = |line: &str| {
        line.split("--")
            .nth(1)?
            .split([' ', '['])
            .next()
            .map(|name| format!("--{name}"))
    };
    let of_run: Vec<_> = flags().into_iter().map(|(flag, _, _)| flag).collect();
    options
        .filter_map(name)
        .filter(|flag| flag != "--help" && !of_run.contains(flag))
        .collect()
}

#[test]
fn every_flag_of_plan_stands_in_the_reference() {
    let flags = flags_of_plan();
    assert!(flags.len() > 3, "{flags:?}");
    assert_eq!(names(&table("### Flags", "flag of `plan`")), flags);
}

/// Runs the program from the root of the repository, as the pages do.
fn operator(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_appconfig-experiment-operator"));
    let command = command.args(arguments).env_clear();
    command.current_dir(ROOT).output().unwrap()
}

#[test]
fn the_timeline_of_the_two_week_ramp_is_what_plan_prints() {
    let ramps = Page::docs("ramps");
    let commands = ramps.blocks("## Preview a manifest", "console");
    assert_eq!(commands.len(), 1);
    let (line, told) = commands[0].split_once('\n').unwrap();
    let words: Vec<_> = line
        .strip_prefix("$ appconfig-experiment-operator ")
        .unwrap()
        .split(' ')
        .collect();
    let printed = operator(&words);
    assert_eq!(told, String::from_utf8(printed.stdout).unwrap());
    assert_eq!(printed.status.code(), Some(2));

    // Both ways: the manifest that the page shows is the one that was planned.
    let sample = fs::read_to_string(format!("{ROOT}/deploy/samples/ramp-careful.yaml")).unwrap();
    let shown: Vec<Value> = ramps
        .blocks("## The manifest", "yaml")
        .iter()
        .map(|block| serde_saphyr::from_str(block).unwrap())
        .collect();
    assert_eq!(shown, [serde_saphyr::from_str::<Value>(&sample).unwrap()]);
}

/// A client-side apply of a stored resource with a misspelt field is answered with the whole of it (P11).
#[test]
fn p11_every_resource_is_applied_server_side() {
    let samples = fs::read_dir(format!("{ROOT}/deploy/samples")).unwrap();
    let files = samples.map(|entry| entry.unwrap().path());
    let texts: Vec<String> = files
        .filter(|path| path.is_file())
        .map(|path| fs::read_to_string(path).unwrap())
        .chain(Page::all().iter().map(Page::text))
        .chain([include_str!("demo/demo.rs").to_owned()])
        .collect();
    let applied = texts
        .iter()
        .flat_map(|text| text.lines())
        .filter(|line| line.contains("kubectl apply"));
    // What holds no entity IDs is applied as people do.
    let of_others = ["kubectl apply -k ", "kubectl apply -f crds/", "/namespace.yaml"];
    let of_resources = applied.filter(|line| !of_others.iter().any(|other| line.contains(other)));
    let lines: Vec<_> = of_resources.filter(|line| !line.contains("`kubectl apply`")).collect();
    assert!(lines.len() > 8, "{lines:#?}");
    for line in lines {
        assert!(
            line.contains("--server-side") || line.ends_with("`kubectl apply"),
            "{line}"
        );
    }
}

fn properties(of: &str) -> serde_json::Map<String, Value> {
    let definition = serde_json::to_value(custom_resource_definition()).unwrap();
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    schema["properties"][of]["properties"].as_object().unwrap().clone()
}

/// The names of a field's own fields, however deep.
fn nested(schema: &Value) -> Vec<String> {
    let fields = schema["properties"].as_object().into_iter().flatten();
    let mut names: Vec<String> = fields
        .flat_map(|(name, schema)| std::iter::once(name.clone()).chain(nested(schema)))
        .collect();
    if schema["items"].is_object() {
        names.extend(nested(&schema["items"]));
    }
    names
}

fn assert_fields(rows: &[Row], of: &str) {
    let real = properties(of);
    assert_eq!(set(names(rows)), set(real.keys().cloned()), "{of}");
    for row in rows {
        let told = set(code(&row[1]));
        let missing: Vec<_> = nested(&real[&name(&row[0])])
            .into_iter()
            .filter(|field| !told.contains(field))
            .collect();
        assert!(missing.is_empty(), "{}: {missing:?}", row[0]);
    }
}

#[test]
fn every_field_of_spec_and_status_stands_in_the_reference() {
    assert_fields(&table("## Spec", "spec"), "spec");
    assert_fields(&table("## Status", "field"), "status");
}

#[test]
fn every_column_and_field_selector_stands_in_the_reference() {
    let heading = "## Columns and field selectors";
    let definition = serde_json::to_value(custom_resource_definition()).unwrap();
    let version = &definition["spec"]["versions"][0];
    let columns = version["additionalPrinterColumns"].as_array().unwrap().iter();
    let real: Vec<_> = columns
        .map(|column| {
            let wide = if column["priority"] == 1 { "wide" } else { "" };
            (column["name"].as_str().unwrap().to_owned(), wide.to_owned())
        })
        .collect();
    let rows = table(heading, "column");
    let told: Vec<_> = rows.iter().map(|row| (name(&row[0]), row[1].clone())).collect();
    assert_eq!(told, real);

    let selectors = version["selectableFields"].as_array().unwrap().iter();
    let real: Vec<_> = selectors
        .map(|field| field["jsonPath"].as_str().unwrap().trim_start_matches('.').to_owned())
        .collect();
    assert_eq!(names(&table(heading, "field selector")), real);
}

#[test]
fn every_exit_code_stands_in_the_reference() {
    let of_run = [0, cli::EXIT_FAILED, cli::EXIT_USAGE, cli::EXIT_LEASE_LOST];
    let of_plan = [0, cli::EXIT_FAILED, cli::EXIT_SENDS];
    for (command, real) in [("run", of_run.as_slice()), ("plan", of_plan.as_slice())] {
        let told = names(&table("### Exit codes", &format!("exit code of `{command}`")));
        let real: Vec<_> = real.iter().map(u8::to_string).collect();
        assert_eq!(told, real, "{command}");
    }
}

#[test]
fn every_condition_and_reason_stands_in_the_reference_in_the_order_of_the_decision_table() {
    assert_eq!(
        names(&table(CONDITIONS, "condition")),
        ["Ready", "TargetReached", "Reconciling", "Stalled"]
    );
    let real: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(names(&table(CONDITIONS, "reason")), real);
}

fn condition(kind: &str, status: &str, reason: &str) -> Condition {
    Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: "why".to_owned(),
        observed_generation: Some(1),
        last_transition_time: Time(Timestamp::UNIX_EPOCH),
    }
}

/// The Events on entering the conditions that a row of the table tells of, by reason and type.
fn events_of(row: &Row) -> BTreeSet<(String, &'static str)> {
    let reason = Reason::named(&name(&row[0])).unwrap();
    let before = [condition("Ready", "True", "InSync")];
    let mut events = BTreeSet::new();
    for ready in ["True", "False", "Unknown"] {
        // After three failures in a row, "as it was" is Unknown.
        let told = row[1].contains(ready) || (row[1] == "as it was" && ready == "Unknown");
        if !told {
            continue;
        }
        let severity = match ready {
            "True" => Severity::Current,
            "False" if row[2].contains("Stalled") => Severity::Stalled,
            "False" => Severity::InProgress,
            _ => Severity::Unknown,
        };
        let finding = Finding::Recorded {
            reason,
            severity,
            message: "why".to_owned(),
        };
        let after = conditions(&before, &finding, Target::NotSeen, 1, &Time(Timestamp::UNIX_EPOCH));
        let entered = event::of_transition(&before, &after, &finding);
        events.extend(entered.map(|event| {
            let kind = if event.warning { "Warning" } else { "Normal" };
            (event.reason.to_owned(), kind)
        }));
    }
    events
}

#[test]
fn every_event_stands_in_the_reference_with_its_type() {
    let rows = table("## Events", "reason");
    let entered: BTreeSet<_> = table(CONDITIONS, "reason").iter().flat_map(events_of).collect();
    let real = set(entered
        .iter()
        .map(|(reason, _)| reason.clone())
        .chain(set(event::REASONS.iter().copied())));
    assert_eq!(set(names(&rows)), real);
    for (reason, kind) in entered {
        let row = rows.iter().find(|row| name(&row[0]) == reason).unwrap();
        assert!(row[1].contains(kind), "{reason} is {kind}");
    }
}

/// The metrics with their labels, once each has happened.
fn metrics() -> BTreeSet<(String, BTreeSet<String>)> {
    let metrics = Metrics::new("lease", Reason::NAMES, true);
    metrics.reconciled(Reconciled::Error, Duration::ZERO);
    metrics.request(Operation::GetExperimentRun, "OK", Duration::ZERO);
    metrics.rate_wait(RateKind::Read, Duration::ZERO);
    metrics.event_unpublished();
    metrics.missing_fields(&["spec.ramp".to_owned()]);
    metrics.leading(true);
    let exposure: Option<Exposure> = serde_json::from_str("5").unwrap();
    let next = serde_json::from_str(r#"{"exposurePercentage": 10, "notBefore": "2026-09-01T00:00:00Z"}"#).unwrap();
    metrics.object(
        "namespace",
        "name",
        exposure,
        exposure,
        Some(&next),
        &[
            condition("Ready", "True", "RampHolding"),
            condition("TargetReached", "False", "RampHolding"),
        ],
    );
    let text = metrics.encode(Format::Prometheus).unwrap();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|sample| {
            let (series, labels) = sample.split_once(['{', ' ']).unwrap();
            let labels = labels.split_once('}').map_or("", |(labels, _)| labels);
            let labels = labels.split(',').filter_map(|label| Some(label.split_once('=')?.0));
            let parts = ["_bucket", "_sum", "_count"];
            let histogram = parts.iter().find_map(|part| series.strip_suffix(part));
            (
                histogram.unwrap_or(series).to_owned(),
                set(labels.filter(|label| *label != "le")),
            )
        })
        .collect()
}

#[test]
fn every_metric_stands_in_the_reference_with_its_labels() {
    let rows = table("## Metrics", "metric");
    let told: BTreeSet<_> = rows.iter().map(|row| (name(&row[0]), set(code(&row[1])))).collect();
    assert_eq!(told, metrics());
}
