//! Each alert has its runbook, and each runbook its alert.

use std::collections::BTreeSet;

use crate::{
    documents::{PER_OBJECT, RULES, alerts, metrics, names, read},
    expressions::assert_known,
};

fn headings(page: &str) -> Vec<&str> {
    let mut fenced = false;
    let lines = page.lines().filter(|line| {
        fenced ^= line.trim_start().starts_with("```");
        !fenced
    });
    lines.filter(|line| line.starts_with('#')).collect()
}

/// The fenced blocks of a language, wherever they stand.
pub fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let rest = page.split(&fence).skip(1);
    rest.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn every_alert_has_a_runbook_of_its_name_and_every_runbook_an_alert() {
    let alerts: Vec<_> = alerts(RULES).into_iter().chain(alerts(PER_OBJECT)).collect();
    let named: BTreeSet<_> = alerts.iter().map(|alert| format!("{}.md", alert.name)).collect();
    assert_eq!(named, names("docs/runbooks").into_iter().collect());
    for alert in alerts {
        let url = format!(
            "https://example.com/appconfig-experiment-operator/docs/runbooks/{}.md",
            alert.name
        );
        assert_eq!(alert.runbook, url);
    }
}

#[test]
fn every_runbook_says_what_it_means_what_comes_of_it_how_to_look_and_what_to_do() {
    for name in names("docs/runbooks") {
        let page = read(&format!("docs/runbooks/{name}"));
        let title = format!("# {}", name.strip_suffix(".md").unwrap());
        let expected = [&title, "## What it means", "## Impact", "## Diagnosis", "## Mitigation"];
        assert_eq!(headings(&page), expected, "{name}");
        assert!(!blocks(&page, "console").is_empty(), "{name} has no command");
        let parts: Vec<_> = page.split("\n#").map(|part| part.trim().len()).collect();
        assert!(parts.iter().skip(1).all(|length| *length > 60), "{name}: {parts:?}");
    }
}

#[test]
fn every_metric_that_a_runbook_asks_for_is_one_that_the_operator_has() {
    let known = metrics();
    let mut asked = 0;
    for name in names("docs/runbooks") {
        for query in blocks(&read(&format!("docs/runbooks/{name}")), "text")
            .iter()
            .flat_map(|block| block.lines())
        {
            asked += assert_known(query, &known).len();
        }
    }
    assert!(asked > 5, "{asked}");
}

#[test]
fn the_page_about_monitoring_has_every_alert_with_its_severity_in_order() {
    let page = read("docs/monitoring.md");
    let rows = page.lines().filter(|line| line.starts_with("| [`"));
    let told: Vec<_> = rows
        .map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            (cells[1].to_owned(), cells[2].to_owned())
        })
        .collect();
    let expected: Vec<_> = alerts(RULES)
        .into_iter()
        .map(|alert| (format!("[`{0}`](runbooks/{0}.md)", alert.name), alert.severity))
        .collect();
    assert_eq!(told, expected);
}
