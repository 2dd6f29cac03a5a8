//! Helm as a process, and what it prints.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
};

use control_plane::{ControlPlane, Tool};
use harness::cluster::text;
use serde_json::Value;

/// Helm with a home of its own, on a cluster or on none.
pub struct Helm {
    program: PathBuf,
    home: PathBuf,
    kubeconfig: PathBuf,
}

impl Helm {
    /// Helm that reaches no cluster.
    pub fn offline() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("helm-{}-{number}", std::process::id()));
        Self {
            program: Tool::Helm.ensure().unwrap(),
            kubeconfig: home.join("none"),
            home,
        }
    }

    /// Helm as the administrator of a cluster.
    pub fn on(control_plane: &ControlPlane) -> Self {
        let mut helm = Self::offline();
        helm.kubeconfig = control_plane.kubeconfig();
        helm
    }

    /// What it says to these arguments.
    pub fn attempt(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        // What whoever runs the tests has set for Helm is none of this one's.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HELM_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HELM_CACHE_HOME", self.home.join("cache"))
            .env("HELM_CONFIG_HOME", self.home.join("config"))
            .env("HELM_DATA_HOME", self.home.join("data"))
            .output()
            .unwrap()
    }

    /// What it prints when it has done what it was asked for.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.attempt(arguments);
        let said = text(&output.stderr);
        assert!(output.status.success(), "helm {}: {said}", arguments.join(" "));
        text(&output.stdout)
    }

    /// Why it has not done what it was asked for.
    pub fn refuse(&self, arguments: &[&str]) -> String {
        let output = self.attempt(arguments);
        let said = text(&output.stdout);
        assert!(!output.status.success(), "helm {}: {said}", arguments.join(" "));
        text(&output.stderr)
    }

    /// The objects that a chart renders for a release of that name in a namespace of that name.
    pub fn render(&self, chart: &str, release: &str, more: &[&str]) -> Vec<Value> {
        let arguments = [&["template", release, chart, "--namespace", release], more].concat();
        objects(&self.run(&arguments))
    }
}

impl Drop for Helm {
    fn drop(&mut self) {
        // It is in the folder that the build throws away.
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

/// The objects of a stream of YAML documents.
pub fn objects(stream: &str) -> Vec<Value> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(stream).unwrap();
    objects.into_iter().filter(|object| !object.is_null()).collect()
}

/// What kind of object it is, in which namespace, and its name.
pub fn identity(object: &Value) -> String {
    let metadata = &object["metadata"];
    let namespace = metadata["namespace"].as_str().unwrap_or_default();
    format!(
        "{} {namespace}/{}",
        object["kind"].as_str().unwrap(),
        metadata["name"].as_str().unwrap()
    )
}

/// The only object of that kind.
pub fn only<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| object["kind"] == kind);
    let (only, None) = (found.next().unwrap_or_else(|| panic!("no {kind}")), found.next()) else {
        panic!("more than one {kind}")
    };
    only
}
