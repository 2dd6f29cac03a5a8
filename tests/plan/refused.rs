//! What the API server refuses is refused, offline, at the same field, and nothing else is: `tests/api_admission` holds
//! the same cases against a real server.

use harness::cases::{self, By, CANARY, spec};
use serde_json::{Value, json};

use crate::command::{Folder, documents, manifest, plan};

/// What is said of each document.
fn said(manifests: &[Value]) -> Vec<Vec<String>> {
    let folder = Folder::new();
    let file = folder.write("runs.yaml", &documents(manifests));
    let printed = plan(&["-f", &file, "--from", "0"]);
    let of = |number: usize| {
        let place = format!("{file}, document {number}, ");
        let without = format!("{file}, document {number}: ");
        let lines = printed.error.lines();
        let line = |line: &str| {
            Some(
                line.split_once(&place)
                    .or_else(|| line.split_once(&without))?
                    .1
                    .to_owned(),
            )
        };
        lines.filter_map(line).collect()
    };
    let found: Vec<Vec<String>> = (1..=manifests.len()).map(of).collect();
    let count: usize = found.iter().map(Vec::len).sum();
    assert_eq!(
        count,
        printed.error.lines().count(),
        "each line has its document: {}",
        printed.error
    );
    assert_eq!(printed.code == 1, count > 0);
    found
}

fn manifests(specs: &[Value]) -> Vec<Value> {
    let named = |(number, spec)| manifest(&format!("run-{number}"), spec);
    (0..).zip(specs).map(|it: (u32, _)| named(it)).collect()
}

#[test]
fn what_the_api_server_refuses_is_refused_at_the_same_field() {
    let refused = cases::refused();
    assert!(refused.len() > 100, "{}", refused.len());
    let specs: Vec<Value> = refused.iter().map(|case| case.spec.clone()).collect();
    for (case, said) in refused.iter().zip(said(&manifests(&specs))) {
        let shown = || format!("{} of {:.300}: {said:?}", case.field, case.spec.to_string());
        assert!(said.iter().any(|line| line.contains(case.field)), "{}", shown());
        if case.by == By::Rule {
            assert!(said.iter().any(|line| line.contains(case.message)), "{}", shown());
        }
        assert!(!said.concat().contains(CANARY), "{}", shown());
    }
}

#[test]
fn what_the_api_server_accepts_is_accepted() {
    let specs = cases::accepted();
    let mut long = 0;
    for (spec, said) in specs.iter().zip(said(&manifests(&specs))) {
        let entities = spec["treatmentOverrides"]["inline"].as_object();
        if entities.is_some_and(|map| map.keys().any(|entity| entity.chars().count() > 1022)) {
            assert!(
                said.len() == 1 && said[0].contains("1 key on line") && said[0].contains("server-side"),
                "{said:?}"
            );
            long += 1;
        } else {
            assert!(said.is_empty(), "{:.300}: {said:?}", spec.to_string());
        }
    }
    assert_eq!(long, 2, "what only client-side apply can carry");
}

/// Here the API server can't tell, and the operator would say `InvalidSpec`.
#[test]
fn a_ramp_that_only_the_operator_can_tell_is_unusable_is_refused_with_what_to_do() {
    let (specs, messages): (Vec<_>, Vec<_>) = cases::unusable_ramps().into_iter().unzip();
    assert!(!specs.is_empty());
    for ((spec, message), said) in specs.iter().zip(messages).zip(said(&manifests(&specs))) {
        assert!(said.len() == 1 && said[0].contains(message), "{spec}: {said:?}");
    }
}

