//! A ramp goes up by itself, at the pace and in the hours that the spec allows, and anyone can stop it with one commit.
//!
//! Time is `AppConfig`'s: most of these journeys move its clock instead of waiting, and ask for a pass.

use appconfig_experiment_operator::api::{ExperimentRun, RampStatus};
use harness::{Scene, bodies, condition_status, is_ready, is_stalled, message, reason};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The exposures that were sent, in order.
pub fn raises(scene: &Scene) -> Vec<f64> {
    let bodies = bodies(&scene.updates());
    bodies
        .iter()
        .filter_map(|body| body["ExposurePercentage"].as_f64())
        .collect()
}

pub fn steps(steps: &[(f64, &str)]) -> Value {
    let step = |(exposure, hold): &(f64, &str)| json!({"exposurePercentage": exposure, "hold": hold});
    json!({ "steps": steps.iter().map(step).collect::<Vec<_>>() })
}

pub fn spec(target: f64, ramp: &Value) -> Value {
    json!({ "exposurePercentage": target, "ramp": ramp })
}

pub fn ramp(run: &ExperimentRun) -> RampStatus {
    run.status
        .as_ref()
        .and_then(|status| status.ramp.clone())
        .expect("a ramp")
}

pub fn is_held(run: &ExperimentRun) -> bool {
    is_ready(run) && reason(run) == "RampHolding"
}

pub fn is_held_at(percentage: f32) -> impl Fn(&ExperimentRun) -> bool {
    move |run| is_held(run) && ramp(run).reached.exposure_percentage.percentage().to_bits() == percentage.to_bits()
}

