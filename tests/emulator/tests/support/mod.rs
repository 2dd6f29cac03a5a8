//! The official client, set up for an emulator.

#![allow(dead_code, reason = "each test file uses a part of this")]

pub mod wire;

use appconfig_emulator::{Emulator, Experiment, Options, Seed};
use aws_sdk_appconfig::{
    Client,
    config::{Credentials, Region, retry::RetryConfig},
    operation::{
        get_experiment_run::builders::GetExperimentRunFluentBuilder,
        list_experiment_run_events::builders::ListExperimentRunEventsFluentBuilder,
        stop_experiment_run::builders::StopExperimentRunFluentBuilder,
        update_experiment_run::builders::UpdateExperimentRunFluentBuilder,
    },
};

/// An emulator with one experiment, and a client for it.
pub async fn started() -> (Emulator, Experiment, Client) {
    started_with(Options::default()).await
}

pub async fn started_with(options: Options) -> (Emulator, Experiment, Client) {
    let emulator = Emulator::start(options).await.unwrap();
    let experiment = emulator.seed(&Seed::default()).unwrap();
    let client = client(
        &emulator,
        "AKIDEXAMPLE",
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        None,
    );
    (emulator, experiment, client)
}

pub fn client(emulator: &Emulator, id: &str, secret: &str, token: Option<&str>) -> Client {
    let config = aws_sdk_appconfig::Config::builder()
        .behavior_version_latest()
        .region(Region::new("eu-west-1"))
        .endpoint_url(emulator.endpoint())
        .credentials_provider(Credentials::new(id, secret, token.map(str::to_owned), None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

/// Requests about run 1 of the seeded experiment, by its IDs.
pub trait Runs {
    fn get(&self, experiment: &Experiment) -> GetExperimentRunFluentBuilder;
    fn update(&self, experiment: &Experiment) -> UpdateExperimentRunFluentBuilder;
    fn stop(&self, experiment: &Experiment) -> StopExperimentRunFluentBuilder;
    fn events(&self, experiment: &Experiment) -> ListExperimentRunEventsFluentBuilder;
}

impl Runs for Client {
    fn get(&self, experiment: &Experiment) -> GetExperimentRunFluentBuilder {
        let request = self
            .get_experiment_run()
            .application_identifier(&experiment.application_id);
        request
            .experiment_definition_identifier(&experiment.definition_id)
            .run(1)
    }

    fn update(&self, experiment: &Experiment) -> UpdateExperimentRunFluentBuilder {
        let request = self
            .update_experiment_run()
            .application_identifier(&experiment.application_id);
        request
            .experiment_definition_identifier(&experiment.definition_id)
            .run(1)
    }

    fn stop(&self, experiment: &Experiment) -> StopExperimentRunFluentBuilder {
        let request = self
            .stop_experiment_run()
            .application_identifier(&experiment.application_id);
        request
            .experiment_definition_identifier(&experiment.definition_id)
            .run(1)
    }

    fn events(&self, experiment: &Experiment) -> ListExperimentRunEventsFluentBuilder {
        let request = self
            .list_experiment_run_events()
            .application_identifier(&experiment.application_id);
        request
            .experiment_definition_identifier(&experiment.definition_id)
            .run(1)
    }
}
