//! The model can fail: without each of these rules it finds how the promise that rests on it is broken.

use crate::{
    bounds::{Bounds, Breach, Left},
    one_replica,
    search::Operator,
    two_replicas,
};

/// The promise is broken without the rule.
fn bites(promise: &'static str, breach: Breach, bounds: Bounds) {
    let broken = Operator::new(bounds, Some(breach)).search(Some(promise));
    assert!(broken.contains_key(promise), "{broken:?}");
    println!(
        "model: without it ({breach:?}) {promise} is broken by {:?}",
        broken[promise]
    );
}

fn one(left: Left) -> Bounds {
    one_replica("one replica", left)
}

#[test]
fn p1_is_broken_by_a_fence_without_the_version() {
    let left = Left {
        edits: 1,
        short: 1,
        ..Left::default()
    };
    bites("P1", Breach::FenceWithoutVersion, one(left));
}

#[test]
fn p1_is_broken_by_a_send_window_that_nobody_looks_at() {
    let left = Left {
        edits: 1,
        short: 1,
        ..Left::default()
    };
    bites("P1", Breach::WindowNotChecked, one(left));
}

#[test]
fn two_act_when_the_lease_is_not_checked_at_the_write() {
    let left = Left {
        short: 5,
        ..Left::default()
    };
    bites("Lease", Breach::LeaseNotChecked, two_replicas("two replicas", left));
}

#[test]
fn p4_is_broken_by_a_process_that_forgets_a_pending_update() {
    let left = Left {
        crashes: 1,
        ..Left::default()
    };
    bites("P4", Breach::PendingForgotten, one(left));
}

#[test]
fn p4_is_broken_by_an_unknown_outcome_that_counts_as_not_sent() {
    let left = Left {
        late: 1,
        ..Left::default()
    };
    bites("P4", Breach::UnknownForNotSent, one(left));
}

#[test]
fn p4_is_broken_by_a_status_that_replaces_what_another_process_wrote() {
    let left = Left {
        edits: 1,
        crashes: 1,
        errors: 1,
        ..Left::default()
    };
    bites("P4", Breach::RecordOverOthers, one(left));
}

#[test]
fn p5_is_broken_by_an_update_that_goes_by_the_names_of_the_spec() {
    let left = Left {
        renames: 1,
        ..Left::default()
    };
    bites("P5", Breach::UpdateByNames, one(left));
}

#[test]
fn p2_is_broken_by_a_process_that_forgets_what_it_knows_of_the_run() {
    let left = Left {
        stale: 1,
        ..Left::default()
    };
    bites("P2", Breach::KnownForgotten, one(left));
}

#[test]
fn p12_is_broken_by_a_clock_that_stands_still() {
    let left = Left {
        crashes: 1,
        ..Left::default()
    };
    bites("P12", Breach::ClockStandsStill, one(left));
}
