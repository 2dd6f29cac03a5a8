//! Two clusters that apply what one Git has. Neither operator sees the other's resources: ownership and brake are per cluster.

use appconfig_emulator::{KeyPair, RequestRecord};
use appconfig_experiment_operator::api::ExperimentRun;
use control_plane::{ControlPlane, Options};
use harness::{Flags, Operator, Scene, bodies, cluster::kubectl, is_ready, reason};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::alone;

/// The access key of the operator in the other cluster.
const ACCESS_KEY_ELSEWHERE: &str = "AKIDELSEWHERE";
const SECRET_ELSEWHERE: &str = "a-secret-of-the-other-cluster";

/// Another cluster, with `deploy/` applied and the same namespace as the scene.
async fn other_cluster(namespace: &str) -> ControlPlane {
    let namespace = namespace.to_owned();
    let started = spawn_blocking(move || {
        let other = ControlPlane::start(Options::default()).expect("a second control plane");
        let deploy = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy");
        let allowed = "experiments.appconfig.dev/applications=*";
        let steps: [&[&str]; 4] = [
            &["apply", "-k", deploy],
            &["wait", "crd", "--all", "--for=condition=Established", "--timeout=20s"],
            &["create", "namespace", &namespace],
            &["annotate", "namespace", &namespace, allowed],
        ];
        for arguments in steps {
            kubectl(&other, arguments);
        }
        other
    });
    started.await.expect("it starts")
}

/// Applies to the other cluster what Git has.
fn apply(other: &ControlPlane, manifest: &Value) {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("other-cluster.json");
    std::fs::write(&file, manifest.to_string()).unwrap();
    kubectl(other, &["apply", "--server-side", "-f", file.to_str().unwrap()]);
}

/// The updates of each cluster's operator.
fn updates(scene: &Scene) -> [Vec<Value>; 2] {
    let is_from_elsewhere = |update: &RequestRecord| update.access_key_id.as_deref() == Some(ACCESS_KEY_ELSEWHERE);
    let (theirs, ours): (Vec<_>, Vec<_>) = scene.updates().into_iter().partition(is_from_elsewhere);
    [bodies(&ours), bodies(&theirs)]
}

fn raise(exposure: f64) -> Vec<Value> {
    vec![json!({ "ExposurePercentage": exposure })]
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_two_clusters_from_one_git_both_act_and_a_brake_holds_its_own_cluster_only() {
    let _alone = alone().await;
    let scene = Scene::new().await;
    let other = other_cluster(&scene.namespace).await;
    let theirs = KeyPair::new(ACCESS_KEY_ELSEWHERE, SECRET_ELSEWHERE);
    scene.emulator.set_key_pairs(vec![KeyPair::example(), theirs]);
    let flags = Flags {
        kubeconfig: other.operator_kubeconfig(),
        ..scene.flags()
    };
    let flags = flags
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ELSEWHERE)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_ELSEWHERE);
    let _operators = [scene.operator(), Operator::start(&flags)];

    let in_git = json!({ "exposurePercentage": 5 });
    scene.apply("run", &in_git).await;
    scene.wait("run", "ready", is_ready).await;
    scene.later(2);
    apply(&other, &scene.manifest("run", &in_git));
    let ready = [
        "wait",
        "exprun/run",
        "-n",
        &scene.namespace,
        "--for=condition=Ready",
        "--timeout=60s",
    ];
    kubectl(&other, &ready);
    let of_other = [
        "get",
        "exprun/run",
        "-n",
        &scene.namespace,
        "-o=jsonpath={.status.conditions[0].reason}",
    ];
    assert_eq!(kubectl(&other, &of_other), "InSync", "neither says RunAlreadyManaged");

    scene.patch("run", &json!({ "spec": { "suspend": true } })).await;
    let suspended = |run: &ExperimentRun| reason(run) == "Suspended";
    scene.wait("run", "braked", suspended).await;
    scene.later(2);
    let in_git = json!({ "exposurePercentage": 25 });
    scene.apply("run", &in_git).await;
    apply(&other, &scene.manifest("run", &in_git));
    kubectl(
        &other,
        &[
            "wait",
            "exprun/run",
            "-n",
            &scene.namespace,
            "--for=jsonpath={.status.exposurePercentage}=25",
            "--timeout=60s",
        ],
    );
    scene.later(2);
    assert!(suspended(&scene.pass("run").await), "the brake holds here");
    assert_eq!(updates(&scene), [raise(5.0), raise(25.0)], "and not there");
    let notes = scene.wait_for_notes("run", "ExposureChangedExternally", 1).await;
    assert_eq!(
        notes.len(),
        1,
        "what the other cluster does is somebody else's: {notes:?}"
    );
}
