//! Where credentials come from, for real: each source in a process with an environment of its own, against loopback
//! servers that stand for STS and for the agent of EKS Pod Identity.

use std::{
    path::PathBuf,
    process::Output,
    time::{Duration, SystemTime},
};

use appconfig_experiment_operator::{
    appconfig::{Client, default_credentials},
    run::FailureKind,
};
use futures::future::join_all;
use serde_json::json;

use crate::{
    RUN, by_id,
    listener::{Listener, Received, Reply, answer, json as json_answer},
    process, region, settings,
};

pub const CANARY: &str = "canary-secret";
/// Until when a process under test waits for what it is there to see.
const DEADLINE: Duration = Duration::from_secs(30);

/// A process with an environment of its own: the test below, in this very binary.
pub async fn child(scenario: &str, appconfig: &Listener, environment: &[(&str, &str)]) -> Output {
    let own = [
        ("HOME", "/nonexistent"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("TEST_SCENARIO", scenario),
        ("TEST_APPCONFIG", &appconfig.url),
    ];
    let environment = own.into_iter().chain(environment.iter().copied());
    process::run("credentials::in_an_environment_of_its_own", environment).await
}

pub fn assert_passed(output: &Output) {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}\n{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    assert!(text(&output.stdout).contains("scenario done"));
}

#[tokio::test]
#[ignore = "started by the other tests of this file, in a process with an environment of its own"]
async fn in_an_environment_of_its_own() {
    let variable = |name| std::env::var(name).unwrap();
    let provider = default_credentials(Some(&region()), None);
    let client = Client::new(settings(&variable("TEST_APPCONFIG"), provider)).unwrap();
    match variable("TEST_SCENARIO").as_str() {
        "many" => {
            join_all((0..32).map(|_| read(&client))).await;
            read(&client).await;
        }
        "renewal" => {
            let started = SystemTime::now();
            while read(&client).await != "SECOND" {
                assert!(started.elapsed().unwrap() < DEADLINE, "no renewal");
                join_all((0..16).map(|_| read(&client))).await;
            }
            read(&client).await;
        }
        "unavailable" => {
            let address = by_id();
            let region = region();
            let reads = (0..16).map(|_| client.get_experiment_run(&region, &address));
            for error in join_all(reads).await {
                let error = error.unwrap_err();
                assert_eq!((error.kind, error.status), (FailureKind::CredentialsUnavailable, None));
                println!("told: {error} / {error:?}");
            }
            let error = client.prepare(&region, None).await.unwrap_err();
            assert_eq!(error.kind, FailureKind::CredentialsUnavailable);
        }
        "rotation" => {
            assert_eq!(read(&client).await, "FIRST");
            assert_eq!(read(&client).await, "SECOND", "what was rotated is read anew");
        }
        other => panic!("{other}"),
    }
    println!("scenario done");
}

/// Which access key the server saw, which it echoes as the run's description.
async fn read(client: &Client) -> String {
    client
        .get_experiment_run(&region(), &by_id())
        .await
        .unwrap()
        .value
        .description
}

async fn appconfig() -> Listener {
    Listener::start(|_, request| {
        let run = RUN.replace(
            "\"Run\":1",
            &format!(r#""Run":1,"Description":"{}""#, request.access_key_id()),
        );
        json_answer("200 OK", &run)
    })
    .await
}

fn in_seconds(seconds: u64) -> String {
    let at = jiff::Timestamp::try_from(SystemTime::now() + Duration::from_secs(seconds)).unwrap();
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub fn sts_answer(key: &str, life: u64) -> Reply {
    let body = format!(
        r#"<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
        <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{key}</AccessKeyId>
        <SecretAccessKey>{CANARY}</SecretAccessKey><SessionToken>token-of-{key}</SessionToken>
        <Expiration>{}</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn>
        <AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser></AssumeRoleWithWebIdentityResult>
        </AssumeRoleWithWebIdentityResponse>"#,
        in_seconds(life)
    );
    answer("200 OK", &[("Content-Type", "text/xml")], body.as_bytes())
}

pub fn agent_answer(key: &str, life: u64) -> Reply {
    let body = json!({
        "AccessKeyId": key, "SecretAccessKey": CANARY, "Token": format!("token-of-{key}"),
        "AccountId": "123456789012", "Expiration": in_seconds(life)
    });
    json_answer("200 OK", &body.to_string())
}

/// A token on disk, as Kubernetes projects it into a Pod.
struct TokenFile(PathBuf);

impl TokenFile {
    fn new() -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("token-{}", uuid::Uuid::new_v4()));
        std::fs::write(&path, CANARY).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn with_irsa(scenario: &str, sts: &Listener, appconfig: &Listener) -> Output {
    let token = TokenFile::new();
    let environment = [
        ("AWS_ENDPOINT_URL_STS", sts.url.as_str()),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.path()),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/operator"),
    ];
    child(scenario, appconfig, &environment).await
}

async fn with_pod_identity(scenario: &str, agent: &Listener, appconfig: &Listener) -> Output {
    let token = TokenFile::new();
    let url = format!("{}/v1/credentials", agent.url);
    let environment = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.path()),
    ];
    child(scenario, appconfig, &environment).await
}

