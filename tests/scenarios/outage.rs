//! Scenario 9: an outage of `AppConfig`. What is asked meanwhile stays under the cap, it is told once, and its end brings
//! no herd. Ten minutes of it are played in no time, with the operator's own schedule and rate limits on a clock of the
//! test's own; a shorter one is real.

use std::{sync::Arc, time::Duration};

use appconfig_emulator::Operation;
use appconfig_experiment_operator::{
    api::{ExperimentRun, ExperimentRunStatus},
    appconfig::{Endpoints, Rate, RateLimits, Unobserved},
    decide::{
        self, Evidence, Now, Owner, Resource,
        desired::{Defaults, Desired},
        memory::Memory,
        schedule::{BACKOFF_CEILING, Next},
        service_time::Untold,
    },
    fleet::Class,
    run::{Failure, FailureKind, Operation as Called},
};
use harness::{ACTS, Operator, Scene, condition_status, reason, refuse};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::fleet::{all_ready, apply_all, count_events_by_resource, most_within, seed_runs, wait_for_all};

/// How many resources the simulated outage meets.
const SIMULATED: usize = 200;
/// How many resources the real outage meets.
const RESOURCES: usize = 60;
/// Reads a second that the operator may send, and as many at once after a pause.
const READ_RATE: usize = 20;
const OUTAGE: Duration = Duration::from_mins(10);
const SERVICE_UNAVAILABLE: &str = "ServiceUnavailable";

/// What became of one resource in a simulated outage.
struct Endured {
    /// When it was read, since the outage began.
    reads: Vec<Duration>,
    /// The reasons of what was worth an Event.
    told: Vec<&'static str>,
}

/// Reads one resource again and again, as often as `decide` wants it, until `AppConfig` is there again.
async fn endure(number: u64, rates: RateLimits, began: Instant) -> Endured {
    let mut jitter = fastrand::Rng::with_seed(number);
    let defaults = Defaults {
        region: None,
        resync_interval: Duration::from_mins(10),
    };
    let spec = json!({
        "applicationIdentifier": "shop", "experimentDefinitionIdentifier": "search", "run": 1, "region": "eu-west-1",
        "exposurePercentage": 10
    });
    let desired = Desired::parse(&serde_json::from_value(spec).unwrap(), None, &defaults).unwrap();
    let ready = json!({
        "type": "Ready", "status": "True", "reason": "InSync", "message": "", "observedGeneration": 1,
        "lastTransitionTime": "2026-11-24T00:00:00Z"
    });
    let mut status: ExperimentRunStatus =
        serde_json::from_value(json!({ "observedGeneration": 1, "conditions": [ready] })).unwrap();
    let mut memory = Memory::from_status(&status, 1, Duration::ZERO);
    let uid = number.to_string();
    let mut endured = Endured {
        reads: vec![],
        told: vec![],
    };
    loop {
        rates.read(&desired.region, "namespace", Class::Change).await;
        let elapsed = began.elapsed();
        endured.reads.push(elapsed);
        if elapsed >= OUTAGE {
            return endured;
        }
        let local = "2026-11-24T00:00:00Z".parse::<Timestamp>().unwrap() + elapsed;
        let resource = Resource {
            uid: &uid,
            generation: 1,
            reconcile_requested_at: None,
            desired: Ok(&desired),
            status: &status,
            defaults: &defaults,
        };
        let now = Now {
            elapsed,
            local,
            service: Err(Untold::NoDate),
        };
        let decision = decide::decide(
            &resource,
            &memory,
            &Owner::Itself,
            &Evidence::ReadFailed(unavailable()),
            &now,
        );
        endured.told.extend(decision.events.iter().map(|event| event.reason));
        (memory, status) = (decision.memory, decision.status);
        let Next::Backoff(ceiling) = decision.next else {
            panic!("a failed read is followed by {:?}", decision.next);
        };
        sleep(ceiling.mul_f64(jitter.f64())).await;
    }
}

fn unavailable() -> Failure {
    Failure {
        kind: FailureKind::Unavailable,
        operation: Called::GetExperimentRun,
        code: None,
        status: Some(503),
        message: None,
        request_id: None,
        date: None,
        advice: None,
    }
}

