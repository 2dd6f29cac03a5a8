//! The real operator binary against a real API server and the emulator: one module per promise group or user journey.
//!
//! They are one binary so that they share one control plane and run side by side: they mostly wait.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[allow(dead_code, unused_imports, reason = "journeys that use all of it follow")]
mod harness;

mod answers;
mod changes_meanwhile;
mod done;
mod environment;
mod external;
mod identity;
mod lowering;
mod order;
mod overrides;
mod owners;
mod raise;
mod refusals;
mod throttling;
mod unknown_outcome;
mod values;