/// `AppConfig`'s time.
pub fn appconfig_now(scene: &Scene) -> Timestamp {
    let offset = scene.emulator.settings().clock_offset_seconds;
    Timestamp::now() + SignedDuration::from_secs(offset.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ramp_goes_up_by_itself_and_holds_each_step_from_its_confirmation_on() {
    let scene = Scene::new().await;
    let operator = scene.operator();
    scene
        .apply("run", &spec(10.0, &steps(&[(1.0, "3s"), (5.0, "3s")])))
        .await;
    let reached = |run: &ExperimentRun| condition_status(run, "TargetReached") == Some("True");
    let run = scene.wait("run", "at its target", reached).await;
    assert_eq!(
        (reason(&run), ramp(&run).summary.as_str()),
        ("InSync", "target reached")
    );
    assert_eq!(raises(&scene), [1.0, 5.0, 10.0]);

    // From answer to arrival, by the whole seconds that a Date tells.
    let updates = scene.updates();
    for (before, next) in updates.iter().zip(updates.iter().skip(1)) {
        let confirmed = before.answered_at.unwrap().as_second();
        assert!(next.arrived_at.as_second() - confirmed >= 3, "{before:?} {next:?}");
    }
    // Each hold was told as one that is as it should be.
    let held: Vec<_> = scene.versions("run").into_iter().filter(is_held).collect();
    assert!(held.iter().any(is_held_at(1.0)) && held.iter().any(is_held_at(5.0)));
    assert!(
        held.iter()
            .all(|run| condition_status(run, "TargetReached") == Some("False"))
    );
    assert_eq!(
        scene.wait_for_notes("run", "RampAdvanced", 2).await,
        ["the ramp is at 1 %, step 1 of 2", "the ramp is at 5 %, step 2 of 2"]
    );
    let waits = scene.wait_for_notes("run", "RampWaiting", 2).await;
    assert!(
        waits[0].starts_with("exposure is 1 %; it rises to 5 % at") && waits.len() == 2,
        "{waits:?}"
    );
    let at_target = ["the ramp has reached its target: exposure is 10 %"];
    assert_eq!(scene.wait_for_notes("run", "TargetReached", 1).await, at_target);
    scene.judge();
    drop(operator);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ramp_waits_for_its_window_by_appconfigs_clock() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    // It opens in three minutes, and is open for as long as anything may take here.
    let opens = (appconfig_now(&scene) + SignedDuration::from_mins(4))
        .strftime("%M %H * * *")
        .to_string();
    let window = json!({"kind": "Allow", "schedule": opens, "duration": "2h", "timeZone": "UTC"});
    scene.apply("run", &spec(10.0, &json!({ "windows": [window] }))).await;
    let waits = |run: &ExperimentRun| is_ready(run) && reason(run) == "RampWaiting";
    let run = scene.wait("run", "waiting for the window", waits).await;
    assert!(
        message(&run).starts_with("exposure is 0 %; it rises to 10 % at"),
        "{}",
        message(&run)
    );
    assert_eq!(condition_status(&run, "TargetReached"), Some("False"));
    let shown = scene.kubectl(&["get", "exprun", "run"]).await;
    assert!(shown.contains(&ramp(&run).summary), "{shown}");
    scene.pass("run").await;
    assert_eq!(raises(&scene), [0.0; 0]);

    scene.much_later("run", 250).await;
    scene.pass("run").await;
    let in_sync = |run: &ExperimentRun| is_ready(run) && reason(run) == "InSync";
    scene.wait("run", "at its target", in_sync).await;
    assert_eq!(raises(&scene), [10.0]);
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn lowering_the_target_is_the_brake_and_raising_it_the_release() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let up = steps(&[(5.0, "100s"), (50.0, "100s")]);
    scene.apply("run", &spec(100.0, &up)).await;
    scene.wait("run", "held at 5 %", is_held_at(5.0)).await;
    scene.apply("run", &spec(5.0, &up)).await;
    let braked = |run: &ExperimentRun| is_ready(run) && reason(run) == "InSync";
    scene.wait("run", "braked", braked).await;
    scene.much_later("run", 110).await;
    scene.full_pass("run").await;
    assert_eq!(raises(&scene), [5.0]);
    scene.apply("run", &spec(100.0, &up)).await;
    scene.wait("run", "held at 50 %", is_held_at(50.0)).await;
    assert_eq!(raises(&scene), [5.0, 50.0]);
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ramp_removed_under_way_is_released_by_an_empty_list_and_by_nothing_else() {
    let scene = Scene::new().await;
    let mut operator = scene.operator();
    let up = steps(&[(5.0, "100s"), (50.0, "100s")]);
    scene.apply("run", &spec(100.0, &up)).await;
    scene.wait("run", "held at 5 %", is_held_at(5.0)).await;
    scene.apply("run", &json!({ "exposurePercentage": 100 })).await;
    let removed = |run: &ExperimentRun| is_stalled(run, "RampRemoved");
    let run = scene.wait("run", "without its ramp", removed).await;
    assert!(message(&run).ends_with("set ramp: {steps: []}"), "{}", message(&run));
    assert_eq!(scene.wait_for_notes("run", "RampRemoved", 1).await.len(), 1);
    operator.kill().await;
    scene.later(250);
    let _successor = scene.operator();
    assert!(removed(&scene.full_pass("run").await), "nor by time or a restart");
    assert_eq!(raises(&scene), [5.0]);
    scene.apply("run", &spec(100.0, &json!({ "steps": [] }))).await;
    let in_sync = |run: &ExperimentRun| is_ready(run) && reason(run) == "InSync";
    scene.wait("run", "at its target", in_sync).await;
    assert_eq!(raises(&scene), [5.0, 100.0]);
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raise_from_outside_over_a_step_goes_on_from_where_it_led() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene
        .apply(
            "run",
            &spec(100.0, &steps(&[(1.0, "100s"), (10.0, "200s"), (50.0, "100s")])),
        )
        .await;
    scene.wait("run", "held at 1 %", is_held_at(1.0)).await;
    scene.later(10);
    scene.change_from_outside(&json!({ "ExposurePercentage": 20.0 }));
    let run = scene.pass("run").await;
    assert!(is_held_at(20.0)(&run), "{:?}", run.status);
    let stands = ramp(&run);
    assert_eq!(stands.reached.hold.as_deref(), Some("3m20s"), "the longer of the two");
    let next = stands.next.unwrap();
    assert_eq!(next.exposure_percentage.shortest().to_bits(), 50.0_f64.to_bits());
    scene.much_later("run", 100).await;
    assert!(is_held(&scene.full_pass("run").await));
    scene.much_later("run", 110).await;
    scene.pass("run").await;
    scene.wait("run", "held at 50 %", is_held_at(50.0)).await;
    assert_eq!(raises(&scene), [1.0, 50.0]);
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_downtime_across_two_holds_a_ramp_makes_one_raise_and_holds_it_in_full() {
    let scene = Scene::new().await;
    let mut operator = scene.operator();
    scene
        .apply(
            "run",
            &spec(100.0, &steps(&[(1.0, "130s"), (5.0, "130s"), (20.0, "130s")])),
        )
        .await;
    scene.wait("run", "held at 1 %", is_held_at(1.0)).await;
    operator.kill().await;
    scene.later(270);
    let resumed = appconfig_now(&scene);
    let _successor = scene.operator();
    // The local clock, which it starts by, has not moved on.
    scene.pass("run").await;
    let run = scene.wait("run", "held at 5 %", is_held_at(5.0)).await;
    assert!(is_held(&scene.full_pass("run").await));
    assert_eq!(raises(&scene), [1.0, 5.0]);
    let not_before = ramp(&run).next.unwrap().not_before.unwrap().0;
    assert!(
        not_before.duration_since(resumed) >= SignedDuration::from_secs(129),
        "{not_before} {resumed}"
    );
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_goes_on_through_a_restart_and_through_the_loss_of_status_and_memory() {
    let scene = Scene::new().await;
    let mut operator = scene.operator();
    scene.apply("run", &spec(100.0, &steps(&[(1.0, "200s")]))).await;
    let before = ramp(&scene.wait("run", "held at 1 %", is_held_at(1.0)).await);
    scene.later(100);
    operator.kill().await;
    let mut operator = scene.operator();
    assert_eq!(ramp(&scene.pass("run").await), before);

    // Only the run's own events know since when it is at 1 %.
    operator.kill().await;
    scene.patch_status("run", &Value::Null).await;
    scene.later(60);
    let _operator = scene.operator();
    let after = ramp(&scene.pass("run").await);
    let committed = scene.updates()[0].committed_at.unwrap().as_second();
    let since = after.reached.at.0.as_second() - committed;
    assert!((0..=1).contains(&since), "{since} s after it was confirmed");
    assert_eq!(raises(&scene), [1.0]);
    scene.much_later("run", 50).await;
    scene.pass("run").await;
    let in_sync = |run: &ExperimentRun| is_ready(run) && reason(run) == "InSync";
    scene.wait("run", "at its target", in_sync).await;
    assert_eq!(raises(&scene), [1.0, 100.0]);
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_never_comes_is_an_invalid_spec_and_heals_with_the_next() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let window =
        |schedule: &str| json!({"kind": "Deny", "schedule": schedule, "duration": "1h", "timeZone": "Europe/Berlin"});
    scene
        .apply("run", &spec(10.0, &json!({ "windows": [window("0 0 30 2 *")] })))
        .await;
    let run = scene.wait("run", "refused", |run| is_stalled(run, "InvalidSpec")).await;
    assert!(
        message(&run).contains("correct its day of month and month"),
        "{}",
        message(&run)
    );
    assert_eq!(raises(&scene), [0.0; 0]);
    scene
        .apply("run", &spec(10.0, &json!({ "windows": [window("0 0 29 2 *")] })))
        .await;
    scene.wait("run", "at its target", is_ready).await;
    assert_eq!(raises(&scene), [10.0]);
    scene.judge();
}
