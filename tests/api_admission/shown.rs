//! What people see of a resource: its first status, columns, selectors, and what `kubectl explain` says.

use harness::cluster::{eventually, kubectl, text};
use kube::{ResourceExt, api::ListParams};
use serde_json::{Value, json};

use crate::{control_plane, create, fresh, patch_status, spec};

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
