//! The control plane that all journeys share, with `deploy/` applied.

use std::{process::Output, sync::OnceLock};

use control_plane::{ControlPlane, Options, User};
use kube::Client;
use tokio::task::spawn_blocking;

use crate::{built, cluster};

/// The control plane, started by whoever comes first. It ends with the process.
#[must_use]
pub fn control_plane() -> &'static ControlPlane {
    control_plane_with(Options::default())
}

/// The same, of a test that has a binary of its own and comes first: with these options.
pub fn control_plane_with(options: Options) -> &'static ControlPlane {
    static SHARED: OnceLock<ControlPlane> = OnceLock::new();
    SHARED.get_or_init(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let control_plane = ControlPlane::start(options).expect("the control plane starts");
        let applied = control_plane
            .kubectl(["apply", "-k", &format!("{}/deploy", built::ROOT)])
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
    let control_plane = spawn_blocking(control_plane).await.expect("the control plane starts");
    cluster::client(control_plane, User::Administrator).await
}

/// Runs kubectl as the administrator.
pub async fn kubectl(arguments: &[&str]) -> Output {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let run = move || control_plane().kubectl(&arguments).expect("kubectl runs");
    spawn_blocking(run).await.expect("kubectl ends")
}
