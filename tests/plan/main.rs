//! `plan` as a shell or a pull-request check runs it: what it prints, what it refuses, and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod calendar;
mod command;
mod kubernetes;
mod live;
mod manifests;
mod metadata;
mod refused;
mod shapes;
mod spellings;
mod timelines;
