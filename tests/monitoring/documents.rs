//! The files that are compared with each other.

use std::{fs, path::Path};

use serde_json::Value;

pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// The alerts that go by metrics which are always there.
pub const RULES: &str = "deploy/monitoring/rules.yaml";
/// The alerts that need `--per-object-metrics`.
pub const PER_OBJECT: &str = "deploy/monitoring/rules-per-object.yaml";

pub fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names in a folder, in order.
pub fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(Path::new(ROOT).join(folder)).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// One alert.
#[derive(Debug)]
pub struct Alert {
    pub name: String,
    pub expression: String,
    pub severity: String,
    pub runbook: String,
}

/// The alerts of a file.
pub fn alerts(path: &str) -> Vec<Alert> {
    let file: Value = serde_saphyr::from_str(&read(path)).unwrap();
    let groups = file["groups"].as_array().unwrap();
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
    rules
        .map(|rule| {
            let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{rule}")).to_owned();
            for annotation in ["summary", "description"] {
                assert!(text(&rule["annotations"][annotation]).ends_with('.'), "{rule}");
            }
            assert!(rule["for"].is_string(), "{rule}");
            Alert {
                name: text(&rule["alert"]),
                expression: text(&rule["expr"]),
                severity: text(&rule["labels"]["severity"]),
                runbook: text(&rule["annotations"]["runbook_url"]),
            }
        })
        .collect()
}

/// The rows of the table of metrics in the reference: each metric with its labels.
pub fn metrics() -> Vec<(String, Vec<String>)> {
    let page = read("docs/reference.md");
    let section = page.split("\n## Metrics\n").nth(1).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let code = |cell: &str| {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let metrics: Vec<_> = rows
        .map(|row| {
            let cells: Vec<_> = row.split('|').collect();
            (code(cells[1]).remove(0), code(cells[2]))
        })
        .collect();
    assert!(metrics.len() > 20, "{metrics:?}");
    metrics
}

/// The panels of the dashboard that show something, each with its queries.
pub fn panels() -> Vec<(String, Vec<String>)> {
    let board: Value = serde_json::from_str(&read("deploy/monitoring/dashboard.json")).unwrap();
    let panels = board["panels"].as_array().unwrap().iter();
    let shown = panels.filter(|panel| panel["type"] != "row");
    shown
        .map(|panel| {
            let targets = panel["targets"].as_array().unwrap().iter();
            let queries = targets.map(|target| target["expr"].as_str().unwrap().to_owned());
            (panel["title"].as_str().unwrap().to_owned(), queries.collect())
        })
        .collect()
}
