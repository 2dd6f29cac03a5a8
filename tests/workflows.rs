//! The workflows run what a person runs: make targets that exist, and `ci.yaml` all that `.ci/run` asks for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

fn parse(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The workflows, each with its file's name.
fn workflows() -> Vec<(String, Value)> {
    let folder = Path::new(ROOT).join(".github/workflows");
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let workflows: Vec<_> = names
        .map(|name| {
            let workflow = parse(&format!(".github/workflows/{name}"));
            (name, workflow)
        })
        .collect();
    assert!(workflows.len() >= 3);
    workflows
}

fn jobs(workflow: &Value) -> impl Iterator<Item = &Value> {
    workflow["jobs"].as_object().unwrap().values()
}

fn steps(of: &Value) -> &[Value] {
    of["steps"].as_array().unwrap()
}

/// The targets of the Makefile.
fn targets() -> BTreeSet<String> {
    let is_name = |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let makefile = read("Makefile");
    let rules = makefile.lines().filter_map(|line| Some(line.split_once(':')?.0));
    rules.filter(is_name).map(str::to_owned).collect()
}

/// What follows each `make ` of a text, up to the end of the word.
fn made(text: &str) -> BTreeSet<String> {
    let word = |rest: &str| {
        let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c == '-'));
        rest[..end.unwrap_or(rest.len())].to_owned()
    };
    let starts = text.split('\n').flat_map(|line| line.split('`'));
    starts
        .filter_map(|start| Some(word(start.strip_prefix("make ")?)))
        .collect()
}

#[test]
fn every_step_of_a_workflow_makes_a_target_that_exists() {
    let targets = targets();
    for (name, workflow) in workflows() {
        for job in jobs(&workflow) {
            let runs: Vec<_> = steps(job).iter().filter_map(|step| step["run"].as_str()).collect();
            assert!(!runs.is_empty(), "{name}");
            for run in runs {
                let target = run.strip_prefix("make ").unwrap_or_default();
                assert!(targets.contains(target), "{name}: {run}");
            }
        }
    }
}

#[test]
fn ci_yaml_makes_all_that_ci_run_makes() {
    let asked = made(&read(".ci/run"));
    assert!(asked.len() >= 3, "{asked:?}");
    let workflow = parse(".github/workflows/ci.yaml");
    let steps = jobs(&workflow).flat_map(steps);
    let run: BTreeSet<_> = steps.filter_map(|step| step["run"].as_str()).flat_map(made).collect();
    assert!(run.is_superset(&asked), "{run:?} {asked:?}");
}

#[test]
fn every_workflow_may_only_read_and_comes_to_an_end() {
    for (name, workflow) in workflows() {
        assert_eq!(
            workflow["permissions"],
            serde_json::json!({"contents": "read"}),
            "{name}"
        );
        assert!(workflow["concurrency"]["group"].is_string(), "{name}");
        for job in jobs(&workflow) {
            assert!(job["timeout-minutes"].is_u64(), "{name}");
            assert!(job["permissions"].is_null(), "{name}");
        }
    }
}

/// A tag can be moved by whoever owns the action, a commit can't.
#[test]
fn every_action_of_others_is_named_by_its_commit() {
    let setup = parse(".github/actions/setup/action.yaml");
    let workflows = workflows();
    let jobs = workflows.iter().flat_map(|(_, workflow)| jobs(workflow));
    let steps = jobs.chain([&setup["runs"]]).flat_map(steps);
    let used: BTreeSet<_> = steps.filter_map(|step| step["uses"].as_str()).collect();
    assert!(used.len() >= 5, "{used:?}");
    for action in used {
        let local = action.starts_with("./") && Path::new(ROOT).join(action).join("action.yaml").exists();
        let commit = action.split_once('@').map_or("", |(_, commit)| commit);
        let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(local || is_commit, "{action}");
    }
}

/// The image holds what cargo has built, so its compiler is the one whose number stands in the setup.
#[test]
fn the_image_is_built_with_the_rust_that_the_workflows_install() {
    let setup = parse(".github/actions/setup/action.yaml");
    let mut numbers = steps(&setup["runs"])
        .iter()
        .filter_map(|step| step["env"]["RUST"].as_str());
    let number = numbers.next().unwrap();
    let manifest = read("Cargo.toml");
    let oldest = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = \""))
        .unwrap();
    let minor = |number: &str| number.split('.').nth(1).unwrap().parse::<u32>().unwrap();
    assert!(minor(number) >= minor(oldest), "{number} {oldest}");
    let dockerfile = read("deploy/Dockerfile");
    let from: Vec<_> = dockerfile.lines().filter(|line| line.starts_with("FROM ")).collect();
    assert_eq!(from, ["FROM scratch"], "no other compiler builds it");
}

#[test]
fn what_contributors_are_told_to_make_exists() {
    let targets = targets();
    for page in ["CONTRIBUTING.md", "SECURITY.md", ".github/pull_request_template.md"] {
        let made = made(&read(page));
        assert!(!made.is_empty(), "{page}");
        assert!(made.is_subset(&targets), "{page}: {made:?}");
    }
}
