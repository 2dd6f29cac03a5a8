//! The manifests and commands of README and `docs/`, as they stand there, on a real API server with `deploy/` applied.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use appconfig_emulator::Emulator;
use control_plane::{ControlPlane, Options};
use serde_json::Value;

use crate::document::{Page, ROOT, blocks};

/// The commands below a heading of the page of daily tasks.
fn recipe(heading: &str) -> Vec<String> {
    Page::docs("how-to").blocks(heading, "console")
}

/// A shell that has kubectl and the operator's program, with `deploy/` applied and the samples' namespace made.
pub struct Shell(ControlPlane);

impl Shell {
    pub fn start() -> Self {
        let shell = Self(ControlPlane::start(Options::default()).unwrap());
        shell.run("kubectl apply -k deploy/");
        shell.run("kubectl wait crd --all --for=condition=Established --timeout=20s");
        shell.run("kubectl apply -f deploy/samples/namespace.yaml");
        shell
    }

    /// The kubeconfig of the operator's service account.
    pub fn operator_kubeconfig(&self) -> PathBuf {
        self.0.operator_kubeconfig()
    }

    pub fn attempt(&self, script: &str) -> Output {
        let programs = [
            self.0.kubectl_path(),
            Path::new(env!("CARGO_BIN_EXE_appconfig-experiment-operator")),
        ];
        let folders = programs.map(|program| program.parent().unwrap().display().to_string());
        let path = format!("{}:{}", folders.join(":"), env::var("PATH").unwrap_or_default());
        // A command that waits for what does not come ends too.
        let mut command = Command::new("timeout");
        command
            .args(["300", "sh", "-euc", script])
            .current_dir(ROOT)
            .env("PATH", path)
            .env("KUBECONFIG", self.0.kubeconfig())
            .env("KUBECACHEDIR", self.0.directory().join("kubectl-cache"))
            .output()
            .unwrap()
    }

    /// Runs a script, and gives what it says.
    pub fn run(&self, script: &str) -> String {
        let output = self.attempt(script);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the commands of a recipe, each block by itself.
    fn follow(&self, heading: &str, blocks: &[String]) -> Vec<String> {
        assert!(!blocks.is_empty(), "{heading} has no commands");
        blocks.iter().map(|block| self.run(block)).collect()
    }

    fn resource(&self) -> Value {
        let text = self.run("kubectl get exprun add-to-cart-1 -n checkout -o json --show-managed-fields");
        serde_json::from_str(&text).unwrap()
    }
}

fn managers_of(resource: &Value, field: &str) -> Vec<String> {
    let entries = resource["metadata"]["managedFields"].as_array().unwrap();
    let owns = |entry: &&Value| entry["fieldsV1"]["f:spec"].get(format!("f:{field}")).is_some();
    let managers = entries
        .iter()
        .filter(owns)
        .map(|entry| entry["manager"].as_str().unwrap());
    managers.map(str::to_owned).collect()
}

#[test]
fn the_manifest_is_accepted_and_so_are_the_recipes() {
    let shell = Shell::start();
    let manifests: Vec<_> = Page::all()
        .iter()
        .flat_map(|page| blocks(&page.text(), "yaml"))
        .filter(|block| block.contains("kind: ExperimentRun"))
        .collect();
    assert!(manifests.len() > 1);
    for manifest in manifests {
        shell.run(&format!("kubectl apply --server-side -f - <<'END'\n{manifest}\nEND"));
    }

    let brake = recipe("## Pull the brake");
    assert_eq!(brake.len(), 2);
    shell.run(&brake[0]);
    let braked = shell.resource();
    assert_eq!(braked["spec"]["suspend"], true);
    assert_eq!(managers_of(&braked, "suspend"), ["oncall"]);
    shell.run(&brake[1]);
    assert_eq!(shell.resource()["spec"].get("suspend"), None);

    shell.run("kubectl delete exprun add-to-cart-1 -n checkout");
    // What Git has leaves the exposure out, as the recipe says.
    let git = "grep -v exposurePercentage deploy/samples/validate.yaml | \
               kubectl apply --server-side --field-manager=git -f -";
    shell.run(git);
    shell.follow("## Automate raises", &recipe("## Automate raises"));
    shell.run(git);
    let automated = shell.resource();
    assert_eq!(automated["spec"]["exposurePercentage"], 40);
    assert_eq!(managers_of(&automated, "exposurePercentage"), ["rollout"]);

    shell.follow("## Read a run now", &recipe("## Read a run now"));
    let annotations = &shell.resource()["metadata"]["annotations"];
    assert!(annotations["experiments.appconfig.dev/reconcile-requested-at"].is_string());

    shell.run("kubectl annotate namespace checkout experiments.appconfig.dev/applications-");
    shell.run("kubectl delete exprun add-to-cart-1 -n checkout");
    let create = "kubectl apply --server-side -f deploy/samples/validate.yaml";
    let refused = shell.attempt(create);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("may not name any AppConfig application yet"), "{said}");
    shell.follow("## Tenancy", &Page::docs("operations").blocks("## Tenancy", "console"));
    shell.run(create);
}

/// The script by which a person fills the emulator.
#[tokio::test(flavor = "multi_thread")]
async fn the_script_creates_the_run_that_the_samples_name() {
    // A person who follows the page has curl; a machine that only builds needn't.
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("there is no curl: the script is not tried");
        return;
    }
    let emulator = Emulator::start(appconfig_emulator::Options::default()).await.unwrap();
    let script = format!("{ROOT}/tests/emulator/create-run.sh");
    let output = Command::new(script).arg(emulator.endpoint()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let requests = emulator.requests();
    let run = requests.last().unwrap();
    assert_eq!(
        (run.application.as_deref(), run.definition.as_deref()),
        (Some("shop"), Some("add-to-cart"))
    );
    assert_eq!(
        (&run.answer["Run"], &run.answer["ExposurePercentage"]),
        (&1.into(), &0.0.into())
    );
}
