//! What `docs/reference.md` says of each finding: its reason, what it makes of the conditions, its Event, and its place in the order.

use std::collections::BTreeSet;

use super::{Line, table};
use crate::{
    api::PENDING,
    decide::findings::{
        Entry::{Normal, Silent, Warning, WarningWhenUnknown},
        Reason,
        Severity::{Current, InProgress, Retrying, Stalled, Unknown},
        most_severe,
    },
};

const REFERENCE: &str = include_str!("../../../../docs/reference.md");

/// The cells of the table below a heading whose head begins with `reason`.
fn table_below(heading: &str) -> Vec<Vec<&'static str>> {
    let lines = REFERENCE.lines().skip_while(|line| *line != heading);
    let mut rows = lines.skip_while(|line| !line.starts_with("| reason |")).skip(2);
    let rows: Vec<_> = rows.by_ref().take_while(|line| line.starts_with('|')).collect();
    assert!(!rows.is_empty(), "{heading}");
    let cells = |row: &'static str| {
        row.split('|')
            .skip(1)
            .map(|cell| cell.trim().trim_matches('`'))
            .collect()
    };
    rows.into_iter().map(cells).collect()
}

/// The words of a cell that lists some.
fn words(cell: &str) -> BTreeSet<&str> {
    cell.split(", ").flat_map(|part| part.split(" or ")).collect()
}

#[test]
fn the_reference_lists_each_reason_with_what_its_findings_make_of_the_conditions() {
    let rows = table_below("## Conditions and reasons");
    for row in rows.iter().filter(|row| row[0] != PENDING) {
        let (mut ready, mut beside) = (BTreeSet::new(), BTreeSet::new());
        for line in table().iter().filter(|line| line.reason.as_str() == row[0]) {
            let conditions = match line.severity {
                Stalled => ("False", "Stalled"),
                InProgress => ("False", "Reconciling"),
                Unknown if line.event == WarningWhenUnknown => ("as it was", "Reconciling"),
                Unknown => ("Unknown", "Reconciling"),
                Retrying => ("as it was", "Reconciling"),
                Current => ("True", "–"),
            };
            ready.insert(conditions.0);
            beside.insert(conditions.1);
        }
        assert_eq!((words(row[1]), words(row[2])), (ready, beside), "{}", row[0]);
    }
    let reasons: Vec<_> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(reasons, Reason::NAMES);
}

#[test]
fn the_reference_lists_the_event_of_each_finding() {
    let rows = table_below("## Events");
    for line in table() {
        let kind = match line.event {
            Silent => continue,
            Normal => "Normal",
            Warning | WarningWhenUnknown => "Warning",
        };
        let row = rows.iter().find(|row| row[0] == line.reason.as_str());
        let listed = row.map(|row| words(row[1]).contains(kind));
        assert_eq!(listed, Some(true), "{:?}", line.finding);
    }
}

#[test]
fn what_is_stalled_wins_then_what_is_reconciling_and_then_the_order_of_the_reference() {
    let order = table_below("## Conditions and reasons");
    let place = |line: &Line| {
        let beside = match line.severity {
            Stalled => 0,
            InProgress | Unknown | Retrying => 1,
            Current => 2,
        };
        (
            beside,
            order.iter().position(|row| row[0] == line.reason.as_str()).unwrap(),
        )
    };
    let lines = table();
    for one in &lines {
        for other in &lines {
            let wins = if place(other) < place(one) { other } else { one };
            let both = [one.finding.clone(), other.finding.clone()];
            assert_eq!(most_severe(&both), Some(&wins.finding), "{both:?}");
        }
    }
    assert_eq!(most_severe(&[]), None);
}
