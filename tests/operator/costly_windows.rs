//! Windows that cost as much to search as any can (P12): nobody else waits for them.

use std::time::Duration;

use appconfig_emulator::Seed;
use appconfig_experiment_operator::api::ExperimentRun;
use harness::{ACTS, NAME, Operator, Scene, condition_status, is_ready, message, reason};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

/// As many as there are passes at a time.
const COSTLY: usize = 16;
/// How late a raise may be beside them.
const IN_TIME: SignedDuration = SignedDuration::from_secs(5);

/// One that is open at every minute, eighteen that hardly ever are, and one that denies nearly all of the time.
fn costly() -> Value {
    let window = |kind: &str, schedule: &str, duration: &str| json!({"kind": kind, "schedule": schedule, "duration": duration, "timeZone": "Europe/Berlin"});
    let mut windows = vec![
        window("Allow", "* * * * *", "1m"),
        window("Deny", "*/2 * * * *", "1m55s"),
    ];
    windows.extend((0..18).map(|_| window("Allow", "0 0 29 2 *", "1m")));
    Value::from(windows)
}

async fn apply_costly(scene: &Scene) {
    for definition in (0..COSTLY).map(Scene::definition) {
        let seed = Seed {
            definition: definition.clone(),
            ..Seed::default()
        };
        let experiment = scene.emulator.seed(&seed).expect("an experiment");
        scene.emulator.start_run(&experiment, 5.0).expect("a run");
        let spec = json!({
            "experimentDefinitionIdentifier": definition, "exposurePercentage": 50, "ramp": {"windows": costly()},
        });
        scene.apply(&definition, &spec).await;
    }
}

/// When the Lease was renewed last.
async fn renewed(scene: &Scene) -> Timestamp {
    let leases: Api<Lease> = Api::namespaced(scene.client.clone(), &scene.namespace);
    let lease = leases.get(NAME).await.expect("the Lease is there");
    lease.spec.and_then(|spec| spec.renew_time).expect("it is held").0
}

/// Every one of them is decided upon again and again.
async fn ask_again_and_again(scene: &Scene) {
    for round in 0.. {
        for name in (0..COSTLY).map(Scene::definition) {
            let asked = json!({"experiments.appconfig.dev/reconcile-requested-at": format!("{round}")});
            scene.patch(&name, &json!({"metadata": {"annotations": asked}})).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_sixteen_of_the_costliest_windows_hold_up_neither_the_lease_nor_a_probe_nor_another_ramp() {
    let scene = Scene::with_lease().await;
    apply_costly(&scene).await;
    let operator = Operator::start(&scene.replica());
    operator.logged(ACTS).await;
    let steps: Vec<Value> = (1..=4)
        .map(|step| json!({"exposurePercentage": step, "hold": "3s"}))
        .collect();
    scene
        .apply("run", &json!({"exposurePercentage": 5, "ramp": {"steps": steps}}))
        .await;
    let probes = async {
        loop {
            let asked = Instant::now();
            let answer = timeout(Duration::from_secs(3), operator.get("/livez")).await;
            assert_eq!(answer.expect("in time").0, 200, "after {:?}", asked.elapsed());
            // It is renewed every 2 s, and lost after 10.
            let age = Timestamp::now().duration_since(renewed(&scene).await);
            assert!(age < SignedDuration::from_secs(8), "the Lease was renewed {age} ago");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let reached = scene.wait("run", "at its target", |run| {
        condition_status(run, "TargetReached") == Some("True")
    });
    tokio::select! {
        () = probes => unreachable!("they go on"),
        () = ask_again_and_again(&scene) => unreachable!("it goes on"),
        _ = reached => {}
    }
    let of_run: Vec<_> = scene.updates();
    assert_eq!(of_run.len(), 5, "{of_run:?}");
    for (before, next) in of_run.iter().zip(of_run.iter().skip(1)) {
        // Its hold begins at the end of the second in which it was confirmed.
        let confirmed = before.answered_at.expect("an answer").as_second() + 1;
        let due = Timestamp::from_second(confirmed).expect("a time") + SignedDuration::from_secs(3);
        let late = next.arrived_at.duration_since(due);
        assert!(late < IN_TIME, "{late} late");
    }
    // Those that can't be searched to the end wait, in words that stay, and nothing is written while they do.
    let is_waiting = |run: &ExperimentRun| is_ready(run) && reason(run) == "RampWaiting";
    for name in (0..COSTLY).map(Scene::definition) {
        let waits = scene.wait(&name, "waiting for a window", is_waiting).await;
        assert!(
            message(&waits).contains("no window was found to open"),
            "{}",
            message(&waits)
        );
        let status = |run: &ExperimentRun| {
            let mut status = run.status.clone().unwrap_or_default();
            // The annotation is echoed.
            status.last_handled_reconcile_at = None;
            status
        };
        let versions = scene.versions(&name);
        let since = versions.iter().skip_while(|run| !is_waiting(run)).map(status);
        let first = status(versions.iter().find(|run| is_waiting(run)).expect("it has been"));
        assert!(since.into_iter().all(|status| status == first), "{name}");
    }
    scene.judge();
}
