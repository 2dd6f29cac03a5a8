//! A ramp whose surroundings go wrong: clocks that differ, events that lag, windows that close at the worst moment. The
//! checker judges that nothing was raised before its hold was over.

use std::time::Duration;

use appconfig_emulator::Operation;
use appconfig_experiment_operator::api::ExperimentRun;
use control_plane::proxy::{Effect, Rule};
use harness::{Operator, Scene, is_ready, proxy, raw, reason};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::ramp::{appconfig_now, is_held_at, raises, ramp, spec, steps};

/// A process takes over in the middle of a hold, and its clock is so many seconds ahead of `AppConfig`'s.
async fn a_new_leader_is_ahead_by(seconds: i32) {
    let scene = Scene::new().await;
    scene.later(-seconds);
    let mut operator = scene.operator();
    let up = steps(&[(1.0, "85s"), (50.0, "24h")]);
    scene.apply("run", &spec(100.0, &up)).await;
    scene.wait("run", "held at 1 %", is_held_at(1.0)).await;
    operator.kill().await;
    let _successor = scene.operator();
    scene.full_pass("run").await;
    scene.much_later("run", 90).await;
    scene.full_pass("run").await;
    scene.wait("run", "held at 50 %", is_held_at(50.0)).await;
    assert_eq!(raises(&scene), [1.0, 50.0]);
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_clock_is_90_s_ahead_raises_when_the_hold_is_over_for_appconfig() {
    a_new_leader_is_ahead_by(90).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_clock_is_90_s_behind_raises_when_the_hold_is_over_for_appconfig() {
    a_new_leader_is_ahead_by(-90).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_status_and_memory_are_lost_and_the_events_lag_a_hold_begins_anew() {
    let scene = Scene::new().await;
    let mut operator = scene.operator();
    let up = steps(&[(1.0, "100s"), (5.0, "100s")]);
    scene.apply("run", &spec(100.0, &up)).await;
    let earlier = ramp(&scene.wait("run", "held at 1 %", is_held_at(1.0)).await);
    scene.much_later("run", 110).await;
    scene.pass("run").await;
    scene.wait("run", "held at 5 %", is_held_at(5.0)).await;
    scene.later(60);
    operator.kill().await;
    scene.patch_status("run", &Value::Null).await;
    // They don't tell of the last raise yet.
    let event = json!({
        "EventType": "EXPOSURE_UPDATED", "OccurredAt": earlier.reached.at.0.to_string(), "TriggeredBy": "USER",
        "ExposurePercentage": 1.0
    });
    let lagging = raw(200, "application/json", &json!({ "Items": [event] }).to_string());
    scene.always(Operation::ListExperimentRunEvents, lagging);
    let restarted = appconfig_now(&scene);
    let _successor = scene.operator();
    let held = ramp(&scene.wait("run", "held at 5 %", is_held_at(5.0)).await);
    let from = held.reached.at.0;
    assert!(
        from.as_second() >= restarted.as_second(),
        "the hold counts from {from}, before {restarted}"
    );
    scene.much_later("run", 50).await;
    assert!(is_held_at(5.0)(&scene.full_pass("run").await));
    scene.much_later("run", 60).await;
    scene.pass("run").await;
    let in_sync = |run: &ExperimentRun| is_ready(run) && reason(run) == "InSync";
    scene.wait("run", "at its target", in_sync).await;
    assert_eq!(raises(&scene), [1.0, 5.0, 100.0]);
    scene.judge();
}

/// How long a fence takes to reach the API server, or its acknowledgement takes to come: less than an update may wait for
/// it, so that only the end of the window can keep it from leaving.
const LATE: Duration = Duration::from_millis(1_600);

/// Nothing leaves when its window closes while a fence is late.
async fn no_update_leaves_after_its_window(late: Effect) {
    let (scene, proxy) = (Scene::new().await, proxy());
    let _operator = Operator::start(&scene.flags().through(&proxy));
    let at_rest = |run: &ExperimentRun| is_ready(run) && ["RampWaiting", "InSync"].contains(&reason(run));
    // A window that has closed already when the pass decides, or closes after the update, shows nothing: another one does.
    for target in 1..=20_u8 {
        let (fences, sent) = (scene.fences("run"), scene.updates().len());
        proxy.add(Rule::new("patch", "experimentruns/status", late.clone()).times(1));
        // Two seconds are left for a raise, and five more until the window closes.
        let until = appconfig_now(&scene).as_second() + 2;
        let opened = (until / 60 - 1) * 60;
        let schedule = Timestamp::from_second(opened)
            .unwrap()
            .strftime("%M %H * * *")
            .to_string();
        let duration = format!("{}s", until + 5 - opened);
        let window = json!({"kind": "Allow", "schedule": schedule, "duration": duration, "timeZone": "UTC"});
        scene
            .apply("run", &spec(target.into(), &json!({ "windows": [window] })))
            .await;
        scene.wait("run", "at rest", at_rest).await;
        let updates = scene.updates();
        for update in updates.iter().skip(sent) {
            assert!(
                update.arrived_at.as_second() < until + 5,
                "{update:?} came after the window"
            );
        }
        if scene.fences("run") > fences && updates.len() == sent {
            return scene.judge();
        }
    }
    panic!("in 20 attempts no window closed between decision and send");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_does_not_leave_when_its_window_closes_between_decision_and_fence() {
    no_update_leaves_after_its_window(Effect::DelayRequest(LATE)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_does_not_leave_when_its_window_closes_between_decision_and_send() {
    no_update_leaves_after_its_window(Effect::DelayAnswer(LATE)).await;
}
