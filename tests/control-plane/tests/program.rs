//! The program: what it prints, how it stops, and what is left of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A running `control-plane up`.
struct Up {
    program: Child,
    ready: Value,
}

impl Up {
    fn start(arguments: &[&str]) -> Self {
        let mut program = program()
            .arg("up")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Self { program, ready }
    }

    fn directory(&self) -> PathBuf {
        Path::new(self.ready["kubeconfig"].as_str().unwrap())
            .parent()
            .unwrap()
            .to_owned()
    }

    fn kubectl(&self, kubeconfig: &str, arguments: &[&str]) -> String {
        let kubectl = self.ready["kubectl"].as_str().unwrap();
        let kubeconfig = self.ready[kubeconfig].as_str().unwrap();
        let output = Command::new(kubectl)
            .env("KUBECONFIG", kubeconfig)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_control-plane"))
}

fn signal(program: &Child, name: &str) {
    let sent = Command::new("sh")
        .arg("-c")
        .arg(format!("kill -{name} {}", program.id()))
        .status()
        .unwrap();
    assert!(sent.success());
}

/// The processes that were started for this directory: each has its name among its arguments.
fn processes_of(directory: &Path) -> Vec<String> {
    let name = directory.to_str().unwrap();
    let processes = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    let lines = processes.map(|arguments| String::from_utf8_lossy(&arguments).replace('\0', " "));
    lines.filter(|line| line.contains(name)).collect()
}

fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn assert_one_sentence(output: &Output, words: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{stderr}");
    assert!(
        stderr.lines().last().is_some_and(|line| line.contains(words)),
        "{stderr}"
    );
}

#[test]
fn up_says_where_it_is_and_stops_on_sigterm_with_nothing_left() {
    let mut up = Up::start(&[]);
    let directory = up.directory();
    assert!(up.kubectl("kubeconfig", &["get", "--raw", "/readyz"]).contains("ok"));
    assert!(
        up.kubectl("operatorKubeconfig", &["auth", "whoami"])
            .contains("system:serviceaccount:")
    );
    assert!(
        processes_of(&directory).len() >= 4,
        "two servers, each under its script: {:?}",
        processes_of(&directory)
    );

    signal(&up.program, "TERM");

    assert_eq!(up.program.wait().unwrap().code(), Some(0));
    assert_eq!(processes_of(&directory), Vec::<String>::new());
    assert!(!directory.exists(), "the temporary directory stayed");
}

#[test]
fn nothing_is_left_when_it_is_killed() {
    let mut up = Up::start(&[]);
    let directory = up.directory();
    assert!(processes_of(&directory).len() >= 4);

    up.program.kill().unwrap();
    up.program.wait().unwrap();

    eventually("the killed program's processes end", || {
        processes_of(&directory).is_empty()
    });
    eventually("its temporary directory goes", || !directory.exists());
}

#[test]
fn a_directory_of_ones_own_stays_and_holds_one_cluster_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["--dir", directory.path().to_str().unwrap()];
    let mut up = Up::start(&arguments);
    up.kubectl("kubeconfig", &["create", "namespace", "kept"]);

    let second = program().arg("up").args(arguments).output().unwrap();
    assert_one_sentence(&second, "already running");

    signal(&up.program, "INT");
    assert_eq!(up.program.wait().unwrap().code(), Some(0));

    let mut up = Up::start(&arguments);
    assert!(up.kubectl("kubeconfig", &["get", "namespace", "kept"]).contains("kept"));
    signal(&up.program, "TERM");
    assert_eq!(up.program.wait().unwrap().code(), Some(0));
}

#[test]
fn without_go_it_says_what_to_install() {
    let empty = tempfile::tempdir().unwrap();
    let output = program()
        .arg("build")
        .env_remove("KUBEBUILDER_ASSETS")
        .env("XDG_CACHE_HOME", empty.path())
        .env("PATH", empty.path())
        .output()
        .unwrap();
    assert_one_sentence(&output, "install Go");
}

#[test]
fn a_program_missing_among_the_assets_is_named() {
    let empty = tempfile::tempdir().unwrap();
    let output = program()
        .arg("build")
        .env("KUBEBUILDER_ASSETS", empty.path())
        .output()
        .unwrap();
    assert_one_sentence(&output, "etcd doesn't exist");
}
