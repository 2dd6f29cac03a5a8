//! `version`: what it tells of the plugin, and what the cluster tells of the rest.

use appconfig_experiment_operator::decide::ramp::schedule::time_zone_data;
use harness::{ACTS, NAME, Operator, Scene};
use serde_json::json;

use crate::{
    people::{NOBODY, called_by},
    plugin::in_scene,
};

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[tokio::test(flavor = "multi_thread")]
async fn version_tells_what_the_cluster_tells() {
    let scene = Scene::with_lease().await;
    let operator = Operator::start(&scene.replica());
    operator.logged(ACTS).await;
    let place = ["version", "--operator-namespace", &scene.namespace];
    let all = in_scene(&scene, &place).await;
    assert_eq!(all.code, 0, "{all:?}");
    let holder = scene.holder().await.unwrap();
    let told = format!(
        "kubectl exprun: {VERSION}\ntime zones: IANA {}\noperator: {VERSION}, {holder} acts\nCRD: serves v1alpha1\n",
        time_zone_data()
    );
    assert_eq!(all.out, told);
    let line = &in_scene(&scene, &[&place[..], &["-o", "json"]].concat()).await.lines()[0];
    assert_eq!((&line["client"], &line["operator"]), (&json!(VERSION), &json!(VERSION)));
    assert_eq!(line["served"], json!(["v1alpha1"]));

    // The Deployment of deploy/ tells its image. No Pod runs here.
    let deployed = in_scene(&scene, &["version", "--operator-namespace", NAME]).await;
    assert!(deployed.out.contains(&format!("operator: {NAME}:")), "{deployed:?}");
    let client = in_scene(&scene, &["version", "--client", "--kubeconfig", "/nowhere"]).await;
    assert_eq!((client.code, client.out.lines().count()), (0, 2), "{client:?}");
    let nobody = called_by(NOBODY, &scene, &place).await;
    assert_eq!(nobody.code, 0);
    assert!(
        nobody.out.contains("operator: not found") && nobody.out.contains("not known: "),
        "{nobody:?}"
    );
}
