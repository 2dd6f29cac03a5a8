//! The request log: in memory, over HTTP and in its file.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that can't go on should say where"
)]

mod support;

use std::{path::PathBuf, time::Duration};

use appconfig_emulator::{Effect, Fault, Operation, Options, RequestRecord};
use serde_json::json;
use support::{Runs as _, started, started_with, wire::exchange};

fn file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.jsonl", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

fn lines(path: &PathBuf) -> Vec<RequestRecord> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_line_says_what_was_asked_and_what_came_of_it() {
    let path = file("line");
    let options = Options {
        request_log: Some(path.clone()),
        ..Options::default()
    };
    let (emulator, experiment, client) = started_with(options).await;
    emulator.start_run(&experiment, 5.0).unwrap();
    client
        .update(&experiment)
        .exposure_percentage(10.0)
        .send()
        .await
        .unwrap();
    client
        .update(&experiment)
        .exposure_percentage(1.0)
        .send()
        .await
        .unwrap_err();
    client.get(&experiment).send().await.unwrap();

    let records = lines(&path);
    assert_eq!(records, emulator.requests());
    let update = &records[0];
    assert_eq!(update.operation, Some(Operation::UpdateExperimentRun));
    assert_eq!(update.application.as_ref(), Some(&experiment.application_id));
    assert_eq!(update.definition.as_ref(), Some(&experiment.definition_id));
    assert_eq!((update.run, update.status, &update.code), (Some(1), Some(200), &None));
    assert_eq!(update.body, json!({"ExposurePercentage": 10.0}));
    assert_eq!(update.answer["ExposurePercentage"], 10.0);
    assert!(update.committed && update.changed);
    assert!(update.arrived_at <= update.committed_at.unwrap() && update.committed_at <= update.answered_at);
    assert_eq!(update.access_key_id.as_deref(), Some("AKIDEXAMPLE"));
    assert!(update.user_agent.as_ref().unwrap().contains("aws-sdk-rust"));

    let refused = &records[1];
    assert_eq!(
        (refused.status, refused.code.as_deref()),
        (Some(400), Some("BadRequestException"))
    );
    assert!(!refused.committed && refused.committed_at.is_none() && refused.answered_at.is_some());
    assert!(!records[2].committed);
    let raw = std::fs::read_to_string(&path).unwrap();
    assert!(raw.contains(r#""committedAt":"#) && raw.contains(r#""requestId":"#) && raw.contains(r#""accessKeyId":"#));
}

#[tokio::test]
async fn requests_in_flight_are_shown_and_get_their_line_when_they_end() {
    let path = file("flight");
    let options = Options {
        request_log: Some(path.clone()),
        ..Options::default()
    };
    let (emulator, experiment, client) = started_with(options).await;
    emulator.start_run(&experiment, 5.0).unwrap();
    emulator
        .set_faults(vec![Fault::once(Operation::UpdateExperimentRun, Effect::Stall)])
        .unwrap();
    let update = client.update(&experiment).exposure_percentage(50.0).send();
    assert!(tokio::time::timeout(Duration::from_millis(100), update).await.is_err());
    assert_eq!(emulator.requests().len(), 1);
    for _ in 0..50 {
        if !lines(&path).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(lines(&path)[0].answered_at, None);
}

#[tokio::test]
async fn over_http_it_is_read_and_cleared() {
    let (emulator, experiment, client) = started().await;
    client.get(&experiment).send().await.unwrap_err();
    let endpoint = emulator.endpoint();
    let shown = exchange(&endpoint, "GET", "/_emulator/requests", "").await.json();
    assert_eq!(shown[0]["operation"], "GetExperimentRun");
    assert_eq!(shown[0]["code"], "ResourceNotFoundException");
    assert_eq!(
        exchange(&endpoint, "DELETE", "/_emulator/requests", "").await.status,
        200
    );
    assert_eq!(emulator.requests(), []);
}

#[tokio::test]
async fn dropping_the_emulator_frees_its_port() {
    let (emulator, ..) = started().await;
    let listen = emulator.endpoint().strip_prefix("http://").unwrap().parse().unwrap();
    drop(emulator);
    for _ in 0..50 {
        if let Ok(again) = appconfig_emulator::Emulator::start(Options {
            listen,
            ..Options::default()
        })
        .await
        {
            assert_eq!(again.endpoint(), format!("http://{listen}"));
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    unreachable!("the port stayed taken");
}
