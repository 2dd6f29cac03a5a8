//! The control plane as tests use it: one for the whole binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::sync::{OnceLock, PoisonError, RwLock};

use control_plane::{ControlPlane, OPERATOR_NAMESPACE, OPERATOR_SERVICE_ACCOUNT, Options, User, kubernetes_version};
use serde_json::Value;

fn control_plane() -> &'static ControlPlane {
    static SHARED: OnceLock<ControlPlane> = OnceLock::new();
    SHARED.get_or_init(|| ControlPlane::start(Options::default()).unwrap())
}

/// The other tests share the API server; the one that restarts it needs it alone.
static API_SERVER: RwLock<()> = RwLock::new(());

fn kubectl(user: User, arguments: &[&str]) -> String {
    let output = control_plane().kubectl_as(user, arguments).unwrap();
    assert!(
        output.status.success(),
        "kubectl {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn kubectl_json(user: User, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["-o", "json"]].concat();
    serde_json::from_str(&kubectl(user, &arguments)).unwrap()
}

#[test]
fn serves_the_version_that_the_go_module_names() {
    let _shared = API_SERVER.read().unwrap_or_else(PoisonError::into_inner);
    let version = kubectl_json(User::Administrator, &["version"]);
    for side in ["clientVersion", "serverVersion"] {
        assert_eq!(version[side]["gitVersion"], kubernetes_version(), "{version:#}");
        assert_eq!(version[side]["minor"], "36", "{version:#}");
    }
}

#[test]
fn the_operator_authenticates_as_its_service_account() {
    let _shared = API_SERVER.read().unwrap_or_else(PoisonError::into_inner);
    let whoami = kubectl_json(User::Operator, &["auth", "whoami"]);
    let user = &whoami["status"]["userInfo"];
    let name = format!("system:serviceaccount:{OPERATOR_NAMESPACE}:{OPERATOR_SERVICE_ACCOUNT}");
    assert_eq!(user["username"], name, "{whoami:#}");
    let groups = user["groups"].as_array().unwrap();
    for group in ["system:serviceaccounts", "system:authenticated"] {
        assert!(groups.contains(&group.into()), "{group} is missing: {whoami:#}");
    }
}

#[test]
fn only_the_administrator_has_rights_from_the_start() {
    let _shared = API_SERVER.read().unwrap_or_else(PoisonError::into_inner);
    for (user, expected) in [
        (User::Administrator, "yes"),
        (User::Operator, "no"),
        (User::Developer, "no"),
        (User::SecondDeveloper, "no"),
    ] {
        let answer = control_plane()
            .kubectl_as(user, ["auth", "can-i", "create", "configmaps"])
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&answer.stdout).trim(), expected, "{user:?}");
    }
}

#[test]
fn a_restarted_api_server_has_its_data_address_and_certificate() {
    let _alone = API_SERVER.write().unwrap_or_else(PoisonError::into_inner);
    kubectl(User::Administrator, &["create", "namespace", "restart"]);
    let certificate = control_plane().directory().join("certificates/apiserver.crt");
    let before = std::fs::read(&certificate).unwrap();

    control_plane().stop_apiserver();
    let refused = control_plane().kubectl(["get", "namespace", "restart"]).unwrap();
    assert!(!refused.status.success(), "a stopped API server answered");
    control_plane().restart_apiserver().unwrap();

    kubectl(User::Administrator, &["get", "namespace", "restart"]);
    assert_eq!(std::fs::read(&certificate).unwrap(), before);
    control_plane().check().unwrap();
}
