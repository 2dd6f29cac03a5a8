//! Scenario 14: a namespace with a thousand changing resources beside one with a single one, and few file descriptors.

use std::time::Duration;

use appconfig_experiment_operator::api::ExperimentRun;
use control_plane::proxy::{Effect, Rule};
use harness::{ACTS, Operator, Scene, is_ready, proxy};
use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;

use crate::fleet::{all_ready, apply_all, seed_runs};

/// How many resources the crowd has.
const CROWD: usize = 1_000;
const FILE_DESCRIPTORS: u64 = 256;
/// Updates a second: the crowd's changes keep the operator busy for the better part of a minute.
const WRITE_RATE: usize = 20;
/// How many changes of the single resource are measured, alone and in the crowd.
const CHANGES: usize = 50;

/// A namespace with one resource, and one with a crowd whose runs are at the same `AppConfig`.
struct Neighbours {
    single: Scene,
    crowd: Scene,
}

/// What one change of the single resource met.
#[derive(Clone, Copy, Debug)]
struct Waited {
    /// From when its spec was seen to when it was seen to be Ready.
    time: Duration,
    /// How many updates of the crowd went before its own.
    updates_before: usize,
}

impl Neighbours {
    /// Raises the single resource and waits until it is Ready.
    async fn raise(&self, to: f64) -> Waited {
        let changed = self.single.apply("single", &json!({ "exposurePercentage": to })).await;
        let asked = Timestamp::now();
        let same = |run: &ExperimentRun| run.metadata.generation == changed.metadata.generation && is_ready(run);
        self.single.wait("single", "ready", same).await;
        let time = Timestamp::now().duration_since(asked).unsigned_abs();
        let updates = self.single.updates();
        let since = || updates.iter().filter(|update| update.arrived_at >= asked);
        let own = since().position(|update| update.body == json!({ "ExposurePercentage": to }));
        Waited {
            time,
            updates_before: own.unwrap_or_default(),
        }
    }

    /// Judges both as the one history that they are: the crowd's runs are at the `AppConfig` of the single resource.
    fn judge(&self) {
        let mut history = self.single.history();
        history.versions.extend(self.crowd.history().versions);
        history
            .versions
            .sort_by_key(|version| version.run.resource_version().and_then(|it| it.parse::<u64>().ok()));
        assert_eq!(promise_checker::check(&history), []);
    }

    /// How many updates of the crowd were sent.
    fn sent_for_crowd(&self) -> usize {
        let of_crowd = json!({ "ExposurePercentage": 90.0 });
        self.single
            .updates()
            .iter()
            .filter(|update| update.body == of_crowd)
            .count()
    }
}

/// The 99th percentile.
fn p99(waited: &[Waited]) -> Duration {
    let mut times: Vec<_> = waited.iter().map(|waited| waited.time).collect();
    times.sort();
    times[(times.len() * 99).div_ceil(100) - 1]
}

#[tokio::test(flavor = "multi_thread")]
async fn s14_1000_changing_resources_and_256_file_descriptors_starve_no_other_namespace() {
    let neighbours = Neighbours {
        single: Scene::new().await,
        crowd: Scene::new().await,
    };
    let (single, crowd) = (&neighbours.single, &neighbours.crowd);
    seed_runs(single, CROWD, 5.0);
    let flags = single
        .flags()
        .with(&format!("--namespace={}", crowd.namespace))
        .with("--read-rate=200");
    let proxy = proxy();
    let flags = flags.with(&format!("--write-rate={WRITE_RATE}")).through(&proxy);
    let operator = Operator::start(&flags);
    operator.limit_file_descriptors(FILE_DESCRIPTORS);
    operator.logged(ACTS).await;
    single.circumstances(|context| (context.read_rate, context.write_rate) = (200.0, 20.0));

    let mut alone = Vec::new();
    for change in 1..=CHANGES {
        alone.push(neighbours.raise(change_to(change)).await);
    }
    // The operator hears of all of them at the same moment, however long it takes to make them.
    let frozen = Rule::new("watch", "experimentruns", Effect::Freeze).namespace(&crowd.namespace);
    let frozen = proxy.add(frozen);
    apply_all(crowd, CROWD, 90.0).await;
    proxy.remove(frozen);
    let mut beside = Vec::new();
    // As long as the crowd keeps the operator busy.
    while beside.len() < CHANGES && neighbours.sent_for_crowd() < CROWD - 3 * WRITE_RATE {
        beside.push(neighbours.raise(change_to(CHANGES + 1 + beside.len())).await);
    }
    let (of_alone, of_beside) = (p99(&alone), p99(&beside));
    let most = beside.iter().map(|waited| waited.updates_before).max().unwrap();
    println!(
        "s14: p99 of {} changes alone {of_alone:.2?}, of {} beside {CROWD} {of_beside:.2?}, at most {most} updates went before",
        alone.len(),
        beside.len()
    );
    assert!(
        beside.len() >= CHANGES / 5,
        "only {} changes came while the crowd changed",
        beside.len()
    );
    // In time it is two seconds more than alone at most, which is printed for a person: on a busy machine it would be a
    // matter of luck. What starving is, is counted: without turns, it would wait for hundreds.
    assert!(most <= CROWD / 10, "{most} updates of the crowd went before");

    all_ready(crowd).await;
    assert_eq!(neighbours.sent_for_crowd(), CROWD, "each change is sent once");
    assert!(!operator.log().contains("Too many open files"));
    neighbours.judge();
}

/// What the n-th change raises the single resource to.
fn change_to(change: usize) -> f64 {
    f64::from(u32::try_from(change).unwrap()) / 2.0
}
