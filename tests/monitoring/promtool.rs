//! promtool accepts the rules, their tests, the queries of the dashboard, and what the real operator serves.

use std::{fmt::Write as _, fs, fs::File, process::Stdio};

use harness::{ACTS, Operator, Scene, is_ready};
use serde_json::json;

use crate::{
    documents::{PER_OBJECT, RULES, names, panels, read},
    servers::{available, folder, promtool},
};

#[test]
fn promtool_accepts_the_rules() {
    if available() {
        let (accepted, said) = promtool(&["check", "rules", RULES, PER_OBJECT], Stdio::null());
        assert!(accepted && said.matches("SUCCESS").count() == 2, "{said}");
    }
}

#[test]
fn every_alert_fires_when_it_should_and_rests_when_it_should() {
    if available() {
        let folder = "deploy/monitoring/tests";
        let files: Vec<_> = names(folder).iter().map(|name| format!("{folder}/{name}")).collect();
        let arguments: Vec<_> = ["test", "rules"]
            .into_iter()
            .chain(files.iter().map(String::as_str))
            .collect();
        let (passed, said) = promtool(&arguments, Stdio::null());
        assert!(passed && said.matches("SUCCESS").count() == files.len(), "{said}");
    }
}

#[test]
fn promtool_accepts_every_query_of_the_dashboard() {
    if !available() {
        return;
    }
    let mut rules = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    let mut count = 0;
    for (title, queries) in panels() {
        for query in queries {
            count += 1;
            let query = query.replace("$__rate_interval", "5m");
            writeln!(
                rules,
                "  - record: panel:{count}\n    # {title}\n    expr: {}",
                json!(query)
            )
            .unwrap();
        }
    }
    let file = folder("dashboard").join("queries.yaml");
    fs::write(&file, rules).unwrap();
    let (accepted, said) = promtool(&["check", "rules", file.to_str().unwrap()], Stdio::null());
    assert!(accepted && said.contains(&format!("{count} rules found")), "{said}");
    assert!(count > 25, "{count}");
}

#[test]
fn promtool_accepts_the_configuration_that_the_page_shows() {
    if !available() {
        return;
    }
    let page = read("docs/monitoring.md");
    let shown = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = folder("configuration");
    // The packaged promtool is built without Kubernetes.
    let found = "kubernetes_sd_configs:\n  - role: pod\n    namespaces: {names: [appconfig-experiment-operator]}\n";
    let shown = shown.replace(found, "static_configs: []\n");
    fs::write(folder.join("prometheus.yaml"), shown).unwrap();
    fs::write(folder.join("rules.yaml"), read(RULES)).unwrap();
    let file = folder.join("prometheus.yaml");
    let (accepted, said) = promtool(&["check", "config", file.to_str().unwrap()], Stdio::null());
    assert!(accepted && said.contains("12 rules found"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_finds_no_fault_with_what_the_operator_serves() {
    if !available() {
        return;
    }
    let scene = Scene::new().await;
    let operator = Operator::start(&scene.flags().with("--per-object-metrics=true"));
    operator.logged(ACTS).await;
    let steps = json!([{ "exposurePercentage": 5, "hold": "1h" }]);
    scene
        .apply("run", &json!({ "exposurePercentage": 25, "ramp": { "steps": steps } }))
        .await;
    scene.wait("run", "ready", is_ready).await;
    let shown = async || {
        operator
            .get("/metrics")
            .await
            .1
            .contains("experimentrun_ramp_next_raise")
    };
    scene.eventually("shown", shown).await;
    let (_, text) = operator.get("/metrics").await;
    let file = folder("served").join("metrics.txt");
    fs::write(&file, text).unwrap();
    let (accepted, said) = promtool(&["check", "metrics"], File::open(file).unwrap().into());
    assert!(accepted && said.is_empty(), "{said}");
}
