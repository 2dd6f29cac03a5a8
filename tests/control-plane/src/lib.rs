//! A real Kubernetes control plane for tests and the demo, without a container engine.
//!
//! [`ControlPlane::start`] starts etcd and kube-apiserver on loopback ports; everything that a kubelet or a controller
//! manager does is missing: Pods don't run, nothing is garbage-collected and a namespace never finishes deleting. So a
//! test binary shares one control plane, and each test works in a fresh namespace that it leaves behind:
//!
//! ```no_run
//! use std::sync::OnceLock;
//! use control_plane::{ControlPlane, Options};
//!
//! /// A static is never dropped; the servers and their files go when the process does.
//! fn control_plane() -> &'static ControlPlane {
//!     static SHARED: OnceLock<ControlPlane> = OnceLock::new();
//!     SHARED.get_or_init(|| ControlPlane::start(Options::default()).expect("the control plane starts"))
//! }
//! ```
//!
//! A [`Node`] brings what is missing, for a test that has the machine's rights.
//!
//! Everything here blocks, the start for seconds and a first build for minutes: async code calls it in
//! `tokio::task::spawn_blocking`.

mod binaries;
mod control_plane;
mod directory;
mod error;
mod node;
mod probe;
mod process;
pub mod proxy;
mod registry;
mod user;

pub use binaries::{Binaries, NodeBinaries, Tool, kubernetes_version};
pub use control_plane::{ControlPlane, Options};
pub use error::Error;
pub use node::Node;
pub use registry::Registry;
pub use user::{OPERATOR_NAMESPACE, OPERATOR_SERVICE_ACCOUNT, User};
