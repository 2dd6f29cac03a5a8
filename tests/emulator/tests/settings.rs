//! Every setting, both ways, and the settings' own HTTP interface.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that can't go on should say where"
)]

mod support;

use appconfig_emulator::{
    Acceptance, Cleared, Decimals, Emulator, Experiment, IdentifierPrecedence, OverrideUpdate, RateLimits, Seed,
    Settings, ThrottleAnswer,
};
use aws_sdk_appconfig::{
    Client,
    error::ProvideErrorMetadata as _,
    types::{EnvironmentState, TreatmentOverrides},
};
use serde_json::{Value, json};
use support::{Runs as _, started, wire::exchange};

async fn running(settings: Settings) -> (Emulator, Experiment, Client) {
    let (emulator, experiment, client) = started().await;
    emulator.start_run(&experiment, 5.0).unwrap();
    emulator.set_settings(settings).unwrap();
    (emulator, experiment, client)
}

fn overrides(entities: &[&str]) -> TreatmentOverrides {
    TreatmentOverrides::Inline(
        entities
            .iter()
            .map(|entity| ((*entity).to_owned(), "t1".to_owned()))
            .collect(),
    )
}

#[tokio::test]
async fn equal_exposure() {
    for (equal_exposure, taken) in [(Acceptance::Accept, true), (Acceptance::Refuse, false)] {
        let (emulator, experiment, client) = running(Settings {
            equal_exposure,
            ..Settings::default()
        })
        .await;
        let update = client.update(&experiment).exposure_percentage(5.0).send().await;
        assert_eq!(update.is_ok(), taken);
        let record = emulator.requests().pop().unwrap();
        assert_eq!((record.committed, record.changed), (taken, false));
    }
}

#[tokio::test]
async fn description_with_another_member() {
    for (description_with_other_member, taken) in [(Acceptance::Accept, true), (Acceptance::Refuse, false)] {
        let settings = Settings {
            description_with_other_member,
            ..Settings::default()
        };
        let (_emulator, experiment, client) = running(settings).await;
        let update = client
            .update(&experiment)
            .exposure_percentage(10.0)
            .description("d")
            .send()
            .await;
        assert_eq!(update.is_ok(), taken);
    }
}

#[tokio::test]
async fn description_deploys() {
    for (description_deploys, deployments) in [(true, 2), (false, 1)] {
        let (emulator, experiment, client) = running(Settings {
            description_deploys,
            ..Settings::default()
        })
        .await;
        client.update(&experiment).description("d").send().await.unwrap();
        assert_eq!(emulator.deployments(&experiment).unwrap(), deployments);
        assert_eq!(client.events(&experiment).send().await.unwrap().items().len(), 1);
    }
}

#[tokio::test]
async fn overrides_replace_or_merge() {
    for (update, expected) in [
        (OverrideUpdate::Replace, vec!["b"]),
        (OverrideUpdate::Merge, vec!["a", "b"]),
    ] {
        let (_emulator, experiment, client) = running(Settings {
            overrides: update,
            ..Settings::default()
        })
        .await;
        client
            .update(&experiment)
            .treatment_overrides(overrides(&["a"]))
            .send()
            .await
            .unwrap();
        client
            .update(&experiment)
            .treatment_overrides(overrides(&["b"]))
            .send()
            .await
            .unwrap();
        let got = client.get(&experiment).send().await.unwrap();
        assert_eq!(got.treatment_overrides(), Some(&overrides(&expected)));
    }
}

#[tokio::test]
async fn what_was_cleared_reads_back_absent_or_empty() {
    for (cleared, expected) in [(Cleared::Absent, None), (Cleared::Empty, Some(overrides(&[])))] {
        let settings = Settings {
            cleared_map: cleared,
            cleared_description: cleared,
            ..Settings::default()
        };
        let (_emulator, experiment, client) = running(settings).await;
        let never_set = client.get(&experiment).send().await.unwrap();
        assert_eq!((never_set.treatment_overrides(), never_set.description()), (None, None));
        client
            .update(&experiment)
            .treatment_overrides(overrides(&["a"]))
            .send()
            .await
            .unwrap();
        client
            .update(&experiment)
            .treatment_overrides(overrides(&[]))
            .send()
            .await
            .unwrap();
        client.update(&experiment).description("").send().await.unwrap();
        let got = client.get(&experiment).send().await.unwrap();
        assert_eq!(got.treatment_overrides(), expected.as_ref());
        assert_eq!(got.description(), expected.as_ref().map(|_| ""));
    }
}

