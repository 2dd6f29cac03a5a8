//! The program, as a person starts it.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that can't go on should say where"
)]

mod support;

use std::process::{Command, Output};

use serde_json::Value;
use support::wire::exchange;
use tokio::io::{AsyncBufReadExt as _, BufReader};

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_appconfig-emulator"))
}

#[tokio::test]
async fn it_says_where_it_listens_and_stops_when_told() {
    for signal in ["INT", "TERM"] {
        let mut command = tokio::process::Command::from(program());
        command.args(["--listen", "127.0.0.1:0", "--require-signature", "--key-pair", "A:b"]);
        let mut child = command
            .stdout(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .await
            .unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let answer = exchange(ready["endpoint"].as_str().unwrap(), "GET", "/experimentdefinitions", "").await;
        assert_eq!(answer.status, 403);
        let id = child.id().unwrap().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", signal, &id])
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(child.wait().await.unwrap().code(), Some(0));
    }
}

#[test]
fn a_wrong_argument_is_one_clear_line() {
    for (arguments, reason) in [
        (["--listen", "0.0.0.0:0"], "0.0.0.0:0 is not a loopback address"),
        (["--listen", "here"], "invalid value 'here'"),
        (["--key-pair", "x"], "ID:SECRET"),
        (
            ["--request-log", "/nowhere/at/all"],
            "cannot open the request log /nowhere/at/all",
        ),
        (["--verbose", "yes"], "--verbose"),
    ] {
        let Output { status, stdout, stderr } = program().args(arguments).output().unwrap();
        let text = String::from_utf8(stderr).unwrap();
        assert_eq!(
            (status.code(), stdout.len(), text.lines().count()),
            (Some(2), 0, 1),
            "{text}"
        );
        assert!(text.contains(reason), "{text}");
    }
}
