//! Scenario 15: SIGTERM with a hundred passes in flight, half of them waiting for a read and half for an update's answer.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use appconfig_emulator::{Effect, Fault, Operation, RequestRecord};
use harness::{HOLDING, Operator, Scene};
use jiff::Timestamp;
use serde_json::json;

use crate::fleet::{all, all_ready, apply_all, seed_runs};

/// How many resources there are, each with a pass in flight.
const RESOURCES: usize = 120;
/// How many of them are held at their first read. The others come to their update.
const READING: usize = 60;
/// How long answers are held, in milliseconds: a little less than a read and an update live.
const HELD: (u64, u64) = (4_500, 2_500);
/// What a Pod has from SIGTERM to SIGKILL in `deploy/`.
const GRACE_PERIOD: Duration = Duration::from_secs(30);

/// Holds the answers of all updates, and of the reads of those resources that shall come no further.
fn hold_answers(scene: &Scene) {
    let hold = |operation, definition, milliseconds| Fault {
        definition,
        ..Fault::always(operation, Effect::DelayAfterCommitMs(milliseconds))
    };
    let read = |number| hold(Operation::GetExperimentRun, Some(Scene::definition(number)), HELD.0);
    let reads = (0..READING).map(read);
    let updates = hold(Operation::UpdateExperimentRun, None, HELD.1);
    scene.emulator.set_faults(reads.chain([updates]).collect()).unwrap();
}

/// Those that wait for their answer.
fn in_flight(requests: &[RequestRecord]) -> usize {
    requests.iter().filter(|request| request.answered_at.is_none()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn s15_sigterm_with_100_passes_in_flight_starts_nothing_and_loses_no_outcome() {
    let scene = Scene::with_lease().await;
    seed_runs(&scene, RESOURCES, 5.0);
    apply_all(&scene, RESOURCES, 10.0).await;
    hold_answers(&scene);
    let quick = |flag: &str| {
        scene
            .replica()
            .with("--read-rate=1000")
            .with("--write-rate=1000")
            .with(flag)
    };
    let mut operator = Operator::start(&quick("--concurrency=128"));
    operator.logged(HOLDING).await;
    scene.circumstances(|context| (context.read_rate, context.write_rate) = (1_000.0, 1_000.0));
    // Each has a pass of its own, and hardly one has come to its end. How many are at which step is not for the test to say.
    let busy = async || {
        let (reads, updates) = (in_flight(&scene.reads()), in_flight(&scene.updates()));
        updates >= 10 && reads >= READING / 2 && operator.passes().await <= 20
    };
    scene.eventually("busy with 100 passes", busy).await;

    let told = Instant::now();
    let ended = operator.stop().await;
    let took = told.elapsed();
    assert_eq!(ended.code(), Some(0), "{}", operator.log());
    assert!(took < GRACE_PERIOD, "{took:?}");
    assert_eq!(scene.holder().await, None, "the Lease is released");
    println!(
        "s15: {} updates sent, ended {took:.1?} after SIGTERM",
        scene.updates().len()
    );
    let line = operator.logged("stopping; no new update is sent").await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let stopping: Timestamp = line["timestamp"].as_str().unwrap().parse().unwrap();
    assert_nothing_started(&scene, stopping);
    assert_no_outcome_lost(&scene).await;

    scene.heal();
    let _successor = Operator::start(&quick("--concurrency=16"));
    all_ready(&scene).await;
    assert_eq!(
        (scene.updates().len(), scene.committed()),
        (RESOURCES, RESOURCES),
        "each change is sent once"
    );
    scene.judge();
}

/// Whatever was answered to those that were reading at the signal, no update came of it.
fn assert_nothing_started(scene: &Scene, stopping: Timestamp) {
    let updates = scene.updates();
    let sent: BTreeSet<_> = updates.iter().filter_map(|update| update.definition.clone()).collect();
    let reads = scene.reads();
    let reading = |read: &&RequestRecord| read.answered_at.is_none_or(|answered| answered > stopping);
    let reading: BTreeSet<_> = reads
        .iter()
        .filter(reading)
        .filter_map(|read| read.definition.clone())
        .collect();
    assert!(reading.len() >= READING / 3, "{} were reading", reading.len());
    let both: Vec<_> = reading.iter().filter(|name| sent.contains(*name)).collect();
    assert!(both.is_empty(), "updates of {both:?}");
}

/// Each update that was sent has its outcome in the status, or is still named there as pending.
async fn assert_no_outcome_lost(scene: &Scene) {
    let all = all(scene).await;
    for update in scene.updates() {
        let agent = update.user_agent.unwrap();
        let run = all.iter().find(|run| {
            let status = json!(run.status);
            status["experimentDefinitionId"] == json!(update.definition)
        });
        let status = json!(run.expect("a resource of that run").status);
        let pending = status["pendingUpdate"]["id"]
            .as_str()
            .is_some_and(|id| agent.ends_with(id));
        let recorded = status["pendingUpdate"].is_null() && status["exposurePercentage"] == 10.0;
        assert!(pending || recorded, "{status:#}");
    }
}
