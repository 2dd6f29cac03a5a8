//! The model can fail: where the world lies so, it finds how the promise that rests on its truth is broken.

use crate::{
    bounds::{Bounds, Left, Lie},
    one_replica,
    search::Operator,
};

/// The promise is broken without the rule.
fn breaks(promise: &'static str, lie: Lie, bounds: Bounds) {
    let broken = Operator::new(bounds, Some(lie)).search(Some(promise));
    assert!(broken.contains_key(promise), "{broken:?}");
    println!("model: with it ({lie:?}) {promise} is broken by {:?}", broken[promise]);
}

fn one(left: Left) -> Bounds {
    one_replica("one replica", left)
}

#[test]
fn p4_is_broken_by_a_fence_without_the_version() {
    // P1 is not: the fence's answer has to hold the spec that was decided upon.
    let left = Left {
        crashes: 1,
        ..Left::default()
    };
    breaks("P4", Lie::FenceWithoutVersion, one(left));
}

#[test]
fn p4_is_broken_by_a_process_that_forgets_a_pending_update() {
    let left = Left {
        crashes: 1,
        ..Left::default()
    };
    breaks("P4", Lie::PendingForgotten, one(left));
}

#[test]
fn p4_is_broken_by_an_unknown_outcome_that_counts_as_not_sent() {
    let left = Left {
        late: 1,
        ..Left::default()
    };
    breaks("P4", Lie::UnknownForNotSent, one(left));
}

#[test]
fn p2_is_broken_by_a_process_that_forgets_what_it_knows_of_the_run() {
    let left = Left {
        stale: 1,
        ..Left::default()
    };
    breaks("P2", Lie::KnownForgotten, one(left));
}

#[test]
fn p12_is_broken_by_a_clock_that_stands_still() {
    let left = Left {
        crashes: 1,
        ..Left::default()
    };
    breaks("P12", Lie::ClockStandsStill, one(left));
}
