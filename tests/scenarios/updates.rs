//! What updates ask for, and what resources tell of them.

use appconfig_experiment_operator::api::ExperimentRun;
use control_plane::proxy::Proxy;
use serde_json::{Value, json};

use crate::harness::{Scene, condition_status, reason};

/// The body of an update that raises exposure.
pub fn raise(to: f64) -> Value {
    json!({ "ExposurePercentage": to })
}

/// Whether the resource says that the outcome of an update is not known.
pub fn is_unknown(run: &ExperimentRun) -> bool {
    reason(run) == "OutcomeUnknown" && condition_status(run, "Ready") == Some("Unknown")
}

/// The live exposure that the status tells.
pub fn exposure(run: &ExperimentRun) -> Option<f32> {
    Some(run.status.as_ref()?.exposure_percentage?.percentage())
}

/// Whether the status names an update that is not settled.
pub fn is_pending(run: &ExperimentRun) -> bool {
    let status = run.status.as_ref();
    status.is_some_and(|status| status.pending_update.is_some())
}

/// How many status writes the API server has refused because they rest on an old version.
pub fn conflicts(proxy: &Proxy) -> usize {
    let requests = proxy.requests().into_iter();
    let refused = |verb: &str, status: Option<u16>| verb == "patch" && status == Some(409);
    requests.filter(|it| refused(it.verb, it.status)).count()
}

impl Scene {
    /// What Ready has said since the resource was made, without repetitions.
    pub fn ready_statuses(&self, name: &str) -> Vec<String> {
        let versions = self.versions(name);
        let statuses = versions.iter().filter_map(|run| condition_status(run, "Ready"));
        let mut statuses: Vec<_> = statuses.map(str::to_owned).collect();
        statuses.dedup();
        statuses
    }

    /// Whether Ready has ever been True.
    pub fn was_ready(&self, name: &str) -> bool {
        self.ready_statuses(name).iter().any(|status| status == "True")
    }

    /// `AppConfig` carried out one update, which raised to this, and there was no other; nor was one announced.
    pub fn sent_only(&self, to: f64) {
        let updates = self.updates();
        assert_eq!(crate::harness::bodies(&updates), [raise(to)]);
        assert!(updates[0].committed && updates[0].changed, "{updates:?}");
        assert_eq!(self.fences("run"), 1);
    }
}
