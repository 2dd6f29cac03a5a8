//! Scenario 16: fences that are acknowledged late, or many at once.

use std::time::Duration;

use appconfig_emulator::RequestRecord;
use control_plane::proxy::{Effect, Gate, Release, Rule, Stage};
use harness::{ACTS, Operator, Scene, bodies, is_ready, proxy};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    fleet::{all_ready, apply_all, seed_runs},
    updates::{is_pending, raise},
};

const STATUS: &str = "experimentruns/status";
/// As many as there are passes at a time. Five updates leave in a second.
const RESOURCES: usize = 16;
/// How long after its fence an update may still arrive: 2 s until it leaves, 3 s on its way.
const AUTHORISED_FOR: SignedDuration = SignedDuration::from_secs(5);

/// When the watch told of the version that announced an update.
fn announced_at(scene: &Scene, update: &RequestRecord) -> Timestamp {
    let agent = update.user_agent.as_deref().unwrap();
    let versions = scene.history().versions;
    let announces = |version: &&promise_checker::Version| {
        let status = version.run.status.as_ref();
        let pending = status.and_then(|status| status.pending_update.as_ref());
        pending.is_some_and(|pending| agent.contains(&pending.id))
    };
    versions.iter().find(announces).expect("a fence").seen_at
}

/// Every update arrived while its fence authorised it, and each resource had one.
fn each_was_sent_once_in_time(scene: &Scene) {
    let updates = scene.updates();
    assert_eq!((updates.len(), scene.committed()), (RESOURCES, RESOURCES));
    for update in &updates {
        let after = update.arrived_at.duration_since(announced_at(scene, update));
        assert!(after <= AUTHORISED_FOR, "{after} after its fence: {update:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_a_fence_acknowledged_after_9_s_sends_nothing_that_was_lowered_meanwhile() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let late = Effect::DelayAnswer(Duration::from_secs(9));
    proxy.add(Rule::new("patch", STATUS, late).times(1));
    let _operator = Operator::start(&scene.flags().through(&proxy));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.wait("run", "pending", is_pending).await;
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    scene.wait("run", "ready", is_ready).await;
    scene.pass("run").await;
    assert_eq!(bodies(&scene.updates()), [raise(5.0)]);
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_16_resources_that_change_at_once_are_updated_in_time_at_5_updates_a_second() {
    let (scene, proxy) = (Scene::new().await, proxy());
    seed_runs(&scene, RESOURCES, 5.0);
    apply_all(&scene, RESOURCES, 5.0).await;
    let operator = Operator::start(&scene.flags().through(&proxy));
    operator.logged(ACTS).await;
    all_ready(&scene).await;
    let frozen = proxy.add(Rule::new("watch", "experimentruns", Effect::Freeze));
    apply_all(&scene, RESOURCES, 25.0).await;
    proxy.remove(frozen);
    all_ready(&scene).await;
    each_was_sent_once_in_time(&scene);
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_16_fences_acknowledged_at_once_are_each_followed_in_time_or_not_at_all() {
    let (scene, proxy) = (Scene::new().await, proxy());
    seed_runs(&scene, RESOURCES, 5.0);
    apply_all(&scene, RESOURCES, 5.0).await;
    let operator = Operator::start(&scene.flags().through(&proxy));
    operator.logged(ACTS).await;
    all_ready(&scene).await;
    let gate = Gate::new(Stage::Answer);
    proxy.add(Rule::new("patch", STATUS, Effect::Hold(gate.clone())));
    let fenced = || {
        let requests = proxy.requests().into_iter();
        requests.filter(|it| it.full_resource() == STATUS).count()
    };
    let before = fenced();
    let frozen = proxy.add(Rule::new("watch", "experimentruns", Effect::Freeze));
    apply_all(&scene, RESOURCES, 25.0).await;
    proxy.remove(frozen);
    // The last of them comes 2 s after the first, whose time is all but over.
    scene
        .eventually("fenced", async || fenced() >= before + RESOURCES)
        .await;
    gate.release(Release::GoOn);
    all_ready(&scene).await;
    each_was_sent_once_in_time(&scene);
    scene.judge();
}
