//! `status`: what it shows of runs in every state, and to whom.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use appconfig_emulator::Seed;
use control_plane::User;
use harness::{Scene, is_ready, is_stalled, reason};
use serde_json::json;

use crate::{
    people::{EDIT, NOBODY, VIEW, apply_overlay, bind, called_by},
    plugin::{command, exprun, in_scene},
};

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_one_line_a_run_and_all_of_one() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let ramp = json!({
        "exposurePercentage": 100,
        "ramp": {"steps": [{"exposurePercentage": 0.5, "hold": "24h"}, {"exposurePercentage": 10, "hold": "24h"}]},
    });
    scene.apply("run", &ramp).await;
    scene.wait("run", "holding", |run| reason(run) == "RampHolding").await;
    scene.wait_for_notes("run", "ExposureRaised", 1).await;

    let table = in_scene(&scene, &["status"]).await;
    assert_eq!(table.code, 0, "{table:?}");
    let lines: Vec<&str> = table.out.lines().collect();
    assert!(lines[0].starts_with("NAME") && lines[0].contains("READY"), "{table:?}");
    for word in ["run", "RUNNING", "0.5", "100", "True", "RampHolding", "10 at "] {
        assert!(lines[1].contains(word), "{word}: {table:?}");
    }
    assert!(!table.out.contains('\u{1b}'), "no colours where there is no terminal");
    let all = exprun(&["status", "-A"]).await;
    assert!(
        all.out.starts_with("NAMESPACE") && all.out.contains(&scene.namespace),
        "{all:?}"
    );

    let screen = in_scene(&scene, &["status", "run"]).await;
    assert_eq!(screen.code, 0, "{screen:?}");
    for words in [
        &format!(
            "{}/run: run 1 of add-to-cart in shop (eu-west-1), RUNNING",
            scene.namespace
        ),
        "0.5 % live since ",
        "[0.5 %] ·· 10 % ·· 100 %",
        "the hold of 24h at 0.5 %, until ",
        "; then 10 %",
        "yes, RampHolding, since ",
        "exposure raised from 0 % to 0.5 %",
        "last error     none",
    ] {
        assert!(screen.out.contains(words), "{words}: {}", screen.out);
    }

    let line = &in_scene(&scene, &["status", "run", "-o", "json"]).await.lines()[0];
    assert_eq!(line["exposurePercentage"], json!(0.5));
    assert_eq!(line["target"], json!(100));
    assert_eq!(line["ramp"]["waitingFor"], "Hold");
    assert_eq!(line["raises"][0]["note"], "exposure raised from 0 % to 0.5 %");
    let line = &in_scene(&scene, &["status", "-o", "json"]).await.lines()[0];
    assert_eq!((&line["name"], line.get("raises")), (&json!("run"), None));

    let missing = in_scene(&scene, &["status", "other"]).await;
    assert_eq!(missing.code, 1);
    assert!(missing.error.contains("\"other\" not found"), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_what_is_wrong_and_what_to_do() {
    let scene = Scene::new().await;
    scene.apply("pending", &json!({})).await;
    let before = in_scene(&scene, &["status", "pending"]).await;
    assert!(
        before.out.contains("no operator has looked at this yet"),
        "{}",
        before.out
    );
    assert!(before.out.contains("kubectl exprun check"), "{}", before.out);

    let _operator = scene.operator();
    let missing = Seed {
        definition: "none".to_owned(),
        ..Seed::default()
    };
    scene
        .apply(
            "missing",
            &json!({"experimentDefinitionIdentifier": missing.definition}),
        )
        .await;
    scene
        .wait("missing", "not found", |run| is_stalled(run, "RunNotFound"))
        .await;
    let screen = in_scene(&scene, &["status", "missing"]).await;
    for words in [
        "no, RunNotFound",
        "last error     since ",
        "404 ResourceNotFoundException",
        "to do          check application",
    ] {
        assert!(screen.out.contains(words), "{words}: {}", screen.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_follows_what_changes_until_nobody_reads() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("run", &json!({"exposurePercentage": 5})).await;
    scene.wait("run", "ready", is_ready).await;
    let mut watching = command(User::Administrator)
        .args(["status", "-w", "-n", &scene.namespace])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut until = |word: &str| {
        let found = lines.by_ref().map(Result::unwrap).find(|line| line.contains(word));
        found.unwrap_or_else(|| panic!("no line has {word}"))
    };
    until("InSync");
    scene.apply("run", &json!({"exposurePercentage": 25})).await;
    let line = tokio::task::block_in_place(|| until("25     25"));
    assert!(line.starts_with("run "), "{line}");
    watching.kill().unwrap();
    watching.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_no_more_than_the_rights_of_whoever_asks() {
    let scene = Scene::new().await;
    scene
        .apply(
            "run",
            &json!({"treatmentOverrides": {"inline": {harness::CANARY: "t1"}}}),
        )
        .await;
    apply_overlay().await;
    bind(&scene, "editor", &EDIT).await;
    bind(
        &scene,
        "viewer",
        &[&VIEW[..], &["appconfig-experiment-operator-view"]].concat(),
    )
    .await;
    for (user, may) in [(NOBODY, false), ("editor", false), ("viewer", true)] {
        for arguments in [&["status"][..], &["status", "run"], &["status", "-w", "run"]] {
            if may && arguments.contains(&"-w") {
                continue;
            }
            let called = called_by(user, &scene, arguments).await;
            assert_eq!(called.code, i32::from(!may), "{called:?}");
            assert!(!format!("{called:?}").contains(harness::CANARY), "{called:?}");
            if !may {
                assert_eq!(called.out, "");
                assert!(
                    called.error.contains("is forbidden") && called.error.contains("aggregate-roles"),
                    "{called:?}"
                );
                assert_eq!(called.error.lines().count(), 1, "{called:?}");
            }
        }
        let all = called_by(user, &scene, &["status", "-A"]).await;
        assert_eq!(all.code, 1, "a role of one namespace is none of all: {all:?}");
    }
    let screen = called_by("viewer", &scene, &["status", "run"]).await;
    assert!(
        screen.out.contains("raises         none in the Events"),
        "view reads Events: {}",
        screen.out
    );

    // Rights to the run alone.
    bind_only(&scene, "narrow").await;
    let screen = called_by("narrow", &scene, &["status", "run"]).await;
    assert_eq!(screen.code, 0, "{screen:?}");
    assert!(screen.out.contains("raises         not known: "), "{}", screen.out);
}

async fn bind_only(scene: &Scene, user: &str) {
    let role = "--clusterrole=appconfig-experiment-operator-view";
    scene
        .kubectl(&["create", "rolebinding", user, role, &format!("--user={user}")])
        .await;
    harness::cluster::eventually("the binding is in force", async || {
        (called_by(user, scene, &["status"]).await.code == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_what_is_wrong_with_a_call() {
    let wrong = exprun(&["status", "--kubeconfig", "/nowhere"]).await;
    assert_eq!((wrong.code, wrong.out.as_str()), (1, ""));
    assert!(wrong.error.contains("/nowhere"), "{wrong:?}");
    let wrong = exprun(&["status", "--context", "nowhere"]).await;
    assert_eq!(wrong.code, 1);
    assert!(wrong.error.contains("nowhere"), "{wrong:?}");
    let wrong = exprun(&["statsu"]).await;
    assert_eq!(wrong.code, 2);
    for command in ["status", "brake", "release", "plan", "check", "version", "completion"] {
        let help = exprun(&[command, "--help"]).await;
        assert_eq!(help.code, 0);
        assert!(
            help.out.contains(&format!("Usage: kubectl exprun {command} ")),
            "{}",
            help.out
        );
        assert!(help.out.contains("\n  kubectl exprun "), "an example: {}", help.out);
    }
}
