//! Field transitions: for each field of the spec, every value of a list is changed into every other one and back, also
//! with a value in between that is refused, and each change does exactly what it must.
//!
//! [`fields`] lists the values; what admission refuses comes from [`harness::cases`], which has it for the rules alone too. A
//! [`journey`] is a resource of its own, for a run of its own, that goes from value to value; none is written by hand.
//! A [`traveller`] applies it to the real operator, waits after each step until everything is at rest, and compares with
//! what the [`oracle`] says: which requests, to the byte, and how status and run end. The oracle knows the spec, the run and
//! where a [`ramp`] stood, and nothing else of what the spec was before: that makes no difference.
//!
//! Journeys are played again by how their names begin: `FIELD=exposurePercentage/full cargo test --test transitions`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod fields;
mod journey;
mod oracle;
mod play;
mod ramp;
mod stage;
mod traveller;

use std::io::Write as _;

use futures::{StreamExt, stream};

use play::Outcome;

/// How many stages are played side by side, each with an operator of its own.
const SIDE_BY_SIDE: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn every_transition_of_every_field_does_exactly_what_it_must() {
    let wanted = std::env::var("FIELD").unwrap_or_default();
    let mut stages = stage::all();
    for stage in &mut stages {
        stage.journeys.retain(|journey| journey.name.starts_with(&wanted));
    }
    stages.retain(|stage| !stage.journeys.is_empty());
    assert!(!stages.is_empty(), "no journey's name begins with {wanted:?}");
    let played = stream::iter(stages).map(async |stage| {
        let began = std::time::Instant::now();
        let what = stage.what;
        let outcome = play::play(stage).await;
        let seconds = began.elapsed().as_secs_f32();
        say(&format!("{what}: {} transitions, {seconds:.1} s", outcome.applied));
        outcome
    });
    let outcomes: Vec<Outcome> = played.buffer_unordered(SIDE_BY_SIDE).collect().await;
    let failures: Vec<_> = outcomes.iter().flat_map(|outcome| &outcome.failures).collect();
    for failure in &failures {
        say(&format!("{failure}\n"));
    }
    let applied: usize = outcomes.iter().map(|outcome| outcome.applied).sum();
    let as_expected: usize = outcomes.iter().map(|outcome| outcome.as_expected).sum();
    say(&format!("transitions: {applied} applied, {as_expected} as expected"));
    assert!(failures.is_empty(), "{} journeys went wrong", failures.len());
    assert_eq!(applied, as_expected);
}

/// Prints a line, also of a test that succeeds: how many transitions there were is worth knowing then, too.
fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output");
}
