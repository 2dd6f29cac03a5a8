//! What the pages say of promises, of the decision table and of `AppConfig` is what the code has.

use appconfig_emulator::Settings;
use appconfig_experiment_operator::decide::findings::Reason;
use promise_checker::Promise;
use serde_json::Value;

use crate::{
    CONDITIONS,
    document::{Page, ROOT, Row, blocks, code, name},
    names, set,
};

/// The promises that a recorded history can tell of, and P11, which it can't.
fn promises() -> Vec<(String, &'static str)> {
    use Promise::{P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P12};
    let mut promises: Vec<_> = [P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P12]
        .map(|promise| (format!("{promise:?}"), promise.title()))
        .to_vec();
    promises.insert(10, ("P11".to_owned(), "discreet"));
    promises
}

#[test]
fn every_promise_stands_in_the_design_by_its_name_and_in_the_readme() {
    let design = Page::docs("design").text();
    let headings: Vec<_> = design
        .lines()
        .filter_map(|line| line.strip_prefix("### P"))
        .map(|heading| format!("P{heading}"))
        .collect();
    let real: Vec<_> = promises()
        .iter()
        .map(|(number, title)| format!("{number}: {title}"))
        .collect();
    assert_eq!(headings, real);

    let readme = Page::readme().section("## What it promises");
    let told = set(readme.split(|character: char| !character.is_alphanumeric()));
    let missing: Vec<_> = promises()
        .into_iter()
        .filter(|(number, _)| !told.contains(number))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_promise_has_a_row_that_says_what_proves_it() {
    let rows = Page::docs("testing").table("## What proves which promise", "promise");
    let told: Vec<_> = rows.iter().map(|row| row[0].clone()).collect();
    let real: Vec<_> = promises()
        .iter()
        .map(|(number, title)| format!("{number} {title}"))
        .collect();
    assert_eq!(told, real);
}

/// What a row says of Ready and of the third condition.
fn verdicts(rows: &[Row]) -> Vec<(String, String, String)> {
    rows.iter()
        .map(|row| (name(&row[0]), row[1].clone(), row[2].clone()))
        .collect()
}

#[test]
fn the_decision_table_has_every_reason_in_order_and_says_what_the_reference_says() {
    let rows = Page::docs("design").table("## Decision table", "reason");
    let real: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(names(&rows), real);
    let reference = Page::docs("reference").table(CONDITIONS, "reason");
    assert_eq!(verdicts(&rows), verdicts(&reference));
}

/// Switches of the emulator that stand for no question about the real service.
const OWN: [&str; 2] = ["clockOffsetSeconds", "rateLimits"];

#[test]
fn what_is_not_known_of_appconfig_are_the_switches_of_the_emulator() {
    let rows = Page::docs("appconfig-api").table("## What is not known", "question");
    let told = set(rows.iter().flat_map(|row| code(&row[1])));
    let Value::Object(settings) = serde_json::to_value(Settings::default()).unwrap() else {
        panic!("settings are an object");
    };
    let real = set(settings
        .into_iter()
        .map(|(key, _)| key)
        .filter(|key| !OWN.contains(&key.as_str())));
    assert_eq!(told, real);
}

#[test]
fn the_picture_of_a_ramp_has_the_exposures_of_the_sample() {
    let picture = &blocks(&Page::readme().text(), "text")[0];
    let percentages = picture
        .lines()
        .filter_map(|line| line.split_once('%')?.0.trim().parse().ok());
    let mut drawn: Vec<f64> = percentages.collect();
    drawn.reverse();

    let sample = std::fs::read_to_string(format!("{ROOT}/deploy/samples/ramp-careful.yaml")).unwrap();
    let sample: Value = serde_saphyr::from_str(&sample).unwrap();
    let exposure = |of: &Value| of["exposurePercentage"].as_f64().unwrap();
    let steps = sample["spec"]["ramp"]["steps"].as_array().unwrap().iter().map(exposure);
    let real: Vec<f64> = [0.0]
        .into_iter()
        .chain(steps)
        .chain([exposure(&sample["spec"])])
        .collect();
    assert_eq!(drawn, real);
}