#[tokio::test(start_paused = true)]
async fn s09_an_outage_of_ten_minutes_is_told_once_and_ends_without_a_herd() {
    let rate = Rate::per_second(20.0).unwrap();
    let aws = Endpoints::parse(None, false, false, false).unwrap();
    let rates = RateLimits::new(rate, rate, aws, Arc::new(Unobserved));
    let began = Instant::now();
    let mut passes = JoinSet::new();
    for number in 0..SIMULATED {
        passes.spawn(endure(u64::try_from(number).unwrap(), rates.clone(), began));
    }
    let all = passes.join_all().await;

    let mut reads: Vec<Duration> = all.iter().flat_map(|endured| endured.reads.clone()).collect();
    reads.sort();
    let within = |from: Duration, span: Duration| reads.iter().filter(|at| (from..from + span).contains(*at)).count();
    let second = Duration::from_secs(1);
    assert!(reads.iter().all(|from| within(*from, second) <= 2 * READ_RATE));
    // One burst, and then the rate: also while nothing is heard of the outage yet.
    assert!(within(Duration::ZERO, 10 * second) <= 11 * READ_RATE);
    // The last five minutes: what still comes then is a try per resource every two minutes or so.
    let last = within(OUTAGE / 2, OUTAGE / 2);
    assert!(
        (SIMULATED..6 * SIMULATED).contains(&last),
        "{last} reads in five minutes"
    );
    for endured in &all {
        assert_eq!(endured.told, [SERVICE_UNAVAILABLE], "one Event per resource and outage");
        assert!(*endured.reads.last().unwrap() <= OUTAGE + BACKOFF_CEILING + 10 * second);
    }
    // Those that come back are spread over the back-off that each had reached.
    let herd = reads
        .iter()
        .filter(|at| **at >= OUTAGE)
        .map(|from| within(*from, second))
        .max();
    assert!(herd.unwrap() <= READ_RATE / 2, "{herd:?} in one second");
    println!(
        "s09: {} reads of {SIMULATED} resources in the outage, {last} of them in its second half",
        reads.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s09_an_outage_met_by_many_changed_resources_stays_under_the_cap_and_is_told_once() {
    let scene = Scene::new().await;
    seed_runs(&scene, RESOURCES, 5.0);
    apply_all(&scene, RESOURCES, 5.0).await;
    let rate = format!("--read-rate={READ_RATE}");
    let operator = Operator::start(
        &scene
            .flags()
            .with(&rate)
            .with("--write-rate=50")
            .with("--resync-interval=24h"),
    );
    operator.logged(ACTS).await;
    scene.circumstances(|context| {
        context.resync_interval = SignedDuration::from_hours(24);
        context.write_rate = 50.0;
    });
    all_ready(&scene).await;
    let adopted = scene.reads().len();

    scene.always(Operation::GetExperimentRun, refuse(503, None, ""));
    apply_all(&scene, RESOURCES, 10.0).await;
    let doubtful =
        |run: &ExperimentRun| reason(run) == SERVICE_UNAVAILABLE && condition_status(run, "Ready") == Some("Unknown");
    wait_for_all(&scene, "in doubt", doubtful).await;
    // Until nobody is new to the outage any more: each has been tried four times, which takes about half a minute.
    let tried = || {
        let reads = scene.reads().split_off(adopted);
        let of = |name: &str| {
            reads
                .iter()
                .filter(|read| read.definition.as_deref() == Some(name))
                .count()
        };
        (0..RESOURCES).all(|number| of(&Scene::definition(number)) >= 4)
    };
    scene.eventually("tried four times", async || tried()).await;
    assert_eq!(scene.updates(), [], "no evidence, no action");
    scene.heal();
    all_ready(&scene).await;

    let (reads, second) = (scene.reads().split_off(adopted), Duration::from_secs(1));
    let (most, in_ten) = (most_within(second, &reads), most_within(10 * second, &reads));
    println!(
        "s09: {} reads, at most {most} in a second and {in_ten} in ten",
        reads.len()
    );
    // A burst after a pause, and the rate; requests that left in time can be late.
    assert!(in_ten <= 12 * READ_RATE, "{in_ten} reads in 10 s");
    assert_eq!(scene.committed(), RESOURCES, "each change is carried out once");
    assert_eq!(scene.updates().len(), RESOURCES);
    // An Event that an overloaded API server does not take is given up, and counted: no more may be missing.
    let told_to_each = async || {
        let given_up = operator.metrics().await["appconfig_operator_events_unpublished_total"];
        let told = count_events_by_resource(&scene, SERVICE_UNAVAILABLE).await;
        assert!(told.values().all(|times| *times == 1), "{told:?}");
        f64::from(u32::try_from(RESOURCES - told.len()).unwrap()) <= given_up
    };
    scene.eventually("told to each", told_to_each).await;
    scene.judge();
}
