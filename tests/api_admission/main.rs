//! The CRD on a real API server: what it refuses, in which words, and what people see (`shown`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod shown;

use control_plane::{ControlPlane, User};
use harness::{
    cases::{self, By, CANARY, resource, spec},
    cluster::{self, client, kubectl, namespace, object, runs, text},
};
use kube::{
    Api, Client, ResourceExt,
    api::{DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

const CRD: &str = "crd/experimentruns.experiments.appconfig.dev";

fn control_plane() -> &'static ControlPlane {
    cluster::shared(|control_plane| {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/crds/");
        kubectl(control_plane, &["apply", "-f", directory]);
        kubectl(
            control_plane,
            &["wait", "--for=condition=Established", "--timeout=20s", CRD],
        );
    })
}

/// A fresh namespace, and its resources for the administrator.
async fn fresh() -> (Client, String, Api<DynamicObject>) {
    let client = client(control_plane(), User::Administrator).await;
    let namespace = namespace(&client, json!({})).await;
    let runs = runs(&client, &namespace);
    (client, namespace, runs)
}

/// All that the API server answers.
fn answer<T>(result: Result<T, kube::Error>) -> String {
    match result {
        Ok(_) => "accepted".to_owned(),
        Err(kube::Error::Api(status)) => serde_json::to_string(&status).unwrap(),
        Err(error) => panic!("no answer: {error}"),
    }
}

fn dry_run() -> PostParams {
    PostParams {
        dry_run: true,
        ..PostParams::default()
    }
}

async fn create(runs: &Api<DynamicObject>, name: &str, spec: &Value) -> DynamicObject {
    runs.create(&PostParams::default(), &object(resource(name, spec)))
        .await
        .unwrap()
}

async fn patch_status(runs: &Api<DynamicObject>, name: &str, status: Value) -> DynamicObject {
    let patch = Patch::Merge(json!({ "status": status }));
    runs.patch_status(name, &PatchParams::default(), &patch).await.unwrap()
}

async fn patch_spec(runs: &Api<DynamicObject>, name: &str, spec: Value) -> Result<DynamicObject, kube::Error> {
    runs.patch(name, &PatchParams::default(), &Patch::Merge(json!({ "spec": spec })))
        .await
}

fn apply(manager: &str) -> PatchParams {
    PatchParams::apply(manager)
}

#[test]
fn the_crd_is_established_and_without_complaint() {
    let conditions = kubectl(
        control_plane(),
        &["get", CRD, "-o", "jsonpath={.status.conditions[*].type}"],
    );
    let mut conditions: Vec<_> = conditions.split_whitespace().collect();
    conditions.sort_unstable();
    assert_eq!(conditions, ["Established", "NamesAccepted"]);
}

#[tokio::test]
async fn a_bad_spec_is_refused_with_a_message_that_says_why() {
    let (_, _, runs) = fresh().await;
    for case in cases::refused() {
        let answer = answer(runs.create(&dry_run(), &object(resource("bad", &case.spec))).await);
        let clear = answer.contains(case.field) && answer.contains(case.message);
        let checked = case.by == By::Server || !answer.contains("rules were not checked");
        // A rule that stumbles over a value is answered in CEL's own words.
        let in_our_words = !answer.contains(" for rule: ") && !answer.contains("no such ");
        assert!(
            clear && checked && in_our_words,
            "{} of {:.300}: {answer:.1000}",
            case.field,
            case.spec.to_string()
        );
    }
}

#[tokio::test]
async fn what_is_legal_is_accepted() {
    let (_, _, runs) = fresh().await;
    for spec in cases::accepted() {
        let answer = answer(runs.create(&dry_run(), &object(resource("good", &spec))).await);
        assert_eq!(answer, "accepted", "{:.300}", spec.to_string());
    }
}

/// The message of the condition says what to do: see `tests/api_schema.rs`.
#[tokio::test]
async fn a_ramp_that_only_the_operator_can_tell_is_unusable_is_accepted() {
    let (_, _, runs) = fresh().await;
    for (spec, _) in cases::unusable_ramps() {
        let answer = answer(runs.create(&dry_run(), &object(resource("unusable", &spec))).await);
        assert_eq!(answer, "accepted", "{spec}");
    }
}

#[tokio::test]
async fn p11_a_bad_manifest_is_answered_without_entity_ids_and_parameters() {
    let (_, _, runs) = fresh().await;
    let existing = create(&runs, "run", &spec(json!({}))).await;
    let bad: Vec<_> = cases::refused_overrides().chain(cases::refused_parameters()).collect();
    assert!(bad.iter().filter(|case| case.spec.to_string().contains(CANARY)).count() > 15);
    for case in bad {
        let manifest = object(resource("run", &case.spec));
        let mut changed = existing.clone();
        changed.data["spec"] = case.spec.clone();
        let answers = [
            answer(runs.create(&dry_run(), &object(resource("new", &case.spec))).await),
            answer(runs.replace("run", &dry_run(), &changed).await),
            answer(
                runs.patch("run", &apply("git").dry_run(), &Patch::Apply(&manifest))
                    .await,
            ),
        ];
        for answer in answers {
            assert_ne!(answer, "accepted", "{:.300}", case.spec.to_string());
            assert!(!answer.contains(CANARY), "{answer}");
        }
    }
}

#[tokio::test]
async fn what_names_the_run_is_corrected_until_it_is_found_and_not_changed_from_then_on() {
    let (_, _, runs) = fresh().await;
    for (index, (from, to, message)) in cases::refused_changes().into_iter().enumerate() {
        let name = format!("refused-{index}");
        let mut run = create(&runs, &name, &from).await;
        run.data["spec"] = to.clone();
        let corrected = answer(runs.replace(&name, &dry_run(), &run).await);
        assert_eq!(corrected, "accepted", "{from} to {to}, nothing found");
        let mut run = patch_status(&runs, &name, cases::found()).await;
        run.data["spec"] = to.clone();
        // Whatever the body says of the status, what is stored counts.
        for status in [Some(run.data["status"].clone()), Some(json!({})), None] {
            run.data["status"] = status.clone().unwrap_or_default();
            if status.is_none() {
                run.data.as_object_mut().unwrap().remove("status");
            }
            let answer = answer(runs.replace(&name, &dry_run(), &run).await);
            assert!(answer.contains(message), "{from} to {to}: {answer}");
        }
    }
    for (index, (from, to)) in cases::accepted_changes().into_iter().enumerate() {
        let name = format!("accepted-{index}");
        let mut run = create(&runs, &name, &from).await;
        for found in [false, true] {
            if found {
                run = patch_status(&runs, &name, cases::found()).await;
            }
            run.data["spec"] = to.clone();
            let answer = answer(runs.replace(&name, &dry_run(), &run).await);
            assert_eq!(answer, "accepted", "{from} to {to}");
        }
    }
}

/// The two doors that can't be closed: should one of them close, `docs/security.md` can say so.
#[tokio::test]
async fn p11_a_wrong_type_is_answered_with_its_key_and_a_misspelt_field_with_what_is_stored_unless_applied_server_side()
{
    let (_, namespace, runs) = fresh().await;
    let manifest = |field: &str| {
        let members = json!({field: 5, "treatmentOverrides": {"inline": {CANARY: "t1"}}});
        resource("run", &spec(members)).to_string()
    };
    let file = control_plane().directory().join(format!("{namespace}.json"));
    let apply = |manifest: String, how: &str| {
        std::fs::write(&file, manifest).unwrap();
        let output = control_plane().kubectl(["-n", &namespace, "apply", how, "-f", file.to_str().unwrap()]);
        let output = output.unwrap();
        (output.status.success(), text(&output.stdout) + &text(&output.stderr))
    };
    for (how, told) in [("--server-side=true", false), ("--server-side=false", true)] {
        let (taken, said) = apply(manifest("exposurePercentage"), how);
        assert!(taken && !said.contains(CANARY), "{said}");
        let (taken, said) = apply(manifest("exposurePercent"), how);
        assert!(!taken && said.contains("exposurePercent"), "{said}");
        assert_eq!(said.contains(CANARY), told, "{how}: {said}");
        let wrong_type = spec(json!({"treatmentOverrides": {"inline": {CANARY: 1}}}));
        let (taken, said) = apply(resource("run", &wrong_type).to_string(), how);
        assert!(!taken && said.contains(CANARY), "{how}: {said}");
        runs.delete("run", &kube::api::DeleteParams::default()).await.unwrap();
    }
}

#[tokio::test]
async fn overrides_belong_to_one_manager_as_a_whole() {
    let (_, _, runs) = fresh().await;
    let manifest = |inline: Value| {
        object(resource(
            "run",
            &spec(json!({"exposurePercentage": 5, "treatmentOverrides": {"inline": inline}})),
        ))
    };
    let both = manifest(json!({"canary-7c1f-a": "t1", "canary-7c1f-b": "t2"}));
    runs.patch("run", &apply("git"), &Patch::Apply(&both)).await.unwrap();

    let another = manifest(json!({"canary-7c1f-c": "t1"}));
    let conflict = answer(runs.patch("run", &apply("person"), &Patch::Apply(&another)).await);
    assert!(
        conflict.contains("conflict") && conflict.contains(".spec.treatmentOverrides.inline"),
        "{conflict}"
    );
    assert!(!conflict.contains(CANARY), "P11: {conflict}");
    let taken = runs
        .patch("run", &apply("person").force(), &Patch::Apply(&another))
        .await
        .unwrap();
    assert_eq!(
        taken.data["spec"]["treatmentOverrides"]["inline"],
        json!({"canary-7c1f-c": "t1"}),
        "replaced, not merged"
    );

    let cleared = runs
        .patch("run", &apply("git").force(), &Patch::Apply(&manifest(json!({}))))
        .await
        .unwrap();
    assert_eq!(
        cleared.data["spec"]["treatmentOverrides"]["inline"],
        json!({}),
        "what somebody else added is cleared too"
    );
}

#[tokio::test]
async fn p4_a_status_write_with_an_old_resource_version_is_a_conflict() {
    let (_, _, runs) = fresh().await;
    let old = create(&runs, "run", &spec(json!({}))).await;
    let write = async |of: &DynamicObject| {
        let metadata = json!({"resourceVersion": of.resource_version(), "uid": of.uid()});
        let patch = Patch::Merge(json!({"metadata": metadata, "status": {"observedGeneration": 1}}));
        answer(runs.patch_status("run", &PatchParams::default(), &patch).await)
    };
    patch_spec(&runs, "run", json!({"exposurePercentage": 5}))
        .await
        .unwrap();
    assert!(write(&old).await.contains("\"code\":409"), "the spec has moved");
    let newest = runs.get("run").await.unwrap();
    assert_eq!(write(&newest).await, "accepted");
    let newest = runs.get("run").await.unwrap();
    runs.delete("run", &kube::api::DeleteParams::default()).await.unwrap();
    assert!(write(&newest).await.contains("\"code\":404"), "the resource is gone");
    create(&runs, "run", &spec(json!({}))).await;
    assert!(
        write(&newest).await.contains("\"code\":409"),
        "another resource has its name"
    );
}