fn assert_signed_with_session(requests: &[Received]) {
    for request in requests {
        assert_eq!(
            request.headers["x-amz-security-token"],
            format!("token-of-{}", request.access_key_id())
        );
        assert!(request.headers["authorization"].contains("x-amz-security-token"));
    }
}

#[tokio::test]
async fn the_environment_s_keys_are_used() {
    let appconfig = appconfig().await;
    let environment = [("AWS_ACCESS_KEY_ID", "FROMENV"), ("AWS_SECRET_ACCESS_KEY", CANARY)];
    assert_passed(&child("many", &appconfig, &environment).await);
    assert_eq!(appconfig.access_key_ids(), vec!["FROMENV"; 33]);
}

#[tokio::test]
async fn irsa_is_one_fetch_for_many_requests() {
    let (appconfig, sts) = (
        appconfig().await,
        Listener::start(|_, _| sts_answer("FROMSTS", 3600)).await,
    );
    assert_passed(&with_irsa("many", &sts, &appconfig).await);
    assert_eq!(appconfig.access_key_ids(), vec!["FROMSTS"; 33]);
    assert_signed_with_session(&appconfig.received());
    let fetches = sts.received();
    assert_eq!(fetches.len(), 1);
    let form = String::from_utf8_lossy(&fetches[0].body).into_owned();
    assert!(
        form.contains("AssumeRoleWithWebIdentity") && form.contains(CANARY),
        "{form}"
    );
}

#[tokio::test]
async fn pod_identity_is_one_fetch_for_many_requests() {
    let (appconfig, agent) = (
        appconfig().await,
        Listener::start(|_, _| agent_answer("FROMAGENT", 3600)).await,
    );
    assert_passed(&with_pod_identity("many", &agent, &appconfig).await);
    assert_eq!(appconfig.access_key_ids(), vec!["FROMAGENT"; 33]);
    assert_signed_with_session(&appconfig.received());
    let fetches = agent.received();
    assert_eq!(fetches.len(), 1);
    assert_eq!(
        (fetches[0].target.as_str(), fetches[0].headers["authorization"].as_str()),
        ("/v1/credentials", CANARY)
    );
}

/// The first credentials live 6 s, so they are renewed after 3.
fn first_short_then_long(answer: fn(&str, u64) -> Reply) -> impl Fn(usize, &Received) -> Reply {
    move |number, _| {
        if number == 1 {
            answer("FIRST", 6)
        } else {
            answer("SECOND", 3600)
        }
    }
}

fn assert_renewed_in_time(source: &Listener, appconfig: &Listener) {
    let fetches = source.received();
    assert_eq!(
        fetches.len(),
        2,
        "one fetch at first, and one renewal for all who came meanwhile"
    );
    let between = fetches[1].at.duration_since(fetches[0].at).unwrap();
    assert!(
        between < Duration::from_secs(5),
        "renewed {between:?} after the first, before its expiry"
    );
    let keys = appconfig.access_key_ids();
    let renewed = keys.iter().position(|key| key == "SECOND").unwrap();
    assert!(renewed > 0 && keys[keys.len() - 1] == "SECOND");
}

