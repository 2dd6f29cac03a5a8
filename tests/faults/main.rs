//! Fault plans: the operator is stopped at every point of a pass at which it talks to somebody, somebody changes the
//! resource at that moment, the operator is killed, refused or kept waiting, and what it does then keeps the promises.
//!
//! No plan is written by hand. A *reference run* of a [`workload`] lists every request of a pass in order
//! ([`reference_run`]); the points before and after each, times the [`plan::Fault`]s, times what a user does meanwhile
//! ([`plan::Meanwhile`]), are the plans. Each is played ([`play`]) with the real operator in a namespace of its own, against
//! an `AppConfig` of its own and through a proxy of its own ([`hold`]), ends when everything is at rest, and is then judged
//! twice: the checker judges whether its history keeps the promises, and the workload knows how it must have ended
//! ([`workload::End`]).
//!
//! One plan is played again with its name, several with how their names begin:
//! `make faults PLAN=fence-acknowledged/kill/lowered`.
//!
//! Another workload is an entry in [`workload::workloads`]: what the run is at first, what is then asked for, and what
//! else a user may ask for. Its plans come of their own. A ramp rests at a step with a long hold: one raise of it falls
//! into a plan, and a second one is a failure. A pass that makes other calls needs a name for each in
//! [`reference_run::Request`].
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod hold;
mod plan;
mod play;
mod reference_run;
mod workload;

use std::{any::Any, io::Write as _, panic::AssertUnwindSafe};

use futures::{FutureExt, StreamExt, stream};

/// How many plans are played side by side. They mostly wait: for a minute where an update's outcome stays unknown.
const SIDE_BY_SIDE: usize = 32;

#[tokio::test(flavor = "multi_thread")]
async fn every_plan_keeps_the_promises() {
    let wanted = std::env::var("PLAN").unwrap_or_default();
    let mut plans = Vec::new();
    for workload in workload::workloads() {
        let requests = reference_run::requests(&workload).await;
        say(&format!("{}: {}", workload.what, reference_run::listed(&requests)));
        plans.extend(plan::all(&workload, &requests));
    }
    plans.retain(|plan| plan.name().starts_with(&wanted));
    assert!(!plans.is_empty(), "no plan's name begins with {wanted:?}");
    // The longest first, so that none of them is begun when all others have ended.
    plans.sort_by_key(|plan| !plan.may_take_long());
    let count = plans.len();
    let played = stream::iter(plans.into_iter().map(|plan| async {
        let name = plan.name();
        let played = AssertUnwindSafe(play::play(plan)).catch_unwind().await;
        played.err().map(|panic| (name, describe(panic)))
    }));
    let ended: Vec<_> = played.buffer_unordered(SIDE_BY_SIDE).collect().await;
    let failed: Vec<_> = ended.into_iter().flatten().collect();
    for (name, error) in &failed {
        say(&format!("{name} did not hold:\n{error}\n"));
    }
    say(&format!("faults: {count} plans, {} held", count - failed.len()));
    let names: Vec<_> = failed.iter().map(|(name, _)| name).collect();
    assert!(failed.is_empty(), "plans that did not hold: {names:?}");
}

/// What a plan said that did not hold.
fn describe(panic: Box<dyn Any + Send>) -> String {
    let said = panic.downcast::<String>();
    said.map_or_else(|_| "it panicked".to_owned(), |said| *said)
}

/// Prints a line, also of a test that succeeds: how many plans there were is worth knowing then, too.
fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output");
}
