//! Every operation, asked and answered by the official client.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that can't go on should say where"
)]

mod support;

use appconfig_emulator::EndedBy;
use aws_sdk_appconfig::types::{
    DeleteType, EnvironmentState, ExperimentDefinitionStatus, ExperimentRunEventType as Type, ExperimentRunResult,
    ExperimentRunStatus, ExperimentRunSummary, FlagValue, TreatmentInput, TreatmentOverrides, TriggeredBy,
};
use support::{Runs as _, started};

const NAME: &str = "my app/π %";

fn treatment(weight: f32) -> TreatmentInput {
    let flag_value = FlagValue::builder().enabled(true).build();
    TreatmentInput::builder().weight(weight).flag_value(flag_value).build()
}

#[tokio::test]
async fn an_application_and_what_is_in_it() {
    let (_emulator, _, client) = started().await;
    let application = client
        .create_application()
        .name(NAME)
        .description("d")
        .send()
        .await
        .unwrap();
    assert_eq!((application.name(), application.description()), (Some(NAME), Some("d")));
    let environment = client
        .create_environment()
        .application_id(NAME)
        .name("prod")
        .send()
        .await
        .unwrap();
    let profile = client
        .create_configuration_profile()
        .application_id(NAME)
        .name("p")
        .location_uri("hosted");
    assert_eq!(profile.send().await.unwrap().application_id(), application.id());
    let got = client
        .get_environment()
        .application_id(NAME)
        .environment_id("prod")
        .send()
        .await
        .unwrap();
    assert_eq!(got.id(), environment.id());
    assert_eq!(got.state(), Some(&EnvironmentState::ReadyForDeployment));
    let missing = client
        .get_environment()
        .application_id(NAME)
        .environment_id("dev")
        .send()
        .await;
    assert!(
        missing
            .unwrap_err()
            .into_service_error()
            .is_resource_not_found_exception()
    );
}

