//! P6: a CRD of an older version takes the place of the operator's own. The API server then drops what that one doesn't
//! have, so a ramp reads as a plain target, and whatever is written is stored without it.

use appconfig_experiment_operator::api::RECONCILE_REQUESTED_AT;
use control_plane::proxy::{Effect, Gate, Release, Rule, Stage};
use harness::{ACTS, HOLDING, Operator, Scene, bodies, is_stalled, kubectl, proxy, reason};
use k8s_openapi::api::{core::v1::ObjectReference, events::v1::Event};
use kube::{Api, api::ListParams};
use serde_json::{Value, json};

use crate::{NAME, alone, change_schema, right_schema};

/// The fields that the older CRD lacks.
const LACKS: &str = "spec.ramp, status.ramp";

/// Puts a schema in the CRD's place that knows no ramps, and waits until the API server serves it.
async fn older_schema(scene: &Scene, name: &str) {
    change_schema(scene, drop_ramps).await;
    scene
        .eventually("served without ramps", async || !has_ramp(scene, name).await)
        .await;
}

/// Takes ramps out of a schema, from spec and status.
pub fn drop_ramps(schema: &mut Value) {
    for part in ["spec", "status"] {
        let fields = schema["properties"][part]["properties"].as_object_mut();
        fields.unwrap().remove("ramp").unwrap();
    }
    without_rules_of_ramps(schema);
}

/// Whether the API server tells of a ramp, in spec or status.
async fn has_ramp(scene: &Scene, name: &str) -> bool {
    let run = scene.runs.get(name).await.expect("it is there");
    run.spec.ramp.is_some() || run.status.is_some_and(|status| status.ramp.is_some())
}

/// A resource whose ramp holds 5 % for a day on its way to everybody.
async fn holding(scene: &Scene, name: &str) {
    let ramp = json!({ "steps": [{ "exposurePercentage": 5, "hold": "24h" }] });
    scene
        .apply(name, &json!({ "exposurePercentage": 100, "ramp": ramp }))
        .await;
    let holds = |run: &_| reason(run) == "RampHolding";
    scene.wait(name, "holding", holds).await;
    assert_eq!(bodies(&scene.updates()), [json!({ "ExposurePercentage": 5.0 })]);
}

