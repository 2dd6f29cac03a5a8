//! A model of the operator: every order in which a few things can happen, searched to the end with stateright.
//!
//! The operator is real: its passes (`src/pass`) with all that they decide, their fence and their send window, and the
//! election's `leader::decide`. `passes` drives them. What the model adds is around them: the API server's object with its
//! versions, a watch that lags up to two versions behind, the runs in `AppConfig`, requests and answers that are lost or late
//! (`exchange`), processes that die and pause, users, and time (`cluster`, `election`). Each step that a pass asks for is one
//! exchange, and between any two of them anything else can happen, so a paused process needs no step of its own.
//!
//! Everything at once is too much to search, so there are several searches of different emphasis, each exhaustive within
//! its bounds, which are printed. The promises that are judged are in `promises`. `lies` lets the world
//! lie and expects a promise to break each time; what breaks when a pass leaves a rule out is seen by the patches of
//! `tests/mutations` that name this target.
//!
//! Not modelled: other members than the exposure, outside changes and runs that end (the properties in `src/decide/tests/properties.rs` play
//! with these), how long back-offs are, and the claims of several resources on one run (P8): what becomes of the unsettled
//! update of a deleted resource.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod bounds;
mod cluster;
mod election;
mod exchange;
mod kept;
mod lies;
mod passes;
mod promises;
mod search;
mod state;

use appconfig_experiment_operator::api::Exposure;
use bounds::{Bounds, Left};
use search::Operator;

fn exposures(values: &[f32]) -> Vec<Exposure> {
    values.iter().map(|value| Exposure::new(*value).unwrap()).collect()
}

/// One replica, whose first spec asks for 5 %.
fn one_replica(name: &'static str, left: Left) -> Bounds {
    Bounds {
        name,
        exposures: exposures(&[0.0, 1.0, 5.0, 50.0]),
        first: exposures(&[5.0]),
        replicas: 1,
        behind: 2,
        short: 4,
        left,
    }
}

/// Two replicas, of which the first holds the Lease. The spec asks for 50 %, then for less.
fn two_replicas(name: &'static str, left: Left) -> Bounds {
    Bounds {
        exposures: exposures(&[5.0, 50.0]),
        first: exposures(&[50.0]),
        replicas: 2,
        ..one_replica(name, left)
    }
}

fn holds(bounds: Bounds) {
    let broken = Operator::new(bounds, None).search(None);
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn p1_p2_p4_p12_hold_when_an_answer_is_lost_a_commit_is_late_and_the_process_crashes() {
    let left = Left {
        edits: 1,
        crashes: 1,
        lost: 1,
        late: 1,
        long: 1,
        ..Left::default()
    };
    holds(one_replica("answers lost and late, and a crash", left));
}

#[test]
fn p1_p2_p4_p12_hold_through_three_generations_with_a_crash_and_a_window_that_closes() {
    let left = Left {
        edits: 2,
        crashes: 1,
        short: 1,
        ..Left::default()
    };
    holds(one_replica("three generations, a crash, time", left));
}

#[test]
fn p1_p2_p4_p12_hold_when_the_api_server_fails_and_a_read_lags() {
    let left = Left {
        edits: 1,
        crashes: 1,
        errors: 1,
        stale: 1,
        ..Left::default()
    };
    holds(one_replica("the API server's errors, a stale read, a crash", left));
}

#[test]
fn p5_holds_when_names_mean_another_run_and_the_resource_is_another() {
    let left = Left {
        edits: 1,
        crashes: 1,
        namesakes: 1,
        renames: 1,
        ..Left::default()
    };
    holds(one_replica("identities", left));
}

#[test]
fn one_of_two_replicas_acts_and_p1_p2_p4_p12_hold_as_the_lease_is_lost() {
    let left = Left {
        edits: 1,
        renewals: 1,
        short: 5,
        ..Left::default()
    };
    holds(two_replicas("two replicas and their Lease", left));
}
