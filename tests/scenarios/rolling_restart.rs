//! Scenario 12, first half: both replicas are replaced, one after the other, while resources change all the time.

use std::sync::atomic::{AtomicBool, Ordering};

use appconfig_experiment_operator::api::ExperimentRun;
use harness::{Flags, HOLDING, Operator, Scene, is_ready};
use serde_json::json;

use crate::fleet::{all_ready, apply_all, seed_runs, wait_for_all};

/// How many resources change all the time.
const RESOURCES: usize = 10;

/// Raises each resource again and again, until told to stop; gives what each was raised to in the end, in
/// hundredths of a percent.
pub async fn raise_while(scene: &Scene, going_on: &AtomicBool) -> u32 {
    let mut hundredths = 500;
    while going_on.load(Ordering::Relaxed) {
        hundredths += 1;
        let sent = scene.updates().len();
        apply_all(scene, RESOURCES, f64::from(hundredths) / 100.0).await;
        // As fast as somebody acts upon it: more would only keep the API server busy.
        let acted_upon = || scene.updates().len() > sent || !going_on.load(Ordering::Relaxed);
        scene.eventually("acted upon", async || acted_upon()).await;
    }
    hundredths
}

/// Makes as many resources as [`raise_while`] raises.
pub async fn make_those_that_rise(scene: &Scene) {
    seed_runs(scene, RESOURCES, 0.0);
    apply_all(scene, RESOURCES, 5.0).await;
}

/// The flags of a replica that sends more than by default.
pub fn busy_replica(scene: &Scene) -> Flags {
    scene.circumstances(|context| (context.read_rate, context.write_rate) = (100.0, 20.0));
    scene.replica().with("--read-rate=100").with("--write-rate=20")
}

/// Whether a resource is Ready at this exposure, in hundredths of a percent.
pub fn is_at(hundredths: u32) -> impl Fn(&ExperimentRun) -> bool {
    move |run| {
        let live = json!(run.status)["exposurePercentage"].as_f64().unwrap_or_default();
        is_ready(run) && (live * 100.0 - f64::from(hundredths)).abs() < 0.1
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s12_a_rolling_restart_under_load_sends_each_change_at_most_once() {
    let scene = Scene::with_lease().await;
    make_those_that_rise(&scene).await;
    let mut first = Operator::start(&busy_replica(&scene));
    first.logged(HOLDING).await;
    let mut second = Operator::start(&busy_replica(&scene));
    all_ready(&scene).await;

    let going_on = AtomicBool::new(true);
    let replaced = async {
        let so_far = || scene.updates().len();
        let started = so_far();
        scene
            .eventually("under way", async || so_far() >= started + RESOURCES)
            .await;
        assert_eq!(first.stop().await.code(), Some(0), "{}", first.log());
        // Only then the next one, which might take the free Lease before the one that has waited for it.
        second.logged(HOLDING).await;
        let third = Operator::start(&busy_replica(&scene));
        let taken_over = so_far();
        scene
            .eventually("gone on with", async || so_far() >= taken_over + RESOURCES)
            .await;
        assert_eq!(second.stop().await.code(), Some(0), "{}", second.log());
        third.logged(HOLDING).await;
        let taken_over = so_far();
        scene
            .eventually("gone on with", async || so_far() >= taken_over + RESOURCES)
            .await;
        going_on.store(false, Ordering::Relaxed);
        third
    };
    let (hundredths, _third) = tokio::join!(raise_while(&scene, &going_on), replaced);
    wait_for_all(&scene, "at the last exposure", is_at(hundredths)).await;

    let updates = scene.updates();
    let useless = updates
        .iter()
        .filter(|update| update.committed && !update.changed)
        .count();
    println!(
        "s12: {} updates of {RESOURCES} resources by three replicas",
        updates.len()
    );
    assert_eq!(useless, 0, "an update that changed nothing was sent a second time");
    // None is refused either: a value that is not above the live one was sent before, or by another replica.
    assert!(updates.iter().all(|update| update.committed), "{updates:?}");
    scene.judge();
}
