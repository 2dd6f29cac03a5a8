//! What the service refuses: the model's bounds, its rules, and its error texts.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that can't go on should say where"
)]

mod support;

use std::collections::HashMap;

use appconfig_emulator::{Emulator, Experiment};
use aws_sdk_appconfig::{
    error::{ProvideErrorMetadata as _, SdkError},
    operation::update_experiment_run::{UpdateExperimentRunError, builders::UpdateExperimentRunFluentBuilder},
    types::{DeploymentParameters, TreatmentOverrides},
};
use serde_json::{Value, json};
use support::{Runs as _, started, wire::exchange};

type Refused = SdkError<UpdateExperimentRunError>;

fn overrides(entries: impl IntoIterator<Item = (String, &'static str)>) -> TreatmentOverrides {
    TreatmentOverrides::Inline(
        entries
            .into_iter()
            .map(|(entity, key)| (entity, key.to_owned()))
            .collect(),
    )
}

/// The message of a `BadRequestException`, or "" if the request was taken.
async fn refused(request: UpdateExperimentRunFluentBuilder) -> String {
    let Err(error) = request.send().await else {
        return String::new();
    };
    let error: Refused = error;
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 400);
    let error = error.into_service_error();
    assert!(error.is_bad_request_exception(), "{error:?}");
    error.message().unwrap().to_owned()
}

#[tokio::test]
async fn members_have_the_models_bounds() {
    let (emulator, experiment, client) = started().await;
    emulator.start_run(&experiment, 0.0).unwrap();
    let update = || client.update(&experiment);
    let long = |length: usize| "é".repeat(length);

    let text = refused(update().exposure_percentage(100.5)).await;
    assert_eq!(
        text,
        "1 validation error detected: Value '100.5' at 'exposurePercentage' failed to satisfy constraint: \
         Member must have value less than or equal to 100"
    );
    assert!(
        refused(update().exposure_percentage(-1.0))
            .await
            .contains("greater than or equal to 0")
    );
    assert!(
        refused(update().description(long(1025)))
            .await
            .contains("length less than or equal to 1024")
    );
    assert_eq!(refused(update().description(long(1024))).await, "");
    assert_eq!(refused(update().description("")).await, "");

    let many = |count: usize| overrides((0..count).map(|index| (format!("user-{index}"), "t1")));
    assert!(
        refused(update().treatment_overrides(many(33)))
            .await
            .contains("less than or equal to 32")
    );
    assert_eq!(refused(update().treatment_overrides(many(32))).await, "");
    assert!(
        refused(update().treatment_overrides(overrides([(long(2049), "t1")])))
            .await
            .contains("2048")
    );
    assert_eq!(
        refused(update().treatment_overrides(overrides([(long(2048), "t1")]))).await,
        ""
    );
    let empty_entity = refused(update().treatment_overrides(overrides([(String::new(), "t1")]))).await;
    assert!(empty_entity.contains("greater than or equal to 1"));
    for key in ["", "t-1", "t12345678"] {
        let text = refused(update().treatment_overrides(overrides([("user".to_owned(), key)]))).await;
        assert!(
            text.contains("regular expression pattern: ^[a-zA-Z0-9]{1,8}"),
            "{key}: {text}"
        );
    }
    assert_eq!(emulator.run(&experiment, 1).unwrap()["ExposurePercentage"], 0.0);
}

#[tokio::test]
async fn deployment_parameters_have_bounds_and_are_never_shown() {
    let (emulator, experiment, client) = started().await;
    emulator.start_run(&experiment, 0.0).unwrap();
    let update = |parameters: HashMap<String, String>| {
        let parameters = DeploymentParameters::builder()
            .set_dynamic_extension_parameters(Some(parameters))
            .build();
        client
            .update(&experiment)
            .exposure_percentage(1.0)
            .deployment_parameters(parameters)
    };
    assert!(
        refused(update(HashMap::new()))
            .await
            .contains("greater than or equal to 1")
    );
    let secret = refused(update([("no-hash".to_owned(), "s3cret".to_owned())].into())).await;
    assert!(secret.contains("Redacted") && !secret.contains("s3cret"), "{secret}");
    assert_eq!(
        refused(update([("ext#param".to_owned(), "value".to_owned())].into())).await,
        ""
    );
    assert!(
        emulator
            .run(&experiment, 1)
            .unwrap()
            .get("DeploymentParameters")
            .is_none()
    );
}

