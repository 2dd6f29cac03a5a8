//! The charts of `deploy/charts`, by the real Helm: what they render, what they refuse, and what becomes of a cluster.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod adoption;
mod helm;
mod install;
mod kube_score;
mod registry;
mod rendered;
mod replica;
mod rollback;
mod values;

/// The release of the kinds, wherever a test installs them.
const KINDS: &str = "appconfig-experiment-operator-crds";
/// The release and the namespace that have the names of `deploy/`.
const NAME: &str = "appconfig-experiment-operator";
/// The root of the repository.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// The chart of the kinds.
const CRDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/charts/crds");
/// The chart of all else.
const OPERATOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/charts/operator");
