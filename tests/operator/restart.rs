//! P10: a restart with settled resources costs nothing at once, and later what any resync costs.

use std::{collections::BTreeSet, fmt::Write as _};

use appconfig_emulator::Seed;
use serde_json::json;

use crate::harness::{Operator, Scene, is_ready, kubectl, proxy};

/// How many resources there are.
const RESOURCES: usize = 200;
/// The resync interval after the restart, in seconds.
const INTERVAL: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn p10_a_restart_with_200_settled_resources_writes_nothing_and_spreads_its_reads() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let definition = |number: usize| format!("experiment-{number}");
    let mut manifests = String::new();
    for number in 0..RESOURCES {
        let definition = definition(number);
        let seed = Seed {
            definition: definition.clone(),
            ..Seed::default()
        };
        let experiment = scene.emulator.seed(&seed).unwrap();
        scene.emulator.start_run(&experiment, 5.0).unwrap();
        let spec = json!({ "experimentDefinitionIdentifier": definition, "exposurePercentage": 5 });
        writeln!(manifests, "---\n{}", scene.manifest(&definition, &spec)).unwrap();
    }
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.yaml", scene.namespace));
    std::fs::write(&file, manifests).unwrap();
    let applied = kubectl(&["apply", "--server-side", "-f", file.to_str().unwrap()]).await;
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    let rate = "--read-rate=50";
    let mut first = Operator::start(&scene.flags().with(rate).with("--resync-interval=24h"));
    for number in 0..RESOURCES {
        scene.wait(&definition(number), "ready", is_ready).await;
    }
    assert_eq!(first.stop().await.code(), Some(0));
    assert_eq!(scene.reads().len(), RESOURCES, "adopting is one read");
    let versions: usize = (0..RESOURCES)
        .map(|number| scene.versions(&definition(number)).len())
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
