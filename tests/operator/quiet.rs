//! P10: with nothing to do, one read per resource and resync, and no request to Kubernetes but the watch, and every 30 s
//! whether the schema has changed.

use std::time::Instant;

use appconfig_emulator::Seed;
use harness::{Operator, Scene, is_ready, proxy};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn p10_idle_over_two_resyncs_is_one_read_each_and_no_request_to_kubernetes() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let names = ["one", "two", "three"];
    for name in names {
        let seed = Seed {
            definition: name.to_owned(),
            ..Seed::default()
        };
        let experiment = scene.emulator.seed(&seed).unwrap();
        scene.emulator.start_run(&experiment, 5.0).unwrap();
    }
    let _operator = Operator::start(&scene.flags().with("--resync-interval=4s").through(&proxy));
    for name in names {
        let spec = json!({ "experimentDefinitionIdentifier": name, "exposurePercentage": 5 });
        scene.apply(name, &spec).await;
    }
    for name in names {
        scene.wait(name, "ready", is_ready).await;
    }
    let (requests, began) = (proxy.requests().len(), Instant::now());
    let read = |name: &str| {
        scene
            .reads()
            .iter()
            .filter(|it| it.definition.as_deref() == Some(name))
            .count()
    };
    let before = names.map(read);
    // Two resyncs of the first have passed when it was read twice; its slot and those of the others are in between.
    scene
        .eventually("read twice more", async || read("one") >= before[0] + 2)
        .await;
    let reads: Vec<usize> = names
        .iter()
        .zip(before)
        .map(|(name, before)| read(name) - before)
        .collect();
    assert!(reads.iter().all(|reads| (1..=3).contains(reads)), "{reads:?}");
    let mut since: Vec<_> = proxy.requests().split_off(requests);
    let all = since.len();
    since.retain(|request| !request.path.starts_with("/openapi/v3/"));
    // A watch that begins anew asks for one more.
    let watches = u64::try_from(since.len()).unwrap();
    let allowed = began.elapsed().as_secs() / 30 + 1 + watches;
    assert!(u64::try_from(all - since.len()).unwrap() <= allowed, "{since:?}");
    assert!(since.iter().all(|request| request.verb == "watch"), "{since:?}");
    assert_eq!(scene.updates(), []);
}
