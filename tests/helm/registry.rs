//! The charts in a registry, as OCI artifacts.

use std::path::{Path, PathBuf};

use control_plane::{ControlPlane, Options, Registry};

use crate::{CRDS, KINDS, NAME, OPERATOR, helm::Helm, replica::deployment};

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn the_charts_are_pushed_to_a_registry_pulled_and_installed_from_it() {
    let registry = Registry::start().unwrap();
    let control_plane = ControlPlane::start(Options::default()).unwrap();
    let helm = Helm::on(&control_plane);
    let folder = folder("packed");
    let place = folder.to_str().unwrap();
    let charts = format!("oci://{}/charts", registry.address());
    let version = env!("CARGO_PKG_VERSION");
    for (name, chart) in [(KINDS, CRDS), (NAME, OPERATOR)] {
        helm.run(&["package", chart, "--destination", place]);
        let packed = format!("{place}/{name}-{version}.tgz");
        helm.run(&["push", &packed, &charts, "--plain-http"]);
        let before = std::fs::read(&packed).unwrap();
        std::fs::remove_file(&packed).unwrap();
        let from = format!("{charts}/{name}");
        helm.run(&[
            "pull",
            &from,
            "--version",
            version,
            "--destination",
            place,
            "--plain-http",
        ]);
        assert_eq!(std::fs::read(&packed).unwrap(), before, "{name}");
        let arguments = ["--version", version, "-n", NAME, "--create-namespace", "--plain-http"];
        helm.run(&[&["install", name, &from][..], &arguments].concat());
    }
    assert_eq!(deployment(&control_plane, NAME, NAME)["spec"]["replicas"], 2);
    std::fs::remove_dir_all(&folder).unwrap();
}
