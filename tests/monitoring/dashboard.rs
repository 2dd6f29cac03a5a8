//! Grafana's own types accept the dashboard.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    documents::{ROOT, read},
    servers::{folder, say},
};

const MODULE: &str = "tests/monitoring/dashboard";

/// The program that reads dashboards. It is built from its Go module once, which takes a minute or so, and kept where the control
/// plane is, under a key of what it is built from.
fn program() -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let cache = cache
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))
        .unwrap();
    let key = ["go.mod", "go.sum", "main.go"]
        .map(|name| read(&format!("{MODULE}/{name}")))
        .concat();
    let key: u64 = Sha256::digest(key)
        .iter()
        .take(8)
        .fold(0, |key, byte| key << 8 | u64::from(*byte));
    let folder = cache.join(format!("appconfig-experiment-operator/dashboard/{key:016x}"));
    let program = folder.join("dashboard");
    if !program.is_file() {
        fs::create_dir_all(&folder).unwrap();
        say("building what reads dashboards as Grafana does, which takes about a minute, once on a machine");
        let unfinished = folder.join(format!("unfinished-{}", std::process::id()));
        let built = Command::new("go")
            .args(["build", "-mod=readonly", "-trimpath", "-ldflags", "-s -w", "-o"])
            .arg(&unfinished)
            .arg(".")
            .current_dir(Path::new(ROOT).join(MODULE))
            .env("CGO_ENABLED", "0")
            .env("GOWORK", "off")
            .stdin(Stdio::null())
            .status();
        assert!(built.expect("Go is installed").success());
        fs::rename(unfinished, &program).unwrap();
    }
    program
}

/// What is said against a dashboard; nothing when it is accepted.
fn faults(file: &Path) -> Option<String> {
    let read = Command::new(program()).arg(file).output().unwrap();
    (!read.status.success()).then(|| String::from_utf8_lossy(&read.stderr).into_owned())
}

fn board() -> Value {
    serde_json::from_str(&read("deploy/monitoring/dashboard.json")).unwrap()
}

#[test]
fn grafana_has_every_field_of_the_dashboard() {
    let file = Path::new(ROOT).join("deploy/monitoring/dashboard.json");
    assert_eq!(faults(&file), None);

    // It would object, down to a query.
    let mut board = board();
    board["panels"][1]["targets"][0]["exprr"] = "1".into();
    let wrong = folder("grafana").join("dashboard.json");
    fs::write(&wrong, board.to_string()).unwrap();
    assert!(faults(&wrong).unwrap().contains("unexpected field 'exprr'"));
}

#[test]
fn panels_are_titled_and_explained_lie_beside_each_other_and_have_numbers_of_their_own() {
    let board = board();
    let panels = board["panels"].as_array().unwrap();
    let rows: Vec<_> = panels
        .iter()
        .filter(|panel| panel["type"] == "row")
        .map(|row| row["title"].as_str().unwrap())
        .collect();
    assert_eq!(
        rows,
        ["Fleet", "One run: needs --per-object-metrics", "AWS", "Operator"]
    );
    let place = |panel: &Value| ["x", "y", "w", "h"].map(|name| panel["gridPos"][name].as_u64().unwrap());
    for (number, panel) in panels.iter().enumerate() {
        assert!(
            panel["type"] == "row" || panel["description"].as_str().unwrap().ends_with('.'),
            "{panel}"
        );
        let [x, y, w, h] = place(panel);
        assert!(x + w <= 24, "{panel}");
        for other in &panels[number + 1..] {
            let [ox, oy, ow, oh] = place(other);
            assert!(
                x + w <= ox || ox + ow <= x || y + h <= oy || oy + oh <= y,
                "{panel} {other}"
            );
            assert_ne!(panel["id"], other["id"]);
        }
    }
}
