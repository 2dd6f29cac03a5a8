//! What updates ask for, and what resources tell of them.

use appconfig_emulator::{Effect, Operation, RefuseWith, Release, Stage};
use appconfig_experiment_operator::api::ExperimentRun;
use control_plane::proxy::Proxy;
use harness::{Scene, bodies, condition_status, reason};
use serde_json::{Value, json};

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

/// What Ready has said since the resource was made, without repetitions.
pub fn ready_statuses(scene: &Scene, name: &str) -> Vec<String> {
    let versions = scene.versions(name);
    let statuses = versions.iter().filter_map(|run| condition_status(run, "Ready"));
    let mut statuses: Vec<_> = statuses.map(str::to_owned).collect();
    statuses.dedup();
    statuses
}

/// Whether Ready has ever been True.
pub fn was_ready(scene: &Scene, name: &str) -> bool {
    ready_statuses(scene, name).iter().any(|status| status == "True")
}

/// `AppConfig` carried out one update, which raised to this, and there was no other; nor was one announced.
pub fn sent_only(scene: &Scene, to: f64) {
    let updates = scene.updates();
    assert_eq!(bodies(&updates), [raise(to)]);
    assert!(updates[0].committed && updates[0].changed, "{updates:?}");
    announced_no_more(scene);
}

/// No update was announced after the last that arrived. One before it may have been, and not have been sent because
/// its fence was acknowledged late.
pub fn announced_no_more(scene: &Scene) {
    let (updates, versions) = (scene.updates(), scene.versions("run"));
    let agent = updates.last().and_then(|update| update.user_agent.as_deref()).unwrap();
    let pending = |run: &ExperimentRun| Some(run.status.as_ref()?.pending_update.as_ref()?.id.clone());
    let announced = versions.iter().rev().find_map(pending).unwrap();
    assert!(agent.contains(&announced), "{announced} was announced after {agent}");
}

/// The first update is throttled, and from then on every read, so that no other is sent until [`Scene::heal`]. It
/// waits until the resource says no more than it has said.
pub async fn throttled_with_an_update(scene: &Scene, spec: &Value) {
    let throttled = || RefuseWith {
        status: 429,
        code: Some("TooManyRequestsException".to_owned()),
        message: "slow down".to_owned(),
    };
    let update = scene
        .emulator
        .hold(Operation::UpdateExperimentRun, 0, Stage::BeforeCommit);
    scene.apply("run", spec).await;
    update.reached().await;
    scene.always(Operation::GetExperimentRun, Effect::Refuse(throttled()));
    update.release(Release::Refuse(throttled()));
    // The third failure in a row is the last that a status tells of.
    let doubted = |run: &ExperimentRun| condition_status(run, "Ready") == Some("Unknown");
    scene
        .wait("run", "throttled", |run| reason(run) == "Throttled" && doubted(run))
        .await;
}
