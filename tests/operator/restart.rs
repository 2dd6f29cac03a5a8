//! P10: a restart with settled resources costs nothing at once, and later what any resync costs.

use std::collections::BTreeSet;

use harness::{Operator, Scene, is_ready, proxy};

/// How many resources there are.
const RESOURCES: usize = 200;
/// The resync interval after the restart, in seconds.
const INTERVAL: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn p10_a_restart_with_200_settled_resources_writes_nothing_and_spreads_its_reads() {
    let (scene, proxy) = (Scene::new().await, proxy());
    scene.apply_many(RESOURCES).await;
    let rate = "--read-rate=50";
    let mut first = Operator::start(&scene.flags().with(rate).with("--resync-interval=24h"));
    for number in 0..RESOURCES {
        scene.wait(&Scene::definition(number), "ready", is_ready).await;
    }
    assert_eq!(first.stop().await.code(), Some(0));
    assert_eq!(scene.reads().len(), RESOURCES, "adopting is one read");
    let versions: usize = (0..RESOURCES)
        .map(|number| scene.versions(&Scene::definition(number)).len())
        .sum();
    assert_eq!(versions, 2 * RESOURCES, "adopting is one status write");

    scene.emulator.clear_requests();
    let interval = format!("--resync-interval={INTERVAL}s");
    let second = Operator::start(&scene.flags().with(rate).with(&interval).through(&proxy));
    second.logged("acts from now on").await;
    let read = || -> BTreeSet<_> { scene.reads().into_iter().filter_map(|read| read.definition).collect() };
    scene
        .eventually("all read once more", async || read().len() == RESOURCES)
        .await;
    let began = scene.reads()[0].arrived_at;
    let mut quarters = [0_usize; 4];
    for read in scene.reads().iter().take(RESOURCES) {
        let after = read.arrived_at.duration_since(began).as_millis();
        let quarter = usize::try_from(after).unwrap() * 4 / (INTERVAL * 1_000);
        quarters[quarter.min(3)] += 1;
    }
    assert!(quarters.iter().all(|reads| *reads >= RESOURCES / 10), "{quarters:?}");
    assert_eq!(scene.updates(), []);
    let writes: Vec<_> = proxy
        .requests()
        .into_iter()
        .filter(|request| !["get", "list", "watch"].contains(&request.verb))
        .collect();
    assert!(writes.is_empty(), "{writes:?}");
}
