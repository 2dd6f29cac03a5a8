//! What a release has installed, as far as a cluster without a kubelet can have it run.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use appconfig_emulator::Emulator;
use control_plane::ControlPlane;
use harness::{DEADLINE, cluster::kubectl};
use serde_json::{Value, json};

/// The operator as a Deployment has it started: with its arguments, and with the rights of its service account. Where it
/// serves probes, and where `AppConfig` is, is this machine's business.
pub struct Replica {
    child: Child,
    log: PathBuf,
}

impl Replica {
    pub fn start(control_plane: &ControlPlane, namespace: &str, name: &str, emulator: &Emulator) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let file = |suffix: &str| folder.join(format!("operator-helm-{}-{number}.{suffix}", std::process::id()));
        let pod = deployment(control_plane, namespace, name)["spec"]["template"]["spec"].take();
        let arguments = pod["containers"][0]["args"].as_array().unwrap().iter();
        let arguments = arguments.map(|argument| argument.as_str().unwrap().replace("$(NAMESPACE)", namespace));
        let arguments = arguments.filter(|argument| !argument.starts_with("--http-address="));
        let account = pod["serviceAccountName"].as_str().unwrap();
        let kubeconfig = fs::read_to_string(control_plane.kubeconfig()).unwrap();
        let user = format!("    as: system:serviceaccount:{namespace}:{account}\n    token: ");
        fs::write(file("kubeconfig"), kubeconfig.replace("    token: ", &user)).unwrap();
        let log = File::create(file("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_appconfig-experiment-operator"))
            .args(arguments)
            .args(["--http-address=127.0.0.1:0", "--endpoint-url", &emulator.endpoint()])
            .env_clear()
            .env("KUBECONFIG", file("kubeconfig"))
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self {
            child,
            log: file("log"),
        }
    }

    /// Waits until it would get requests as a Pod.
    pub async fn is_ready(&self) {
        // Another test may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        until(&format!("{} is ready", self.log.display()), async || {
            let log = fs::read_to_string(&self.log).unwrap();
            let line = log.lines().find(|line| line.contains("serving /metrics"))?;
            let line: Value = serde_json::from_str(line).unwrap();
            let answer = reqwest::get(format!("http://{}/readyz", line["address"].as_str()?)).await;
            answer.is_ok_and(|answer| answer.status() == 200).then_some(())
        })
        .await;
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // A process that has ended already can't be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks until there is something to see.
async fn until(what: &str, mut look: impl AsyncFnMut() -> Option<()>) {
    let search = async {
        while look().await.is_none() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let found = tokio::time::timeout(DEADLINE, search).await;
    assert!(found.is_ok(), "it did not come about: {what}");
}

/// A Deployment as the API server has it.
pub fn deployment(control_plane: &ControlPlane, namespace: &str, name: &str) -> Value {
    let text = kubectl(
        control_plane,
        &["get", "deployment", name, "-n", namespace, "-o", "json"],
    );
    serde_json::from_str(&text).unwrap()
}

/// A namespace that may name any application, with a resource that asks for 5 % of run 1 of a definition.
pub fn resource(control_plane: &ControlPlane, namespace: &str, definition: &str) {
    kubectl(control_plane, &["create", "namespace", namespace]);
    let any = "experiments.appconfig.dev/applications=*";
    kubectl(control_plane, &["annotate", "namespace", namespace, any]);
    let resource = json!({
        "apiVersion": "experiments.appconfig.dev/v1alpha1",
        "kind": "ExperimentRun",
        "metadata": { "name": "run", "namespace": namespace },
        "spec": {
            "applicationIdentifier": "shop", "experimentDefinitionIdentifier": definition, "run": 1,
            "region": "eu-west-1", "exposurePercentage": 5,
        },
    });
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{namespace}.json", std::process::id()));
    fs::write(&file, resource.to_string()).unwrap();
    kubectl(control_plane, &["apply", "--server-side", "-f", file.to_str().unwrap()]);
}

/// A part of that resource.
pub fn part(control_plane: &ControlPlane, namespace: &str, path: &str) -> String {
    let path = format!("jsonpath={path}");
    kubectl(control_plane, &["get", "exprun", "run", "-n", namespace, "-o", &path])
}

/// Waits until the operator says that the run is what that resource asks for.
pub async fn in_sync(control_plane: &ControlPlane, namespace: &str) {
    let path = "{.status.conditions[?(@.type==\"Ready\")].reason}";
    until(&format!("{namespace} is in sync"), async || {
        (part(control_plane, namespace, path) == "InSync").then_some(())
    })
    .await;
}
