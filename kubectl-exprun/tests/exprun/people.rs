//! Those who call the plugin, by their rights.

use harness::{Scene, cluster, kubectl};

use crate::plugin::{Called, in_scene};

/// Somebody without any right but those of everybody.
pub const NOBODY: &str = "nobody";

/// Gives a user of this name roles in the scene's namespace, and waits until they are in force.
pub async fn bind(scene: &Scene, user: &str, roles: &[&str]) {
    for (number, role) in roles.iter().enumerate() {
        let name = format!("{user}-{number}");
        let (role, user) = (format!("--clusterrole={role}"), format!("--user={user}"));
        scene.kubectl(&["create", "rolebinding", &name, &role, &user]).await;
    }
    cluster::eventually("the binding is in force", async || {
        let may = [
            "auth",
            "can-i",
            "get",
            "configmaps",
            "-n",
            &scene.namespace,
            "--as",
            user,
        ];
        kubectl(&may).await.status.success().then_some(())
    })
    .await;
}

/// What `view` holds. No controller runs here that would put it together.
pub const VIEW: [&str; 1] = ["system:aggregate-to-view"];
/// What `edit` holds.
pub const EDIT: [&str; 2] = ["system:aggregate-to-view", "system:aggregate-to-edit"];

/// Makes the roles of the overlay.
pub async fn apply_overlay() {
    let overlay = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/overlays/aggregate-roles");
    let applied = kubectl(&["apply", "-k", overlay]).await;
    assert!(applied.status.success(), "{applied:?}");
}

/// Calls the plugin as somebody, in a scene's namespace.
pub async fn called_by(user: &str, scene: &Scene, arguments: &[&str]) -> Called {
    in_scene(scene, &[arguments, &["--as", user]].concat()).await
}
