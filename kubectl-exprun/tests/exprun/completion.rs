//! `completion`: kubectl finds the words by itself, and shells are given what they can read.

use std::{path::Path, process::Command};

use control_plane::User;
use harness::{Scene, control_plane};
use serde_json::json;

use crate::plugin::{Called, exprun};

/// What kubectl answers to the shell that asks it for the last of these words.
fn words(scene: &Scene, typed: &[&str]) -> Vec<String> {
    let plugin = Path::new(env!("CARGO_BIN_EXE_kubectl-exprun")).parent().unwrap();
    let path = format!("{}:{}:/usr/bin:/bin", plugin.display(), env!("CARGO_MANIFEST_DIR"));
    let mut command = control_plane().kubectl_command(User::Administrator);
    command.args(["__complete", "exprun"]).args(typed).env("PATH", path);
    let called = Called::of(&command.output().unwrap());
    assert_eq!(called.code, 0, "{called:?} in {}", scene.namespace);
    let words = called.out.lines().filter(|line| !line.starts_with(':'));
    words.map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_completes_commands_flags_and_names() {
    let scene = Scene::new().await;
    for name in ["one", "other"] {
        scene.apply(name, &json!({})).await;
    }
    assert_eq!(words(&scene, &["b"]), ["brake"]);
    assert_eq!(
        words(&scene, &["status", "-n", &scene.namespace, "o"]),
        ["one", "other"]
    );
    assert_eq!(words(&scene, &["brake", "-n", &scene.namespace, "one", ""]), ["other"]);
    assert_eq!(words(&scene, &["brake", "--rea"]), ["--reason"]);
    assert_eq!(words(&scene, &["status", "-o", ""]), ["text", "json"]);
    assert!(words(&scene, &["status", "-n", "scene-"]).contains(&scene.namespace));
    assert_eq!(
        words(&scene, &["status", "--as", "nobody", "-n", &scene.namespace, ""]),
        [""; 0],
        "no more than rights"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_shell_can_read_its_script() {
    let folder = std::env::temp_dir().join(format!("exprun-completion-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (shell, check) in [("bash", "bash"), ("zsh", "zsh"), ("fish", "fish"), ("kubectl", "sh")] {
        let called = exprun(&["completion", shell]).await;
        assert!(
            called.code == 0 && called.out.contains("kubectl-exprun __complete"),
            "{called:?}"
        );
        let file = folder.join(shell);
        std::fs::write(&file, &called.out).unwrap();
        // A shell that is not there can't read it.
        if let Ok(read) = Command::new(check).arg("-n").arg(&file).output() {
            assert!(read.status.success(), "{shell}: {read:?}");
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}
