//! The commands of the pages on how to install and upgrade, as they stand there.

use std::{
    env, fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use control_plane::{ControlPlane, Options, Registry, Tool};
use operator_image::{Image, Input, assemble};

use crate::document::{Page, ROOT};

/// A person's machine: a cluster, two registries, and a folder with `deploy/` and an image in it.
struct Machine {
    control_plane: ControlPlane,
    registries: [Registry; 2],
    folder: PathBuf,
    image: Image,
}

impl Machine {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("install-{}-{number}", std::process::id()));
        fs::create_dir_all(folder.join("bin")).unwrap();
        symlink(format!("{ROOT}/deploy"), folder.join("deploy")).unwrap();
        fs::write(folder.join("credentials"), "[default]\n").unwrap();
        // As much of a program as an image is assembled from: none is built for this.
        let mut program = b"\x7fELF\x02\x01".to_vec();
        program.resize(0x40, 0);
        program[0x12] = 0x3e;
        fs::write(folder.join("binary"), program).unwrap();
        let (binary, output) = (folder.join("binary"), folder.join("dist"));
        let image = assemble(&Input {
            binary,
            output,
            revision: None,
        })
        .unwrap();
        let control_plane = ControlPlane::start(Options::default()).unwrap();
        let registries = [Registry::start().unwrap(), Registry::start().unwrap()];
        let machine = Self {
            control_plane,
            registries,
            folder,
            image,
        };
        machine.tools();
        machine
    }

    /// The programs that the pages name. The image is there already, and a registry on loopback has no TLS.
    fn tools(&self) {
        let tool = |name: &str, script: &str| {
            let path = self.folder.join("bin").join(name);
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        };
        let [helm, crane] = [Tool::Helm, Tool::Crane].map(|tool| tool.ensure().unwrap().display().to_string());
        tool("make", "test \"$*\" = image");
        tool("crane", &format!("exec {crane} \"$@\""));
        tool(
            "kubectl",
            &format!("exec {} \"$@\"", self.control_plane.kubectl_path().display()),
        );
        tool(
            "helm",
            &format!("case \"$*\" in *oci://*) exec {helm} \"$@\" --plain-http;; *) exec {helm} \"$@\";; esac"),
        );
    }

    fn run(&self, script: &str) -> String {
        let path = format!("{}:{}", self.folder.join("bin").display(), env::var("PATH").unwrap());
        let home = |name: &str| self.folder.join(name);
        let output = Command::new("sh")
            .args(["-euc", script])
            .current_dir(&self.folder)
            .env("PATH", path)
            .env("KUBECONFIG", self.control_plane.kubeconfig())
            .env("KUBECACHEDIR", self.control_plane.directory().join("kubectl-cache"))
            .env("HELM_CACHE_HOME", home("cache"))
            .env("HELM_CONFIG_HOME", home("config"))
            .env("HELM_DATA_HOME", home("data"))
            .env("REGISTRY", self.registries[0].address())
            .env("FROM", self.registries[1].address())
            .env("DIGEST", &self.image.digest)
            .env("VERSION", env!("CARGO_PKG_VERSION"))
            .env("CREDENTIALS", home("credentials"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the commands below a heading.
    fn follow(&self, page: &str, heading: &str) -> String {
        let blocks = Page::docs(page).blocks(heading, "console");
        assert_eq!(blocks.len(), 1, "{page} {heading}");
        self.run(&blocks[0])
    }

    /// A part of the operator's Deployment.
    fn deployment(&self, path: &str) -> String {
        self.run(&format!(
            "kubectl get deployment appconfig-experiment-operator -n appconfig-experiment-operator -o jsonpath='{path}'"
        ))
    }

    fn image(&self) -> String {
        self.deployment("{.spec.template.spec.containers[0].image}")
    }

    fn repository(&self) -> String {
        format!("{}/appconfig-experiment-operator", self.registries[0].address())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It is in the folder that the build throws away.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Every command of both pages is in one of these tests.
#[test]
fn no_command_of_the_pages_is_left_out() {
    let of = |page: &str| Page::docs(page).text().matches("```console").count();
    assert_eq!((of("install"), of("upgrading")), (7, 3));
}

#[test]
fn helm_installs_upgrades_rolls_back_and_uninstalls_as_the_pages_say() {
    let machine = Machine::new();
    machine.follow("install", "## The image");
    assert_eq!(
        machine
            .run("crane digest $REGISTRY/appconfig-experiment-operator:$VERSION")
            .trim(),
        machine.image.digest
    );
    machine.follow("install", "## With Helm");
    let image = format!("{}:{}", machine.repository(), env!("CARGO_PKG_VERSION"));
    assert_eq!(machine.image(), image);
    machine.run("kubectl create namespace checkout");
    machine.follow("install", "### More than one release");
    machine.follow("install", "### Static keys, as a last resort");
    assert_eq!(
        machine.deployment("{.spec.template.spec.volumes[0].secret.secretName}"),
        "aws"
    );
    machine.follow("upgrading", "## Upgrade");
    let arguments = "{.spec.template.spec.containers[0].args}";
    assert!(
        machine.deployment(arguments).contains("--region=eu-west-1"),
        "what was set stays"
    );
    assert_eq!(machine.image(), image);
    machine.follow("upgrading", "## Roll back");
    assert_eq!(machine.image(), image);
    machine.follow("upgrading", "## Uninstall");
    let left = machine.run("kubectl get deployments --all-namespaces -o name; kubectl get crds -o name");
    let expected = "deployment.apps/team-a\ncustomresourcedefinition.apiextensions.k8s.io/experimentruns.experiments.appconfig.dev\n";
    assert_eq!(left, expected);
}

#[test]
fn kustomize_installs_it_and_helm_adopts_that_as_the_page_says() {
    let machine = Machine::new();
    machine.follow("install", "## With kustomize");
    assert_eq!(
        machine.image(),
        format!("{}:{}", machine.repository(), env!("CARGO_PKG_VERSION"))
    );
    machine.follow("install", "### Adopt what kubectl has installed");
    let releases = machine.run("helm list --short -n appconfig-experiment-operator");
    assert_eq!(
        releases,
        "appconfig-experiment-operator\nappconfig-experiment-operator-crds\n"
    );
}

#[test]
fn an_air_gapped_cluster_gets_image_and_charts_from_one_registry() {
    let machine = Machine::new();
    machine.run("crane push dist/image $FROM/appconfig-experiment-operator:built");
    machine.follow("install", "## Air-gapped clusters");
    assert_eq!(
        machine.image(),
        format!("{}@{}", machine.repository(), machine.image.digest)
    );
    machine.run("crane validate --remote $REGISTRY/appconfig-experiment-operator@$DIGEST");
}