/// CEL can't speak of a field that isn't there.
fn without_rules_of_ramps(schema: &mut Value) {
    if let Some(rules) = schema["x-kubernetes-validations"].as_array_mut() {
        rules.retain(|rule| !rule.to_string().contains("ramp"));
    }
    for property in schema["properties"].as_object_mut().into_iter().flatten() {
        without_rules_of_ramps(property.1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_an_older_crd_a_write_under_it_the_right_one_and_a_restart_send_nothing() {
    let _alone = alone().await;
    let scene = Scene::new().await;
    let mut operator = scene.operator();
    holding(&scene, "run").await;
    operator.stop().await;
    older_schema(&scene, "run").await;
    let asks = format!("{RECONCILE_REQUESTED_AT}=now");
    let asked = kubectl(&["annotate", "-n", &scene.namespace, "exprun", "run", &asks]).await;
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    right_schema().await;

    let _successor = scene.operator();
    let run = scene.wait("run", "looked at", |run| reason(run) != "RampHolding").await;
    assert!(run.spec.ramp.is_none(), "it was stored without its ramp");
    assert_eq!(reason(&run), "RampRemoved");
    scene.pass("run").await;
    assert_eq!(bodies(&scene.updates()), [json!({ "ExposurePercentage": 5.0 })]);
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_while_the_crd_is_older_than_the_operator_nothing_is_written_and_nobody_holds_the_lease() {
    let _alone = alone().await;
    let (scene, proxy) = (Scene::with_lease().await, proxy());
    let flags = scene.replica().with("--resync-interval=1s").through(&proxy);
    let operator = Operator::start(&flags);
    holding(&scene, "run").await;
    let written = || {
        let requests = proxy.requests().into_iter();
        requests
            .filter(|it| it.full_resource() == "experimentruns/status")
            .count()
    };
    let names_fields = async |operator: &Operator| {
        let (code, text) = operator.get("/readyz").await;
        code == 503 && text.contains(LACKS)
    };

    older_schema(&scene, "run").await;
    scene
        .eventually("not ready", async || names_fields(&operator).await)
        .await;
    scene
        .eventually("given back", async || scene.holder().await.is_none())
        .await;
    let counts = async || {
        let metrics = operator.metrics().await;
        metrics
            .keys()
            .any(|name| name.starts_with("appconfig_operator_experimentruns"))
    };
    scene
        .eventually("without metrics of resources", async || !counts().await)
        .await;
    let (before, read) = (written(), scene.reads().len());
    for field in ["spec.ramp", "status.ramp"] {
        let sample = format!("appconfig_operator_served_schema_missing_fields{{field=\"{field}\"}}");
        assert_eq!(operator.metrics().await.get(&sample), Some(&1.0), "{field}");
    }
    assert!(operator.log().contains(LACKS), "a log line names the fields");
    scene
        .eventually("told in an Event", async || is_reported(&scene).await)
        .await;
    // Neither an edit nor a new process, nor time, has anything written.
    scene
        .apply("run", &json!({ "exposurePercentage": 90, "description": "ours" }))
        .await;
    let other = Operator::start(&flags);
    scene
        .eventually("not ready either", async || names_fields(&other).await)
        .await;
    assert!(!other.log().contains(HOLDING), "the Lease is not taken");
    assert_eq!(
        (written(), scene.reads().len(), scene.holder().await),
        (before, read, None)
    );

    right_schema().await;
    for operator in [&operator, &other] {
        scene
            .eventually("ready", async || operator.get("/readyz").await.0 == 200)
            .await;
    }
    // What the edit under the older CRD stored has no ramp, whoever reads it.
    scene.wait("run", "removed", |run| is_stalled(run, "RampRemoved")).await;
    let acted_upon = |run: &Value| run["Description"] == "ours";
    scene
        .eventually("acted upon again", async || acted_upon(&scene.live()))
        .await;
    let exposures = bodies(&scene.updates()).into_iter();
    let exposures: Vec<_> = exposures
        .filter(|body| body["ExposurePercentage"].is_number())
        .collect();
    assert_eq!(exposures, [json!({ "ExposurePercentage": 5.0 })]);
    let counted = async |operator: &Operator| {
        let count = operator.metrics().await;
        count
            .get("appconfig_operator_experimentruns{reason=\"RampRemoved\"}")
            .copied()
    };
    let acts = async || [counted(&operator).await, counted(&other).await].contains(&Some(1.0));
    scene.eventually("counted again by whoever acts", acts).await;
    let samples = operator.metrics().await;
    assert!(
        !samples.keys().any(|name| name.contains("missing_fields")),
        "{samples:?}"
    );
}

/// Whether an Event about the CRD names the fields.
async fn is_reported(scene: &Scene) -> bool {
    let events: Api<Event> = Api::namespaced(scene.client.clone(), "default");
    let events = events.list(&ListParams::default()).await.expect("a list").items;
    let of_crd = |regarding: &ObjectReference| regarding.name.as_deref() == Some(NAME);
    events.iter().any(|event| {
        event.reason.as_deref() == Some("ServedSchemaIncomplete")
            && event.regarding.as_ref().is_some_and(of_crd)
            && event.note.as_ref().is_some_and(|note| note.contains(LACKS))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_fence_whose_answer_holds_another_spec_is_followed_by_nothing() {
    let _alone = alone().await;
    let (scene, proxy) = (Scene::new().await, proxy());
    let gate = Gate::new(Stage::Request);
    proxy.add(Rule::new("patch", "experimentruns/status", Effect::Hold(gate.clone())));
    let operator = Operator::start(&scene.flags().through(&proxy));
    operator.logged(ACTS).await;
    let ramp = json!({ "steps": [{ "exposurePercentage": 5, "hold": "24h" }] });
    scene
        .apply("run", &json!({ "exposurePercentage": 100, "ramp": ramp }))
        .await;
    gate.reached().await;
    // Nothing but the fence tells the operator of what happens now.
    let frozen = proxy.add(Rule::new("watch", "experimentruns", Effect::Freeze));
    let unread = proxy.add(Rule::new("get", "", Effect::Hang));
    older_schema(&scene, "run").await;
    gate.release(Release::GoOn);
    let noticed = async || operator.log().contains("a different spec of the same generation");
    let answered = async || noticed().await || !scene.updates().is_empty();
    scene.eventually("answered", answered).await;
    assert_eq!(scene.updates(), []);
    assert_eq!(scene.fences("run"), 1, "and the fence was acknowledged");

    right_schema().await;
    proxy.remove(unread);
    proxy.remove(frozen);
    // What the fence stored has no ramp, and the operator remembers that there was one.
    scene.wait("run", "removed", |run| is_stalled(run, "RampRemoved")).await;
    assert_eq!(scene.updates(), []);
}
