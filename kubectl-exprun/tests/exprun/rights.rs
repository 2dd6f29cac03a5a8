//! Every command for everybody: no more than RBAC gives, and one line that says so where that is not enough.

use harness::{CANARY, Scene};
use serde_json::json;

use crate::people::{EDIT, NOBODY, VIEW, apply_overlay, bind, called_by};

/// Who, with which roles, may see and may brake.
const PEOPLE: [(&str, &[&str], bool, bool); 5] = [
    (NOBODY, &[], false, false),
    ("has-view", &VIEW, false, false),
    ("has-edit", &EDIT, false, false),
    (
        "has-view-and-overlay",
        &["system:aggregate-to-view", "appconfig-experiment-operator-view"],
        true,
        false,
    ),
    (
        "has-edit-and-overlay",
        &[
            "system:aggregate-to-view",
            "system:aggregate-to-edit",
            "appconfig-experiment-operator-edit",
        ],
        true,
        true,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_command_says_what_its_caller_may_not_do() {
    let scene = Scene::new().await;
    scene
        .apply("run", &json!({"treatmentOverrides": {"inline": {CANARY: "t1"}}}))
        .await;
    apply_overlay().await;
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/samples/observe.yaml");
    for (user, roles, sees, brakes) in PEOPLE {
        if !roles.is_empty() {
            bind(&scene, user, roles).await;
        }
        for (arguments, may) in [
            (&["status"][..], sees),
            (&["status", "run", "-o", "json"], sees),
            (&["status", "-A"], false),
            (&["brake", "run", "--reason", "night", "--timeout", "0s"], brakes),
            (
                &["brake", "--all", "--reason", "night", "--timeout", "0s", "--yes"],
                brakes,
            ),
            // The brake is pulled by then if anybody may pull it; a brake that is not pulled is nothing to release.
            (&["release", "run", "--yes"], sees),
            (&["check", "--uninstall"], sees),
            // What may not be seen is no fault of the install; a right that is lacking is.
            (&["check"], sees),
            (&["version"], true),
            (&["plan", "-f", sample, "--from", "0"], true),
            (&["completion", "kubectl"], true),
        ] {
            let called = called_by(user, &scene, arguments).await;
            assert_eq!(called.code, i32::from(!may), "{user}: {called:?}");
            assert!(!format!("{called:?}").contains(CANARY), "{user}: {called:?}");
            if !may && arguments[0] != "check" {
                assert!(called.error.contains("is forbidden"), "{user}: {called:?}");
                assert!(
                    called.error.lines().count() == 1,
                    "one line says so: {user}: {called:?}"
                );
            }
        }
    }
}
