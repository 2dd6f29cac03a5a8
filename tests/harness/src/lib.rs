//! What the tests of the operator share.
//!
//! - A [`Scene`] is a namespace and an emulator of its own, on a control plane that all tests of a binary share. It records
//!   every version of every resource. [`Scene::judge`] has the checker judge that.
//! - An [`Operator`] is a process that can be killed, paused and restarted. [`Flags`] say how it is started.
//! - A [`proxy`] stands before the API server, a [`Forwarder`] before the emulator. Requests and connections go wrong there.
//! - [`cases`] lists the specs that admission refuses or accepts.
//! - [`cluster`] is a control plane for tests that need no scene.
//! - [`argo_cd`] is the health check of Argo CD.
//! - A [`Certificate`] is one of a server, which a process can be told to trust.
//!
//! Everything here panics when it fails, or has not come about within [`DEADLINE`]: then the test has failed.
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
pub use deployed::{administrator, control_plane, control_plane_with, kubectl};
pub use faults::{copied, raw, refuse};
pub use forwarder::Forwarder;
pub use history::Processes;
pub use journey::{bodies, message};
pub use operator::{Flags, Operator};
pub use proxied::proxy;
pub use replicas::{ACTS, HOLDING, NAME};
pub use resource::{condition, condition_status, is_ready, is_stalled, last_error, reason};
pub use scene::{CANARY, DEADLINE, Scene};
