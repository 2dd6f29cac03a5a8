//! Alerts that fire for real: Prometheus scrapes the real operator by the rules that are shipped, and Alertmanager delivers to a
//! webhook. Only the times are shortened: `for` to 1 s, and the intervals of scraping and evaluation to 1 s.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
};

use appconfig_emulator::Operation;
use axum::{Router, body::Bytes, extract::State, routing::post};
use harness::{ACTS, Flags, Operator, Scene, is_ready, is_stalled, refuse};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    process::{Child, Command},
};

use crate::{
    documents::{RULES, read},
    servers::{available, folder, free_address, promtool},
};

/// The alerts that a webhook was told of: each with its status, `firing` or `resolved`, and the page of its runbook.
#[derive(Clone, Default)]
struct Webhook(Arc<Mutex<BTreeSet<(String, String, String)>>>);

impl Webhook {
    /// Listens on loopback. Gives where.
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let take = |State(webhook): State<Self>, body: Bytes| async move { webhook.take(&body) };
        let router = Router::new().route("/", post(take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    fn take(&self, body: &[u8]) {
        let notification: Value = serde_json::from_slice(body).unwrap_or_default();
        let alerts = notification["alerts"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let told = alerts.iter().map(|alert| {
            let page = text(&alert["annotations"]["runbook_url"]);
            let page = page.rsplit('/').next().unwrap_or_default().to_owned();
            (text(&alert["labels"]["alertname"]), text(&alert["status"]), page)
        });
        self.0.lock().unwrap().extend(told);
    }

    /// What it is told from now on counts, and nothing of before.
    fn forget(&self) {
        self.0.lock().unwrap().clear();
    }

    /// The names of the alerts that have had this status, and that lead to their runbook.
    fn told(&self, status: &str) -> BTreeSet<String> {
        let told = self.0.lock().unwrap();
        let of_status = told
            .iter()
            .filter(|(name, was, page)| was == status && *page == format!("{name}.md"));
        of_status.map(|(name, ..)| name.clone()).collect()
    }
}

/// The rules that are shipped, with every `for` shortened to 1 s.
fn shortened() -> String {
    let rules = read(RULES);
    let lines = rules.lines().map(|line| match line.split_once("for: ") {
        Some((indentation, _)) if indentation.trim().is_empty() => format!("{indentation}for: 1s\n"),
        _ => format!("{line}\n"),
    });
    let shortened: String = lines.collect();
    assert_eq!(shortened.matches("    for: 1s\n").count(), 12);
    shortened
}

/// Prometheus and Alertmanager, which are killed when this is dropped.
struct Monitoring {
    prometheus: String,
    _servers: [Child; 2],
}

impl Monitoring {
    fn start(folder: &Path, operator: &str, webhook: &str) -> Self {
        let (prometheus, alertmanager) = (free_address(), free_address());
        let route = json!({
            "receiver": "webhook", "group_by": ["alertname"], "group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h"
        });
        let receivers = json!([{ "name": "webhook", "webhook_configs": [{ "url": webhook }] }]);
        write(
            folder,
            "alertmanager.yaml",
            &json!({ "route": route, "receivers": receivers }).to_string(),
        );
        write(folder, "rules.yaml", &shortened());
        let of = |address: &str| json!([{ "targets": [address] }]);
        let scraped = json!([{
            "job_name": "appconfig-experiment-operator", "honor_labels": true, "static_configs": of(operator)
        }]);
        let configuration = json!({
            "global": { "scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s" },
            "rule_files": ["rules.yaml"],
            "scrape_configs": scraped,
            "alerting": { "alertmanagers": [{ "static_configs": of(&alertmanager) }] }
        });
        write(folder, "prometheus.yaml", &configuration.to_string());
        let configuration = folder.join("prometheus.yaml");
        let (accepted, said) = promtool(&["check", "config", configuration.to_str().unwrap()], Stdio::null());
        assert!(accepted, "{said}");
        let servers = [
            start(
                folder,
                "prometheus-alertmanager",
                &[
                    "--config.file=alertmanager.yaml".to_owned(),
                    "--storage.path=alertmanager".to_owned(),
                    format!("--web.listen-address={alertmanager}"),
                    "--cluster.listen-address=".to_owned(),
                ],
            ),
            start(
                folder,
                "prometheus",
                &[
                    "--config.file=prometheus.yaml".to_owned(),
                    "--storage.tsdb.path=prometheus".to_owned(),
                    format!("--web.listen-address={prometheus}"),
                ],
            ),
        ];
        Self {
            prometheus: format!("http://{prometheus}"),
            _servers: servers,
        }
    }

    /// Whether Prometheus answers, has scraped the operator, and has found nothing to say.
    async fn is_quiet(&self) -> bool {
        let query = "/api/v1/query?query=appconfig_operator_build_info";
        let scraped = self
            .ask(query)
            .await
            .is_some_and(|answer| !answer["data"]["result"][0].is_null());
        let alerts = self.ask("/api/v1/alerts").await;
        scraped && alerts.is_some_and(|answer| answer["data"]["alerts"] == json!([]))
    }

    async fn ask(&self, path: &str) -> Option<Value> {
        let answer = reqwest::get(format!("{}{path}", self.prometheus)).await.ok()?;
        serde_json::from_str(&answer.text().await.ok()?).ok()
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

fn start(folder: &Path, program: &str, arguments: &[String]) -> Child {
    let log = fs::File::create(folder.join(format!("{program}.log"))).unwrap();
    let mut command = Command::new(program);
    let command = command.args(arguments).current_dir(folder).kill_on_drop(true);
    command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
}

/// The real operator with a resource that is in sync, watched by Prometheus.
struct Stage {
    scene: Scene,
    operator: Operator,
    flags: Flags,
    webhook: Webhook,
    _monitoring: Monitoring,
}

impl Stage {
    /// Starts everything, and waits until Prometheus has scraped the operator and has found nothing to say.
    async fn at_rest() -> Self {
        let (scene, webhook) = (Scene::new().await, Webhook::default());
        let address = free_address();
        let flags = scene.flags().with(&format!("--http-address={address}"));
        let operator = Operator::start(&flags);
        operator.logged(ACTS).await;
        scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
        scene.wait("run", "ready", is_ready).await;
        let url = webhook.start().await;
        let monitoring = Monitoring::start(&folder("delivered"), &address, &url);
        scene.eventually("quiet", async || monitoring.is_quiet().await).await;
        // Before the first scrape no replica was there.
        webhook.forget();
        Self {
            scene,
            operator,
            flags,
            webhook,
            _monitoring: monitoring,
        }
    }

    /// Waits until an alert has been delivered with this status.
    async fn told(&self, alert: &str, status: &str) {
        let told = async || self.webhook.told(status).contains(alert);
        self.scene.eventually(&format!("{alert} {status}"), told).await;
    }

    fn assert_silent(&self, alerts: &[&str]) {
        let told = self.webhook.told("firing");
        assert!(!alerts.iter().any(|alert| told.contains(*alert)), "{alerts:?} {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_alerts_of_the_real_operator_arrive_at_a_webhook_and_one_is_resolved_when_it_is_back() {
    if !available() {
        return;
    }
    let mut stage = Stage::at_rest().await;
    let scene = &stage.scene;

    // A spec is lowered, and another one names a run that isn't there.
    scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    stage.told("ExposureAboveDesired", "firing").await;
    stage.assert_silent(&["ResourceStalled"]);
    scene.apply("missing", &json!({ "run": 99 })).await;
    let stalled = |run: &_| is_stalled(run, "RunNotFound");
    scene.wait("missing", "stalled", stalled).await;
    stage.told("ResourceStalled", "firing").await;

    // AWS limits the rate, and then fails.
    let throttled = refuse(429, Some("TooManyRequestsException"), "slow down");
    scene.always(Operation::GetExperimentRun, throttled);
    scene.ask_for_a_pass("run").await;
    stage.told("Throttled", "firing").await;
    stage.assert_silent(&["AwsErrors"]);
    let failed = refuse(500, Some("InternalServerException"), "later");
    scene.always(Operation::GetExperimentRun, failed);
    scene.ask_for_a_pass("run").await;
    stage.told("AwsErrors", "firing").await;
    scene.heal();
    stage.assert_silent(&["EventsLost", "NotLeading", "OutcomeUnknownFor10m", "SchemaIncomplete"]);
    stage.assert_silent(&["RampBehindSchedule", "ReadBudgetNearlyUsed", "ReconcileErrors"]);

    // A busy machine may have missed a scrape before.
    stage.webhook.forget();
    stage.operator.kill().await;
    stage.told("OperatorDown", "firing").await;
    stage.operator = Operator::start(&stage.flags);
    stage.told("OperatorDown", "resolved").await;
    stage.assert_silent(&["NotLeading"]);
}
