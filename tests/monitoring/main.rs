//! `deploy/monitoring`: alerts, their tests and runbooks. They name metrics and reasons that exist, promtool accepts them, and alerts
//! of the real operator arrive at a webhook.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod commands;
mod delivered;
mod documents;
mod expressions;
mod promtool;
mod rules;
mod runbooks;
mod servers;
