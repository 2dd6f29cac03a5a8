//! `check`: what it finds of an install, and who may see it.

use harness::{ACTS, Operator, Scene, is_ready, is_stalled};
use serde_json::{Value, json};

use crate::{
    people::{NOBODY, called_by},
    plugin::{Called, in_scene},
};

const VERSION: &str = env!("CARGO_PKG_VERSION");

async fn check(scene: &Scene, more: &[&str]) -> Called {
    let place = ["check", "--operator-namespace", &scene.namespace];
    in_scene(scene, &[&place[..], more].concat()).await
}

fn line<'a>(lines: &'a [Value], check: &str) -> &'a Value {
    let found = lines.iter().find(|line| line["check"] == check);
    found.unwrap_or_else(|| panic!("{check}: {lines:#?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_what_is_there_and_what_is_lacking() {
    let scene = Scene::with_lease().await;
    let before = check(&scene, &[]).await;
    assert_eq!(before.code, 1, "{before:?}");
    assert!(
        before.out.contains("!!  operator   there is no Lease"),
        "{}",
        before.out
    );
    assert!(
        before.out.contains("ok  CRD        served as v1alpha1"),
        "{}",
        before.out
    );
    assert!(
        before
            .out
            .contains(&format!("ok  fields     all that version {VERSION} knows")),
        "{}",
        before.out
    );

    let mut operator = Operator::start(&scene.replica());
    operator.logged(ACTS).await;
    let lines = check(&scene, &["-o", "json"]).await.lines();
    assert_eq!(line(&lines, "operator")["ok"], true, "{lines:#?}");
    assert!(
        line(&lines, "operator")["found"].as_str().unwrap().starts_with(VERSION),
        "{lines:#?}"
    );
    assert_eq!(
        line(&lines, "scope")["found"],
        format!("ExperimentRuns of {}", scene.namespace)
    );
    assert_eq!(
        line(&lines, "region")["found"],
        "eu-west-1 for resources that name none"
    );
    assert_eq!(line(&lines, "AWS")["ok"], false, "not tried: {lines:#?}");
    assert_eq!(
        line(&lines, "namespace")["found"],
        format!("{} may name the applications *", scene.namespace)
    );
    assert_eq!(line(&lines, "rights")["ok"], true);

    scene.apply("run", &json!({"exposurePercentage": 5})).await;
    scene.wait("run", "ready", is_ready).await;
    scene
        .eventually("told in the Lease", async || check(&scene, &[]).await.code == 0)
        .await;
    let well = check(&scene, &[]).await;
    assert!(well.out.contains("ok  AWS        AppConfig answered "), "{}", well.out);
    assert!(
        well.out.contains("1 in ") && well.out.contains("of which 0 need a person"),
        "{}",
        well.out
    );

    scene
        .apply("other", &json!({"experimentDefinitionIdentifier": "none"}))
        .await;
    scene
        .wait("other", "not found", |run| is_stalled(run, "RunNotFound"))
        .await;
    let ill = check(&scene, &[]).await;
    assert_eq!(ill.code, 1);
    assert!(ill.out.contains("!!  run        other: RunNotFound"), "{}", ill.out);
    assert!(
        ill.out
            .contains(&format!("kubectl exprun status other -n {}", scene.namespace)),
        "{}",
        ill.out
    );

    let elsewhere = [
        "check",
        "--operator-namespace",
        &scene.namespace,
        "-o",
        "json",
        "-n",
        "default",
    ];
    let lines = crate::plugin::exprun(&elsewhere).await.lines();
    assert_eq!(
        (&line(&lines, "scope")["ok"], &line(&lines, "namespace")["ok"]),
        (&json!(false), &json!(false))
    );
    assert!(
        line(&lines, "namespace")["toDo"]
            .as_str()
            .unwrap()
            .contains("kubectl annotate namespace default")
    );

    operator.stop().await;
    let stopped = check(&scene, &[]).await;
    assert!(
        stopped.out.contains("!!  operator   nobody holds the Lease"),
        "{}",
        stopped.out
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn check_before_the_uninstall_lists_what_goes_on() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let none = in_scene(&scene, &["check", "--uninstall"]).await;
    assert_eq!(none.code, 0, "{none:?}");
    scene.apply("run", &json!({"exposurePercentage": 5})).await;
    scene.wait("run", "ready", is_ready).await;
    let some = in_scene(&scene, &["check", "--uninstall"]).await;
    assert_eq!(some.code, 1, "{some:?}");
    assert!(
        some.out.contains(&format!(
            "{}/run: RUNNING at 5 %: it goes on, and costs",
            scene.namespace
        )),
        "{}",
        some.out
    );
    let forbidden = called_by(NOBODY, &scene, &["check", "--uninstall"]).await;
    assert!(
        forbidden.code == 1 && forbidden.error.contains("is forbidden"),
        "{forbidden:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_nobody_more_than_they_may_see() {
    let scene = Scene::new().await;
    let nobody = called_by(NOBODY, &scene, &["check"]).await;
    assert_eq!(nobody.code, 1, "{nobody:?}");
    assert!(
        nobody.out.contains("??  operator   can't be seen: ") && nobody.out.contains("!!  rights"),
        "{nobody:?}"
    );
}
