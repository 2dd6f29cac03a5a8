//! The pull-request check, and what stands beside it, as a shell runs them.

use std::{env, fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use control_plane::Binaries;
use serde_json::Value;

use crate::document::Page;

const HEADING: &str = "## A check for pull requests";

fn blocks(language: &str) -> Vec<String> {
    Page::docs("ramps").blocks(HEADING, language)
}

/// `docker` that ends with a code of our choice, and the step as GitHub's shell runs it.
#[test]
fn the_pull_request_check_passes_on_0_and_2_and_on_nothing_else() {
    let workflow: Value = serde_saphyr::from_str(&blocks("yaml")[0]).unwrap();
    let steps = workflow["jobs"]["exposure"]["steps"].as_array().unwrap();
    let step = steps.last().unwrap()["run"].as_str().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme-check");
    fs::create_dir_all(&folder).unwrap();
    let docker = folder.join("docker");
    fs::write(&docker, "#!/bin/sh\nexit $CODE\n").unwrap();
    fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
    let passes = |code: u8| {
        let mut shell = Command::new("bash");
        shell
            .args(["-e", "-c", step])
            .env(
                "PATH",
                format!("{}:{}", folder.display(), env::var("PATH").unwrap_or_default()),
            )
            .env("CODE", code.to_string())
            .env("GITHUB_STEP_SUMMARY", folder.join("summary"))
            .status()
            .unwrap()
            .success()
    };
    let good: Vec<u8> = (0..=u8::MAX).filter(|code| passes(*code)).collect();
    assert_eq!(good, [0, 2]);
}

#[test]
fn what_kustomize_builds_can_be_planned() {
    let programs = [
        Binaries::ensure().unwrap().kubectl,
        env!("CARGO_BIN_EXE_appconfig-experiment-operator").into(),
    ];
    let folders = programs
        .iter()
        .map(|program| program.parent().unwrap().display().to_string());
    let path: Vec<String> = folders.chain(env::var("PATH")).collect();
    let commands = blocks("console");
    assert!(!commands.is_empty());
    for block in commands {
        let mut shell = Command::new("bash");
        let shell = shell.args(["-o", "pipefail", "-c", &block]).env("PATH", path.join(":"));
        let output = shell.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}
