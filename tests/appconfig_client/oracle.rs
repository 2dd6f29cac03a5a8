//! The official SDK as the oracle: our requests and its requests, received by the same listener.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use appconfig_experiment_operator::{
    api::{DeploymentParameters, TreatmentOverrides},
    run::{Change, RunAddress, Update},
};
use aws_credential_types::Credentials;
use aws_sdk_appconfig::{
    config::{BehaviorVersion, Region, retry::RetryConfig},
    types::{DeploymentParameters as SdkParameters, TreatmentOverrides as SdkOverrides},
};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use serde_json::Value;

use crate::{
    client, ids_of,
    listener::{Listener, Received, json},
    raise_to, region, static_credentials,
};

const NAMES: [&str; 9] = [
    "abc1234",
    "my app",
    "a/b",
    "100%",
    "100%25",
    "π/ü+&?#",
    "...",
    "~-_.",
    "a b%2Fc\"'<>\\^`{|}\u{7f}\u{1F600}",
];

fn sdk(endpoint: &str) -> aws_sdk_appconfig::Client {
    let configuration = aws_sdk_appconfig::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(static_credentials())
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::disabled())
        .http_client(
            Builder::new()
                .tls_provider(Provider::Rustls(CryptoMode::Ring))
                .build_https(),
        )
        .build();
    aws_sdk_appconfig::Client::from_conf(configuration)
}

/// The signature that the received method, target, signed headers and body should have.
fn signature(request: &Received, url: &str, headers: &BTreeMap<String, String>, body: &[u8]) -> String {
    let authorization = &headers["authorization"];
    let signed = authorization
        .split("SignedHeaders=")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap();
    let signed: Vec<(&str, &str)> = signed
        .split(';')
        .filter(|name| !matches!(*name, "host" | "x-amz-date"))
        .map(|name| (name, headers[name].as_str()))
        .collect();
    let identity = Credentials::new(
        "AKIDEXAMPLE",
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        None,
        None,
        "test",
    )
    .into();
    let at = jiff::fmt::strtime::parse(
        "%Y%m%dT%H%M%S%z",
        format!("{}+0000", headers["x-amz-date"].trim_end_matches('Z')),
    );
    let at = at.unwrap().to_timestamp().unwrap();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name("appconfig")
        .time(SystemTime::from(at))
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let url = format!("{url}{}", request.target);
    let signable = SignableRequest::new(&request.method, url, signed.into_iter(), SignableBody::Bytes(body)).unwrap();
    sign(signable, &parameters).unwrap().signature().to_owned()
}

fn sent_signature(request: &Received) -> &str {
    request.headers["authorization"].split("Signature=").nth(1).unwrap()
}

/// A body's JSON, with the exposure as the 32-bit float that it is.
fn body(request: &Received) -> Value {
    if request.body.is_empty() {
        return Value::Null;
    }
    let mut body: Value = serde_json::from_slice(&request.body).unwrap();
    if let Some(exposure) = body.get_mut("ExposurePercentage") {
        let text = exposure.to_string();
        *exposure = Value::String(text.parse::<f32>().unwrap().to_string());
    }
    body
}

fn assert_same(url: &str, received: &[Received]) {
    let [ours, theirs] = received else {
        panic!("{} requests", received.len())
    };
    assert_eq!((&ours.method, &ours.target), (&theirs.method, &theirs.target));
    assert_eq!(body(ours), body(theirs));
    assert_eq!(ours.headers.get("content-type"), theirs.headers.get("content-type"));
    assert_eq!(
        sent_signature(ours),
        signature(ours, url, &ours.headers, &ours.body),
        "our own signature"
    );
    // Our method and target, at the SDK's instant and with its headers and body bytes.
    assert_eq!(
        sent_signature(theirs),
        signature(ours, url, &theirs.headers, &theirs.body),
        "the SDK's signature"
    );
}

#[tokio::test]
async fn reads_are_the_sdk_s() {
    for (index, application) in NAMES.iter().enumerate() {
        let definition = NAMES[(index + 1) % NAMES.len()];
        let server = Listener::start(|_, _| json("200 OK", crate::RUN)).await;
        let address = RunAddress::parse(application, definition, 1).unwrap();
        client(&server.url)
            .get_experiment_run(&region(), &address)
            .await
            .unwrap();
        let theirs = sdk(&server.url)
            .get_experiment_run()
            .application_identifier(*application);
        let theirs = theirs
            .experiment_definition_identifier(definition)
            .run(1)
            .send()
            .await
            .unwrap();
        assert_eq!(theirs.exposure_percentage(), Some(10.0));
        assert_same(&server.url, &server.received());
    }
}

