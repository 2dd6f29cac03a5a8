//! P12: odd objects beside good ones, stored by a real API server: in a list, in a watch, and in every answer that a pass
//! goes on with.

use appconfig_emulator::Seed;
use appconfig_experiment_operator::api::ExperimentRun;
use control_plane::proxy::{Effect, Gate, Release, Rule, Stage};
use harness::{CANARY, Operator, Scene, bodies, is_ready, proxy, reason};
use serde_json::{Value, json};

const STATUS: &str = "experimentruns/status";
/// A time that the schema takes and that is none here.
const NO_TIME: &str = "9999-12-31T23:59:59Z";

/// What makes an object odd. Whoever edits a namespace can write `managedFields`; a status takes too many rights, or an
/// older operator.
struct Odd {
    name: &'static str,
    /// Merged into it.
    patch: String,
    /// Whether its status is what is odd: then it can't be worked with.
    status: bool,
}

fn odd_objects() -> Vec<Odd> {
    let deep = format!("{}{{}}{}", r#"{"f:a":"#.repeat(200), "}".repeat(200));
    let managed = |time: &str, fields: &str| {
        let entry = format!(
            r#"{{"manager":"odd","operation":"Update","apiVersion":"experiments.appconfig.dev/v1alpha1","time":"{time}","fieldsType":"FieldsV1","fieldsV1":{fields}}}"#
        );
        format!(r#"{{"metadata":{{"managedFields":[{entry}]}}}}"#)
    };
    let annotated = |value: &str| json!({ "metadata": { "annotations": { CANARY: value } } }).to_string();
    let readable = [
        ("managed-time", managed(NO_TIME, r#"{"f:spec":{}}"#)),
        ("managed-deep", managed("2026-01-01T00:00:00Z", &deep)),
        ("managed-both", managed(NO_TIME, &deep)),
        ("annotated", annotated("\u{0}\u{1f}\u{fffd}\"\\\u{202e}")),
        ("annotated-much", annotated(&"x".repeat(200_000))),
    ];
    let of_status = |status: Value| json!({ "status": status }).to_string();
    let ramp = |reached: &str, more: Value| {
        let mut ramp = json!({ "summary": "", "reached": { "exposurePercentage": 5, "at": reached } });
        ramp.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        of_status(json!({ "ramp": ramp }))
    };
    let good = "2026-01-01T00:00:00Z";
    let pending = json!({ "id": "x", "generation": 1, "member": "Description", "recordedAt": NO_TIME });
    let held = json!({ "member": "Description", "reason": "UpdateRejected", "generation": 1, "at": NO_TIME });
    let unreadable = [
        (
            "started",
            of_status(json!({ "startedAt": "2026-11-20T09:00:00+99:59" })),
        ),
        ("updated", of_status(json!({ "updatedAt": NO_TIME }))),
        ("ended", of_status(json!({ "endedAt": NO_TIME }))),
        ("reached", ramp(NO_TIME, json!({}))),
        (
            "next",
            ramp(
                good,
                json!({ "next": { "exposurePercentage": 9, "notBefore": NO_TIME } }),
            ),
        ),
        ("completes", ramp(good, json!({ "completesAt": NO_TIME }))),
        ("pending", of_status(json!({ "pendingUpdate": pending }))),
        ("held", of_status(json!({ "heldUpdates": [held] }))),
        (
            "error",
            of_status(json!({ "lastError": { "operation": "GetExperimentRun", "at": NO_TIME } })),
        ),
    ];
    let odd = |status| move |(name, patch)| Odd { name, patch, status };
    readable
        .into_iter()
        .map(odd(false))
        .chain(unreadable.into_iter().map(odd(true)))
        .collect()
}

/// Merges a patch whose answer need not be anything that can be parsed.
async fn merge(scene: &Scene, name: &str, patch: &str, status: bool) {
    let url = format!(
        "/apis/experiments.appconfig.dev/v1alpha1/namespaces/{}/experimentruns/{name}{}",
        scene.namespace,
        if status { "/status" } else { "" }
    );
    let request = http::Request::patch(url)
        .header("Content-Type", "application/merge-patch+json")
        .body(patch.to_owned().into_bytes())
        .unwrap();
    let answer = scene.client.request_text(request).await.expect("the patch is accepted");
    for oddity in [NO_TIME, "+99:59", r#"{"f:a":{"f:a":"#] {
        let kept = !patch.contains(oddity) || answer.contains(oddity);
        assert!(kept, "{name} is stored as it was written");
    }
}

/// A resource of a run of its own, at 0 %, which asks for 5 %, and for nothing while it is suspended.
async fn asks(scene: &Scene, name: &str, suspended: bool) {
    let seed = Seed {
        definition: name.to_owned(),
        ..Seed::default()
    };
    let experiment = scene.emulator.seed(&seed).unwrap();
    scene.emulator.start_run(&experiment, 0.0).unwrap();
    let overrides = json!({ "inline": { CANARY: "t1" } });
    let mut spec =
        json!({ "experimentDefinitionIdentifier": name, "exposurePercentage": 5, "treatmentOverrides": overrides });
    if suspended {
        spec["suspend"] = json!(true);
    }
    scene.apply(name, &spec).await;
}

async fn ready_reason(scene: &Scene, name: &str) -> String {
    let column = "-o=jsonpath={.status.conditions[?(@.type==\"Ready\")].reason}";
    scene.kubectl(&["get", "exprun", name, column]).await
}

/// Those that can be read converge, the others are told of and nothing is sent for them.
async fn each_is_worked_with_or_told_of(scene: &Scene, operator: &Operator) {
    for odd in odd_objects() {
        let expected = if odd.status { "InvalidSpec" } else { "InSync" };
        scene
            .eventually(&format!("{expected}: {}", odd.name), async || {
                ready_reason(scene, odd.name).await == expected
            })
            .await;
    }
    let readable = odd_objects().iter().filter(|odd| !odd.status).count();
    assert_eq!(
        scene.updates().len(),
        2 * readable,
        "overrides and exposure of each that can be read"
    );
    scene.apply("good", &json!({ "description": "goes on" })).await;
    scene.wait("good", "ready", is_ready).await;
    assert!(!operator.log().contains(CANARY), "what they hold is not shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_odd_objects_in_a_list_stop_no_other_and_none_is_taken_for_what_it_is_not() {
    let scene = Scene::new().await;
    for odd in odd_objects() {
        asks(&scene, odd.name, false).await;
        merge(&scene, odd.name, &odd.patch, odd.status).await;
    }
    let operator = scene.operator();
    each_is_worked_with_or_told_of(&scene, &operator).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_odd_objects_in_a_watch_stop_no_other_and_none_is_taken_for_what_it_is_not() {
    let scene = Scene::new().await;
    let operator = scene.operator();
    for odd in odd_objects() {
        asks(&scene, odd.name, true).await;
        scene
            .wait(odd.name, "suspended", |run| reason(run) == "Suspended")
            .await;
        merge(&scene, odd.name, &odd.patch, odd.status).await;
        // The brake is released after it has become odd.
        merge(&scene, odd.name, r#"{"spec":{"suspend":null}}"#, false).await;
    }
    each_is_worked_with_or_told_of(&scene, &operator).await;
    assert!(
        !operator.log().contains("the watch of ExperimentRuns failed"),
        "no event cost the stream"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_the_newest_object_that_is_read_after_a_conflict_may_have_odd_managed_fields() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let fence = Gate::new(Stage::Request);
    proxy.add(Rule::new("patch", STATUS, Effect::Hold(fence.clone())).times(1));
    let _operator = Operator::start(&scene.flags().through(&proxy));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    fence.reached().await;
    let odd = odd_objects()
        .into_iter()
        .find(|odd| odd.name == "managed-both")
        .unwrap();
    merge(&scene, "run", &odd.patch, false).await;
    fence.release(Release::GoOn);
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(bodies(&scene.updates()), [json!({ "ExposurePercentage": 25.0 })]);
    assert!(
        proxy
            .requests()
            .iter()
            .any(|request| request.verb == "get" && request.resource == "experimentruns")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_newest_object_that_cannot_be_read_ends_the_pass_and_nothing_is_sent() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let fence = Gate::new(Stage::Request);
    proxy.add(Rule::new("patch", STATUS, Effect::Hold(fence.clone())).times(1));
    let _operator = Operator::start(&scene.flags().through(&proxy));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    fence.reached().await;
    merge(
        &scene,
        "run",
        &json!({ "status": { "startedAt": NO_TIME } }).to_string(),
        true,
    )
    .await;
    fence.release(Release::GoOn);
    let is_invalid = async || ready_reason(&scene, "run").await == "InvalidSpec";
    scene.eventually("told of", is_invalid).await;
    assert_eq!(scene.updates(), []);
    merge(&scene, "run", r#"{"status":{"startedAt":null}}"#, true).await;
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(bodies(&scene.updates()), [json!({ "ExposurePercentage": 25.0 })]);
}

/// The second update that is recorded, and whether anything was sent under the first.
fn fenced(run: &ExperimentRun) -> bool {
    run.status
        .as_ref()
        .is_some_and(|status| status.pending_update.is_some())
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_an_answer_to_the_fence_that_cannot_be_read_is_not_followed() {
    let (scene, proxy) = (Scene::new().await, proxy());
    // What the API server has stored can be read; its answer can't.
    let altered = Effect::AlterAnswer {
        from: r#""recordedAt":""#.to_owned(),
        to: r#""recordedAt":"x"#.to_owned(),
    };
    proxy.add(Rule::new("patch", STATUS, altered).times(1));
    let operator = Operator::start(&scene.flags().through(&proxy));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.wait("run", "fenced", fenced).await;
    operator.logged("status.pendingUpdate.recordedAt").await;
    scene.wait("run", "ready", is_ready).await;
    let ids = scene.fences("run");
    assert_eq!(ids, 2, "a fence that was not followed, and another");
    assert_eq!(scene.updates().len(), 1);
    let agent = scene.updates()[0].user_agent.clone().unwrap_or_default();
    let first = scene
        .versions("run")
        .iter()
        .find_map(|run| Some(run.status.clone()?.pending_update?.id));
    assert!(!agent.contains(&first.unwrap()), "nothing was sent under the first");
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_an_answer_to_the_record_that_cannot_be_read_does_not_repeat_the_update() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let altered = Effect::AlterAnswer {
        from: r#""generation":1"#.to_owned(),
        to: r#""generation":"one""#.to_owned(),
    };
    proxy.add(Rule::new("patch", STATUS, altered).skip(1).times(1));
    let operator = Operator::start(&scene.flags().through(&proxy));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    operator.logged("metadata.generation").await;
    let run = scene.wait("run", "ready", is_ready).await;
    assert!(!fenced(&run));
    scene.pass("run").await;
    assert_eq!(scene.updates().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_a_spec_too_large_to_be_kept_is_read_again_before_a_pass_and_converges() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let entity = |number: i32| (format!("{number:02}{}", "x".repeat(500)), json!("t1"));
    let inline: serde_json::Map<String, Value> = (0..32).map(entity).collect();
    let asks =
        |exposure: f64| json!({ "exposurePercentage": exposure, "treatmentOverrides": { "inline": inline.clone() } });
    let reads = || {
        let requests = proxy.requests().into_iter();
        requests
            .filter(|it| it.verb == "get" && it.resource == "experimentruns")
            .count()
    };
    let _operator = Operator::start(&scene.flags().through(&proxy));
    scene.apply("run", &asks(5.0)).await;
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(scene.live()["TreatmentOverrides"]["Inline"], json!(inline));
    let first = reads();
    assert!(first > 0, "the cache has not all of it");
    scene.apply("run", &asks(10.0)).await;
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(scene.live()["ExposurePercentage"], json!(10.0));
    assert_eq!(scene.updates().len(), 3, "the overrides, and two raises");
    assert!(reads() > first, "before each pass");
}
