//! Many resources at once, each of a run of its own: made, changed and waited for in bulk.

use std::{collections::BTreeMap, time::Duration};

use appconfig_emulator::{RequestRecord, Seed};
use appconfig_experiment_operator::api::ExperimentRun;
use futures::{StreamExt, stream};
use harness::{DEADLINE, Scene, is_ready};
use k8s_openapi::api::events::v1::Event;
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// How many writes of a test are under way at a time. More would only queue up at the API server.
const AT_A_TIME: usize = 8;

/// A run at this exposure for each of so many resources, which are not there yet.
pub fn seed_runs(scene: &Scene, count: usize, exposure: f32) {
    for definition in (0..count).map(Scene::definition) {
        let seed = Seed {
            definition,
            ..Seed::default()
        };
        let experiment = scene.emulator.seed(&seed).unwrap();
        scene.emulator.start_run(&experiment, exposure).unwrap();
    }
}

/// Makes or changes so many resources to ask for an exposure. Unlike [`Scene::apply`], it doesn't wait for the watch.
pub async fn apply_all(scene: &Scene, count: usize, exposure: f64) {
    let applied = (0..count).map(|number| {
        let name = Scene::definition(number);
        let spec = json!({ "experimentDefinitionIdentifier": name, "exposurePercentage": exposure });
        let manifest: Value = scene.manifest(&name, &spec);
        async move {
            let parameters = PatchParams::apply("gitops").force();
            scene
                .runs
                .patch(&name, &parameters, &Patch::Apply(manifest))
                .await
                .unwrap();
        }
    });
    stream::iter(applied).buffer_unordered(AT_A_TIME).collect::<()>().await;
}

/// Every resource as the API server has it.
pub async fn all(scene: &Scene) -> Vec<ExperimentRun> {
    scene.runs.list(&ListParams::default()).await.unwrap().items
}

/// Waits until every resource is as asked. It asks for all of them at once, and so not often.
pub async fn wait_for_all(scene: &Scene, what: &str, is: impl Fn(&ExperimentRun) -> bool) -> Vec<ExperimentRun> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let all = all(scene).await;
        let Some(other) = all.iter().find(|run| !is(run)) else {
            // What is judged next is what the watch has told.
            for run in &all {
                scene.caught_up(run.clone()).await;
            }
            return all;
        };
        let status = json!(other.status);
        assert!(
            Instant::now() < deadline,
            "not all came to be {what}; one is {status:#}"
        );
        sleep(Duration::from_millis(200)).await;
    }
}

/// How many Events of a reason each resource has that has any.
pub async fn count_events_by_resource(scene: &Scene, reason: &str) -> BTreeMap<String, usize> {
    let api: Api<Event> = Api::namespaced(scene.client.clone(), &scene.namespace);
    let mut told = BTreeMap::new();
    for event in api.list(&ListParams::default()).await.unwrap() {
        if event.reason.as_deref() == Some(reason) {
            *told.entry(event.regarding.and_then(|it| it.name).unwrap()).or_default() += 1;
        }
    }
    told
}

/// Waits until every resource is Ready.
pub async fn all_ready(scene: &Scene) -> Vec<ExperimentRun> {
    wait_for_all(scene, "ready", is_ready).await
}

/// The most of these requests that arrived within any one span of time.
pub fn most_within(span: Duration, requests: &[RequestRecord]) -> usize {
    let arrivals = |from: &RequestRecord| {
        let within = requests.iter().filter(|it| it.arrived_at >= from.arrived_at);
        within.take_while(|it| it.arrived_at < from.arrived_at + span).count()
    };
    requests.iter().map(arrivals).max().unwrap_or_default()
}
