//! What another tool may undo of a brake or of its release.

use harness::{Scene, kubectl};
use serde_json::{Value, json};

use crate::plugin::{Called, in_scene};

async fn apply_as(scene: &Scene, manager: &str, more: &Value) {
    let file = std::env::temp_dir().join(format!("{}-{manager}.json", scene.namespace));
    std::fs::write(&file, scene.manifest("run", more).to_string()).unwrap();
    let manager = format!("--field-manager={manager}");
    let applied = kubectl(&[
        "apply",
        "--server-side",
        "--force-conflicts",
        &manager,
        "-f",
        file.to_str().unwrap(),
    ])
    .await;
    assert!(applied.status.success(), "{applied:?}");
    std::fs::remove_file(file).unwrap();
}

async fn brake(scene: &Scene) -> Called {
    in_scene(scene, &["brake", "run", "--reason", "night", "--timeout", "0s"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_may_undo_it_is_named_and_the_exit_code_says_so() {
    // No suspend in Git: kept.
    let scene = Scene::new().await;
    apply_as(&scene, "kustomize-controller", &json!({"exposurePercentage": 5})).await;
    let called = brake(&scene).await;
    assert_eq!(called.code, 0, "{called:?}");
    apply_as(&scene, "kustomize-controller", &json!({"exposurePercentage": 10})).await;
    assert_eq!(scene.runs.get("run").await.unwrap().spec.suspend, Some(true));

    // suspend: false in Git: undone with the next sync.
    let scene = Scene::new().await;
    apply_as(&scene, "kustomize-controller", &json!({"suspend": false})).await;
    let called = brake(&scene).await;
    assert_eq!(called.code, 3, "{called:?}");
    assert!(
        called
            .out
            .contains("kustomize-controller applies spec.suspend: false, and may undo this"),
        "{called:?}"
    );
    assert!(
        called.out.contains("to stop it: flux suspend kustomization"),
        "{called:?}"
    );
    apply_as(&scene, "kustomize-controller", &json!({"suspend": false})).await;
    assert_eq!(scene.runs.get("run").await.unwrap().spec.suspend, Some(false));

    // suspend: true in Git: it lasts, and its release needs both halves.
    apply_as(&scene, "kustomize-controller", &json!({"suspend": true})).await;
    let released = in_scene(&scene, &["release", "run", "--yes"]).await;
    assert_eq!(released.code, 3, "{released:?}");
    assert!(
        released.out.contains("kustomize-controller applies spec.suspend: true"),
        "{released:?}"
    );
    apply_as(&scene, "kustomize-controller", &json!({})).await;
    assert_eq!(scene.runs.get("run").await.unwrap().spec.suspend, None);

    // Somebody's hand before.
    scene
        .kubectl(&[
            "patch",
            "exprun",
            "run",
            "--type=merge",
            "-p",
            r#"{"spec":{"suspend":true}}"#,
        ])
        .await;
    let called = brake(&scene).await;
    assert_eq!(called.code, 3, "{called:?}");
    assert!(called.out.contains("kubectl-patch owns spec.suspend too"), "{called:?}");
    assert!(
        called.out.contains("Flux undoes what kubectl's own managers set"),
        "{called:?}"
    );
}

/// Writes a manifest, and hands its path to kubectl.
async fn with_file(scene: &Scene, arguments: &[&str], manifest: &Value) {
    let file = std::env::temp_dir().join(format!("{}-file.json", scene.namespace));
    std::fs::write(&file, manifest.to_string()).unwrap();
    let done = kubectl(&[arguments, &["-f", file.to_str().unwrap()]].concat()).await;
    assert!(done.status.success(), "{done:?}");
    std::fs::remove_file(file).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_applied_client_side_or_replaced_whole_is_named_too() {
    let scene = Scene::new().await;
    let manifest = scene.manifest("run", &json!({"suspend": false}));
    with_file(&scene, &["apply"], &manifest).await;
    let called = brake(&scene).await;
    assert_eq!(called.code, 3, "{called:?}");
    let who = "kubectl-client-side-apply applied spec.suspend: false last, and may undo this";
    assert!(called.out.contains(who), "{called:?}");
    with_file(&scene, &["apply"], &manifest).await;
    assert_eq!(scene.runs.get("run").await.unwrap().spec.suspend, Some(false));

    // As Argo CD replaces: what is not in Git goes.
    let scene = Scene::new().await;
    let mut manifest = scene.manifest("run", &json!({}));
    manifest["metadata"]["annotations"] = json!({"argocd.argoproj.io/sync-options": "Replace=true"});
    with_file(&scene, &["create", "--field-manager=argocd-controller"], &manifest).await;
    let called = brake(&scene).await;
    assert_eq!(called.code, 3, "{called:?}");
    assert!(
        called
            .out
            .contains("argocd-controller replaces the resource whole, and may undo this"),
        "{called:?}"
    );
    assert!(called.out.contains("to stop it: argocd app set "), "{called:?}");
    with_file(&scene, &["replace", "--field-manager=argocd-controller"], &manifest).await;
    assert_eq!(scene.runs.get("run").await.unwrap().spec.suspend, None);
}
