//! The plugin as people call it: the real kubectl finds it in `PATH`, and it talks to the real API server, where the real
//! operator runs against the emulated AppConfig.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::doc_markdown,
    reason = "tests"
)]

mod brake;
mod check;
mod completion;
mod connection;
mod measured;
mod people;
mod plan;
mod plugin;
mod rights;
mod status;
mod terminal;
mod undone;
mod version;
