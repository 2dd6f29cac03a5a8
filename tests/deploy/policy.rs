//! The admission policy: which namespace may name which application.

use control_plane::User;
use harness::cluster::{self, client, eventually, namespace};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{administrator, prepare, run};

const ANNOTATION: &str = "experiments.appconfig.dev/applications";

/// A namespace with that annotation, in which the policy is in force.
async fn policed(administrator: &Client, applications: Option<&str>) -> (String, Api<DynamicObject>) {
    // The server takes a moment to compile a policy that is new.
    let bare = namespace(administrator, json!({})).await;
    let probe = cluster::runs(administrator, &bare);
    eventually("the policy is in force", async || {
        create(&probe, "shop", true).await.err()
    })
    .await;
    let annotations = applications.map_or(
        json!({}),
        |applications| json!({"annotations": {ANNOTATION: applications}}),
    );
    let name = namespace(administrator, annotations).await;
    let runs = cluster::runs(administrator, &name);
    (name, runs)
}

/// Creates a run of that application; refused, it says why.
async fn create(runs: &Api<DynamicObject>, application: &str, dry_run: bool) -> Result<(), String> {
    let mut run = run("run");
    run.data["spec"]["applicationIdentifier"] = json!(application);
    said(
        runs.create(
            &PostParams {
                dry_run,
                ..PostParams::default()
            },
            &run,
        )
        .await,
    )
}

fn said<T>(result: Result<T, kube::Error>) -> Result<(), String> {
    match result {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) => Err(status.message.clone()),
        Err(error) => panic!("no answer: {error}"),
    }
}

async fn patch(runs: &Api<DynamicObject>, patch: Value) -> Result<(), String> {
    said(runs.patch("run", &PatchParams::default(), &Patch::Merge(patch)).await)
}

#[tokio::test]
async fn a_namespace_without_the_annotation_may_name_no_application() {
    let administrator = administrator().await;
    for annotation in [None, Some(""), Some(" , ")] {
        let (name, runs) = policed(&administrator, annotation).await;
        let said = create(&runs, "shop", true).await.unwrap_err();
        assert!(
            said.contains(&format!("namespace {name} may not name any AppConfig application yet")),
            "{said}"
        );
        assert!(
            said.contains(&format!("kubectl annotate namespace {name} {ANNOTATION}=")),
            "it says what to do: {said}"
        );
    }
}

#[tokio::test]
async fn a_namespace_may_name_the_applications_that_it_lists() {
    let administrator = administrator().await;
    for (annotation, application, allowed) in [
        ("shop", "shop", true),
        ("search, shop ,cart", "shop", true),
        ("my app/π", "my app/π", true),
        ("*", "shop", true),
        ("search,*", "shop", true),
        ("search", "shop", false),
        ("shop-2,sho,Shop,shop*", "shop", false),
        ("shop", "*", false),
        ("abc1234", "shop", false),
    ] {
        let (_, runs) = policed(&administrator, Some(annotation)).await;
        let answer = create(&runs, application, true).await;
        assert_eq!(answer.is_ok(), allowed, "{application} in {annotation:?}: {answer:?}");
        if let Err(said) = answer {
            assert!(
                said.contains(&format!("may not name the AppConfig application {application}: ")),
                "{said}"
            );
        }
    }
}

/// A field of the spec that a later version may have.
const LATER: &str = "approval";

