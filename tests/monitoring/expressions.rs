//! What an expression of Prometheus speaks of: metrics, labels, and the values of labels.

use std::collections::BTreeSet;

/// What stands in expressions beside metrics and labels.
const WORDS: [&str; 25] = [
    "absent",
    "and",
    "by",
    "histogram_quantile",
    "increase",
    "last_over_time",
    "max",
    "max_over_time",
    "min",
    "on",
    "or",
    "rate",
    "scalar",
    "sum",
    "time",
    "unless",
    "vector",
    // Labels by which is aggregated.
    "code",
    "controller",
    "instance",
    "job",
    "kind",
    "le",
    "operation",
    "class",
];

/// A metric in an expression, with the labels that it is selected by, each with the values that are named.
#[derive(Debug, PartialEq, Eq)]
pub struct Selected {
    pub metric: String,
    pub labels: Vec<(String, Vec<String>)>,
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | ':')
}

/// The labels of a selector such as `a="b", c!~"d|e"`.
fn matchers(selector: &str) -> Vec<(String, Vec<String>)> {
    let mut labels = Vec::new();
    let mut rest = selector;
    while let Some((label, value)) = rest.split_once('"') {
        let (values, after) = value.split_once('"').unwrap();
        let label: String = label.chars().filter(|character| is_of_name(*character)).collect();
        labels.push((label, values.split('|').map(str::to_owned).collect()));
        rest = after;
    }
    labels
}

/// Every metric of an expression. `extra` are words that may stand in it too.
pub fn selected(expression: &str, extra: &[&str]) -> Vec<Selected> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(start) = rest.find(|character: char| character.is_ascii_alphabetic() || character == '_') {
        // A duration such as 10m is no name.
        let is_number = rest[..start].ends_with(|character: char| character.is_ascii_digit() || character == '$');
        let end = rest[start..]
            .find(|character| !is_of_name(character))
            .map_or(rest.len(), |end| start + end);
        let word = &rest[start..end];
        rest = &rest[end..];
        if is_number || WORDS.contains(&word) || extra.contains(&word) {
            continue;
        }
        let selector = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let labels = selector.map(|(selector, after)| {
            rest = after;
            matchers(selector)
        });
        found.push(Selected {
            metric: word.to_owned(),
            labels: labels.unwrap_or_default(),
        });
    }
    found
}

/// Objects to a metric that the operator does not have, to a label that the metric does not have, and to a value that the label
/// never has. Gives the metrics.
pub fn assert_known(expression: &str, known: &[(String, Vec<String>)]) -> BTreeSet<String> {
    let (reasons, codes) = (reasons(), codes());
    let mut metrics = BTreeSet::new();
    for Selected { metric, labels } in selected(expression, &["namespace", "name", "reason", "result", "status"]) {
        let part = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|part| metric.strip_suffix(part));
        let row = known
            .iter()
            .find(|(name, _)| *name == metric || Some(name.as_str()) == part);
        let (name, own) = row.unwrap_or_else(|| panic!("there is no metric {metric}: {expression}"));
        for (label, values) in labels {
            let of_target = ["job", "instance"].contains(&label.as_str());
            assert!(
                of_target || own.contains(&label),
                "{name} has no label {label}: {expression}"
            );
            let closed = match label.as_str() {
                "reason" => &reasons,
                "code" => &codes,
                _ => continue,
            };
            for value in values {
                assert!(closed.contains(&value.as_str()), "no {label} is {value}: {expression}");
            }
        }
        metrics.insert(name.clone());
    }
    metrics
}

fn reasons() -> Vec<&'static str> {
    use appconfig_experiment_operator::decide::findings::Reason;
    Reason::ALL.iter().map(|reason| reason.as_str()).collect()
}

fn codes() -> Vec<&'static str> {
    use appconfig_experiment_operator::run::FailureKind;
    FailureKind::ALL
        .iter()
        .map(|kind| kind.as_str())
        .chain(["OK"])
        .collect()
}

#[test]
fn metrics_are_found_with_the_labels_that_they_are_selected_by() {
    let expression =
        "max by (job) (max_over_time(a_b{c=\"d|e\", f!~\"g\"}[10m]))\n/ sum(rate(h_total[$__rate_interval])) > 0.1";
    let pair = |label: &str, values: &[&str]| {
        (
            label.to_owned(),
            values.iter().map(|value| (*value).to_owned()).collect(),
        )
    };
    let expected = [
        ("a_b", vec![pair("c", &["d", "e"]), pair("f", &["g"])]),
        ("h_total", vec![]),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(metric, labels)| Selected {
            metric: metric.to_owned(),
            labels,
        })
        .collect();
    assert_eq!(selected(expression, &[]), expected);
}

#[test]
#[should_panic(expected = "there is no metric a_total")]
fn a_metric_that_the_operator_does_not_have_is_objected_to() {
    assert_known("rate(a_total[5m])", &[("b_total".to_owned(), vec![])]);
}

#[test]
#[should_panic(expected = "no reason is InSink")]
fn a_reason_that_the_operator_does_not_have_is_objected_to() {
    assert_known(
        "a{reason=~\"InSync|InSink\"}",
        &[("a".to_owned(), vec!["reason".to_owned()])],
    );
}
