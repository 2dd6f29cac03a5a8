//! The programs: built once from the Go modules beside this crate and kept outside the build tree, or taken from
//! `KUBEBUILDER_ASSETS`.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::error::Error;

const GO_MOD: &str = include_str!("../go.mod");

/// A Go module that names the versions of what is built from it.
struct Module {
    /// Where it is; builds only work from a source tree, which is where tests run.
    directory: &'static str,
    /// The folder in the cache.
    name: &'static str,
    go_sum: &'static [u8],
}

const CONTROL_PLANE: Module = Module {
    directory: env!("CARGO_MANIFEST_DIR"),
    name: "control-plane",
    go_sum: include_bytes!("../go.sum"),
};
/// Its client libraries are others than the control plane's, so it has a module of its own.
const HELM_MODULE: Module = Module {
    directory: concat!(env!("CARGO_MANIFEST_DIR"), "/helm"),
    name: "helm",
    go_sum: include_bytes!("../helm/go.sum"),
};
const CRANE_MODULE: Module = Module {
    directory: concat!(env!("CARGO_MANIFEST_DIR"), "/crane"),
    name: "crane",
    go_sum: include_bytes!("../crane/go.sum"),
};
const KUBE_SCORE_MODULE: Module = Module {
    directory: concat!(env!("CARGO_MANIFEST_DIR"), "/kube-score"),
    name: "kube-score",
    go_sum: include_bytes!("../kube-score/go.sum"),
};
const CONTAINERD_MODULE: Module = Module {
    directory: concat!(env!("CARGO_MANIFEST_DIR"), "/containerd"),
    name: "containerd",
    go_sum: include_bytes!("../containerd/go.sum"),
};

/// A program of a Go module.
struct Program {
    module: &'static Module,
    name: &'static str,
    package: &'static str,
    /// How long a first build takes, for the person who waits for it.
    patience: &'static str,
}

const ETCD: Program = Program {
    module: &CONTROL_PLANE,
    name: "etcd",
    package: "go.etcd.io/etcd/server/v3",
    patience: "about a quarter of a minute",
};
const KUBE_APISERVER: Program = Program {
    module: &CONTROL_PLANE,
    name: "kube-apiserver",
    package: "k8s.io/kubernetes/cmd/kube-apiserver",
    patience: "4 to 5 minutes on two cores, and 3 GB of Go caches",
};
const KUBECTL: Program = Program {
    module: &CONTROL_PLANE,
    name: "kubectl",
    package: "k8s.io/kubernetes/cmd/kubectl",
    patience: "about half a minute",
};
const KUBE_CONTROLLER_MANAGER: Program = Program {
    module: &CONTROL_PLANE,
    name: "kube-controller-manager",
    package: "k8s.io/kubernetes/cmd/kube-controller-manager",
    patience: "one to two minutes after kube-apiserver",
};
const KUBE_SCHEDULER: Program = Program {
    module: &CONTROL_PLANE,
    name: "kube-scheduler",
    package: "k8s.io/kubernetes/cmd/kube-scheduler",
    patience: "about half a minute after kube-apiserver",
};
const KUBELET: Program = Program {
    module: &CONTROL_PLANE,
    name: "kubelet",
    package: "k8s.io/kubernetes/cmd/kubelet",
    patience: "about a minute after kube-apiserver",
};
const CONTAINERD: Program = Program {
    module: &CONTAINERD_MODULE,
    name: "containerd",
    package: "github.com/containerd/containerd/v2/cmd/containerd",
    patience: "about two minutes on two cores",
};
/// containerd looks for it in its own folder.
const CONTAINERD_SHIM: Program = Program {
    module: &CONTAINERD_MODULE,
    name: "containerd-shim-runc-v2",
    package: "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
    patience: "seconds after containerd",
};

const HELM: Program = Program {
    module: &HELM_MODULE,
    name: "helm",
    package: "helm.sh/helm/v4/cmd/helm",
    patience: "about three minutes on two cores",
};
const CRANE: Program = Program {
    module: &CRANE_MODULE,
    name: "crane",
    package: "github.com/google/go-containerregistry/cmd/crane",
    patience: "about a quarter of a minute",
};
const KUBE_SCORE: Program = Program {
    module: &KUBE_SCORE_MODULE,
    name: "kube-score",
    package: "github.com/zegl/kube-score/cmd/kube-score",
    patience: "about half a minute",
};

/// A program that brings things to a cluster or to a registry, or judges what is brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Installs charts.
    Helm,
    /// Copies images, and serves a registry.
    Crane,
    /// Looks for what is risky in manifests.
    KubeScore,
}

impl Tool {
    /// Every tool.
    pub const ALL: [Self; 3] = [Self::Helm, Self::Crane, Self::KubeScore];

    /// Finds the program, and builds it where it is missing, as [`Binaries::ensure`] does.
    ///
    /// # Errors
    /// When there is no Go toolchain, or when `go build` fails.
    pub fn ensure(self) -> Result<PathBuf, Error> {
        ensure_built(match self {
            Self::Helm => &HELM,
            Self::Crane => &CRANE,
            Self::KubeScore => &KUBE_SCORE,
        })
    }
}

/// The programs that make up a control plane.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// The store.
    pub etcd: PathBuf,
    /// The API server.
    pub kube_apiserver: PathBuf,
    /// The client.
    pub kubectl: PathBuf,
}

