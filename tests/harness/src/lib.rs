//! What the tests of the operator share.
//!
//! A [`Scene`] is a namespace of its own on a control plane that all tests of a binary share, an emulator of its own, and
//! the history of every resource in it; [`Scene::judge`] has the checker judge that. An [`Operator`] is a process that can
//! be killed, paused and restarted, started with [`Flags`]. [`proxy`] and [`Forwarder`] are ways on which requests and
//! connections go wrong.
//!
//! [`cases`] has the specs that admission refuses or accepts, [`cluster`] a control plane for tests that need no operator,
//! [`argo_cd`] the health check of Argo CD, and [`Certificate`] a server's certificate that a process can be told to trust.
//!
//! Everything here panics when it can't be had, or is not within [`DEADLINE`]: then a test has failed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking"
)]

pub mod argo_cd;
mod built;
pub mod cases;
mod certificate;
pub mod cluster;
mod deployed;
mod faults;
mod forwarder;
mod history;
mod journey;
mod operator;
mod proxied;
mod replicas;
mod resource;
mod scene;
mod stored;

pub use certificate::Certificate;
pub use deployed::{administrator, control_plane, kubectl};
pub use faults::{copied, raw, refuse};
pub use forwarder::Forwarder;
pub use history::Processes;
pub use journey::{bodies, message};
pub use operator::{Flags, Operator};
pub use proxied::proxy;
pub use replicas::{ACTS, HOLDING, NAME};
pub use resource::{condition, condition_status, is_ready, is_stalled, last_error, reason};
pub use scene::{CANARY, DEADLINE, Scene};
