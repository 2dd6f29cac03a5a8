//! On a terminal: questions, and colours.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    process::Stdio,
};

use control_plane::User;
use harness::{Scene, is_ready};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;

use crate::plugin::{Called, command};

/// A terminal: the person's side, and the program's.
fn terminal() -> (File, File) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap();
    let program = OpenOptions::new()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    (person.into(), program)
}

/// Calls the plugin, and types this when it asks.
async fn answered(scene: &Scene, arguments: &[&str], answer: &str) -> Called {
    let (mut person, program) = terminal();
    let mut command = command(User::Administrator);
    command
        .args(arguments)
        .args(["-n", &scene.namespace])
        .stdin(Stdio::from(program));
    let answer = answer.to_owned();
    let call = move || {
        // The terminal keeps what is typed until it is read.
        person.write_all(answer.as_bytes()).unwrap();
        Called::of(&command.output().unwrap())
    };
    tokio::task::spawn_blocking(call).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_what_the_answer_is() {
    let scene = Scene::new().await;
    for name in ["one", "two"] {
        scene.apply(name, &json!({})).await;
    }
    let brake = ["brake", "--all", "--reason", "night", "--timeout", "0s"];
    for no in ["n\n", "\n", "yse\n"] {
        let called = answered(&scene, &brake, no).await;
        assert_eq!(called.code, 4, "{called:?}");
        assert!(
            called.error.contains("Pull the brakes of 2 runs (one, two)? [y/N]"),
            "{called:?}"
        );
    }
    assert!(scene.runs.get("one").await.unwrap().spec.suspend.is_none());
    let called = answered(&scene, &brake, "y\n").await;
    assert_eq!(called.code, 0, "{called:?}");
    assert_eq!(scene.runs.get("two").await.unwrap().spec.suspend, Some(true));

    let called = answered(&scene, &["release", "one"], "no\n").await;
    assert_eq!(called.code, 4, "{called:?}");
    assert_eq!(scene.runs.get("one").await.unwrap().spec.suspend, Some(true));
    let called = answered(&scene, &["release", "one"], "YES\n").await;
    assert_eq!(called.code, 0, "{called:?}");
    assert_eq!(scene.runs.get("one").await.unwrap().spec.suspend, None);
}

/// What stands on a terminal after the plugin was called there.
async fn on_terminal(scene: &Scene, arguments: &[&str]) -> String {
    let (mut person, program) = terminal();
    let mut command = command(User::Administrator);
    command
        .args(arguments)
        .args(["-n", &scene.namespace])
        .env("TERM", "xterm")
        .stdout(Stdio::from(program));
    let call = move || {
        assert!(command.status().unwrap().success());
        // With it goes the last of the program's side, so that reading ends.
        drop(command);
        let mut shown = Vec::new();
        let _ = person.read_to_end(&mut shown);
        String::from_utf8(shown).unwrap()
    };
    tokio::task::spawn_blocking(call).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_has_colours_unless_somebody_wants_none() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("run", &json!({"exposurePercentage": 5})).await;
    scene.wait("run", "ready", is_ready).await;
    for arguments in [&["status"][..], &["status", "run"]] {
        let coloured = on_terminal(&scene, arguments).await;
        assert!(coloured.contains("\u{1b}[32m"), "{coloured}");
        let plain = on_terminal(&scene, &[arguments, &["--no-color"]].concat()).await;
        assert!(plain.contains("InSync") && !plain.contains('\u{1b}'), "{plain}");
    }
}
