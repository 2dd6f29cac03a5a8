//! Scenario 3: a resource is deleted and made anew under its name while the watch is frozen.

use appconfig_emulator::{Operation, Release, Stage};
use appconfig_experiment_operator::api::ExperimentRun;
use control_plane::proxy::{Effect, Proxy, Rule};
use harness::{Operator, Scene, bodies, condition_status, is_ready, is_stalled, proxy};
use serde_json::{Value, json};

use crate::updates::{conflicts, is_unknown, raise, throttled_with_an_update};

fn overrides(inline: &Value) -> Value {
    json!({ "TreatmentOverrides": { "Inline": inline } })
}

/// Behind a frozen watch, the resource is deleted and a namesake made. The operator hears of it after a pass over the
/// one that is gone: it has at least read for it.
async fn replaced(scene: &Scene, proxy: &Proxy, spec: &Value) -> ExperimentRun {
    let frozen = proxy.add(Rule::new("watch", "experimentruns", Effect::Freeze));
    // The last read for the deleted one may come as soon as it is deleted.
    let reads = scene.reads().len();
    scene.delete("run").await;
    let namesake = scene.apply("run", spec).await;
    scene
        .eventually("read for the deleted one", async || scene.reads().len() > reads)
        .await;
    proxy.remove(frozen);
    namesake
}

/// Every version of the namesake.
fn versions_of(scene: &Scene, namesake: &ExperimentRun) -> Vec<ExperimentRun> {
    let mut versions = scene.versions("run");
    versions.retain(|run| run.metadata.uid == namesake.metadata.uid);
    versions
}

fn ready(run: &ExperimentRun) -> bool {
    condition_status(run, "Ready") == Some("True")
}

#[tokio::test(flavor = "multi_thread")]
async fn s03_a_namesake_sends_nothing_while_a_raise_of_the_deleted_resource_is_pending() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let update = scene
        .emulator
        .hold(Operation::UpdateExperimentRun, 0, Stage::BeforeCommit);
    let _operator = Operator::start(&scene.flags().through(&proxy));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.wait("run", "in doubt", is_unknown).await;
    let namesake = replaced(&scene, &proxy, &json!({ "exposurePercentage": 10 })).await;
    let of_namesake = |run: &ExperimentRun| run.metadata.uid == namesake.metadata.uid;
    scene
        .wait("run", "in doubt", |run| of_namesake(run) && is_unknown(run))
        .await;
    update.release(Release::GoOn);
    let above = |run: &ExperimentRun| of_namesake(run) && is_stalled(run, "ExposureAboveDesired");
    scene.wait("run", "above what is desired", above).await;
    scene.pass("run").await;
    assert_eq!(bodies(&scene.updates()), [raise(25.0)]);
    assert!(!versions_of(&scene, &namesake).iter().any(ready));
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn s03_a_namesake_that_wants_no_overrides_is_not_ready_while_others_are_pending() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let update = scene
        .emulator
        .hold(Operation::UpdateExperimentRun, 0, Stage::BeforeCommit);
    let _operator = Operator::start(&scene.flags().through(&proxy));
    let spec = |inline: &Value| json!({ "treatmentOverrides": { "inline": inline } });
    let wanted_before = json!({ "qa-bob": "t1" });
    scene.apply("run", &spec(&wanted_before)).await;
    scene.wait("run", "in doubt", is_unknown).await;
    // It asks for what is live already, at the generation that the pending update was of.
    let namesake = replaced(&scene, &proxy, &spec(&json!({}))).await;
    let of_namesake = |run: &ExperimentRun| run.metadata.uid == namesake.metadata.uid;
    scene
        .wait("run", "in doubt", |run| of_namesake(run) && is_unknown(run))
        .await;
    scene.pass("run").await;
    assert!(!versions_of(&scene, &namesake).iter().any(ready));
    update.release(Release::GoOn);
    scene
        .wait("run", "ready", |run| of_namesake(run) && is_ready(run))
        .await;
    let sent = [overrides(&wanted_before), overrides(&json!({}))];
    assert_eq!(bodies(&scene.updates()), sent);
    assert_eq!(scene.live()["TreatmentOverrides"], Value::Null);
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn s03_overrides_of_a_deleted_resource_are_not_sent_for_a_namesake_with_others() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let _operator = Operator::start(&scene.flags().through(&proxy));
    let (first, second) = (json!({ "qa-bob": "t1" }), json!({ "qa-alice": "t2" }));
    let spec = |inline: &Value| json!({ "treatmentOverrides": { "inline": inline } });
    throttled_with_an_update(&scene, &spec(&first)).await;
    let frozen = proxy.add(Rule::new("watch", "experimentruns", Effect::Freeze));
    let before = conflicts(&proxy);
    scene.delete("run").await;
    scene.apply("run", &spec(&second)).await;
    scene.heal();
    // The back-off fires for the one that is deleted.
    scene
        .eventually("refused a fence", async || conflicts(&proxy) > before)
        .await;
    proxy.remove(frozen);
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(bodies(&scene.updates()), [overrides(&first), overrides(&second)]);
    assert_eq!(scene.live()["TreatmentOverrides"]["Inline"], second);
    scene.judge();
}
