//! The real operator binary against a real API server and the emulator: one module per promise group or user journey.
//!
//! They are one binary so that they share one control plane and run side by side: they mostly wait.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod answers;
mod api_server;
mod changes_meanwhile;
mod clock;
mod correction;
mod costly_windows;
mod crash;
mod credentials;
mod discretion;
mod done;
mod environment;
mod external;
mod fence;
mod figures;
mod flood;
mod gitops;
mod identity;
mod leader;
mod lowering;
mod memory;
mod metrics;
mod odd_objects;
mod order;
mod overrides;
mod owners;
mod plan;
mod probes;
mod quiet;
mod raise;
mod ramp;
mod ramp_faults;
mod refusals;
mod region;
mod restart;
mod served_schema;
mod shutdown;
mod stale_reads;
mod tampering;
mod tenancy;
mod throttling;
mod unknown_outcome;
mod unreadable;
mod values;
mod wire;
