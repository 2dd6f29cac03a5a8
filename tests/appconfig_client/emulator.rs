//! The client and the emulator of `AppConfig`, which verifies each signature, have one conversation.

use std::sync::Arc;

use appconfig_emulator::{Emulator, Experiment, KeyPair, Options, Seed};
use appconfig_experiment_operator::{
    api::{DeploymentParameters, Exposure, RunStatus, TreatmentOverrides},
    appconfig::{Answer, Client},
    run::{Change, FailureKind, LiveRun, RunAddress, RunKey, TriggeredBy, Update, UpdateError, last_run_stopped},
};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};

use crate::{client, raise_to, region, settings};

const APPLICATION: &str = "my shop/π 100%";

async fn emulator() -> (Emulator, Experiment) {
    let expired = KeyPair::new("AKIDEXPIRED", "secret").with_session_token("old", Some(jiff::Timestamp::UNIX_EPOCH));
    let options = Options {
        require_signature: true,
        key_pairs: vec![expired],
        ..Options::default()
    };
    let emulator = Emulator::start(options).await.unwrap();
    let seed = Seed {
        application: APPLICATION.to_owned(),
        ..Seed::default()
    };
    let experiment = emulator.seed(&seed).unwrap();
    emulator.start_run(&experiment, 10.0).unwrap();
    (emulator, experiment)
}

fn by_name() -> RunAddress {
    RunAddress::parse(APPLICATION, "add-to-cart", 1).unwrap()
}

async fn update(client: &Client, ids: &RunKey, update: Update) -> Result<LiveRun, UpdateError> {
    let prepared = client.prepare(&region(), None).await.unwrap();
    prepared
        .update_experiment_run(ids, &update, "pending-1")
        .await
        .map(|answer| answer.value)
}

fn raise(percentage: f32) -> Update {
    raise_to(percentage, DeploymentParameters::default())
}

#[tokio::test]
async fn a_run_is_read_by_name_updated_by_its_ids_and_ended() {
    let (emulator, experiment) = emulator().await;
    let client = client(&emulator.endpoint());
    let Answer {
        value: run,
        date,
        request_id,
    } = client.get_experiment_run(&region(), &by_name()).await.unwrap();
    assert!(date.is_some() && request_id.is_some());
    assert_eq!(
        (run.status, run.exposure),
        (RunStatus::Running, Exposure::new(10.0).unwrap())
    );
    assert_eq!(run.key.application_id, experiment.application_id);
    let keys: Vec<_> = run
        .definition
        .treatments
        .iter()
        .map(|treatment| treatment.key.as_str())
        .collect();
    assert_eq!(keys, ["c", "t1", "t2"]);

    let ids = run.key;
    let parameters = DeploymentParameters::default;
    let second = Update::new(Change::Description("second try".to_owned()), parameters());
    let described = update(&client, &ids, second).await.unwrap();
    assert_eq!(described.description, "second try");
    let overrides = TreatmentOverrides {
        inline: [("qa-bob".to_owned(), "t1".to_owned())].into(),
    };
    let pinned = Update::new(Change::TreatmentOverrides(overrides.clone()), parameters());
    assert_eq!(update(&client, &ids, pinned).await.unwrap().overrides, overrides);
    assert_eq!(
        update(&client, &ids, raise(33.3)).await.unwrap().exposure,
        Exposure::new(33.3).unwrap()
    );
    let Err(UpdateError::Refused(lower)) = update(&client, &ids, raise(5.0)).await else {
        panic!("not refused")
    };
    assert_eq!(
        (lower.kind, lower.code.as_deref()),
        (FailureKind::Refused, Some("BadRequestException"))
    );

    emulator.stop_run(&experiment, 1).unwrap();
    let done = client.get_experiment_run(&region(), &by_name()).await.unwrap().value;
    assert_eq!(done.status, RunStatus::Done);
    assert!(done.ended_at.is_some());
    let events = client
        .list_experiment_run_events(&region(), &by_name())
        .await
        .unwrap()
        .value;
    assert_eq!(last_run_stopped(&events).unwrap().triggered_by, Some(TriggeredBy::User));
    assert!(matches!(
        update(&client, &ids, raise(50.0)).await,
        Err(UpdateError::Refused(_))
    ));
}

#[tokio::test]
async fn what_is_not_there_and_a_deployment_in_progress_have_their_own_kinds() {
    let (emulator, experiment) = emulator().await;
    let client = client(&emulator.endpoint());
    let missing = RunAddress::parse(APPLICATION, "add-to-cart", 2).unwrap();
    let error = client.get_experiment_run(&region(), &missing).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::RunNotFound);
    let ids = client
        .get_experiment_run(&region(), &by_name())
        .await
        .unwrap()
        .value
        .key;
    let mut settings = emulator.settings();
    settings.deployment_in_progress = vec![experiment.environment_id];
    emulator.set_settings(settings).unwrap();
    let Err(UpdateError::Refused(error)) = update(&client, &ids, raise(50.0)).await else {
        panic!("not refused")
    };
    assert_eq!((error.kind, error.status), (FailureKind::Conflict, Some(409)));
}

#[tokio::test]
async fn wrong_and_expired_credentials_and_a_skewed_clock_have_their_own_kinds() {
    let (emulator, _) = emulator().await;
    let rows = [
        ("AKIDEXAMPLE", "wrong", None, FailureKind::WrongSecret),
        ("AKIDUNKNOWN", "secret", None, FailureKind::UnknownAccessKey),
        ("AKIDEXPIRED", "secret", Some("old"), FailureKind::CredentialsExpired),
    ];
    for (key, secret, token, expected) in rows {
        let credentials = Credentials::new(key, secret, token.map(str::to_owned), None, "test");
        let settings = settings(&emulator.endpoint(), SharedCredentialsProvider::new(credentials));
        let error = Client::new(settings)
            .unwrap()
            .get_experiment_run(&region(), &by_name())
            .await
            .unwrap_err();
        assert_eq!((error.kind, error.status), (expected, Some(403)), "{key}: {error}");
    }
    let mut skewed = emulator.settings();
    skewed.clock_offset_seconds = 400;
    emulator.set_settings(skewed).unwrap();
    let error = client(&emulator.endpoint())
        .get_experiment_run(&region(), &by_name())
        .await
        .unwrap_err();
    assert_eq!(error.kind, FailureKind::ClockSkew, "{error}");
}

#[tokio::test]
async fn clones_share_what_they_know() {
    let (emulator, _) = emulator().await;
    let client = Arc::new(client(&emulator.endpoint()));
    let reads = (0..8).map(|_| {
        let client = Client::clone(&client);
        tokio::spawn(async move { client.get_experiment_run(&region(), &by_name()).await.map(drop) })
    });
    for read in futures::future::join_all(reads).await {
        read.unwrap().unwrap();
    }
    assert_eq!(emulator.requests().len(), 8);
}
