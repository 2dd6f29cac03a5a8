//! Brings AWS `AppConfig` experiment runs to what their `ExperimentRun` resources ask for.
//!
//! This page is the map. One pass over one resource goes through these rooms, in this order:
//!
//! ```text
//! watch event, or time ─► 1 observe   the claim, GetExperimentRun, its events   Claim, Get, ListEvents
//!                         2 decide    (spec, live, memory, now) -> Decision     decide
//!                         3 prepare   write token, credentials, a connection    Prepare
//!                         4 fence     status write with resourceVersion and uid Fence
//!                         5 update    one UpdateExperimentRun, tried once       Send
//!                         6 record    status, when it differs                   Record, Refresh
//!                         7 report    Events, metrics; can't fail the pass      Effects
//!                         8 again     at once, or when the Decision says        End
//! ```
//!
//! On the right is the step of [`pass`] that asks for it. `controller::execute` does what a step asks for, and nothing in it
//! decides.
//!
//! * [`api`]: the resource as people write and read it. No behaviour.
//! * [`run`]: what a run of `AppConfig`, its events, an update and a failure are. Pure types: `appconfig` fills them and
//!   sends the update, `decide` goes by them.
//! * [`decide`]: what should happen next. No async, no clock, no client, no logging.
//! * [`appconfig`]: the `AppConfig` client: requests, answers, errors, signing, credentials, rate.
//! * [`pass`]: in which order, and what keeps an update from leaving. Pure, as `decide` is: a chain of values, which the
//!   controller, `plan` and the model in `tests/model` drive.
//! * [`controller`]: does what passes ask for.
//! * [`fleet`]: whose turn it is, where many want what there is little of. Pure, as `decide` is.
//! * [`plan`]: runs passes over a simulated run for what manifests ask for, and prints what would happen.
//! * [`schema`]: which fields the API server keeps, without which nothing is done or written. Pure.
//! * [`leader`]: the Lease. [`http`]: `/metrics`, `/livez`, `/readyz`. [`metrics`], [`telemetry`]: what is counted and
//!   what is logged. [`cli`]: settings, from arguments and environment. [`clock`]: time since boot, which no suspend stops.
//!
//! What the operator promises (P1 to P12), and why it is built so, is in `docs/design.md`. Where a comment says "the
//! table", it means the decision table there. What is known of `AppConfig` is in `docs/appconfig-api.md`, and so is what
//! the marks of facts in comments mean: (model), (doc), (seen), (guess).
//!
//! Arrows point one way: `controller` and `plan` → `pass` → `decide`; both → `cli`, `decide`, `appconfig`, `api`;
//! `controller` → `schema`; `cli` → `appconfig`, `decide`, `api`, for the types that it parses into; `decide` and
//! `appconfig` → `run` → `api`; `schema` → `api`; `controller`, `pass`, `decide`, `appconfig` and `metrics` → `fleet` → `api`.
//! Nothing points back.

pub mod api;
pub mod appconfig;
pub mod cli;
pub mod clock;
pub mod controller;
pub mod decide;
pub mod fleet;
pub mod http;
pub mod leader;
pub mod metrics;
pub mod pass;
pub mod plan;
pub mod run;
pub mod schema;
pub mod telemetry;
