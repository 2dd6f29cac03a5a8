//! One node that runs Pods, and the two programs that make Pods and bring them to it.
//!
//! A node changes what belongs to the whole machine: network interfaces, mounts, cgroups. So it is started in namespaces of
//! its own, which have a bridge with [`Node::ADDRESS`] and [`Node::API_SERVER`], and `/run` to itself. `tests/pods` makes them.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::binaries::NodeBinaries;
use crate::control_plane::ControlPlane;
use crate::directory::Directory;
use crate::error::Error;
use crate::probe;
use crate::process::Server;
use crate::user::User;

/// The name of the node.
pub(crate) const NAME: &str = "node1";

/// What an API server needs for a node, beside what it gets anyway.
pub(crate) const APISERVER_ARGUMENTS: &[&str] = &[
    "--authorization-mode=Node",
    "--enable-admission-plugins=NodeRestriction",
    "--advertise-address=10.88.255.1",
    "--kubelet-preferred-address-types=InternalIP",
];

const KUBELET_CONFIGURATION: &str = include_str!("node/kubelet.yaml");
const CONTAINERD_CONFIGURATION: &str = include_str!("node/containerd.toml");
const NETWORK: &str = include_str!("node/network.conflist");
const CONTAINERD_SOCKET: &str = "/run/containerd/containerd.sock";
const KUBELET_HEALTH: u16 = 10248;

/// A running node, which keeps its files below the control plane's. Dropping it stops its servers. Its containers go on: whoever wants them stopped deletes their Pods first.
#[derive(Debug)]
pub struct Node {
    // Dropped in this order: nobody makes Pods any more before nobody starts them.
    _controller_manager: Server,
    _scheduler: Server,
    _kubelet: Server,
    _containerd: Server,
    _directory: Directory,
}

impl Node {
    /// The node's own address, which its Pods reach.
    pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 88, 255, 1);
    /// Where Pods find the API server: the first address of the services. Port 443 of it must lead to [`ControlPlane::url`].
    pub const API_SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

    /// Starts a node of this control plane, which was started with [`Options::node`](crate::Options::node), and waits until
    /// Pods can run on it. `pause` names the image of what holds a Pod's namespaces.
    ///
    /// # Errors
    /// When a program can't be built, or a server doesn't start; the message holds the end of its log.
    pub fn start(control_plane: &ControlPlane, pause: &str) -> Result<Self, Error> {
        let binaries = NodeBinaries::ensure()?;
        let directory = Directory::kept(&control_plane.directory().join("node"))?;
        let containerd = start_containerd(&binaries, &directory, pause)?;
        let scheduler = start(&binaries.kube_scheduler, "kube-scheduler", &directory, |command| {
            controller(command, control_plane);
        })?;
        let controller_manager = start(
            &binaries.kube_controller_manager,
            "kube-controller-manager",
            &directory,
            |command| {
                let file =
                    |flag: &str, name: &str| format!("--{flag}={}", control_plane.directory().join(name).display());
                controller(command, control_plane)
                    .arg(file("service-account-private-key-file", "sa.key"))
                    .arg(file("root-ca-file", "certificates/apiserver.crt"));
            },
        )?;
        let mut kubelet = start_kubelet(&binaries, &directory, control_plane)?;
        kubelet.wait_until(|| is_ready(control_plane))?;
        Ok(Self {
            _controller_manager: controller_manager,
            _scheduler: scheduler,
            _kubelet: kubelet,
            _containerd: containerd,
            _directory: directory,
        })
    }
}

fn start(
    program: &Path,
    name: &'static str,
    directory: &Directory,
    arguments: impl FnOnce(&mut Command),
) -> Result<Server, Error> {
    let mut command = Command::new(program);
    arguments(&mut command);
    let log = directory.path().join(format!("{name}.log"));
    Server::start(name, &command, log, directory.in_use()?)
}

/// What both have: the administrator's rights, no Lease, and no port.
fn controller<'a>(command: &'a mut Command, control_plane: &ControlPlane) -> &'a mut Command {
    command
        .arg(format!("--kubeconfig={}", control_plane.kubeconfig().display()))
        .args(["--leader-elect=false", "--secure-port=0"])
}

fn start_containerd(binaries: &NodeBinaries, directory: &Directory, pause: &str) -> Result<Server, Error> {
    let network = folder(directory, "network")?;
    let configuration = CONTAINERD_CONFIGURATION
        .replace("PAUSE", pause)
        .replace("NETWORK", &network.display().to_string());
    let configuration = directory.write("containerd.toml", configuration)?;
    directory.write("network/pods.conflist", NETWORK)?;
    let mut server = start(&binaries.containerd, "containerd", directory, |command| {
        command
            .arg("--config")
            .arg(configuration)
            .args(["--address", CONTAINERD_SOCKET, "--state", "/run/containerd", "--root"])
            .arg(directory.path().join("containerd"));
    })?;
    server.wait_until(|| {
        let answer = UnixStream::connect(CONTAINERD_SOCKET);
        answer.map(|_| ()).map_err(|error| error.to_string())
    })?;
    Ok(server)
}

fn start_kubelet(
    binaries: &NodeBinaries,
    directory: &Directory,
    control_plane: &ControlPlane,
) -> Result<Server, Error> {
    let name = |name: &str| directory.path().join(name).display().to_string();
    directory.write("resolv.conf", "")?;
    let configuration = KUBELET_CONFIGURATION
        .replace("SOCKET", CONTAINERD_SOCKET)
        .replace("RESOLV", &name("resolv.conf"))
        .replace("LOGS", &name("pod-logs"))
        .replace("PLUGINS", &name("plugins"));
    let configuration = directory.write("kubelet.yaml", configuration)?;
    let mut server = start(&binaries.kubelet, "kubelet", directory, |command| {
        command
            .arg(format!("--config={}", configuration.display()))
            .arg(format!(
                "--kubeconfig={}",
                control_plane.kubeconfig_of(User::Node).display()
            ))
            .arg(format!("--root-dir={}", name("kubelet")))
            .arg(format!("--cert-dir={}", name("kubelet-certificates")))
            .arg(format!("--hostname-override={NAME}"))
            .arg(format!("--node-ip={}", Node::ADDRESS));
    })?;
    server.wait_until(|| probe::http(KUBELET_HEALTH, "/healthz"))?;
    Ok(server)
}

fn folder(directory: &Directory, name: &str) -> Result<PathBuf, Error> {
    let path = directory.path().join(name);
    fs::create_dir_all(&path).map_err(Error::io(format!("create {}", path.display())))?;
    Ok(path)
}

fn is_ready(control_plane: &ControlPlane) -> Result<(), String> {
    let condition = "-o=jsonpath={.status.conditions[?(@.type=='Ready')].status}";
    let said = control_plane.kubectl(["get", "node", NAME, condition]);
    let said = said.map_err(|error| error.to_string())?;
    if said.stdout == b"True" {
        return Ok(());
    }
    Err(format!(
        "the node is not ready: {}{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    ))
}
