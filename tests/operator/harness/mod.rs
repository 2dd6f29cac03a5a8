//! What every journey needs: a namespace of its own on the shared control plane, an emulator of its own, and operators.

mod cluster;
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

pub use cluster::{administrator, control_plane, kubectl};
pub use faults::{copied, raw, refuse};
pub use forwarder::Forwarder;
pub use journey::{bodies, message};
pub use operator::{Flags, Operator};
pub use proxied::proxy;
pub use replicas::{ACTS, HOLDING, NAME};
pub use resource::{condition, condition_status, is_ready, is_stalled, last_error, reason};
pub use scene::{CANARY, DEADLINE, Scene};
