//! The decision table, row by row, and what holds across passes and restarts. The laws are in `laws.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests: what is not as expected ends them"
)]

mod classes;
mod contests;
mod corpus;
mod corrections;
mod ended;
mod failures;
mod holds;
mod pending;
mod ramp_clock;
mod ramp_edits;
mod ramp_holds;
mod ramp_windows;
mod rows;
mod stale;
mod standing;
pub(crate) mod support;
mod survival;
mod times;
mod told_once;
