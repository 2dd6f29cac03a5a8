//! Until when a request of the operator may start and live after the API server has acknowledged the brake (P1).

use std::time::Duration;

use appconfig_experiment_operator::{appconfig::UPDATE_LIVES, pass::SendWindow};

/// No request starts later than this: a fence that the API server took before the brake was sent before it, and its update
/// leaves within this time or not at all.
pub(crate) const LAST_START: Duration = SendWindow::LENGTH;
/// No request lives longer than this: the last one that may start is given up after its own time.
pub(crate) const LAST_END: Duration = Duration::from_secs(LAST_START.as_secs() + UPDATE_LIVES.as_secs());

/// The promise, in one sentence.
pub(crate) fn promise() -> String {
    format!(
        "acknowledged; no request starts after {} s and none lives after {} s, whether or not the operator runs",
        LAST_START.as_secs(),
        LAST_END.as_secs()
    )
}

/// What it does not cover.
pub(crate) const LIMITS: [&str; 2] = [
    "what the network delivers late, and a process that is frozen between its last check and the socket, can't be excluded",
    "nothing is taken back: a deployment that has started goes on, and only stopping the run in AWS ends the exposure",
];
