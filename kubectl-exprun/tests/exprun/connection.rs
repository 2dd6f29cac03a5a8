//! How the cluster is reached, and what is said when it is not.

use std::time::{Duration, Instant};

use control_plane::{
    User,
    proxy::{Effect, Rule},
};
use harness::{Scene, control_plane, proxy};
use serde_json::{Value, json};

use crate::plugin::{Called, in_scene};

/// A file that goes when the test ends.
struct Kubeconfig(std::path::PathBuf);

impl Drop for Kubeconfig {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Kubeconfig {
    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// Two clusters, the one that is there and one that is not, and a user as given.
    fn new(scene: &Scene, name: &str, user: &Value) -> Self {
        let cluster = |name: &str, url: &str| {
            let file = control_plane().directory().join("certificates/apiserver.crt");
            json!({"name": name, "cluster": {"server": url, "certificate-authority": file}})
        };
        let context = |name: &str| {
            let context = json!({"cluster": name, "user": "me", "namespace": scene.namespace});
            json!({"name": name, "context": context})
        };
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "gone",
            "clusters": [cluster("here", &control_plane().url()), cluster("gone", "https://127.0.0.1:1")],
            "contexts": [context("here"), context("gone")],
            "users": [{"name": "me", "user": user}]
        });
        let path = std::env::temp_dir().join(format!("{}-{name}.kubeconfig", scene.namespace));
        std::fs::write(&path, kubeconfig.to_string()).unwrap();
        Self(path)
    }
}

async fn with(kubeconfig: &Kubeconfig, arguments: &[&str]) -> Called {
    crate::plugin::exprun(&[arguments, &["--kubeconfig", kubeconfig.path()]].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_another_program_and_the_namespace_from_the_context() {
    let scene = Scene::new().await;
    scene.apply("run", &json!({})).await;
    let token = control_plane().token_of(User::Administrator);
    let credential =
        json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token}});
    let program = |script: &str| {
        json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script],
            "interactiveMode": "Never"}})
    };
    let works = Kubeconfig::new(&scene, "works", &program(&format!("echo '{credential}'")));
    let called = with(&works, &["status", "--context", "here"]).await;
    assert!(called.code == 0 && called.out.contains("\nrun "), "{called:?}");

    let fails = Kubeconfig::new(&scene, "fails", &program("echo no session >&2; exit 1"));
    let called = with(&fails, &["status", "--context", "here"]).await;
    assert_eq!((called.code, called.out.as_str()), (1, ""), "{called:?}");
    assert!(called.error.contains("no session"), "{called:?}");
    let wrong = Kubeconfig::new(&scene, "wrong", &json!({"token": "wrong"}));
    let called = with(&wrong, &["status", "--context", "here"]).await;
    assert!(
        called.code == 1 && called.error.contains("does not know you (401)"),
        "{called:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_not_there_is_told_at_once() {
    let scene = Scene::new().await;
    let gone = Kubeconfig::new(&scene, "gone", &json!({"token": "any"}));
    let begun = Instant::now();
    let called = with(&gone, &["status"]).await;
    assert!(called.code == 1 && called.error.contains("refused"), "{called:?}");
    let called = with(&gone, &["brake", "run", "--reason", "night"]).await;
    assert_eq!((called.code, called.out.as_str()), (1, ""), "{called:?}");
    assert!(
        called.error.contains("/run: NOT ACKNOWLEDGED: ") && called.error.contains("run this again"),
        "{called:?}"
    );
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "whoever pulls a brake must not wait for the news"
    );
}

/// The administrator's way through a proxy.
async fn through(proxy: &control_plane::proxy::Proxy, scene: &Scene, arguments: &[&str]) -> Called {
    let kubeconfig = proxy.kubeconfig_of(User::Administrator);
    in_scene(
        scene,
        &[arguments, &["--kubeconfig", kubeconfig.to_str().unwrap()]].concat(),
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_brake_whose_answer_is_lost_is_pulled_again() {
    let (scene, proxy) = (Scene::new().await, proxy());
    scene.apply("run", &json!({})).await;
    for effect in [Effect::DropAnswer, Effect::DropRequest] {
        proxy.add(Rule::new("patch", "experimentruns", effect).times(1));
        let called = through(
            &proxy,
            &scene,
            &["brake", "run", "--reason", "night", "--timeout", "0s"],
        )
        .await;
        assert_eq!(called.code, 0, "{called:?}");
        assert_eq!(scene.runs.get("run").await.unwrap().spec.suspend, Some(true));
        assert_eq!(in_scene(&scene, &["release", "run", "--yes"]).await.code, 0);
    }
    // Nobody may look: the brake is pulled all the same.
    proxy.add(Rule::new("get", "experimentruns", Effect::Hang));
    let called = through(
        &proxy,
        &scene,
        &["brake", "run", "--reason", "night", "--timeout", "0s"],
    )
    .await;
    assert_eq!(called.code, 0, "{called:?}");
    assert_eq!(scene.runs.get("run").await.unwrap().spec.suspend, Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_created_meanwhile_gets_its_brake_too() {
    let (scene, proxy) = (Scene::new().await, proxy());
    scene.apply("run", &json!({})).await;
    proxy.add(Rule::new("patch", "experimentruns", Effect::DelayAnswer(Duration::from_secs(2))).times(1));
    let arguments = ["brake", "--all", "--reason", "night", "--timeout", "0s", "-o", "json"];
    let (called, ()) = tokio::join!(through(&proxy, &scene, &arguments), async {
        scene.wait("run", "braked", |run| run.spec.suspend == Some(true)).await;
        scene.apply("late", &json!({})).await;
    });
    assert_eq!(called.code, 0, "{called:?}");
    let mut names: Vec<_> = called
        .lines()
        .iter()
        .map(|line| line["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["late", "run"], "{called:?}");
    assert_eq!(scene.runs.get("late").await.unwrap().spec.suspend, Some(true));
}