#[tokio::test]
async fn lists_of_events_are_the_sdk_s() {
    let server = Listener::start(|_, _| json("200 OK", r#"{"Items":[]}"#)).await;
    let address = RunAddress::parse("my app", "a/b", 7).unwrap();
    client(&server.url)
        .list_experiment_run_events(&region(), &address)
        .await
        .unwrap();
    let theirs = sdk(&server.url)
        .list_experiment_run_events()
        .application_identifier("my app");
    theirs
        .experiment_definition_identifier("a/b")
        .run(7)
        .max_results(50)
        .send()
        .await
        .unwrap();
    assert_same(&server.url, &server.received());
}

fn map(entries: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, String> {
    entries.into_iter().collect()
}

fn updates() -> Vec<Update> {
    let none = DeploymentParameters::default;
    let full = DeploymentParameters {
        dynamic_extension_parameters: map([("ext#stage".into(), "canary π".into())]),
        tags: map([("team".into(), "checkout".into()), ("empty".into(), String::new())]),
    };
    let tags = DeploymentParameters {
        dynamic_extension_parameters: BTreeMap::new(),
        ..full.clone()
    };
    let overrides = |count: usize| TreatmentOverrides {
        inline: map((0..count).map(|index| (format!("qa \"{index}\"/π\u{2028}\n"), format!("t{index}")))),
    };
    let description = |text: &str| Update::new(Change::Description(text.to_owned()), none());
    let overrides = |count, parameters| Update::new(Change::TreatmentOverrides(overrides(count)), parameters);
    let mut updates = vec![
        description("New button, \"second\" try\n\u{1F600}"),
        description(""),
        overrides(32, none()),
        overrides(0, none()),
        overrides(1, full.clone()),
        raise_to(100.0, full),
        raise_to(100.0, tags),
    ];
    updates.extend([0.1, 33.3, 99.99, 75.0, 1e-7].map(|exposure| raise_to(exposure, none())));
    updates
}

fn sdk_parameters(parameters: &DeploymentParameters) -> Option<SdkParameters> {
    let DeploymentParameters {
        dynamic_extension_parameters: parameters,
        tags,
    } = parameters;
    let some = |map: &BTreeMap<String, String>| (!map.is_empty()).then(|| map.clone().into_iter().collect());
    if parameters.is_empty() && tags.is_empty() {
        return None;
    }
    let builder = SdkParameters::builder()
        .set_dynamic_extension_parameters(some(parameters))
        .set_tags(some(tags));
    Some(builder.build())
}

#[tokio::test]
async fn updates_are_the_sdk_s() {
    for (index, update) in updates().iter().enumerate() {
        let application = NAMES[index % NAMES.len()];
        let run = serde_json::json!({
            "ApplicationId": application, "ExperimentDefinitionId": "bsxyd7k", "Run": 1, "Status": "RUNNING",
            "ExposurePercentage": 100
        });
        let server = Listener::start(move |_, _| json("200 OK", &run.to_string())).await;
        let prepared = client(&server.url).prepare(&region(), None).await.unwrap();
        prepared
            .update_experiment_run(&ids_of(application), update, "pending-1")
            .await
            .unwrap();
        let theirs = sdk(&server.url)
            .update_experiment_run()
            .application_identifier(application);
        let theirs = theirs.experiment_definition_identifier("bsxyd7k").run(1);
        let theirs = match update.change() {
            Change::Description(description) => theirs.description(description),
            Change::TreatmentOverrides(overrides) => theirs
                .treatment_overrides(SdkOverrides::Inline(overrides.inline.clone().into_iter().collect()))
                .set_deployment_parameters(sdk_parameters(update.parameters())),
            Change::ExposurePercentage(raise) => theirs
                .exposure_percentage(raise.to().percentage())
                .set_deployment_parameters(sdk_parameters(update.parameters())),
        };
        tokio::time::timeout(Duration::from_secs(10), theirs.send())
            .await
            .unwrap()
            .unwrap();
        assert_same(&server.url, &server.received());
    }
}
