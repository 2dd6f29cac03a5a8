//! Time is evidence too (P6): a `Date` that can't be right raises nothing, however it comes, and a hold is served in full.

use std::{collections::BTreeMap, time::Duration};

use appconfig_emulator::{Effect, Operation, RawAnswer, RawBody};
use appconfig_experiment_operator::api::ExperimentRun;
use harness::{Scene, condition, condition_status, is_ready, message, reason};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::ramp::{is_held, is_held_at, raises, ramp, spec, steps};

/// An answer with a `Date` of its own.
fn dated(run: &Value, date: &str, commit: bool) -> Effect {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Effect::Raw(RawAnswer {
        status: 200,
        headers: BTreeMap::from([header("Content-Type", "application/json"), header("Date", date)]),
        body: RawBody::Text(run.to_string()),
        commit,
    })
}

fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn in_two_days() -> String {
    http_date(Timestamp::now() + SignedDuration::from_hours(48))
}

/// The message of Reconciling where its reason is `ClockSkew`.
fn skew(run: &ExperimentRun) -> Option<&str> {
    let reconciling = condition(run, "Reconciling").filter(|condition| condition.reason == "ClockSkew");
    reconciling.map(|condition| condition.message.as_str())
}

/// A run that its ramp holds at 5 %.
async fn held_at_5(scene: &Scene, hold: &str) -> ExperimentRun {
    let up = steps(&[(5.0, hold), (50.0, "24h")]);
    scene.apply("run", &spec(100.0, &up)).await;
    scene.wait("run", "held at 5 %", is_held_at(5.0)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_wrong_date_after_a_right_one_raises_nothing_and_is_told() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let before = ramp(&held_at_5(&scene, "24h").await);
    // One bad answer: Ready stays, and the next read heals it.
    scene.once(Operation::GetExperimentRun, dated(&scene.live(), &in_two_days(), false));
    scene.full_pass("run").await;
    assert_eq!(raises(&scene), [5.0]);
    let healed = |run: &ExperimentRun| is_held(run) && condition(run, "Reconciling").is_none();
    scene.wait("run", "as before", healed).await;
    let versions = scene.versions("run");
    let told = versions.iter().find(|run| skew(run).is_some()).expect("it was told");
    assert_eq!(condition_status(told, "Ready"), Some("True"), "once is no doubt");
    assert_eq!(ramp(told), before);

    // A service whose clock is wrong.
    let date = in_two_days();
    scene.always(Operation::GetExperimentRun, dated(&scene.live(), &date, false));
    scene.pass("run").await;
    let unknown = |run: &ExperimentRun| condition_status(run, "Ready") == Some("Unknown");
    let run = scene.wait("run", "doubted", unknown).await;
    let told = message(&run);
    assert_eq!(reason(&run), "ClockSkew");
    let there = Timestamp::now() + SignedDuration::from_hours(48);
    for day in [Timestamp::now(), there].map(|at| at.strftime("%Y-%m-%dT").to_string()) {
        assert!(told.contains(&day), "both times: {told}");
    }
    scene.pass("run").await;
    scene.heal();
    scene.pass("run").await;
    let run = scene.wait("run", "as before", healed).await;
    assert_eq!((ramp(&run), raises(&scene)), (before, vec![5.0]));
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_date_that_jumps_within_five_minutes_raises_nothing_either() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let before = ramp(&held_at_5(&scene, "100s").await);
    scene.later(120);
    let run = scene.full_pass("run").await;
    assert!(
        skew(&run).is_some_and(|told| told.contains("by earlier answers")),
        "{run:?}"
    );
    scene.later(-120);
    scene.pass("run").await;
    let run = scene.wait("run", "as before", is_held).await;
    assert_eq!((ramp(&run), raises(&scene)), (before, vec![5.0]));
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_the_date_of_an_updates_answer_is_judged_too() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let mut run = scene.live();
    run["ExposurePercentage"] = json!(5.0);
    let answer = dated(&run, &in_two_days(), true);
    scene.once(Operation::UpdateExperimentRun, answer);
    let began = Timestamp::now();
    let held = held_at_5(&scene, "24h").await;
    let reached = ramp(&held).reached.at.0;
    let ended = Timestamp::now() + SignedDuration::from_secs(5);
    assert!(
        reached.as_second() >= began.as_second() && reached <= ended,
        "{reached}"
    );
    scene.full_pass("run").await;
    assert_eq!(raises(&scene), [5.0]);
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_plain_target_goes_on_and_no_time_of_a_wrong_date_is_taken() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let answer = dated(&scene.live(), &in_two_days(), false);
    scene.once(Operation::GetExperimentRun, answer);
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(raises(&scene), [25.0]);
    let soon = Timestamp::now() + SignedDuration::from_mins(1);
    for version in scene.versions("run") {
        assert_eq!(skew(&version), None);
        let status = version.status.unwrap_or_default();
        let recorded = status.pending_update.map(|pending| pending.recorded_at.0);
        let times = status
            .conditions
            .iter()
            .map(|condition| condition.last_transition_time.0);
        assert!(times.chain(recorded).all(|at| at < soon), "{:?}", status.conditions);
    }
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_was_begun_in_the_future_starts_over_and_its_release_releases() {
    let scene = Scene::new().await;
    let mut operator = scene.operator();
    held_at_5(&scene, "24h").await;
    operator.kill().await;
    let future = Timestamp::now() + SignedDuration::from_hours(3 * 8766);
    let reached = json!({ "ramp": { "reached": { "at": future.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() } } });
    scene.patch_status("run", &reached).await;
    let began = Timestamp::now();
    let _successor = scene.operator();
    let run = scene.full_pass("run").await;
    let stands = ramp(&run);
    let at = stands.reached.at.0;
    let ended = Timestamp::now() + SignedDuration::from_secs(5);
    assert!(at.as_second() >= began.as_second() && at <= ended, "{at}");
    let not_before = stands.next.unwrap().not_before.unwrap().0;
    assert_eq!(not_before, at + SignedDuration::from_hours(24));
    assert_eq!(ramp(&scene.full_pass("run").await).reached.at.0, at, "once");
    assert_eq!(raises(&scene), [5.0]);
    scene.apply("run", &spec(100.0, &json!({ "steps": [] }))).await;
    let in_sync = |run: &ExperimentRun| is_ready(run) && reason(run) == "InSync";
    scene.wait("run", "at its target", in_sync).await;
    assert_eq!(raises(&scene), [5.0, 100.0]);
}

/// Waits until a second of `AppConfig`'s clock is half over.
async fn half_a_second() {
    let into = Timestamp::now().subsec_nanosecond().unsigned_abs();
    let left = (1_500_000_000 - into) % 1_000_000_000;
    tokio::time::sleep(Duration::from_nanos(left.into())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_of_a_second_is_served_for_a_second() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let odd = steps(&[1.0, 3.0, 5.0, 7.0].map(|exposure| (exposure, "1s")));
    let reached = |run: &ExperimentRun| condition_status(run, "TargetReached") == Some("True");
    for target in [2.0, 4.0, 6.0, 8.0] {
        // The step below the target is raised to at once, and held. A Date tells nothing of that half second.
        half_a_second().await;
        scene.apply("run", &spec(target, &odd)).await;
        while !reached(&scene.full_pass("run").await) {}
    }
    assert_eq!(raises(&scene), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    let held: Vec<SignedDuration> = scene
        .updates()
        .chunks(2)
        .map(|pair| pair[1].arrived_at.duration_since(pair[0].committed_at.unwrap()))
        .collect();
    println!("held for {held:?}");
    assert!(
        held.iter().all(|held| *held >= SignedDuration::from_secs(1)),
        "{held:?}"
    );
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_at_the_edges_of_the_calendar_end_nothing_and_raise_nothing() {
    let scene = Scene::new().await;
    let mut operator = scene.operator();
    let window = |kind: &str, schedule: &str, zone: &str| json!({"kind": kind, "schedule": schedule, "duration": "1h", "timeZone": zone});
    let mut up = steps(&[(5.0, "24h"), (50.0, "24h")]);
    up["windows"] = json!([
        window("Allow", "* * * * *", "Europe/Berlin"),
        window("Deny", "0 0 29 2 *", "Pacific/Apia"),
    ]);
    scene.apply("run", &spec(100.0, &up)).await;
    scene.wait("run", "held at 5 %", is_held_at(5.0)).await;
    let years = [0, 1, 1582, 1969, 1970, 2262, 9994, 9995, 9996, 9997, 9998, 9999];
    let dates = years.iter().flat_map(|year| {
        let first: Timestamp = format!("{year:04}-01-01T00:00:00Z").parse().unwrap();
        let last: Timestamp = format!("{year:04}-12-30T21:59:59Z").parse().unwrap();
        [http_date(first), http_date(last)]
    });
    let odd = [
        "",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "31 Dec 99999 23:59:59 GMT",
        "Fri, 31 Dec 1 23:59:60 +2400",
        "now",
    ];
    let dates: Vec<String> = dates.chain(odd.map(str::to_owned)).collect();
    for date in &dates {
        scene.once(Operation::GetExperimentRun, dated(&scene.live(), date, false));
        scene.pass("run").await;
    }
    println!("{} Dates", dates.len());
    scene.heal();
    scene.pass("run").await;
    scene.wait("run", "held at 5 %", is_held_at(5.0)).await;
    assert_eq!(raises(&scene), [5.0]);
    operator.stop().await;
    scene.judge();
}
