//! The CRD on a real API server: what it refuses, in which words, and what people see.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use control_plane::{ControlPlane, User};
use harness::{
    cases::{self, By, CANARY, resource, spec},
    cluster::{self, client, eventually, kubectl, namespace, object, runs, text},
};
use kube::{
    Api, Client, ResourceExt,
    api::{DynamicObject, ListParams, Patch, PatchParams, PostParams},
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

/// The two doors that can't be closed: should one of them close, `docs/operations.md` can say so.
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
async fn a_new_resource_says_that_no_operator_has_looked() {
    let (_, _, runs) = fresh().await;
    let pending = json!({
        "observedGeneration": -1,
        "conditions": [{
            "type": "Ready",
            "status": "Unknown",
            "reason": "Pending",
            "message": "no operator has looked at this yet",
            "lastTransitionTime": "1970-01-01T00:00:00Z",
        }],
    });
    assert_eq!(create(&runs, "run", &spec(json!({}))).await.data["status"], pending);
    let written = patch_status(&runs, "run", json!({"observedGeneration": 1, "conditions": []})).await;
    assert_eq!(written.data["status"]["observedGeneration"], 1);
    let wiped = patch_status(&runs, "run", Value::Null).await;
    assert_eq!(wiped.data["status"], pending, "a status that is wiped starts over");
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

#[tokio::test]
async fn runs_are_found_by_application_definition_and_status() {
    let (_, _, runs) = fresh().await;
    create(&runs, "shop", &spec(json!({}))).await;
    create(&runs, "search", &spec(json!({"applicationIdentifier": "search"}))).await;
    patch_status(&runs, "search", json!({"status": "DONE"})).await;
    for (selector, found) in [
        ("spec.applicationIdentifier=shop", vec!["shop"]),
        (
            "spec.experimentDefinitionIdentifier=add-to-cart",
            vec!["search", "shop"],
        ),
        ("status.status=DONE", vec!["search"]),
    ] {
        let list = runs.list(&ListParams::default().fields(selector)).await.unwrap();
        assert_eq!(
            list.iter().map(ResourceExt::name_any).collect::<Vec<_>>(),
            found,
            "{selector}"
        );
    }
}

/// What `kubectl get` prints, line by line and word by word.
fn table(namespace: &str, arguments: &[&str]) -> Vec<Vec<String>> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    kubectl(
        control_plane(),
        &[&["-n", namespace, "get", "exprun"], arguments].concat(),
    )
    .lines()
    .map(words)
    .collect()
}

#[tokio::test]
async fn columns_show_what_people_look_for() {
    let (_, namespace, runs) = fresh().await;
    for (name, exposure) in [("a", json!(33.3)), ("b", json!(100)), ("c", Value::Null)] {
        create(&runs, name, &spec(json!({"exposurePercentage": exposure}))).await;
    }
    let ready = json!({"type": "Ready", "status": "True", "reason": "InSync", "message": "as asked",
        "lastTransitionTime": "2026-11-20T09:00:00Z"});
    let live = json!({"status": "RUNNING", "exposurePercentage": 12.5, "region": "eu-west-1",
        "updatedAt": "2026-11-20T09:00:00Z", "conditions": [ready], "ramp": {"summary": "50 at 2026-11-23T08:00Z",
        "reached": {"exposurePercentage": 12.5, "at": "2026-11-20T09:00:00Z"}}});
    patch_status(&runs, "a", live).await;

    let narrow = table(&namespace, &[]);
    assert_eq!(
        narrow[0].join(" "),
        "NAME RUN STATUS DESIRED LIVE READY REASON NEXT AGE"
    );
    assert_eq!(
        narrow[1][..10].join(" "),
        "a 1 RUNNING 33.3 12.5 True InSync 50 at 2026-11-23T08:00Z"
    );
    assert_eq!(
        narrow[2][..5].join(" "),
        "b 1 100 Unknown Pending",
        "no blank where no operator looks"
    );
    assert_eq!(narrow[3][..4].join(" "), "c 1 Unknown Pending");
    let wide = table(&namespace, &["-o", "wide"]);
    assert_eq!(
        wide[0].join(" "),
        format!("{} APPLICATION DEFINITION REGION UPDATED MESSAGE", narrow[0].join(" "))
    );
    assert_eq!(wide[1][11..14].join(" "), "shop add-to-cart eu-west-1");
    assert!(wide[1].join(" ").ends_with("as asked"));
}

#[tokio::test]
async fn a_number_may_be_written_in_any_way_without_drift() {
    let (_, namespace, runs) = fresh().await;
    for (written, shown) in [("12.50", "12.5"), ("1e1", "10"), ("33.3", "33.3"), ("5.0", "5")] {
        let manifest = format!(
            "apiVersion: experiments.appconfig.dev/v1alpha1\nkind: ExperimentRun\nmetadata: {{name: run}}\nspec: \
             {{applicationIdentifier: shop, experimentDefinitionIdentifier: cart, run: 1, exposurePercentage: {written}}}\n"
        );
        let file = control_plane().directory().join(format!("{namespace}.yaml"));
        std::fs::write(&file, manifest).unwrap();
        for server_side in ["--server-side=false", "--server-side=true"] {
            let apply = [
                "-n",
                &namespace,
                "apply",
                "--force-conflicts=false",
                server_side,
                "-f",
                file.to_str().unwrap(),
            ];
            kubectl(control_plane(), &apply);
            let generation = runs.get("run").await.unwrap().metadata.generation;
            kubectl(control_plane(), &apply);
            let run = runs.get("run").await.unwrap();
            assert_eq!(
                run.metadata.generation, generation,
                "{written} drifts with {server_side}"
            );
        }
        assert_eq!(table(&namespace, &["run"])[1][2], shown, "{written}");
    }
}

#[tokio::test]
async fn kubectl_explains_units_and_bounds() {
    for (field, words) in [
        ("exprun", "AWS AppConfig experiment"),
        ("exprun.spec.exposurePercentage", "from 0 to 100"),
        ("exprun.spec.resyncInterval", "from 30s to 24h"),
        ("exprun.spec.treatmentOverrides.inline", "0 to 32 entries"),
        (
            "exprun.spec.deploymentParameters.dynamicExtensionParameters",
            "1 to 10 entries",
        ),
        ("exprun.status.conditions", "TargetReached"),
    ] {
        // Discovery and OpenAPI are published a moment after the CRD is established.
        eventually(&format!("kubectl explain {field} says {words}"), async || {
            let output = control_plane().kubectl(["explain", field]).unwrap();
            let text = text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
            text.contains(words).then_some(())
        })
        .await;
    }
}
