//! An object that can't be parsed, beside good ones.

use serde_json::json;

use crate::harness::{CANARY, Scene, is_ready, reason};

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_cannot_be_parsed_stops_no_other_and_is_told_and_heals() {
    let scene = Scene::new().await;
    let overrides = json!({ "exposurePercentage": 5, "treatmentOverrides": { "inline": { CANARY: "t1" } } });
    scene.apply("bad", &overrides).await;
    // The schema's date-time takes an offset that no clock has; Rust doesn't.
    let written = scene
        .kubectl(&[
            "patch",
            "exprun",
            "bad",
            "--subresource=status",
            "--type=merge",
            "-p",
            r#"{"status":{"startedAt":"2026-11-20T09:00:00+99:59"}}"#,
        ])
        .await;
    assert!(written.contains("patched"), "{written}");
    assert!(scene.runs.get("bad").await.is_err(), "it can't be parsed");

    let operator = scene.operator();
    scene.apply("good", &json!({ "description": "goes on" })).await;
    scene.wait("good", "ready", is_ready).await;
    let column = "-o=jsonpath={.status.conditions[?(@.type==\"Stalled\")].reason}";
    scene
        .eventually("told", async || {
            scene.kubectl(&["get", "exprun", "bad", column]).await == "InvalidSpec"
        })
        .await;
    assert_eq!(scene.told("bad", "InvalidSpec", 1).await.len(), 1);
    assert_eq!(scene.updates().len(), 1, "nothing is sent for it");
    assert!(!operator.log().contains(CANARY), "what it holds is not shown");

    scene
        .kubectl(&[
            "patch",
            "exprun",
            "bad",
            "--subresource=status",
            "--type=merge",
            "-p",
            r#"{"status":{"startedAt":null}}"#,
        ])
        .await;
    scene.delete("good").await;
    let run = scene.wait("bad", "ready", is_ready).await;
    assert_eq!(reason(&run), "InSync");
    assert_eq!(scene.live()["TreatmentOverrides"]["Inline"], json!({ CANARY: "t1" }));
}