#[tokio::test]
async fn exposure_only_rises_and_one_attribute_moves_at_a_time() {
    let (emulator, experiment, client) = started().await;
    emulator.start_run(&experiment, 100.0).unwrap();
    assert_eq!(
        refused(client.update(&experiment).exposure_percentage(0.0)).await,
        "Exposure percentage can only be increased. Current: 100.0%, Requested: 0.0%."
    );
    let both = client
        .update(&experiment)
        .exposure_percentage(20.0)
        .treatment_overrides(overrides([]));
    assert_eq!(
        refused(both).await,
        "1 validation error detected: Value 20.0 at 'exposurePercentage' failed to satisfy constraint: \
         Only one deployment attribute can be updated per request"
    );
    let unknown = client
        .update(&experiment)
        .treatment_overrides(overrides([("user".to_owned(), "t9")]));
    assert!(refused(unknown).await.contains("t9"));
    assert_eq!(emulator.deployments(&experiment).unwrap(), 1);
}

#[tokio::test]
async fn a_stopped_run_is_final() {
    let (emulator, experiment, client) = started().await;
    emulator.start_run(&experiment, 5.0).unwrap();
    emulator.stop_run(&experiment, 1).unwrap();
    let definition = &experiment.definition_id;
    assert_eq!(
        refused(client.update(&experiment).exposure_percentage(50.0)).await,
        format!(
            "Cannot update experiment run 1 for experiment definition {definition} because it is already terminal."
        )
    );
    let error = client.stop(&experiment).send().await.unwrap_err().into_service_error();
    let text = format!("Experiment run 1 for experiment definition {definition} is not running.");
    assert_eq!(
        (error.is_bad_request_exception(), error.message()),
        (true, Some(text.as_str()))
    );
}

#[tokio::test]
async fn one_run_at_a_time_and_no_definition_changes_meanwhile() {
    let (emulator, experiment, client) = started().await;
    emulator.start_run(&experiment, 5.0).unwrap();
    let start = client.start_experiment_run().application_identifier("shop");
    let error = start
        .experiment_definition_identifier("add-to-cart")
        .send()
        .await
        .unwrap_err();
    assert!(error.into_service_error().is_conflict_exception());
    let update = client.update_experiment_definition().application_identifier("shop");
    let error = update
        .experiment_definition_identifier("add-to-cart")
        .hypothesis("h")
        .send()
        .await
        .unwrap_err();
    assert!(error.into_service_error().is_conflict_exception());
}

#[tokio::test]
async fn an_error_looks_like_the_real_services() {
    let (emulator, experiment, _) = started().await;
    let answer = exchange(&emulator.endpoint(), "GET", &path(&experiment, ""), "").await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-amzn-errortype"), Some("ResourceNotFoundException:"));
    assert_eq!(
        answer.header("x-amzn-requestid"),
        Some(emulator.requests()[0].request_id.as_str())
    );
    assert!(answer.json()["Message"].is_string());

    let unknown = exchange(&emulator.endpoint(), "GET", "/prefix/applications", "").await;
    assert_eq!(
        (unknown.status, unknown.header("x-amzn-errortype")),
        (404, Some("UnknownOperationException:"))
    );
}

#[tokio::test]
async fn bodies_and_paths_that_no_sdk_sends() {
    let (emulator, experiment, _) = started().await;
    emulator.start_run(&experiment, 5.0).unwrap();
    for body in [
        "{",
        "[]",
        r#"{"ExposurePercentage":"ten"}"#,
        r#"{"TreatmentOverrides":{}}"#,
        r#"{"TreatmentOverrides":{"S3":"x"}}"#,
        r#"{"ExposurePercentage":1e40}"#,
        "{}",
        r#"{"Description":null}"#,
    ] {
        assert_eq!(patch(&emulator, &experiment, body).await, 400, "{body}");
    }
    assert_eq!(
        patch(
            &emulator,
            &experiment,
            r#"{"Description":"d","New":1,"ExposurePercentage":null}"#
        )
        .await,
        200
    );
    for run in ["0", "-1", "x", "2147483648"] {
        let path = path(&experiment, "").replace("experimentruns/1", &format!("experimentruns/{run}"));
        assert_eq!(
            exchange(&emulator.endpoint(), "GET", &path, "").await.status,
            400,
            "{run}"
        );
    }
    assert_eq!(emulator.run(&experiment, 1).unwrap()["Description"], json!("d"));
}