impl Binaries {
    /// Finds the programs, and builds those that are missing.
    ///
    /// A first build takes about five minutes and says so on stderr. Processes that ask at the same time wait for the
    /// one that builds.
    ///
    /// # Errors
    /// When `KUBEBUILDER_ASSETS` is set and lacks one, when there is no Go toolchain, or when `go build` fails.
    pub fn ensure() -> Result<Self, Error> {
        Ok(Self {
            etcd: ensure(&ETCD)?,
            kube_apiserver: ensure(&KUBE_APISERVER)?,
            kubectl: ensure(&KUBECTL)?,
        })
    }
}

/// The programs that run Pods, beside those of a control plane.
#[derive(Clone, Debug)]
pub struct NodeBinaries {
    /// What starts and probes the Pods of a node.
    pub kubelet: PathBuf,
    /// What pulls images and starts containers. Its shim is in the same folder.
    pub containerd: PathBuf,
    /// What decides on which node a Pod runs.
    pub kube_scheduler: PathBuf,
    /// What makes Pods of a Deployment.
    pub kube_controller_manager: PathBuf,
}

impl NodeBinaries {
    /// Finds the programs, and builds those that are missing, as [`Binaries::ensure`] does: about six minutes on two cores.
    ///
    /// # Errors
    /// As [`Binaries::ensure`].
    pub fn ensure() -> Result<Self, Error> {
        ensure_built(&CONTAINERD_SHIM)?;
        Ok(Self {
            kubelet: ensure(&KUBELET)?,
            containerd: ensure_built(&CONTAINERD)?,
            kube_scheduler: ensure(&KUBE_SCHEDULER)?,
            kube_controller_manager: ensure(&KUBE_CONTROLLER_MANAGER)?,
        })
    }
}

/// The Kubernetes version that the Go module names, as in `v1.36.4`.
#[must_use]
pub fn kubernetes_version() -> &'static str {
    GO_MOD
        .lines()
        .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes ")?.split(' ').next())
        .unwrap_or("v0.0.0")
}

fn ensure(program: &Program) -> Result<PathBuf, Error> {
    if let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS").filter(|assets| !assets.is_empty()) {
        let path = PathBuf::from(assets).join(program.name);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(Error::AssetMissing { path })
        };
    }
    ensure_built(program)
}

fn ensure_built(program: &Program) -> Result<PathBuf, Error> {
    let directory = cache_directory(program.module)?;
    let path = directory.join(program.name);
    if path.is_file() {
        return Ok(path);
    }
    fs::create_dir_all(&directory).map_err(Error::io(format!("create {}", directory.display())))?;
    let _lock = lock(&directory.join("lock"))?;
    // Another process may have built it while this one waited for the lock.
    if !path.is_file() {
        build(program, &path)?;
    }
    Ok(path)
}

fn cache_directory(module: &Module) -> Result<PathBuf, Error> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let caches = set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .ok_or(Error::NoCacheDirectory)?;
    let digest = ring::digest::digest(&ring::digest::SHA256, module.go_sum);
    let key = digest
        .as_ref()
        .iter()
        .take(8)
        .fold(String::new(), |key, byte| format!("{key}{byte:02x}"));
    Ok(caches.join("appconfig-experiment-operator").join(module.name).join(key))
}

/// Locks out other processes until the answer is dropped.
fn lock(path: &Path) -> Result<File, Error> {
    let file = File::create(path).map_err(Error::io(format!("create {}", path.display())))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => say("waiting for another process that is building"),
        Err(TryLockError::Error(source)) => return Err(Error::io(format!("lock {}", path.display()))(source)),
    }
    file.lock().map_err(Error::io(format!("lock {}", path.display())))?;
    Ok(file)
}

fn build(program: &Program, path: &Path) -> Result<(), Error> {
    let name = program.name;
    say(&format!(
        "building {name} (only the first time: {}) ...",
        program.patience
    ));
    let started = Instant::now();
    // A name of its own: the `go` of a builder that was killed may still be writing.
    let unfinished = path.with_extension(format!("unfinished-{}", std::process::id()));
    let status = Command::new("go")
        .args(["build", "-mod=readonly", "-trimpath", "-ldflags", &linker_flags(), "-o"])
        .arg(&unfinished)
        .arg(program.package)
        .current_dir(program.module.directory)
        .env("CGO_ENABLED", "0")
        .env("GOWORK", "off")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .map_err(|source| match source.kind() {
            ErrorKind::NotFound => Error::GoMissing { program: name },
            _ => Error::io("run `go build`")(source),
        })?;
    if !status.success() {
        return Err(Error::GoFailed { program: name, status });
    }
    fs::rename(&unfinished, path).map_err(Error::io(format!("rename {}", unfinished.display())))?;
    say(&format!(
        "built {name} in {} s: {}",
        started.elapsed().as_secs(),
        path.display()
    ));
    Ok(())
}

/// Stamps the version as Kubernetes' own build does: unstamped, `/version` is nonsense and kubectl complains.
///
/// The Go proxy doesn't tell the commit, so the tag names it; a constant date keeps builds reproducible.
fn linker_flags() -> String {
    let version = kubernetes_version();
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or("0"), numbers.next().unwrap_or("0"));
    let mut flags = "-s -w".to_owned();
    for package in ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"] {
        for (variable, value) in [
            ("gitVersion", version),
            ("gitMajor", major),
            ("gitMinor", minor),
            ("gitCommit", version),
            ("gitTreeState", "clean"),
            ("buildDate", "1970-01-01T00:00:00Z"),
        ] {
            flags = format!("{flags} -X {package}.{variable}={value}");
        }
    }
    flags
}

/// Writes past the test harness, which would hold back what `eprintln!` says until the test is over.
fn say(line: &str) {
    // Nobody to tell is no reason to stop building.
    let _ = writeln!(std::io::stderr(), "control-plane: {line}");
}