#[tokio::test]
async fn irsa_credentials_are_renewed_before_they_expire_once_for_all() {
    let (appconfig, sts) = (
        appconfig().await,
        Listener::start(first_short_then_long(sts_answer)).await,
    );
    assert_passed(&with_irsa("renewal", &sts, &appconfig).await);
    assert_renewed_in_time(&sts, &appconfig);
}

#[tokio::test]
async fn pod_identity_credentials_are_renewed_before_they_expire_once_for_all() {
    let (appconfig, agent) = (
        appconfig().await,
        Listener::start(first_short_then_long(agent_answer)).await,
    );
    assert_passed(&with_pod_identity("renewal", &agent, &appconfig).await);
    assert_renewed_in_time(&agent, &appconfig);
}

/// The line that has the error, which holds no secret; and nothing was sent to `AppConfig`.
fn error_line(output: &Output, appconfig: &Listener) -> String {
    assert_passed(output);
    assert!(appconfig.received().is_empty());
    let text = String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned();
    assert!(!text.contains(CANARY), "{text}");
    text.lines().find(|line| line.contains("told: ")).unwrap().to_owned()
}

#[tokio::test]
async fn no_source_at_all_is_a_clear_error() {
    let appconfig = appconfig().await;
    let text = error_line(&child("unavailable", &appconfig, &[]).await, &appconfig);
    assert!(
        text.contains("there are no AWS credentials for GetExperimentRun: no source of credentials is configured"),
        "{text}"
    );
}

#[tokio::test]
async fn a_role_that_sts_denies_is_a_clear_error_and_asked_for_once() {
    let sts = Listener::start(|_, _| {
        let body = r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
            <Code>AccessDenied</Code><Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error>
            <RequestId>id-1</RequestId></ErrorResponse>"#;
        answer("403 Forbidden", &[("Content-Type", "text/xml")], body.as_bytes())
    })
    .await;
    let appconfig = appconfig().await;
    let text = error_line(&with_irsa("unavailable", &sts, &appconfig).await, &appconfig);
    assert!(
        text.contains("Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        "{text}"
    );
    assert_eq!(sts.received().len(), 1);
}

#[tokio::test]
async fn an_agent_that_answers_nonsense_is_a_clear_error_without_the_nonsense() {
    let bodies = [
        format!(r#"{{"AccessKeyId":"A","SecretAccessKey":"{CANARY}""#),
        format!(r#"{{"AccessKeyId":"A","SecretAccessKey":"{CANARY}","Token":"{CANARY}","Expiration":"{CANARY}"}}"#),
        format!(r#"{{"SecretAccessKey":["{CANARY}"]}}"#),
        format!("\"{CANARY}\""),
    ];
    join_all(bodies.map(async |body| {
        let agent = Listener::start(move |_, _| json_answer("200 OK", &body)).await;
        let appconfig = appconfig().await;
        error_line(&with_pod_identity("unavailable", &agent, &appconfig).await, &appconfig);
        assert!(agent.received().len() <= 4, "{} fetches", agent.received().len());
    }))
    .await;
}

#[tokio::test]
async fn an_sts_answer_that_breaks_off_is_a_clear_error_without_the_secret() {
    let sts = Listener::start(|_, _| {
        let Reply::Bytes(whole) = sts_answer("FROMSTS", 3600) else {
            unreachable!()
        };
        let body = whole.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let end = whole
            .windows(14)
            .position(|window| window == b"</SessionToken")
            .unwrap();
        answer("200 OK", &[("Content-Type", "text/xml")], &whole[body..end])
    })
    .await;
    let appconfig = appconfig().await;
    error_line(&with_irsa("unavailable", &sts, &appconfig).await, &appconfig);
}
