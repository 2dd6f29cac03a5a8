//! What the client does when `AppConfig` refuses its credentials: it asks for new ones, once.

use std::sync::atomic::{AtomicUsize, Ordering};

use appconfig_experiment_operator::{appconfig::Client, run::FailureKind};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, future},
};

use crate::{
    RUN, by_id,
    listener::{Listener, answer, json as json_answer},
    region, settings,
};

#[tokio::test]
async fn refused_credentials_are_dropped_and_a_read_is_tried_once_more() {
    for code in [
        "ExpiredTokenException",
        "UnrecognizedClientException",
        "InvalidSignatureException",
    ] {
        let appconfig = Listener::start(move |number, _| match number {
            1 => answer("403 Forbidden", &[("x-amzn-ErrorType", code)], b"{}"),
            _ => json_answer("200 OK", RUN),
        })
        .await;
        let provider = Numbered::default();
        let client = Client::new(settings(&appconfig.url, provider.into())).unwrap();
        client.get_experiment_run(&region(), &by_id()).await.unwrap();
        assert_eq!(appconfig.access_key_ids(), ["KEY1", "KEY2"], "{code}");
    }
}

#[tokio::test]
async fn credentials_that_stay_refused_are_not_asked_for_again_and_again() {
    let appconfig =
        Listener::start(|_, _| answer("403 Forbidden", &[("x-amzn-ErrorType", "ExpiredTokenException")], b"{}")).await;
    let client = Client::new(settings(&appconfig.url, Numbered::default().into())).unwrap();
    for _ in 0..3 {
        let error = client.get_experiment_run(&region(), &by_id()).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::CredentialsExpired);
    }
    assert_eq!(appconfig.access_key_ids(), ["KEY1", "KEY2", "KEY2", "KEY2"]);
}

/// Credentials named after the call.
#[derive(Debug, Default)]
struct Numbered(AtomicUsize);

impl ProvideCredentials for Numbered {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        let credentials = Credentials::new(format!("KEY{number}"), "secret", None, None, "test");
        future::ProvideCredentials::ready(Ok(credentials))
    }
}

impl From<Numbered> for SharedCredentialsProvider {
    fn from(provider: Numbered) -> Self {
        Self::new(provider)
    }
}
