//! The operator is uninstalled: as the page tells, which keeps the resources, and by deleting what was applied, which doesn't.

use appconfig_emulator::{Emulator, Experiment, Seed};
use control_plane::{ControlPlane, Options};
use harness::{Flags, Operator, Processes, cluster::kubectl};
use serde_json::{Value, json};
use tokio::{process::Command, task::spawn_blocking};

use crate::NAME;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const PAGE: &str = include_str!("../../docs/losing-resources.md");
const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy");

/// The commands below a heading of the page, block by block.
fn commands(heading: &str) -> Vec<String> {
    let section = PAGE.split(heading).nth(1).expect("the heading is there");
    let section = section.split("\n## ").next().unwrap_or_default();
    let blocks = section.split("```console\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

/// A cluster of its own, an emulated `AppConfig`, and the operator that a Pod would run.
struct Installed {
    cluster: ControlPlane,
    emulator: Emulator,
    experiment: Experiment,
}

impl Installed {
    async fn new() -> Self {
        let emulator = Emulator::start(appconfig_emulator::Options::default())
            .await
            .expect("an emulator");
        let experiment = emulator.seed(&Seed::default()).expect("an experiment");
        emulator.start_run(&experiment, 0.0).expect("a run");
        let cluster = spawn_blocking(|| ControlPlane::start(Options::default()).expect("a control plane"));
        let installed = Self {
            cluster: cluster.await.expect("it starts"),
            emulator,
            experiment,
        };
        installed.apply();
        kubectl(
            &installed.cluster,
            &["apply", "-f", &format!("{DEPLOY}/samples/namespace.yaml")],
        );
        let expose = format!("{DEPLOY}/samples/expose.yaml");
        kubectl(&installed.cluster, &["apply", "--server-side", "-f", &expose]);
        installed
    }

    fn apply(&self) {
        kubectl(&self.cluster, &["apply", "-k", DEPLOY]);
        let established = ["wait", "crd", "--all", "--for=condition=Established", "--timeout=20s"];
        kubectl(&self.cluster, &established);
    }

    fn operator(&self) -> Operator {
        Operator::start(&Flags {
            namespace: "checkout".to_owned(),
            endpoint: self.emulator.endpoint(),
            kubeconfig: self.cluster.operator_kubeconfig(),
            arguments: vec!["--leader-elect=false".to_owned()],
            environment: vec![],
            processes: Processes::default(),
        })
    }

    fn wait_until_ready(&self) {
        let ready = [
            "wait",
            "exprun/add-to-cart-1",
            "-n",
            "checkout",
            "--for=condition=Ready",
            "--timeout=60s",
        ];
        kubectl(&self.cluster, &ready);
    }

    /// Runs commands of the page, as a person's shell does.
    async fn follow(&self, script: &str) {
        let programs = self
            .cluster
            .kubectl_path()
            .parent()
            .expect("a folder")
            .display()
            .to_string();
        let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
        let mut shell = Command::new("sh");
        let shell = shell.args(["-euc", script]).current_dir(ROOT).env("PATH", path);
        let output = shell
            .env("KUBECONFIG", self.cluster.kubeconfig())
            .output()
            .await
            .unwrap();
        assert!(
            output.status.success(),
            "{script}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn resource(&self) -> Value {
        let said = kubectl(
            &self.cluster,
            &["get", "exprun/add-to-cart-1", "-n", "checkout", "-o=json"],
        );
        serde_json::from_str(&said).unwrap()
    }

    fn live(&self) -> (Value, Value) {
        let run = self.emulator.run(&self.experiment, 1).expect("the run is there");
        (run["Status"].clone(), run["ExposurePercentage"].clone())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uninstall_keeps_resources_in_the_documented_order_and_loses_them_with_the_crd_and_runs_go_on() {
    let installed = Installed::new().await;
    let mut operator = installed.operator();
    installed.wait_until_ready();
    let before = installed.resource();
    operator.stop().await;
    let steps = commands("## Uninstall");
    assert_eq!(steps.len(), 2, "list what goes on, and remove the operator");
    for step in &steps {
        installed.follow(step).await;
    }
    assert_eq!(installed.resource(), before, "spec, status and uid stay");
    let deployments = ["get", "deployments", "-A", "-o=name"];
    assert_eq!(
        kubectl(&installed.cluster, &deployments),
        "",
        "and the operator is gone"
    );
    assert_eq!(installed.live(), (json!("RUNNING"), json!(25.0)));

    // Installed again, it goes on where it was.
    installed.apply();
    let mut operator = installed.operator();
    let requests = installed.emulator.requests().len();
    kubectl(
        &installed.cluster,
        &[
            "annotate",
            "exprun/add-to-cart-1",
            "-n",
            "checkout",
            "experiments.appconfig.dev/reconcile-requested-at=1",
        ],
    );
    kubectl(
        &installed.cluster,
        &[
            "wait",
            "exprun/add-to-cart-1",
            "-n",
            "checkout",
            "--for=jsonpath={.status.lastHandledReconcileAt}=1",
            "--timeout=60s",
        ],
    );
    assert!(
        installed.emulator.requests().len() > requests,
        "it looks after the run again"
    );
    operator.stop().await;

    // What was applied, deleted: the CRD is in it. Nothing ends a namespace here, where no controllers run.
    kubectl(&installed.cluster, &["delete", "-k", DEPLOY, "--wait=false"]);
    let gone = ["wait", "--for=delete", "crd", NAME, "--timeout=30s"];
    kubectl(&installed.cluster, &gone);
    let output = installed
        .cluster
        .kubectl(["get", "exprun", "-A"])
        .expect("kubectl runs");
    assert!(
        !output.status.success(),
        "no resource is left, and nobody has its spec but Git"
    );
    assert_eq!(
        installed.live(),
        (json!("RUNNING"), json!(25.0)),
        "the run goes on, and costs"
    );
}
