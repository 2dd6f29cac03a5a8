//! `deploy/monitoring`: alerts, their tests and runbooks, and the dashboard. They name metrics and reasons that exist, promtool
//! and Grafana's own types accept them, and alerts of the real operator arrive at a webhook.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod commands;
mod dashboard;
mod delivered;
mod documents;
mod expressions;
mod promtool;
mod rules;
mod runbooks;
mod servers;
