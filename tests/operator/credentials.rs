//! Who the operator is to AWS, and what becomes of a resource while it is nobody.

use std::sync::{Arc, Mutex};

use appconfig_emulator::{KeyPair, Operation, SessionToken, Settings};
use appconfig_experiment_operator::api::ExperimentRun;
use axum::{Router, http::StatusCode, routing::get};
use harness::{
    Flags, Operator, Scene, condition, condition_status, copied, is_ready, is_stalled, last_error, reason, refuse,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What must not be found in a log.
const SECRET: &str = "canary-secret";

/// What an agent on a node (ECS, EKS Pod Identity) gives out, and how often it was asked.
#[derive(Clone, Default)]
struct Agent(Arc<Mutex<(Option<KeyPair>, usize)>>);

impl Agent {
    /// An agent that gives these out, and the flags of an operator that knows of no other source.
    async fn start(scene: &Scene, pair: Option<KeyPair>) -> (Self, Flags) {
        let agent = Self::default();
        agent.gives(pair);
        let answering = agent.clone();
        let router = Router::new().route("/credentials", get(async move || answering.answer()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/credentials", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let flags = scene
            .flags()
            .with("--resync-interval=2s")
            .env("AWS_ACCESS_KEY_ID", "")
            .env("AWS_SECRET_ACCESS_KEY", "")
            .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url);
        (agent, flags)
    }

    fn gives(&self, pair: Option<KeyPair>) {
        self.0.lock().unwrap().0 = pair;
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap().1
    }

    fn answer(&self) -> (StatusCode, String) {
        let mut state = self.0.lock().unwrap();
        state.1 += 1;
        let Some(pair) = &state.0 else {
            return (StatusCode::INTERNAL_SERVER_ERROR, String::new());
        };
        let body = json!({
            "AccessKeyId": pair.access_key_id,
            "SecretAccessKey": pair.secret_access_key,
            "Token": pair.session_token.as_ref().map(|session| &session.token),
            "Expiration": (Timestamp::now() + SignedDuration::from_hours(1)).to_string(),
        });
        (StatusCode::OK, body.to_string())
    }
}

fn temporary(key: &str, expires_at: Option<Timestamp>) -> KeyPair {
    let token = format!("{SECRET}-token-{key}");
    KeyPair {
        session_token: Some(SessionToken { token, expires_at }),
        ..KeyPair::new(key, &format!("{SECRET}-{key}"))
    }
}

fn keys(scene: &Scene) -> Vec<String> {
    let mut keys: Vec<_> = scene
        .reads()
        .into_iter()
        .filter_map(|read| read.access_key_id)
        .collect();
    keys.dedup();
    keys
}

/// Raises to 10 %.
async fn in_sync(scene: &Scene) {
    scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    scene.wait("run", "ready", is_ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_credentials_that_expire_are_renewed_and_nobody_notices() {
    let scene = Scene::new().await;
    scene.emulator.set_key_pairs(vec![temporary("FIRST", None)]);
    let (agent, flags) = Agent::start(&scene, Some(temporary("FIRST", None))).await;
    let operator = Operator::start(&flags);
    in_sync(&scene).await;
    agent.gives(Some(temporary("SECOND", None)));
    let expired = temporary("FIRST", Some(Timestamp::now()));
    scene.emulator.set_key_pairs(vec![expired, temporary("SECOND", None)]);
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let ready = scene.wait("run", "ready", is_ready).await;
    assert!(last_error(&ready).is_none());
    assert_eq!(
        (keys(&scene), agent.asked()),
        (vec!["FIRST".to_owned(), "SECOND".to_owned()], 2)
    );
    assert_eq!((scene.updates().len(), scene.committed()), (2, 2));
    let troubled = |run: &ExperimentRun| last_error(run).is_some() || condition(run, "Stalled").is_some();
    assert!(!scene.versions("run").iter().any(troubled));
    assert!(!operator.log().contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_credentials_that_expire_before_an_update_cost_one_more_try() {
    let scene = Scene::new().await;
    scene
        .emulator
        .set_key_pairs(vec![temporary("FIRST", None), temporary("SECOND", None)]);
    let (agent, flags) = Agent::start(&scene, Some(temporary("FIRST", None))).await;
    let _operator = Operator::start(&flags);
    in_sync(&scene).await;
    agent.gives(Some(temporary("SECOND", None)));
    let expired = refuse(
        403,
        Some("ExpiredTokenException"),
        "The security token included in the request is expired",
    );
    scene.once(Operation::UpdateExperimentRun, expired);
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let ready = scene.wait("run", "ready", is_ready).await;
    assert!(last_error(&ready).is_none());
    let updates = scene.updates();
    let sent: Vec<_> = updates
        .iter()
        .map(|update| update.access_key_id.as_deref().unwrap())
        .collect();
    assert_eq!(
        (sent, scene.committed(), agent.asked()),
        (vec!["FIRST", "FIRST", "SECOND"], 2, 2)
    );
    assert!(
        !scene
            .versions("run")
            .iter()
            .any(|run| condition(run, "Stalled").is_some())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_without_credentials_nothing_changes_and_it_heals_when_they_come() {
    let scene = Scene::new().await;
    scene.emulator.set_key_pairs(vec![temporary("FIRST", None)]);
    let (agent, flags) = Agent::start(&scene, None).await;
    let operator = Operator::start(&flags);
    scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    let nobody = |run: &ExperimentRun| is_stalled(run, "CredentialsUnavailable");
    let unknown = scene.wait("run", "without credentials", nobody).await;
    assert!(scene.emulator.requests().is_empty(), "nothing was sent");
    assert_eq!(last_error(&unknown).unwrap().status_code, None);
    agent.gives(Some(temporary("FIRST", None)));
    let ready = scene.wait("run", "ready", is_ready).await;
    assert!(last_error(&ready).is_none());

    agent.gives(None);
    scene
        .emulator
        .set_key_pairs(vec![temporary("FIRST", Some(Timestamp::now()))]);
    let gone = scene.wait("run", "without credentials", nobody).await;
    assert_eq!(copied(&gone), copied(&ready), "what AppConfig said stays");
    assert_eq!(condition_status(&gone, "TargetReached"), Some("True"));
    scene.emulator.set_key_pairs(vec![temporary("SECOND", None)]);
    agent.gives(Some(temporary("SECOND", None)));
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(scene.committed(), 1);
    assert_eq!(scene.count_events("run", "CredentialsUnavailable").await, 2);
    assert!(!operator.log().contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_with_no_source_of_credentials_at_all_the_status_says_so() {
    let scene = Scene::new().await;
    let flags = scene
        .flags()
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "");
    let _operator = Operator::start(&flags);
    scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    let nobody = |run: &ExperimentRun| is_stalled(run, "CredentialsUnavailable");
    let told = scene.wait("run", "without credentials", nobody).await;
    let message = &condition(&told, "Stalled").unwrap().message;
    assert!(message.contains("no source of credentials"), "{message}");
    assert!(scene.emulator.requests().is_empty(), "nothing was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_secret_that_aws_does_not_accept_is_told_as_that_and_as_no_missing_right() {
    let scene = Scene::new().await;
    let _operator = Operator::start(&scene.flags().env("AWS_SECRET_ACCESS_KEY", SECRET));
    scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    let nobody = |run: &ExperimentRun| is_stalled(run, "CredentialsUnavailable");
    let refused = scene.wait("run", "refused", nobody).await;
    let code = last_error(&refused).unwrap().code.as_deref();
    assert_eq!(code, Some("InvalidSignatureException"));
    let message = &condition(&refused, "Stalled").unwrap().message;
    assert!(
        message.contains("secret access key") && !message.contains("IAM"),
        "{message}"
    );
    assert!(scene.updates().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_clock_that_is_ten_minutes_wrong_is_told_and_heals() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    in_sync(&scene).await;
    let before: Value = scene.live();
    for offset in [600, -600] {
        let settings = Settings {
            clock_offset_seconds: offset,
            ..Settings::default()
        };
        scene.emulator.set_settings(settings).unwrap();
        let skewed = scene.pass("run").await;
        assert_eq!(condition_status(&skewed, "Ready"), Some("True"), "once is no doubt");
        assert_eq!(condition(&skewed, "Reconciling").unwrap().reason, "ClockSkew");
        let error = last_error(&skewed).unwrap();
        assert_eq!(
            (error.status_code, error.code.as_deref()),
            (Some(403), Some("InvalidSignatureException"))
        );
        let unknown = |run: &_| condition_status(run, "Ready") == Some("Unknown");
        let doubted = scene.wait("run", "doubted", unknown).await;
        assert_eq!(reason(&doubted), "ClockSkew");
        scene.emulator.set_settings(Settings::default()).unwrap();
        assert!(is_ready(&scene.pass("run").await));
    }
    assert_eq!((scene.updates().len(), scene.live()), (1, before));
    scene.apply("run", &json!({ "exposurePercentage": 20 })).await;
    scene.wait("run", "ready", is_ready).await;
    assert_eq!((scene.updates().len(), scene.committed()), (2, 2));
}
