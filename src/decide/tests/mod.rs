//! The decision table, row by row, and what holds across passes and restarts. What holds in any
//! history is in `properties`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests: what is not as expected ends them"
)]

mod classes;
mod contests;
mod corpus;
mod corrections;
mod decision_table;
mod ended;
mod event_transitions;
mod failed_reads;
mod failures;
mod findings;
mod holds;
mod pending;
pub(crate) mod properties;
mod ramp_clock;
mod ramp_edits;
mod ramp_holds;
mod ramp_windows;
mod restarts;
mod stale;
pub(crate) mod support;
mod times;
