//! `deploy/monitoring`: alerts and their runbooks. They name metrics and reasons that exist.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod commands;
mod documents;
mod expressions;
mod rules;
mod runbooks;