#[tokio::test]
async fn every_other_operation_has_the_models_bounds() {
    let (emulator, experiment, _) = started().await;
    let tags: HashMap<String, &str> = (0..51).map(|index| (format!("tag-{index}"), "")).collect();
    let long = |length: usize| Value::String("x".repeat(length));
    for (method, path, body) in [
        ("POST", "/applications", json!({})),
        ("POST", "/applications", json!({"Name": long(65)})),
        ("POST", "/applications", json!({"Name": "n", "Tags": tags})),
        ("POST", "/applications/shop/environments", json!({"Name": ""})),
        ("POST", "/applications/shop/configurationprofiles", json!({"Name": "n"})),
        ("GET", "/applications//environments/production", json!({})),
        ("POST", RUNS, json!({"ExposurePercentage": 101})),
        ("POST", RUNS, json!({"TreatmentOverrides": {"Inline": {"user": "t3"}}})),
        ("POST", RUNS, json!({"Tags": {"": "x"}})),
        ("GET", "/experimentdefinitions?max_results=51", json!({})),
        ("GET", "/experimentdefinitions?status=BUSY", json!({})),
        ("GET", "/experimentdefinitions?next_token=x", json!({})),
        (
            "DELETE",
            "/applications/shop/experimentdefinitions/add-to-cart?delete_type=HIDE",
            json!({}),
        ),
    ] {
        assert_bad_request(&emulator, method, path, &body).await;
    }
    emulator.start_run(&experiment, 0.0).unwrap();
    let stop = json!({"Result": {"ExecutiveSummary": long(1025)}});
    assert_bad_request(&emulator, "PATCH", &path(&experiment, "/stop"), &stop).await;
    assert_eq!(emulator.run(&experiment, 1).unwrap()["Status"], "RUNNING");
}

#[tokio::test]
async fn definitions_have_the_models_bounds() {
    let (emulator, ..) = started().await;
    let path = "/applications/shop/experimentdefinitions";
    let treatment = json!({"Weight": 1, "FlagValue": {"Enabled": true}});
    let good = json!({
        "Name": "n", "ConfigurationProfileIdentifier": "features", "EnvironmentIdentifier": "production",
        "FlagKey": "flag", "AudienceRule": "r", "Control": treatment, "Treatments": [treatment],
    });
    for (member, value) in [
        ("Name", json!("AWS.reserved")),
        ("Name", Value::Null),
        ("FlagKey", json!("Flag")),
        ("AudienceRule", json!("x".repeat(16_385))),
        ("Treatments", json!([])),
        ("Treatments", json!(vec![&treatment; 6])),
        ("Control", json!({"Weight": -1, "FlagValue": {"Enabled": true}})),
        ("Control", json!({"Weight": 1, "FlagValue": {}})),
        ("Hypothesis", json!("x".repeat(1025))),
    ] {
        let mut body = good.clone();
        body[member] = value;
        assert_bad_request(&emulator, "POST", path, &body).await;
    }
    assert_eq!(
        exchange(&emulator.endpoint(), "POST", path, &good.to_string())
            .await
            .status,
        201
    );
    assert_eq!(
        exchange(&emulator.endpoint(), "POST", path, &good.to_string())
            .await
            .status,
        409
    );
}

const RUNS: &str = "/applications/shop/experimentdefinitions/add-to-cart/experimentruns";

async fn assert_bad_request(emulator: &Emulator, method: &str, path: &str, body: &Value) {
    let answer = exchange(&emulator.endpoint(), method, path, &body.to_string()).await;
    let code = answer.header("x-amzn-errortype");
    assert_eq!(
        (answer.status, code),
        (400, Some("BadRequestException:")),
        "{method} {path} {body}"
    );
}

async fn patch(emulator: &Emulator, experiment: &Experiment, body: &str) -> u16 {
    exchange(&emulator.endpoint(), "PATCH", &path(experiment, "/update"), body)
        .await
        .status
}

fn path(experiment: &Experiment, end: &str) -> String {
    let Experiment {
        application_id,
        definition_id,
        ..
    } = experiment;
    format!("/applications/{application_id}/experimentdefinitions/{definition_id}/experimentruns/1{end}")
}