#[tokio::test]
async fn decimals() {
    for (decimals, text) in [(Decimals::Shortest, "33.3"), (Decimals::Widened, "33.29999923706055")] {
        let (emulator, experiment, client) = running(Settings {
            decimals,
            ..Settings::default()
        })
        .await;
        let updated = client
            .update(&experiment)
            .exposure_percentage(33.3)
            .send()
            .await
            .unwrap();
        assert_eq!(updated.exposure_percentage(), Some(33.3));
        assert_eq!(emulator.requests()[0].answer["ExposurePercentage"].to_string(), text);
    }
}

#[tokio::test]
async fn reads_lag() {
    let (emulator, experiment, client) = running(Settings {
        read_lag_milliseconds: 300,
        ..Settings::default()
    })
    .await;
    let updated = client
        .update(&experiment)
        .exposure_percentage(50.0)
        .send()
        .await
        .unwrap();
    assert_eq!(updated.exposure_percentage(), Some(50.0));
    assert_eq!(
        client.get(&experiment).send().await.unwrap().exposure_percentage(),
        Some(5.0)
    );
    assert_eq!(emulator.run(&experiment, 1).unwrap()["ExposurePercentage"], 50.0);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(
        client.get(&experiment).send().await.unwrap().exposure_percentage(),
        Some(50.0)
    );
}

#[tokio::test]
async fn a_name_that_looks_like_an_id() {
    for (identifier_precedence, by_id) in [(IdentifierPrecedence::Id, true), (IdentifierPrecedence::Name, false)] {
        let (emulator, experiment, client) = running(Settings {
            identifier_precedence,
            ..Settings::default()
        })
        .await;
        let definition = experiment.definition_id.clone();
        let namesake = emulator
            .seed(&Seed {
                definition: definition.clone(),
                ..Seed::default()
            })
            .unwrap();
        let get = client.get_experiment_definition().application_identifier("shop");
        let got = get.experiment_definition_identifier(&definition).send().await.unwrap();
        let expected = if by_id {
            &experiment.definition_id
        } else {
            &namesake.definition_id
        };
        assert_eq!(got.id(), Some(expected.as_str()));
    }
}

#[tokio::test]
async fn a_name_can_come_to_mean_another_definition() {
    let (emulator, experiment, client) = running(Settings::default()).await;
    emulator.destroy(&experiment).unwrap();
    let gone = client.get(&experiment).send().await.unwrap_err();
    assert!(gone.into_service_error().is_resource_not_found_exception());
    let other = emulator.seed(&Seed::default()).unwrap();
    assert_eq!(other.application_id, experiment.application_id);
    assert_ne!(other.definition_id, experiment.definition_id);
    emulator.start_run(&other, 1.0).unwrap();
    let get = client.get_experiment_run().application_identifier("shop");
    let got = get
        .experiment_definition_identifier("add-to-cart")
        .run(1)
        .send()
        .await
        .unwrap();
    assert_eq!(got.experiment_definition_id(), Some(other.definition_id.as_str()));
}