/// Gives the CRD a field that the policy knows nothing of, and waits until it is kept.
async fn add_later_field(administrator: &Client, runs: &Api<DynamicObject>) {
    let definitions: Api<CustomResourceDefinition> = Api::all(administrator.clone());
    let field = format!("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/{LATER}");
    let patch = json!([{"op": "add", "path": field, "value": {"type": "string"}}]);
    let patch: Patch<()> = Patch::Json(serde_json::from_value(patch).unwrap());
    let name = "experimentruns.experiments.appconfig.dev";
    definitions.patch(name, &PatchParams::default(), &patch).await.unwrap();
    eventually("the field is kept", async || {
        let mut run = run("probe");
        run.data["spec"][LATER] = json!("by-hand");
        let dry_run = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let kept = runs.create(&dry_run, &run).await.ok()?;
        (kept.data["spec"][LATER] == "by-hand").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_withdrawn_application_leaves_the_brake_a_lower_target_and_the_exit() {
    // One of its own, since its CRD is another one.
    let control_plane = control_plane::ControlPlane::start(control_plane::Options::default()).unwrap();
    prepare(&control_plane);
    let administrator = client(&control_plane, User::Administrator).await;
    let (name, runs) = policed(&administrator, Some("shop")).await;
    add_later_field(&administrator, &runs).await;
    create(&runs, "shop", false).await.unwrap();
    let before = json!({"spec": {
        "exposurePercentage": 5, "description": "a", LATER: "by-hand", "treatmentOverrides": {"inline": {"qa-bob": "t1"}}
    }});
    patch(&runs, before).await.unwrap();
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(administrator.clone());
    let withdraw = Patch::Merge(json!({"metadata": {"annotations": {ANNOTATION: null}}}));
    namespaces
        .patch(&name, &PatchParams::default(), &withdraw)
        .await
        .unwrap();

    let mut exposure = 5;
    // The policy sees namespaces through a cache.
    let refused = eventually("a higher exposure is refused", async || {
        exposure += 1;
        patch(&runs, json!({"spec": {"exposurePercentage": exposure}}))
            .await
            .err()
    });
    let refused = refused.await;
    assert!(refused.contains("may not name any AppConfig application"), "{refused}");
    exposure -= 1;
    for change in [
        json!({"exposurePercentage": f64::from(exposure) + 0.5}),
        json!({"description": "b"}),
        json!({"description": null}),
        json!({"ramp": {"steps": []}}),
        json!({"exposurePercentage": 1, "description": "b"}),
        json!({"exposurePercentage": 1, "description": null}),
        json!({"exposurePercentage": 1, LATER: "none"}),
        json!({"exposurePercentage": null, LATER: null}),
        json!({"exposurePercentage": 1, "treatmentOverrides": {"inline": {"qa-eve": "t1"}}}),
        json!({"exposurePercentage": 1, "suspend": false}),
        json!({"exposurePercentage": exposure + 1, "suspend": true}),
        json!({"suspend": true, LATER: "none"}),
        json!({"suspend": true, "applicationIdentifier": "search"}),
        json!({"suspend": true, "run": 2}),
    ] {
        let said = patch(&runs, json!({ "spec": change })).await.unwrap_err();
        assert!(
            said.contains("may not name any AppConfig application"),
            "{change}: {said}"
        );
    }
    let labels = json!({"metadata": {"labels": {"team": "checkout"}}});
    patch(&runs, labels).await.unwrap();
    for change in [
        json!({"exposurePercentage": f64::from(exposure) - 0.5}),
        json!({"exposurePercentage": 2}),
        json!({"suspend": true}),
        json!({"exposurePercentage": 1.5}),
        json!({"exposurePercentage": null}),
    ] {
        let answer = patch(&runs, json!({ "spec": change })).await;
        assert_eq!(answer, Ok(()), "{change} asks for nothing more");
    }
    for change in [
        json!({"suspend": false}),
        json!({"suspend": null}),
        json!({"exposurePercentage": 0}),
    ] {
        let said = patch(&runs, json!({ "spec": change })).await.unwrap_err();
        assert!(
            said.contains("may not name any AppConfig application"),
            "{change}: {said}"
        );
    }
    let operator = cluster::runs(&client(&control_plane, User::Operator).await, &name);
    let status = Patch::Merge(json!({"status": {"observedGeneration": 3}}));
    said(operator.patch_status("run", &PatchParams::default(), &status).await).unwrap();
    said(runs.delete("run", &DeleteParams::default()).await).unwrap();
}

#[tokio::test]
async fn the_value_of_an_annotation_of_this_group_is_bounded_in_edits_of_annotations_alone_too() {
    let administrator = administrator().await;
    let (_, runs) = policed(&administrator, Some("*")).await;
    create(&runs, "shop", false).await.unwrap();
    let annotate =
        async |key: &str, value: String| patch(&runs, json!({"metadata": {"annotations": {key: value}}})).await;
    let ours = "experiments.appconfig.dev/reconcile-requested-at";
    // The server takes a moment to compile a policy that is new.
    let refused = eventually("a long value is refused", async || {
        annotate(ours, "x".repeat(254)).await.err()
    })
    .await;
    assert!(
        refused.contains(ours) && refused.contains("253 bytes") && !refused.contains("xxx"),
        "{refused}"
    );
    assert!(
        annotate("experiments.appconfig.dev/else", "é".repeat(127))
            .await
            .is_err(),
        "bytes count"
    );
    annotate(ours, "x".repeat(253)).await.unwrap();
    annotate("example.com/else", "x".repeat(100_000)).await.unwrap();

    let mut long = run("long");
    long.metadata.annotations = Some([(ours.to_owned(), "x".repeat(254))].into());
    let created = said(runs.create(&PostParams::default(), &long).await);
    assert!(created.unwrap_err().contains("253 bytes"), "at creation too");
}
