//! An object that can't be parsed, beside good ones.

use control_plane::proxy::{Effect, Rule};
use harness::{CANARY, Operator, Scene, is_ready, proxy, reason};
use serde_json::json;

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
    assert_eq!(scene.wait_for_notes("bad", "InvalidSpec", 1).await.len(), 1);
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

#[tokio::test(flavor = "multi_thread")]
async fn p12_what_cannot_be_said_of_an_unreadable_object_is_tried_again_with_a_back_off_and_complained_of_once() {
    let (scene, proxy) = (Scene::new().await, proxy());
    scene.apply("bad", &json!({ "exposurePercentage": 5 })).await;
    let odd = r#"{"status":{"startedAt":"9999-12-31T23:59:59Z"}}"#;
    let patch = [
        "patch",
        "exprun",
        "bad",
        "--subresource=status",
        "--type=merge",
        "-p",
        odd,
    ];
    assert!(scene.kubectl(&patch).await.contains("patched"));
    let refuse = Effect::Refuse {
        status: 403,
        retry_after_seconds: None,
    };
    let refusal = proxy.add(Rule::new("patch", "experimentruns/status", refuse));
    let operator = Operator::start(&scene.flags().through(&proxy));
    let tries = || {
        let requests = proxy.requests().into_iter();
        requests
            .filter(|request| request.verb == "patch" && request.status == Some(403))
            .map(|request| request.at)
            .collect::<Vec<_>>()
    };
    // Full jitter: the ceilings of the first five add up to 31 s.
    scene.eventually("tried five times", async || tries().len() >= 5).await;
    let complaints = operator.log().matches("can't be read").count();
    assert_eq!(complaints, 1, "{}", operator.log());
    let first = tries();
    assert!(
        first[1].duration_since(first[0]).as_secs() < 2,
        "the first back-off is a second at most"
    );
    proxy.remove(refusal);
    scene
        .eventually("told", async || {
            scene.wait_for_notes("bad", "InvalidSpec", 1).await.len() == 1
        })
        .await;
}
