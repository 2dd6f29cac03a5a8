//! `deploy/monitoring`: alerts, their tests and runbooks. They name metrics and reasons that exist, and promtool accepts them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod commands;
mod documents;
mod expressions;
mod promtool;
mod rules;
mod runbooks;
mod servers;