#[tokio::test]
async fn rate_limits_and_their_answer() {
    for (throttle_answer, status, code) in [
        (ThrottleAnswer::TooManyRequests, 429, "TooManyRequestsException"),
        (ThrottleAnswer::Throttling, 400, "ThrottlingException"),
    ] {
        let rate_limits = RateLimits {
            get: Some(2),
            ..RateLimits::default()
        };
        let settings = Settings {
            rate_limits,
            throttle_answer,
            ..Settings::default()
        };
        let (_emulator, experiment, client) = running(settings).await;
        client.get(&experiment).send().await.unwrap();
        client.get(&experiment).send().await.unwrap();
        let error = client.get(&experiment).send().await.unwrap_err();
        assert_eq!(error.raw_response().unwrap().status().as_u16(), status);
        assert_eq!(error.into_service_error().code(), Some(code));
        client
            .update(&experiment)
            .exposure_percentage(10.0)
            .send()
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_deployment_in_progress() {
    let (emulator, experiment, client) = running(Settings::default()).await;
    let deployment_in_progress = vec![experiment.environment_id.clone()];
    emulator
        .set_settings(Settings {
            deployment_in_progress,
            ..Settings::default()
        })
        .unwrap();
    let get = client
        .get_environment()
        .application_id("shop")
        .environment_id("production")
        .send()
        .await
        .unwrap();
    assert_eq!(get.state(), Some(&EnvironmentState::Deploying));
    let error = client
        .update(&experiment)
        .exposure_percentage(10.0)
        .send()
        .await
        .unwrap_err();
    assert!(error.into_service_error().is_conflict_exception());
    client
        .update(&experiment)
        .description("goes through")
        .send()
        .await
        .unwrap();
    emulator.set_settings(Settings::default()).unwrap();
    client
        .update(&experiment)
        .exposure_percentage(10.0)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn the_services_clock() {
    let (emulator, experiment, client) = running(Settings {
        clock_offset_seconds: 3600,
        ..Settings::default()
    })
    .await;
    let before = jiff::Timestamp::now();
    let updated = client
        .update(&experiment)
        .exposure_percentage(10.0)
        .send()
        .await
        .unwrap();
    assert!(updated.updated_at().unwrap().secs() >= before.as_second() + 3599);
    assert!(emulator.requests()[0].arrived_at.as_second() < before.as_second() + 60);
    let answer = exchange(&emulator.endpoint(), "GET", "/experimentdefinitions", "").await;
    let date = jiff::fmt::rfc2822::parse(answer.header("date").unwrap()).unwrap();
    assert!(date.timestamp().as_second() >= before.as_second() + 3599);

    emulator.set_settings(Settings::default()).unwrap();
    let later = client
        .update(&experiment)
        .exposure_percentage(20.0)
        .send()
        .await
        .unwrap();
    assert!(
        later.updated_at() >= updated.updated_at(),
        "a run's UpdatedAt never goes back"
    );
}

#[tokio::test]
async fn settings_over_http() {
    let (emulator, experiment, _) = running(Settings::default()).await;
    let endpoint = emulator.endpoint();
    let put = |body: Value| {
        let endpoint = endpoint.clone();
        async move { exchange(&endpoint, "PUT", "/_emulator/settings", &body.to_string()).await }
    };
    assert_eq!(put(json!({"decimals": "widened"})).await.status, 200);
    assert_eq!(
        put(json!({"deploymentInProgress": ["production"], "rateLimits": {"get": 9}}))
            .await
            .status,
        200
    );
    let shown = exchange(&endpoint, "GET", "/_emulator/settings", "").await.json();
    assert_eq!(
        (&shown["decimals"], &shown["rateLimits"]["get"]),
        (&json!("widened"), &json!(9))
    );
    for bad in [
        json!({"decimals": "wide"}),
        json!({"nope": 1}),
        json!({"deploymentInProgress": ["nowhere"]}),
    ] {
        assert_eq!(put(bad).await.status, 400);
    }
    assert_eq!(
        exchange(&endpoint, "GET", "/_emulator/settings", "").await.json(),
        shown
    );

    let end = json!({"application": "shop", "definition": "add-to-cart", "run": 1, "triggeredBy": "CLOUDWATCH_ALARM"});
    let end = end.to_string();
    assert_eq!(
        exchange(&endpoint, "POST", "/_emulator/end-run", &end).await.status,
        200
    );
    assert_eq!(emulator.run(&experiment, 1).unwrap()["Status"], "DONE");
    assert_eq!(
        exchange(&endpoint, "POST", "/_emulator/end-run", &end).await.status,
        400
    );
}
