//! From a brake's acknowledgement to the last request that leaves: 100 brakes, while everything is being raised.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use appconfig_emulator::{Effect as AppConfigEffect, Fault, Operation, RequestRecord};
use appconfig_experiment_operator::{appconfig::UPDATE_LIVES, pass::SendWindow};
use control_plane::proxy::{Effect, Rule};
use futures::{StreamExt as _, future::join_all, stream};
use harness::{ACTS, Operator, Scene, proxy};
use jiff::{SignedDuration, Timestamp};
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use tokio::time::sleep;

use crate::plugin::in_scene;

const BRAKES: usize = 100;
/// Each call pulls so many.
const TOGETHER: usize = 10;
/// How long each answer of the API server to a status write is held back: an update leaves as late as that after its fence.
const FENCE_TAKES: Duration = Duration::from_millis(800);
/// How long AppConfig thinks about an update.
const UPDATE_TAKES: u64 = 500;

/// Raises every resource, again and again, braked or not.
async fn raise_for_ever(scene: &Scene) {
    static ROUND: AtomicU32 = AtomicU32::new(1);
    loop {
        let round = ROUND.fetch_add(1, Ordering::Relaxed);
        let raises = (0..BRAKES).map(|number| async move {
            let patch = json!({"spec": {"exposurePercentage": 5.0 + 0.25 * f64::from(round)}});
            let (name, parameters) = (Scene::definition(number), PatchParams::default());
            scene
                .runs
                .patch(&name, &parameters, &Patch::Merge(&patch))
                .await
                .unwrap();
        });
        stream::iter(raises).buffer_unordered(8).collect::<()>().await;
        sleep(Duration::from_millis(300)).await;
    }
}

/// When each resource's brake was acknowledged.
async fn pull_all(scene: &Scene) -> BTreeMap<String, Timestamp> {
    let calls = (0..BRAKES / TOGETHER).map(|call| async move {
        // Spread over what goes on, and each when an update is about to leave: kubectl starts while its fence is answered.
        sleep(Duration::from_secs(1) * u32::try_from(call).unwrap()).await;
        let names: Vec<String> = (0..TOGETHER)
            .map(|number| Scene::definition(call * TOGETHER + number))
            .collect();
        let is_pending = |name: &String| {
            let status = scene.newest(name).and_then(|run| run.status);
            status.is_some_and(|status| status.pending_update.is_some())
        };
        scene
            .eventually("that an update is about to leave", async || {
                names.iter().any(is_pending)
            })
            .await;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let flags = ["--reason", "measured", "--yes", "-o", "json", "--timeout", "60s"];
        let called = in_scene(scene, &[&["brake"], &names[..], &flags].concat()).await;
        assert_eq!(called.code, 0, "{called:?}");
        let lines = called.lines();
        assert!(lines.iter().all(|line| line["holds"] == true), "{called:?}");
        let of_line = |line: serde_json::Value| {
            let at = line["acknowledgedAt"].as_str().unwrap().parse::<Timestamp>().unwrap();
            (line["name"].as_str().unwrap().to_owned(), at)
        };
        lines.into_iter().map(of_line).collect::<Vec<_>>()
    });
    join_all(calls).await.into_iter().flatten().collect()
}

/// How long after its acknowledgement each update of a resource left, and had its answer.
#[derive(Default)]
struct Late {
    starts: Vec<SignedDuration>,
    ends: Vec<SignedDuration>,
}

impl Late {
    async fn measure(&mut self, scene: &Scene, acknowledged: &BTreeMap<String, Timestamp>) {
        let updates = scene.updates();
        for run in scene.runs.list(&ListParams::default()).await.unwrap().items {
            let at = acknowledged[run.metadata.name.as_ref().unwrap()];
            let id = run.status.unwrap().experiment_definition_id;
            let of_run = |update: &&RequestRecord| update.definition == id && update.arrived_at > at;
            for update in updates.iter().filter(of_run) {
                self.starts.push(update.arrived_at.duration_since(at));
                let end = update.answered_at.unwrap_or(update.arrived_at);
                self.ends.push(end.duration_since(at));
            }
        }
    }
}

fn longest(lengths: &[SignedDuration]) -> f64 {
    lengths.iter().max().map_or(0.0, SignedDuration::as_secs_f64)
}

/// Pulls all brakes while everything is being raised, and waits until nothing can be under way any more.
async fn brake_under_load(scene: &Scene) -> BTreeMap<String, Timestamp> {
    let sent = scene.updates().len();
    let braked = async {
        let flows = async || scene.updates().len() > sent + BRAKES / 2;
        scene.eventually("that updates leave", flows).await;
        let acknowledged = pull_all(scene).await;
        sleep(SendWindow::LENGTH + UPDATE_LIVES).await;
        acknowledged
    };
    tokio::select! {
        () = raise_for_ever(scene) => unreachable!("it goes on"),
        acknowledged = braked => acknowledged,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_no_request_leaves_later_after_100_brakes_than_the_plugin_says() {
    let (scene, proxy) = (Scene::new().await, proxy());
    scene.apply_many(BRAKES).await;
    let flags = scene
        .flags()
        .with("--read-rate=500")
        .with("--write-rate=500")
        .with("--concurrency=128");
    let operator = Operator::start(&flags.through(&proxy));
    operator.logged(ACTS).await;
    proxy.add(Rule::new(
        "patch",
        "experimentruns/status",
        Effect::DelayAnswer(FENCE_TAKES),
    ));
    let slow = Fault::always(
        Operation::UpdateExperimentRun,
        AppConfigEffect::DelayBeforeCommitMs(UPDATE_TAKES),
    );
    scene.emulator.set_faults(vec![slow]).unwrap();

    let (mut late, mut brakes) = (Late::default(), 0);
    // On a machine that is busy, all brakes of a round may come when no update is about to leave.
    while brakes == 0 || (late.starts.is_empty() && brakes < 3 * BRAKES) {
        if brakes > 0 {
            let released = in_scene(&scene, &["release", "--all", "--yes"]).await;
            assert_eq!(released.code, 0, "{released:?}");
        }
        let acknowledged = brake_under_load(&scene).await;
        brakes += acknowledged.len();
        late.measure(&scene, &acknowledged).await;
    }
    println!(
        "{brakes} brakes while {} updates were sent: {} left after the acknowledgement, the last one {:.2} s after it (bound {} s), \
         and the last answer came {:.2} s after it (bound {} s)",
        scene.updates().len(),
        late.starts.len(),
        longest(&late.starts),
        SendWindow::LENGTH.as_secs(),
        longest(&late.ends),
        (SendWindow::LENGTH + UPDATE_LIVES).as_secs(),
    );
    assert!(
        !late.starts.is_empty(),
        "no brake has met an update that was about to leave: nothing is measured"
    );
    assert!(longest(&late.starts) < SendWindow::LENGTH.as_secs_f64());
    assert!(longest(&late.ends) < (SendWindow::LENGTH + UPDATE_LIVES).as_secs_f64());
}
