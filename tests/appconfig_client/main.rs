//! The `AppConfig` client against real sockets: what it sends, what it makes of each answer, and whose credentials it
//! uses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod connection;
mod credentials;
mod emulator;
mod errors;
mod first_byte;
mod listener;
mod oracle;
mod process;
mod proxies;
mod refused_credentials;
mod rotation;
mod transport;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use appconfig_experiment_operator::{
    api::{DeploymentParameters, Exposure, Region},
    appconfig::{Client, Endpoints, Observer, RateKind, Settings, Timeouts},
    run::{Change, Operation, Raise, RunAddress, RunKey, Update},
};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};

const RUN: &str = r#"{"ApplicationId":"abc1234","ExperimentDefinitionId":"bsxyd7k","Run":1,"Status":"RUNNING",
    "ExposurePercentage":10.0}"#;

fn region() -> Region {
    "eu-west-1".parse().unwrap()
}

fn by_id() -> RunAddress {
    RunAddress::parse("abc1234", "bsxyd7k", 1).unwrap()
}

/// The same run, as updates name it.
fn ids() -> RunKey {
    ids_of("abc1234")
}

fn ids_of(application_id: &str) -> RunKey {
    RunKey {
        region: region(),
        application_id: application_id.to_owned(),
        experiment_definition_id: "bsxyd7k".to_owned(),
        run: 1,
    }
}

/// A raise to this percentage, from nothing on.
fn raise_to(percentage: f32, parameters: DeploymentParameters) -> Update {
    let raise = Raise::new(Exposure::ZERO, Exposure::new(percentage).unwrap()).unwrap();
    Update::new(Change::ExposurePercentage(raise), parameters)
}

fn static_credentials() -> SharedCredentialsProvider {
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    SharedCredentialsProvider::new(Credentials::new("AKIDEXAMPLE", secret, None, None, "test"))
}

fn settings(endpoint: &str, credentials: SharedCredentialsProvider) -> Settings {
    Settings {
        endpoints: Endpoints::parse(Some(endpoint), false, false, false).unwrap(),
        timeouts: Timeouts::default(),
        https_proxy: None,
        process_id: "process-1".to_owned(),
        credentials,
        observer: Arc::new(Counted::default()),
    }
}

fn client(endpoint: &str) -> Client {
    Client::new(settings(endpoint, static_credentials())).unwrap()
}

/// A client that gives up soon, for answers that do not come.
fn impatient_client(endpoint: &str) -> Client {
    let timeouts = Timeouts {
        connect: Duration::from_millis(200),
        read: Duration::from_millis(400),
        update: Duration::from_millis(400),
    };
    Client::new(Settings {
        timeouts,
        ..settings(endpoint, static_credentials())
    })
    .unwrap()
}

#[derive(Default)]
struct Counted(Mutex<Vec<(Operation, &'static str)>>);

impl Observer for Counted {
    fn request(&self, operation: Operation, code: &'static str, _: Duration) {
        self.0.lock().unwrap().push((operation, code));
    }

    fn rate_wait(&self, _: RateKind, _: Duration) {}
}
