//! `brake` and `release`: what they do and print, and who may call them.

use appconfig_emulator::{Effect, Fault, Operation};
use control_plane::User;
use harness::{Scene, bodies, is_ready, is_stalled, reason};
use jiff::Timestamp;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use crate::{
    people::{EDIT, NOBODY, VIEW, apply_overlay, bind, called_by},
    plugin::{command, in_scene},
};

const REASON: &str = "experiments.appconfig.dev/brake-reason";
/// The sentence, with the constants of the operator.
const PROMISE: &str =
    "acknowledged; no request starts after 2 s and none lives after 5 s, whether or not the operator runs";

fn ramp(to: u32) -> Value {
    json!({
        "exposurePercentage": to,
        "ramp": {"steps": [{"exposurePercentage": 0.5, "hold": "1s"}, {"exposurePercentage": 10, "hold": "24h"}]},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_it_pulls_the_brake_in_one_patch_and_says_what_that_means() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("run", &json!({"exposurePercentage": 5})).await;
    let before = scene.wait("run", "ready", is_ready).await;
    let called = in_scene(&scene, &["brake", "run", "--reason", "checkout errors rise"]).await;
    assert_eq!(called.code, 0, "{called:?}");
    for words in [
        &format!("{}/run at ", scene.namespace),
        &format!(": {PROMISE}\n"),
        "can't be excluded",
        "a deployment that has started goes on",
        "live exposure 5 %, as read after the brake; the operator has seen it",
    ] {
        assert!(called.out.contains(words), "{words}: {called:?}");
    }
    assert_eq!(called.error, "");
    let run = scene.wait("run", "suspended", |run| reason(run) == "Suspended").await;
    assert_eq!(
        run.metadata.generation,
        before.metadata.generation.map(|generation| generation + 1),
        "one patch"
    );
    assert_eq!(run.annotations()[REASON], "checkout errors rise");
    let told = scene.wait_for_notes("run", "Suspended", 1).await;
    assert_eq!(
        told,
        ["suspended; the run matches the spec (why: \"checkout errors rise\")"]
    );
    let entries = run.managed_fields().iter();
    let ours = entries
        .filter(|entry| entry.manager.as_deref() == Some("exprun-brake"))
        .count();
    assert_eq!(ours, 1);

    // What Git applies afterwards does not release it, and nothing leaves.
    scene.apply("run", &json!({"exposurePercentage": 50})).await;
    scene.wait("run", "suspended", |run| is_stalled(run, "Suspended")).await;
    assert_eq!(bodies(&scene.updates()), [json!({"ExposurePercentage": 5.0})]);
    let screen = in_scene(&scene, &["status", "run"]).await;
    assert!(
        screen.out.contains("pulled: \"checkout errors rise\""),
        "{}",
        screen.out
    );
    assert!(
        screen
            .out
            .contains("to do          when it may go on: kubectl exprun release"),
        "{}",
        screen.out
    );

    // Without a terminal there is nobody to ask.
    let asked = in_scene(&scene, &["release", "run"]).await;
    assert_eq!(asked.code, 2, "{asked:?}");
    assert!(asked.error.contains("--yes"), "{asked:?}");
    assert_eq!(bodies(&scene.updates()).len(), 1);
    let released = in_scene(&scene, &["release", "run", "--yes"]).await;
    assert_eq!(released.code, 0, "{released:?}");
    for words in [
        "the brake is pulled: \"checkout errors rise\"",
        "would be sent now: exposure from 5 % to 50 %",
        "the operator says: suspended; the exposure would change",
        "/run: released",
    ] {
        assert!(released.out.contains(words), "{words}: {released:?}");
    }
    let run = scene
        .wait("run", "ready", |run| is_ready(run) && reason(run) == "InSync")
        .await;
    assert!(!run.annotations().contains_key(REASON) && run.spec.suspend.is_none());
    assert_eq!(bodies(&scene.updates())[1..], [json!({"ExposurePercentage": 50.0})]);
    let again = in_scene(&scene, &["release", "run", "--yes"]).await;
    assert!(
        again.code == 0 && again.error.contains("the brake is not pulled"),
        "{again:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_it_needs_no_operator_and_says_that_none_has_seen_it() {
    let scene = Scene::new().await;
    let mut operator = scene.operator();
    scene.apply("run", &ramp(100)).await;
    scene.wait("run", "holding", |run| reason(run) == "RampHolding").await;
    operator.kill().await;
    let called = in_scene(&scene, &["brake", "run", "--reason", "night", "--timeout", "6s"]).await;
    assert_eq!(called.code, 0, "{called:?}");
    assert!(called.out.contains(PROMISE), "{called:?}");
    assert!(
        called
            .out
            .contains("as read before the brake; warning: no operator has seen it within 6 s"),
        "{called:?}"
    );
    let sent = scene.updates().len();
    scene.apply("run", &json!({"exposurePercentage": 100})).await;
    let _operator = scene.operator();
    scene.wait("run", "suspended", |run| is_stalled(run, "Suspended")).await;
    assert_eq!(scene.updates().len(), sent, "one that starts later goes by it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_is_under_way_is_told_with_its_acknowledgement() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("run", &json!({"exposurePercentage": 5})).await;
    scene.wait("run", "ready", is_ready).await;
    let slow = Fault::always(Operation::UpdateExperimentRun, Effect::DelayBeforeCommitMs(2500));
    scene.emulator.set_faults(vec![slow]).unwrap();
    scene.apply("run", &json!({"exposurePercentage": 25})).await;
    let pending = |run: &appconfig_experiment_operator::api::ExperimentRun| {
        run.status
            .as_ref()
            .is_some_and(|status| status.pending_update.is_some())
    };
    scene.wait("run", "fenced", pending).await;
    let called = in_scene(&scene, &["brake", "run", "--reason", "night"]).await;
    assert_eq!(called.code, 0, "{called:?}");
    assert!(
        called
            .out
            .contains("pending: an update of the exposure to 25 %, recorded "),
        "{called:?}"
    );
    assert!(
        called.out.contains("live exposure 25 %, as read after the brake"),
        "{called:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn several_are_pulled_at_once_after_a_question() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    for (name, team) in [("one", "a"), ("two", "a"), ("three", "b")] {
        let mut manifest = scene.manifest(name, &json!({}));
        manifest["metadata"]["labels"] = json!({"team": team});
        scene.try_apply(&manifest).await.unwrap();
    }
    let arguments = ["brake", "-l", "team=a", "--reason", "night"];
    let asked = in_scene(&scene, &arguments).await;
    assert_eq!((asked.code, asked.out.as_str()), (2, ""), "{asked:?}");
    assert!(
        asked.error.contains("Pull the brakes of 2 runs (one, two)?"),
        "{asked:?}"
    );
    let no_reason = in_scene(&scene, &["brake", "--all", "--yes"]).await;
    assert_eq!(no_reason.code, 2);
    let nothing = in_scene(&scene, &["brake", "--reason", "night", "--yes"]).await;
    assert_eq!(nothing.code, 2, "{nothing:?}");
    let long = "x".repeat(254);
    let long = in_scene(&scene, &["brake", "one", "--reason", &long]).await;
    assert!(long.code == 2 && long.error.contains("it can have 253"), "{long:?}");
    assert!(scene.newest("one").unwrap().spec.suspend.is_none());

    let pulled = in_scene(&scene, &[&arguments[..], &["--yes", "-o", "json"]].concat()).await;
    assert_eq!(pulled.code, 0, "{pulled:?}");
    let lines = pulled.lines();
    let mut names: Vec<&str> = lines.iter().map(|line| line["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["one", "two"]);
    for line in &lines {
        assert!(
            line["acknowledgedAt"].as_str().unwrap().parse::<Timestamp>().is_ok(),
            "{line}"
        );
        assert_eq!(
            (&line["lastStartSeconds"], &line["lastEndSeconds"]),
            (&json!(2), &json!(5))
        );
        assert_eq!(
            (&line["holds"], &line["seen"], &line["otherManagers"]),
            (&json!(true), &json!(true), &json!([]))
        );
    }
    assert!(scene.newest("three").unwrap().spec.suspend.is_none());
    let all = in_scene(
        &scene,
        &[
            "brake",
            "--all",
            "--reason",
            "the longest that may be: ".repeat(10).trim(),
            "--yes",
        ],
    )
    .await;
    assert!(
        all.code == 0 && all.out.matches(PROMISE).count() == 3,
        "the policy on annotations takes it: {all:?}"
    );
    let released = in_scene(&scene, &["release", "--all", "--yes"]).await;
    assert!(
        released.code == 0 && released.out.matches(": released").count() == 3,
        "{released:?}"
    );
    let none = in_scene(&scene, &["brake", "-l", "team=c", "--reason", "night"]).await;
    assert_eq!(none.code, 1, "{none:?}");
    let some = in_scene(&scene, &["brake", "one", "missing", "--reason", "night", "--yes"]).await;
    assert_eq!(some.code, 1);
    assert!(some.error.contains("/missing: NOT ACKNOWLEDGED: "), "{some:?}");
    assert!(
        some.out.contains("/one at ") && some.out.contains(PROMISE),
        "one that fails keeps none of the others: {some:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_brakes_or_releases_more_than_rbac_lets_them() {
    let scene = Scene::new().await;
    scene
        .apply(
            "run",
            &json!({"treatmentOverrides": {"inline": {harness::CANARY: "t1"}}}),
        )
        .await;
    apply_overlay().await;
    bind(&scene, "edit-only", &EDIT).await;
    bind(
        &scene,
        "reader",
        &[&VIEW[..], &["appconfig-experiment-operator-view"]].concat(),
    )
    .await;
    bind(
        &scene,
        "writer",
        &[&EDIT[..], &["appconfig-experiment-operator-edit"]].concat(),
    )
    .await;
    let brake = ["brake", "run", "--reason", "night", "--timeout", "0s"];
    for user in [NOBODY, "edit-only", "reader"] {
        for arguments in [
            &brake[..],
            &["brake", "--all", "--reason", "night", "--yes"],
            &["release", "run", "--yes"],
        ] {
            let called = called_by(user, &scene, arguments).await;
            let not_pulled = user == "reader" && arguments[0] == "release";
            assert_eq!(called.code, i32::from(!not_pulled), "{called:?}");
            assert!(not_pulled || called.error.contains("is forbidden"), "{called:?}");
            assert!(!format!("{called:?}").contains(harness::CANARY), "{called:?}");
        }
    }
    assert!(scene.runs.get("run").await.unwrap().spec.suspend.is_none());
    let called = called_by("writer", &scene, &brake).await;
    assert_eq!(called.code, 0, "{called:?}");
    let called = called_by("reader", &scene, &["release", "run", "--yes"]).await;
    assert!(called.code == 1 && called.error.contains("NOT RELEASED"), "{called:?}");
    let called = called_by("writer", &scene, &["release", "run", "--yes"]).await;
    assert_eq!(called.code, 0, "{called:?}");

    // Whoever may patch, and not look, can brake too.
    let role = [
        "create",
        "role",
        "blind",
        "--verb=patch",
        "--resource=experimentruns.experiments.appconfig.dev",
    ];
    scene.kubectl(&role).await;
    scene
        .kubectl(&["create", "rolebinding", "blind", "--role=blind", "--user=blind"])
        .await;
    let called = harness::cluster::eventually("the binding is in force", async || {
        Some(called_by("blind", &scene, &brake).await).filter(|called| called.code == 0)
    })
    .await;
    assert!(called.out.contains(PROMISE), "{called:?}");
    assert_eq!(scene.runs.get("run").await.unwrap().spec.suspend, Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_stops_no_brake() {
    let scene = Scene::new().await;
    scene.apply("run", &json!({})).await;
    let mut braking = command(User::Administrator)
        .args([
            "brake",
            "run",
            "--reason",
            "night",
            "--timeout",
            "1s",
            "-n",
            &scene.namespace,
        ])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(braking.stdout.take());
    let status = tokio::task::block_in_place(|| braking.wait().unwrap());
    assert_eq!(status.code(), Some(0));
    assert_eq!(scene.runs.get("run").await.unwrap().spec.suspend, Some(true));
}
