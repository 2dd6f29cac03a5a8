//! The tests that a page names are there, and each reason that needs a person is on the page for people in trouble.

use std::{collections::BTreeSet, fs, path::Path};

use crate::{
    CONDITIONS,
    document::{Page, ROOT, code},
    names, set,
};

/// The names of all functions of the repository that are marked as tests.
pub fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in ["src", "tests", "kubectl-exprun"] {
        collect(&Path::new(ROOT).join(folder), &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let mut marked = false;
            for line in text.lines().map(str::trim) {
                let name = line.trim_start_matches("async ").strip_prefix("fn ");
                let name = name.and_then(|rest| rest.split('(').next());
                found.extend(name.filter(|_| marked).map(str::to_owned));
                // Attributes may stand between the mark and the function.
                marked = line.contains("test]") || line.contains("::test(") || (marked && line.starts_with("#["));
            }
        }
    }
}

#[test]
fn every_failure_mode_names_a_test_that_is_there() {
    let (tests, text) = (tests(), Page::docs("failure-modes").text());
    let rows = text.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let mut named = 0;
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').collect();
        let shown_by = code(cells[2]);
        assert!(!shown_by.is_empty(), "no test: {row}");
        for test in shown_by {
            assert!(tests.contains(&test), "there is no test {test}");
            named += 1;
        }
    }
    assert!(named > 25, "{named}");
    for what in [
        "The Kubernetes API server",
        "etcd",
        "AWS",
        "The clock",
        "DNS and the network",
        "A node or a Pod",
    ] {
        assert!(text.contains(&format!("\n## {what}\n")), "{what}");
    }
}

#[test]
fn every_reason_that_needs_a_person_stands_in_troubleshooting() {
    let reasons = Page::docs("reference").table(CONDITIONS, "reason");
    let stalled: Vec<_> = reasons.into_iter().filter(|row| row[2].contains("Stalled")).collect();
    assert!(stalled.len() > 12, "{stalled:?}");
    let text = Page::docs("troubleshooting").text();
    let rows: Vec<_> = text.lines().filter(|line| line.starts_with('|')).collect();
    let told = set(rows.iter().flat_map(|row| code(row)));
    let missing: Vec<_> = names(&stalled)
        .into_iter()
        .filter(|reason| !told.contains(reason))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(told.contains("Pending"));
}
