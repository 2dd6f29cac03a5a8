//! Signatures made by the official client, verified by the emulator's own code.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that can't go on should say where"
)]

mod support;

use appconfig_emulator::{Emulator, KeyPair, Options, Seed, Settings};
use aws_sdk_appconfig::{Client, error::ProvideErrorMetadata as _};
use support::{client, started_with, wire::exchange};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

async fn verifying(key_pairs: Vec<KeyPair>) -> (Emulator, Client) {
    let options = Options {
        require_signature: true,
        key_pairs,
        ..Options::default()
    };
    let (emulator, _, client) = started_with(options).await;
    (emulator, client)
}

/// "" if the request was taken, else the error's code.
async fn code(client: &Client) -> String {
    let Err(error) = client.list_experiment_definitions().send().await else {
        return String::new();
    };
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 403);
    error.into_service_error().code().unwrap().to_owned()
}

#[tokio::test]
async fn good_signatures_are_taken_whatever_the_path_and_query() {
    let (emulator, client) = verifying(Vec::new()).await;
    for definition in [
        "my exp/π",
        "100% (a+b)*",
        "a~b-c_d.e",
        "q?x=1&y#z",
        "'quoted' \"twice\"",
    ] {
        let experiment = emulator
            .seed(&Seed {
                definition: definition.to_owned(),
                ..Seed::default()
            })
            .unwrap();
        emulator.start_run(&experiment, 0.0).unwrap();
        let update = client.update_experiment_run().application_identifier("shop");
        let update = update
            .experiment_definition_identifier(definition)
            .run(1)
            .exposure_percentage(33.3);
        assert_eq!(update.send().await.unwrap().run(), 1, "{definition}");
        assert_eq!(
            emulator.requests().last().unwrap().definition.as_deref(),
            Some(definition)
        );
    }
    let list = client
        .list_experiment_definitions()
        .application_identifier("shop")
        .max_results(5);
    assert_eq!(list.send().await.unwrap().items().len(), 5);
    let record = emulator.requests().pop().unwrap();
    assert_eq!(
        (record.access_key_id.as_deref(), record.region.as_deref()),
        (Some("AKIDEXAMPLE"), Some("eu-west-1"))
    );
}

#[tokio::test]
async fn wrong_ones_are_refused_with_awss_codes() {
    let expired = KeyPair::new("OLD", "s").with_session_token("T", Some(jiff::Timestamp::UNIX_EPOCH));
    let current = KeyPair::new("NEW", "s").with_session_token("T", Some(jiff::Timestamp::MAX));
    let (emulator, good) = verifying(vec![expired, current]).await;
    assert_eq!(code(&good).await, "");
    assert_eq!(code(&client(&emulator, "NEW", "s", Some("T"))).await, "");
    assert_eq!(
        code(&client(&emulator, "AKIDEXAMPLE", "wrong", None)).await,
        "InvalidSignatureException"
    );
    assert_eq!(
        code(&client(&emulator, "UNKNOWN", SECRET, None)).await,
        "UnrecognizedClientException"
    );
    assert_eq!(
        code(&client(&emulator, "NEW", "s", Some("other"))).await,
        "UnrecognizedClientException"
    );
    assert_eq!(
        code(&client(&emulator, "NEW", "s", None)).await,
        "UnrecognizedClientException"
    );
    assert_eq!(
        code(&client(&emulator, "OLD", "s", Some("T"))).await,
        "ExpiredTokenException"
    );
    let unsigned = exchange(&emulator.endpoint(), "GET", "/experimentdefinitions", "").await;
    assert_eq!(
        (unsigned.status, unsigned.header("x-amzn-errortype")),
        (403, Some("MissingAuthenticationToken:"))
    );
    emulator.set_key_pairs(Vec::new());
    assert_eq!(code(&good).await, "UnrecognizedClientException");
}

#[tokio::test]
async fn a_skewed_clock_is_refused() {
    let (emulator, _) = verifying(Vec::new()).await;
    for (clock_offset_seconds, expected) in [
        (310, "InvalidSignatureException"),
        (-310, "InvalidSignatureException"),
        (290, ""),
        (-290, ""),
    ] {
        emulator
            .set_settings(Settings {
                clock_offset_seconds,
                ..Settings::default()
            })
            .unwrap();
        // Each time a new one, because the official client learns the skew from the first answer's Date.
        let client = client(&emulator, "AKIDEXAMPLE", SECRET, None);
        assert_eq!(code(&client).await, expected, "{clock_offset_seconds}");
    }
}
