//! The control plane that all journeys share, with `deploy/` applied.

use std::{process::Output, sync::OnceLock};

use control_plane::{ControlPlane, Options, User};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use tokio::task::spawn_blocking;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The control plane, started by whoever comes first. It ends with the process.
pub fn control_plane() -> &'static ControlPlane {
    static SHARED: OnceLock<ControlPlane> = OnceLock::new();
    SHARED.get_or_init(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let control_plane = ControlPlane::start(Options::default()).expect("the control plane starts");
        let applied = control_plane
            .kubectl(["apply", "-k", &format!("{ROOT}/deploy")])
            .expect("kubectl runs");
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        let crd = "crd/experimentruns.experiments.appconfig.dev";
        let established = control_plane.kubectl(["wait", "--for=condition=Established", "--timeout=20s", crd]);
        assert!(
            established.expect("kubectl runs").status.success(),
            "the CRD is established"
        );
        control_plane
    })
}

/// A client of the administrator. Each test has its own: a connection belongs to the runtime that made it.
pub async fn administrator() -> Client {
    client(User::Administrator).await
}

async fn client(user: User) -> Client {
    let path = spawn_blocking(move || control_plane().kubeconfig_of(user))
        .await
        .expect("the control plane starts");
    let kubeconfig = Kubeconfig::read_from(path).expect("the kubeconfig is there");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.expect("the kubeconfig is usable")).expect("a client")
}

/// Runs kubectl as the administrator.
pub async fn kubectl(arguments: &[&str]) -> Output {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let run = move || control_plane().kubectl(&arguments).expect("kubectl runs");
    spawn_blocking(run).await.expect("kubectl ends")
}
