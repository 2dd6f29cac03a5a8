//! What kubectl has installed becomes a release's.

use std::fs;

use appconfig_emulator::{Emulator, Options};
use control_plane::ControlPlane;
use harness::cluster::kubectl;
use serde_json::Value;

use crate::{
    CRDS, KINDS, NAME, OPERATOR, ROOT,
    helm::Helm,
    replica::{Replica, deployment, part, resource},
};

/// Whether all that is wanted is there, whatever there is beside.
fn holds(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, wanted)| there.get(key).is_some_and(|there| holds(there, wanted))),
        (Value::Array(there), Value::Array(wanted)) => {
            there.len() == wanted.len() && there.iter().zip(wanted).all(|(there, wanted)| holds(there, wanted))
        }
        _ => there == wanted,
    }
}

fn live(control_plane: &ControlPlane, object: &Value) -> Value {
    let metadata = &object["metadata"];
    let name = format!(
        "{}/{}",
        object["kind"].as_str().unwrap(),
        metadata["name"].as_str().unwrap()
    );
    let namespace = metadata["namespace"].as_str().unwrap_or("default");
    serde_json::from_str(&kubectl(control_plane, &["get", &name, "-n", namespace, "-o", "json"])).unwrap()
}

/// Has Helm adopt what kubectl has installed, as `docs/install.md` says.
fn adopt(helm: &Helm) {
    for (release, chart) in [(KINDS, CRDS), (NAME, OPERATOR)] {
        let upgrade = ["upgrade", "--install", release, chart, "--namespace", NAME];
        let said = helm.refuse(&upgrade);
        assert!(said.contains("exists and cannot be imported"), "{said}");
        helm.run(&[&upgrade[..], &["--take-ownership", "--force-conflicts"]].concat());
    }
}

async fn is_adopted(control_plane: &ControlPlane, helm: &Helm) {
    for (release, chart) in [(KINDS, CRDS), (NAME, OPERATOR)] {
        for object in helm.render(chart, release, &[]) {
            let live = live(control_plane, &object);
            assert!(holds(&live, &object), "{object:#}\n{live:#}");
            let owner = &live["metadata"]["annotations"]["meta.helm.sh/release-name"];
            assert_eq!(owner, release, "{object:#}");
        }
    }
    let emulator = Emulator::start(Options::default()).await.unwrap();
    Replica::start(control_plane, NAME, NAME, &emulator).is_ready().await;
    // What kubectl has applied is still named as kubectl's, so a change of it has to be forced.
    helm.run(&[
        "upgrade",
        NAME,
        OPERATOR,
        "-n",
        NAME,
        "--set=replicas=3",
        "--force-conflicts",
    ]);
    assert_eq!(deployment(control_plane, NAME, NAME)["spec"]["replicas"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kubectl_has_installed_is_adopted() {
    let control_plane = ControlPlane::start(control_plane::Options::default()).unwrap();
    let helm = Helm::on(&control_plane);
    kubectl(&control_plane, &["apply", "-k", &format!("{ROOT}/deploy")]);
    adopt(&helm);
    is_adopted(&control_plane, &helm).await;
}

/// The manifests of commit a63311a, by which the first users have installed it, on the way to this version's charts.
#[tokio::test(flavor = "multi_thread")]
async fn an_installation_from_before_the_charts_is_upgraded_by_them() {
    let control_plane = ControlPlane::start(control_plane::Options::default()).unwrap();
    let helm = Helm::on(&control_plane);
    let before = format!("{ROOT}/tests/helm/a63311a.yaml");
    assert!(!fs::read_to_string(&before).unwrap().contains("Schema revision"));
    kubectl(&control_plane, &["apply", "-f", &before]);
    let established = ["wait", "crd", "--all", "--for=condition=Established", "--timeout=20s"];
    kubectl(&control_plane, &established);
    resource(&control_plane, "checkout", "add-to-cart");
    let status = r#"{"status":{"observedGeneration":1,"exposurePercentage":5,"status":"RUNNING","run":1}}"#;
    let patch = [
        "patch",
        "exprun",
        "run",
        "-n",
        "checkout",
        "--subresource=status",
        "--type=merge",
        "-p",
        status,
    ];
    kubectl(&control_plane, &patch);
    let whole = || ["{.metadata.uid}", "{.spec}", "{.status}"].map(|path| part(&control_plane, "checkout", path));
    let stored = whole();
    let uid = |object: &Value| object["metadata"]["uid"].clone();
    let of_before = uid(&deployment(&control_plane, NAME, NAME));

    adopt(&helm);
    assert_eq!(whole(), stored, "spec and status of what there was are as they were");
    assert_eq!(
        uid(&deployment(&control_plane, NAME, NAME)),
        of_before,
        "it is updated, not made anew"
    );
    is_adopted(&control_plane, &helm).await;
}
