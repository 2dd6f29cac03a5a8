//! The commands of the runbooks, as they stand there, on a real API server with `deploy/` applied.

use std::{env, process::Command};

use harness::{NAME, Scene, control_plane, is_ready};
use serde_json::json;

use crate::{
    documents::{names, read},
    runbooks::blocks,
};

/// What the control plane of the tests doesn't have: Pods, and AWS.
const NOT_TRIED: [&str; 3] = ["kubectl port-forward ", "curl ", "aws "];

/// Every command of the runbooks and of the page about monitoring, each with its page.
fn commands() -> Vec<(String, String)> {
    let runbooks = names("docs/runbooks")
        .into_iter()
        .map(|name| format!("docs/runbooks/{name}"));
    let pages = runbooks.chain(["docs/monitoring.md".to_owned()]);
    pages
        .flat_map(|path| {
            let blocks = blocks(&read(&path), "console");
            let lines = blocks
                .iter()
                .flat_map(|block| block.lines())
                .map(|line| line.trim().to_owned());
            let commands: Vec<_> = lines
                .filter(|line| !line.is_empty())
                .map(|line| (path.clone(), line))
                .collect();
            commands
        })
        .collect()
}

/// Runs a command without what it is piped into, which may find nothing here. Gives what it says.
fn run(command: &str) -> (bool, String) {
    let programs = control_plane().kubectl_path().parent().unwrap();
    let path = format!("{}:{}", programs.display(), env::var("PATH").unwrap_or_default());
    let command = command.split(" | ").next().unwrap();
    let output = Command::new("sh")
        .args(["-euc", command])
        .env("PATH", path)
        .env("KUBECONFIG", control_plane().kubeconfig())
        .env("KUBECACHEDIR", control_plane().directory().join("kubectl-cache"))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_a_runbook_works_and_the_operator_has_the_rights_that_they_ask_for() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.wait("run", "ready", is_ready).await;
    for prepared in [
        "kubectl create namespace monitoring".to_owned(),
        format!("echo '{}' | kubectl create -f -", lease()).replace(" | ", "|"),
    ] {
        let (done, said) = run(&prepared);
        assert!(done, "{prepared}: {said}");
    }
    let mut tried = 0;
    for (page, command) in commands() {
        if NOT_TRIED.iter().any(|start| command.starts_with(start)) {
            continue;
        }
        let command = command
            .replace("NAMESPACE", &scene.namespace)
            .replace("REASON", "InSync");
        let command = command.replace(" NAME ", " run ").replace("=NAME", "=run");
        let (done, said) = run(&command);
        assert!(done, "{page}: {command}: {said}");
        assert!(
            !command.contains("auth can-i") || said.trim() == "yes",
            "{page}: {command}: {said}"
        );
        tried += 1;
    }
    assert!(tried > 25, "{tried}");
}

/// The Lease that the operator of `deploy/` would have made.
fn lease() -> String {
    let metadata = json!({ "name": NAME, "namespace": NAME });
    json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata }).to_string()
}