#[tokio::test]
async fn a_definition_from_creation_to_its_end() {
    let (_emulator, experiment, client) = started().await;
    let create = client
        .create_experiment_definition()
        .application_identifier("shop")
        .name(NAME);
    let create = create
        .configuration_profile_identifier("features")
        .environment_identifier("production");
    let create = create
        .flag_key("buy")
        .audience_rule("true")
        .hypothesis("more")
        .control(treatment(50.0));
    let created = create
        .treatments(treatment(33.3))
        .treatments(treatment(16.7))
        .send()
        .await
        .unwrap();
    assert_eq!(created.application_id(), Some(experiment.application_id.as_str()));
    assert_eq!(created.environment_id(), Some(experiment.environment_id.as_str()));
    assert_eq!(created.status(), Some(&ExperimentDefinitionStatus::Idle));
    let keys: Vec<_> = created
        .treatments()
        .iter()
        .map(|treatment| treatment.key().unwrap())
        .collect();
    assert_eq!((keys, created.control().unwrap().key()), (vec!["t1", "t2"], Some("c")));
    assert_eq!(created.treatments()[0].weight().to_bits(), 33.3_f32.to_bits());

    let update = client.update_experiment_definition().application_identifier("shop");
    let update = update
        .experiment_definition_identifier(NAME)
        .hypothesis("much more")
        .treatments(treatment(50.0));
    assert_eq!(update.send().await.unwrap().hypothesis(), Some("much more"));
    let get = client.get_experiment_definition().application_identifier("shop");
    let got = get
        .experiment_definition_identifier(created.id().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!((got.treatments().len(), got.name()), (1, Some(NAME)));

    let delete = |delete_type| {
        let delete = client.delete_experiment_definition().application_identifier("shop");
        delete
            .experiment_definition_identifier(NAME)
            .delete_type(delete_type)
            .send()
    };
    delete(DeleteType::Archive).await.unwrap();
    let list = client.list_experiment_definitions().application_identifier("shop");
    let list = list.status(ExperimentDefinitionStatus::Archived).send().await.unwrap();
    assert_eq!(
        list.items().iter().map(|item| item.name().unwrap()).collect::<Vec<_>>(),
        [NAME]
    );
    delete(DeleteType::Destroy).await.unwrap();
    let gone = delete(DeleteType::Destroy).await;
    assert!(gone.unwrap_err().into_service_error().is_resource_not_found_exception());
}

#[tokio::test]
async fn a_run_from_start_to_stop() {
    let (emulator, experiment, client) = started().await;
    let start = client.start_experiment_run().application_identifier("shop");
    let start = start
        .experiment_definition_identifier("add-to-cart")
        .exposure_percentage(5.0)
        .description("first");
    let started = start.send().await.unwrap();
    assert_eq!(
        (started.run(), started.status()),
        (1, Some(&ExperimentRunStatus::Running))
    );

    let raised = client
        .update(&experiment)
        .exposure_percentage(33.3)
        .send()
        .await
        .unwrap();
    assert_eq!(raised.exposure_percentage(), Some(33.3));
    let overrides = TreatmentOverrides::Inline([("user-1".to_owned(), "t1".to_owned())].into());
    let overridden = client
        .update(&experiment)
        .treatment_overrides(overrides.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(overridden.treatment_overrides(), Some(&overrides));
    let described = client.update(&experiment).description("second").send().await.unwrap();
    assert_eq!(described.description(), Some("second"));

    let result = ExperimentRunResult::builder().executive_summary("good").build();
    let stopped = client.stop(&experiment).result(result.clone()).send().await.unwrap();
    assert_eq!(
        (stopped.status(), stopped.result()),
        (Some(&ExperimentRunStatus::Done), Some(&result))
    );
    assert!(stopped.ended_at().is_some());

    let got = client.get(&experiment).send().await.unwrap();
    assert_eq!(
        (got.exposure_percentage(), got.treatment_overrides()),
        (Some(33.3), Some(&overrides))
    );
    let snapshot = got.experiment_definition_snapshot().unwrap();
    assert_eq!((snapshot.name(), snapshot.treatments().len()), (Some("add-to-cart"), 2));
    assert_eq!(emulator.deployments(&experiment).unwrap(), 4);

    let list = client.list_experiment_runs().application_identifier("shop");
    let list = list
        .experiment_definition_identifier("add-to-cart")
        .status(ExperimentRunStatus::Done);
    assert_eq!(list.send().await.unwrap().items()[0].description(), Some("second"));
    let events = client.events(&experiment).send().await.unwrap();
    let kinds: Vec<_> = events
        .items()
        .iter()
        .rev()
        .map(|event| event.event_type().unwrap().clone())
        .collect();
    assert_eq!(
        kinds,
        [
            Type::RunStarted,
            Type::ExposureUpdated,
            Type::OverridesUpdated,
            Type::RunStopped
        ]
    );
    assert!(
        events
            .items()
            .iter()
            .all(|event| event.triggered_by() == Some(&TriggeredBy::User))
    );
    assert!(
        events.items()[0]
            .associated_deployment()
            .unwrap()
            .ends_with("/deployment/4")
    );
}

#[tokio::test]
async fn a_run_that_ends_by_itself() {
    let (emulator, experiment, client) = started().await;
    for (run, ended_by, trigger) in [
        (1, EndedBy::CloudwatchAlarm, TriggeredBy::CloudwatchAlarm),
        (2, EndedBy::InternalError, TriggeredBy::InternalError),
    ] {
        assert_eq!(emulator.start_run(&experiment, 0.0).unwrap(), run);
        emulator.end_run(&experiment, run, ended_by).unwrap();
        let events = client
            .events(&experiment)
            .run(i32::try_from(run).unwrap())
            .send()
            .await
            .unwrap();
        assert_eq!(events.items()[0].event_type(), Some(&Type::RunStopped));
        assert_eq!(events.items()[0].triggered_by(), Some(&trigger));
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    let (emulator, experiment, client) = started().await;
    for _ in 0..3 {
        let run = emulator.start_run(&experiment, 0.0).unwrap();
        emulator.stop_run(&experiment, run).unwrap();
    }
    let list = client.list_experiment_runs().application_identifier("shop");
    let list = list.experiment_definition_identifier("add-to-cart").max_results(2);
    let pages: Vec<_> = list.into_paginator().send().try_collect().await.unwrap();
    let runs: Vec<Vec<_>> = pages
        .iter()
        .map(|page| page.items().iter().map(ExperimentRunSummary::run).collect())
        .collect();
    assert_eq!(runs, [vec![1, 2], vec![3]]);
}
