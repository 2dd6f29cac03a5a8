//! Argo CD's health check, run by the Lua that Argo CD runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use appconfig_experiment_operator::decide::findings::Reason;
use harness::argo_cd::health;
use serde_json::{Value, json};

/// A resource of generation 4 with these conditions: type, status, reason.
fn resource(observed_generation: i64, conditions: &[(&str, &str, Reason)]) -> Value {
    let conditions: Vec<_> = conditions
        .iter()
        .map(|(kind, status, reason)| {
            json!({"type": kind, "status": status, "reason": reason.as_str(), "message": "in words", "lastTransitionTime": "2026-11-20T09:00:00Z"})
        })
        .collect();
    json!({
        "metadata": {"name": "add-to-cart-1", "generation": 4},
        "status": {"observedGeneration": observed_generation, "conditions": conditions},
    })
}

#[test]
fn ready_is_healthy() {
    for reason in [Reason::InSync, Reason::Observing, Reason::RunDone, Reason::Suspended] {
        let run = resource(4, &[("Ready", "True", reason), ("TargetReached", "True", reason)]);
        assert_eq!(health(&run), ("Healthy".to_owned(), format!("{reason}: in words")));
    }
}

#[test]
fn an_older_generation_is_progressing_whatever_its_conditions() {
    for conditions in [
        &[("Ready", "True", Reason::InSync)][..],
        &[("Stalled", "True", Reason::AccessDenied)][..],
    ] {
        assert_eq!(health(&resource(3, conditions)).0, "Progressing");
    }
}

#[test]
fn stalled_is_degraded_and_says_why() {
    for &reason in Reason::ALL.iter().filter(|reason| **reason != Reason::Suspended) {
        let run = resource(4, &[("Ready", "False", reason), ("Stalled", "True", reason)]);
        assert_eq!(health(&run), ("Degraded".to_owned(), format!("{reason}: in words")));
    }
}

#[test]
fn the_brake_is_suspended() {
    let run = resource(
        4,
        &[
            ("Ready", "False", Reason::Suspended),
            ("Stalled", "True", Reason::Suspended),
        ],
    );
    assert_eq!(health(&run), ("Suspended".to_owned(), "Suspended: in words".to_owned()));
}

#[test]
fn reconciling_is_progressing_even_while_ready() {
    for ready in ["True", "False", "Unknown"] {
        let run = resource(
            4,
            &[
                ("Ready", ready, Reason::Throttled),
                ("Reconciling", "True", Reason::Throttled),
            ],
        );
        assert_eq!(
            health(&run),
            ("Progressing".to_owned(), "Throttled: in words".to_owned())
        );
    }
}

#[test]
fn a_condition_that_is_not_true_does_not_count() {
    let run = resource(
        4,
        &[
            ("Ready", "True", Reason::InSync),
            ("Stalled", "False", Reason::AccessDenied),
        ],
    );
    assert_eq!(health(&run).0, "Healthy");
}

#[test]
fn what_no_operator_has_looked_at_is_progressing() {
    let mut run = resource(-1, &[("Ready", "Unknown", Reason::Pending)]);
    assert_eq!(health(&run).0, "Progressing");
    run["status"]["observedGeneration"] = json!(4);
    assert_eq!(health(&run).0, "Progressing");
    for bare in [
        json!({"metadata": {"generation": 1}}),
        json!({"metadata": {"generation": 1}, "status": {}}),
    ] {
        assert_eq!(health(&bare).0, "Progressing");
    }
}