#[test]
fn p11_no_slip_of_the_pen_shows_an_entity_id() {
    let overrides = |overrides: Value| spec(json!({ "treatmentOverrides": overrides }));
    let parameters = |map: Value| spec(json!({"deploymentParameters": {"dynamicExtensionParameters": map}}));
    let mut slips = manifests(&[
        overrides(json!({CANARY: "t1"})),
        overrides(json!({"inline": {CANARY: 1}})),
        overrides(json!({"inline": {CANARY: {"t1": CANARY}}})),
        overrides(json!({"inline": CANARY})),
        overrides(json!({"inline": {format!("{CANARY}{}", "a".repeat(1100)): "t1"}})),
        overrides(json!([CANARY])),
        overrides(json!(CANARY)),
        overrides(json!({"inline": [{CANARY: "t1"}]})),
        spec(json!({CANARY: "t1"})),
        spec(json!({"description": {CANARY: "t1"}})),
        spec(json!({"exposurePercentage": CANARY})),
        spec(json!({"ramp": {"steps": [{CANARY: "t1"}], "windows": CANARY}})),
        spec(json!({"suspend": CANARY, "run": CANARY, "region": format!("{CANARY}!")})),
        parameters(json!({CANARY: "a"})),
        parameters(json!({"ext#stage": {CANARY: 1}})),
    ]);
    let mut outside = manifest("run", &spec(json!({})));
    outside[CANARY] = json!("t1");
    outside["metadata"][CANARY] = json!("t1");
    slips.push(outside);
    for metadata in [
        json!({"labels": {CANARY: 5}}),
        json!({"labels": {CANARY: format!("{CANARY} {CANARY}")}}),
        json!({"annotations": {format!("{CANARY} {CANARY}"): CANARY}}),
        json!({"finalizers": [format!("{CANARY} {CANARY}")]}),
        json!({"ownerReferences": [{CANARY: CANARY}]}),
    ] {
        let mut run = manifest("run", &spec(json!({})));
        run["metadata"]
            .as_object_mut()
            .unwrap()
            .extend(metadata.as_object().unwrap().clone());
        slips.push(run);
    }
    let mut names = manifest(&format!("{CANARY}!"), &spec(json!({})));
    names["metadata"]["namespace"] = json!({CANARY: "t1"});
    slips.push(names);
    for (slip, said) in slips.iter().zip(said(&slips)) {
        assert!(!said.is_empty(), "{slip}");
        assert!(!said.concat().contains(CANARY), "{said:?}");
    }
}

#[test]
fn p11_no_text_that_cannot_be_read_shows_an_entity_id() {
    let folder = Folder::new();
    for broken in [
        "inline: {X: t1",
        "inline:\n  X: t1\n  X: t2\n",
        "inline:\n  X: [t1\n",
        "X\n---X\n",
        "? [X]\n: t1\n",
        "inline:\n  {{ X }}: t1\n",
        "inline:\n\tX: t1\n",
        "inline:\n  @X: t1\n",
        "inline: *X\n",
        "inline: !X!X t1\n",
        "inline: !!int X\n",
        "%X\n---\n",
        "%TAG !X! X\nX: 1\n",
        "X: \"\\q\"\n",
        "'X\n",
        "X: 1\n...\nX\n",
        "{\"X\": 1e400}",
        "{\"X\": 1}{\"X\": 1}X",
        "apiVersion: X\nkind: X\n",
        "apiVersion: experiments.appconfig.dev/X\nkind: X\n",
        "apiVersion: v1\nkind: List\nitems: [X, {X: X}]\n",
    ] {
        let file = folder.write("runs.yaml", &broken.replace('X', CANARY));
        let printed = plan(&["-f", &file, "--from", "0"]);
        assert!(
            !(printed.out + &printed.error).contains(CANARY),
            "{broken}: {}",
            printed.error
        );
    }
}

#[test]
fn a_slip_in_the_name_of_a_field_is_named() {
    let slips = [
        (
            spec(json!({"exposurePercent": 5})),
            "spec: there is no field exposurePercent",
        ),
        (
            spec(json!({"ramp": {"step": []}})),
            "spec.ramp: there is no field step;",
        ),
    ];
    for (spec, message) in slips {
        let said = said(&[manifest("run", &spec)]);
        assert!(said[0].iter().any(|line| line.starts_with(message)), "{said:?}");
    }
}

#[test]
fn a_manifest_needs_a_name_a_spec_and_the_right_version() {
    let good = || manifest("run", &spec(json!({})));
    let (mut nameless, mut empty, mut later, mut kindless) = (good(), good(), good(), good());
    nameless["metadata"] = json!({});
    empty["spec"] = Value::Null;
    later["apiVersion"] = json!("experiments.appconfig.dev/v2");
    kindless["kind"] = Value::Null;
    let bad = [nameless, empty, later, kindless, json!("run")];
    let fields = ["metadata.name", "spec", "apiVersion", "the document", "the document"];
    for (said, field) in said(&bad).iter().zip(fields) {
        assert!(said.len() == 1 && said[0].starts_with(field), "{said:?}");
    }
}
