//! `docs/exprun.md` shows what the plugin prints, and lists its exit codes and the members of its JSON.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;

use appconfig_experiment_operator::api::PendingUpdate;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    brake::{
        owners::Other,
        report::{Brake, acknowledged, outcome},
    },
    exit,
    run::Run,
    status::{json, raises::Raise, screen::screen},
    terminal::Paint,
    times::Clock,
};

const PAGE: &str = include_str!("../../docs/exprun.md");

/// What the page shows below a command line: without it.
fn shown(command: &str) -> String {
    let mut blocks = PAGE
        .split("```console\n")
        .skip(1)
        .filter_map(|rest| rest.split("```\n").next());
    let line = format!("$ {command}\n");
    let block = blocks.find_map(|block| block.strip_prefix(&line));
    block
        .unwrap_or_else(|| panic!("no block begins with {line}"))
        .to_owned()
}

/// The first cells of the table whose head begins with this one, without their marks.
fn listed(head: &str) -> Vec<String> {
    let first = |line: &str| {
        line.trim_start_matches('|')
            .split('|')
            .next()
            .unwrap()
            .trim()
            .to_owned()
    };
    let mut lines = PAGE
        .lines()
        .skip_while(|line| !line.starts_with('|') || first(line) != head);
    assert!(lines.next().is_some(), "no table begins with {head}");
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    rows.flat_map(|line| {
        let names = first(line).replace('`', "");
        names.split(", ").map(str::to_owned).collect::<Vec<_>>()
    })
    .collect()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn clock() -> Clock {
    Clock {
        now: at("2026-11-11T12:00:00Z"),
        zone: TimeZone::get("Europe/Berlin").unwrap(),
    }
}

fn run() -> Run {
    let condition = |kind: &str, status: &str| {
        json!({"type": kind, "status": status, "reason": "RampHolding", "observedGeneration": 3,
            "message": "exposure is 5 %; 20 % follows at 2026-11-13T08:00Z, when the hold of 48h at 5 % is over",
            "lastTransitionTime": "2026-11-09T08:00:01Z"})
    };
    let step = |exposure: f64, hold: &str| json!({"exposurePercentage": exposure, "hold": hold});
    let run = json!({
        "apiVersion": "experiments.appconfig.dev/v1alpha1", "kind": "ExperimentRun",
        "metadata": {"namespace": "checkout", "name": "add-to-cart-1", "generation": 3},
        "spec": {"applicationIdentifier": "shop", "experimentDefinitionIdentifier": "add-to-cart", "run": 1,
            "exposurePercentage": 100, "ramp": {"steps": [step(0.1, "24h"), step(1.0, "24h"), step(5.0, "48h"), step(20.0, "72h"),
                step(50.0, "96h")], "windows": []}},
        "status": {"observedGeneration": 3, "region": "eu-west-1", "status": "RUNNING", "exposurePercentage": 5,
            "conditions": [condition("Ready", "True"), condition("TargetReached", "False")],
            "ramp": {"reached": {"exposurePercentage": 5, "at": "2026-11-11T08:00:00Z", "hold": "48h"}, "waitingFor": "Hold",
                "next": {"exposurePercentage": 20, "notBefore": "2026-11-13T08:00:00Z"},
                "completesAt": "2026-11-20T08:00:00Z", "summary": "20 at 2026-11-13T08:00Z"}}
    });
    Run::of(serde_json::from_value(run).unwrap())
}

fn raises() -> Vec<Raise> {
    vec![Raise {
        at: at("2026-11-11T08:00:00Z"),
        note: "exposure raised from 1 % to 5 %".to_owned(),
    }]
}

fn pending() -> PendingUpdate {
    let pending = json!({"id": "id", "generation": 3, "member": "ExposurePercentage", "exposurePercentage": 20,
        "recordedAt": "2026-11-11T11:59:59Z"});
    serde_json::from_value(pending).unwrap()
}

fn brake() -> Brake {
    Brake {
        namespace: "checkout".to_owned(),
        name: "add-to-cart-1".to_owned(),
        acknowledged_at: clock().now,
        last_start_seconds: Brake::LAST_START,
        last_end_seconds: Brake::LAST_END,
        pending_update: Some(pending()),
        holds: true,
        seen: true,
        exposure_percentage: run().status.exposure_percentage,
        other_managers: vec![Other {
            manager: "kustomize-controller".to_owned(),
            does: "applies spec.suspend: false".to_owned(),
            stop: "flux suspend kustomization checkout -n flux-system; then correct spec.suspend in Git".to_owned(),
        }],
    }
}

#[test]
fn the_page_shows_what_status_prints() {
    let printed = screen(&run(), &Ok(raises()), &clock(), Paint::PLAIN);
    assert_eq!(
        shown("kubectl exprun status add-to-cart-1 -n checkout"),
        printed,
        "{printed}"
    );
}

#[test]
fn the_page_shows_what_brake_prints() {
    let key = "checkout/add-to-cart-1".to_owned();
    let mut printed = acknowledged(&[(key, clock().now, Some(pending()))], &clock(), Paint::PLAIN);
    printed.push_str(&outcome(&brake(), "60 s", Paint::PLAIN));
    let command = "kubectl exprun brake add-to-cart-1 -n checkout --reason 'checkout errors rise'";
    assert_eq!(shown(command), printed, "{printed}");
}

#[test]
fn the_page_lists_every_exit_code() {
    assert_eq!(listed("exit code"), exit::ALL.map(|code| code.to_string()));
}

#[test]
fn the_page_lists_every_member_of_the_json() {
    let members = |line: &str| -> BTreeSet<String> {
        let object: Value = serde_json::from_str(line).unwrap();
        object.as_object().unwrap().keys().cloned().collect()
    };
    for (command, line) in [
        ("status", json::line(&run(), Some(&Ok(raises())))),
        ("brake", brake().json()),
    ] {
        let told: BTreeSet<String> = listed(&format!("member of `{command}`")).into_iter().collect();
        assert_eq!(told, members(&line), "{command}");
    }
}
