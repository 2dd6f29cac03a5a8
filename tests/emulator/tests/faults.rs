//! Every fault's effect, on the wire and on the run.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that can't go on should say where"
)]

mod support;

use std::time::{Duration, Instant};

use appconfig_emulator::{
    Effect, Emulator, Experiment, Fault, Operation, RawAnswer, RawBody, RefuseWith, Release, Seed, Stage,
};
use aws_sdk_appconfig::{Client, error::ProvideErrorMetadata as _};
use serde_json::json;
use support::{
    Runs as _, started,
    wire::{Exchange, exchange},
};

async fn running() -> (Emulator, Experiment, Client) {
    let (emulator, experiment, client) = started().await;
    emulator.start_run(&experiment, 5.0).unwrap();
    (emulator, experiment, client)
}

fn next_update(emulator: &Emulator, effect: Effect) {
    emulator
        .set_faults(vec![Fault::once(Operation::UpdateExperimentRun, effect)])
        .unwrap();
}

async fn raise(emulator: &Emulator, experiment: &Experiment) -> Exchange {
    let Experiment {
        application_id,
        definition_id,
        ..
    } = experiment;
    let path = format!("/applications/{application_id}/experimentdefinitions/{definition_id}/experimentruns/1/update");
    exchange(&emulator.endpoint(), "PATCH", &path, r#"{"ExposurePercentage":50}"#).await
}

fn exposure(emulator: &Emulator, experiment: &Experiment) -> f64 {
    emulator.run(experiment, 1).unwrap()["ExposurePercentage"]
        .as_f64()
        .unwrap()
}

#[tokio::test]
async fn refuse() {
    let (emulator, experiment, client) = running().await;
    let with = RefuseWith {
        status: 409,
        code: Some("ConflictException".to_owned()),
        message: "busy".to_owned(),
    };
    next_update(&emulator, Effect::Refuse(with));
    let error = client
        .update(&experiment)
        .exposure_percentage(50.0)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert_eq!((error.is_conflict_exception(), error.message()), (true, Some("busy")));
    assert_eq!(exposure(&emulator, &experiment).to_string(), "5");

    next_update(
        &emulator,
        Effect::Refuse(RefuseWith {
            status: 429,
            code: None,
            message: String::new(),
        }),
    );
    let answer = raise(&emulator, &experiment).await;
    assert_eq!((answer.status, answer.header("x-amzn-errortype")), (429, None));
    client
        .update(&experiment)
        .exposure_percentage(50.0)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn drops_really_close_and_commit_or_not() {
    for (effect, expected) in [(Effect::DropBeforeCommit, "5"), (Effect::DropAfterCommit, "50")] {
        let (emulator, experiment, client) = running().await;
        next_update(&emulator, effect);
        assert_eq!(raise(&emulator, &experiment).await.head, "");
        assert_eq!(exposure(&emulator, &experiment).to_string(), expected);
        let record = emulator.requests().pop().unwrap();
        assert_eq!((record.answered_at, record.committed), (None, expected == "50"));
        assert_eq!(record.committed_at.is_some(), record.committed);
        next_update(&emulator, Effect::DropBeforeCommit);
        let error = client
            .update(&experiment)
            .exposure_percentage(60.0)
            .send()
            .await
            .unwrap_err();
        assert!(error.as_service_error().is_none(), "{error:?}");
    }
}

#[tokio::test]
async fn delays_are_before_or_after_the_commit() {
    let (emulator, experiment, client) = running().await;
    let wait = Duration::from_millis(60);
    next_update(&emulator, Effect::DelayBeforeCommitMs(60));
    let start = Instant::now();
    client
        .update(&experiment)
        .exposure_percentage(10.0)
        .send()
        .await
        .unwrap();
    assert!(start.elapsed() >= wait);
    next_update(&emulator, Effect::DelayAfterCommitMs(60));
    client
        .update(&experiment)
        .exposure_percentage(20.0)
        .send()
        .await
        .unwrap();

    let records = emulator.requests();
    let (before, after) = (&records[0], &records[1]);
    let span = |from: jiff::Timestamp, to: Option<jiff::Timestamp>| to.unwrap().duration_since(from).unsigned_abs();
    assert!(span(before.arrived_at, before.committed_at) >= wait);
    assert!(span(after.committed_at.unwrap(), after.answered_at) >= wait);
}

#[tokio::test]
async fn a_late_commit_comes_even_when_the_client_has_left() {
    let (emulator, experiment, client) = running().await;
    next_update(&emulator, Effect::CommitLaterMs(250));
    let update = client.update(&experiment).exposure_percentage(50.0).send();
    leave(&emulator, update).await;
    assert_eq!(exposure(&emulator, &experiment).to_string(), "5");
    assert!(!emulator.requests()[0].committed);
    committed(&emulator).await;
    assert_eq!(exposure(&emulator, &experiment).to_string(), "50");
    assert_eq!(emulator.requests()[0].answered_at, None);
}

/// The client of a request leaves as soon as the request has arrived.
async fn leave(emulator: &Emulator, update: impl Future) {
    let arrived = async {
        while emulator.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        biased;
        () = arrived => {}
        _ = update => panic!("it was answered"),
    }
}

/// Returns when the first request has been committed.
async fn committed(emulator: &Emulator) {
    while !emulator.requests()[0].committed {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_delayed_request_commits_without_its_client() {
    let (emulator, experiment, client) = running().await;
    next_update(&emulator, Effect::DelayBeforeCommitMs(250));
    let update = client.update(&experiment).exposure_percentage(50.0).send();
    leave(&emulator, update).await;
    committed(&emulator).await;
    assert_eq!(emulator.requests()[0].answered_at, None);
}

#[tokio::test]
async fn a_stall_lasts_until_the_client_leaves() {
    let (emulator, experiment, client) = running().await;
    next_update(&emulator, Effect::Stall);
    let update = client.update(&experiment).exposure_percentage(50.0).send();
    assert!(tokio::time::timeout(Duration::from_millis(80), update).await.is_err());
    assert_eq!(exposure(&emulator, &experiment).to_string(), "5");
    assert_eq!(emulator.requests()[0].answered_at, None);
}

#[tokio::test]
async fn raw_answers_are_sent_as_they_are() {
    let (emulator, experiment, client) = running().await;
    let raw = |body, commit| {
        let headers = [("content-type".to_owned(), "text/html".to_owned())].into();
        Effect::Raw(RawAnswer {
            status: 503,
            headers,
            body,
            commit,
        })
    };
    next_update(&emulator, raw(RawBody::Text("<html>".to_owned()), false));
    let answer = raise(&emulator, &experiment).await;
    assert_eq!((answer.status, answer.body.as_slice()), (503, b"<html>".as_slice()));
    assert_eq!(
        (answer.header("content-type"), answer.header("x-amzn-requestid")),
        (Some("text/html"), None)
    );
    assert_eq!(exposure(&emulator, &experiment).to_string(), "5");

    next_update(&emulator, raw(RawBody::Bytes(vec![0xff, 0xfe]), true));
    let error = client
        .update(&experiment)
        .exposure_percentage(50.0)
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 503);
    assert_eq!(exposure(&emulator, &experiment).to_string(), "50");
}

#[tokio::test]
async fn a_truncated_answer_promises_more_than_it_holds() {
    let (emulator, experiment, client) = running().await;
    next_update(&emulator, Effect::Truncate);
    let answer = raise(&emulator, &experiment).await;
    assert_eq!(answer.status, 200);
    let promised: usize = answer.header("content-length").unwrap().parse().unwrap();
    assert!(!answer.body.is_empty() && answer.body.len() < promised);
    assert_eq!(exposure(&emulator, &experiment).to_string(), "50");

    next_update(&emulator, Effect::Truncate);
    assert!(
        client
            .update(&experiment)
            .exposure_percentage(60.0)
            .send()
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_stale_read_is_versions_behind() {
    let (emulator, experiment, client) = running().await;
    for exposure in [10, 20, 30] {
        emulator
            .update_run(&experiment, 1, &json!({"ExposurePercentage": exposure}))
            .unwrap();
    }
    for (behind, expected) in [(0, 30.0), (1, 20.0), (2, 10.0), (3, 5.0), (9, 5.0)] {
        emulator
            .set_faults(vec![Fault::once(
                Operation::GetExperimentRun,
                Effect::StaleRead(behind),
            )])
            .unwrap();
        let got = client.get(&experiment).send().await.unwrap();
        assert_eq!(got.exposure_percentage(), Some(expected), "{behind} versions behind");
    }
    assert_eq!(
        client.get(&experiment).send().await.unwrap().exposure_percentage(),
        Some(30.0)
    );
}

#[tokio::test]
async fn faults_choose_by_name_or_id_and_run() {
    let (emulator, experiment, client) = running().await;
    let other = emulator
        .seed(&Seed {
            definition: "other".to_owned(),
            ..Seed::default()
        })
        .unwrap();
    emulator.start_run(&other, 5.0).unwrap();
    let conflict = RefuseWith {
        status: 409,
        code: Some("ConflictException".to_owned()),
        message: String::new(),
    };
    let fault = |definition: &str, run| Fault {
        application: Some("shop".to_owned()),
        definition: Some(definition.to_owned()),
        run: Some(run),
        ..Fault::always(Operation::GetExperimentRun, Effect::Refuse(conflict.clone()))
    };
    emulator
        .set_faults(vec![fault("add-to-cart", 1), fault("other", 2)])
        .unwrap();
    for _ in 0..3 {
        assert!(client.get(&experiment).send().await.is_err());
        assert!(client.get(&other).send().await.is_ok());
    }
}

#[tokio::test]
async fn faults_over_http() {
    let (emulator, experiment, client) = running().await;
    let endpoint = emulator.endpoint();
    let faults = r#"[{"operation":"UpdateExperimentRun","skip":1,"times":1,"effect":"drop-before-commit"}]"#;
    assert_eq!(
        exchange(&endpoint, "PUT", "/_emulator/faults", faults).await.status,
        200
    );
    client
        .update(&experiment)
        .exposure_percentage(10.0)
        .send()
        .await
        .unwrap();
    let left = exchange(&endpoint, "GET", "/_emulator/faults", "").await.json();
    assert_eq!((&left[0]["skip"], &left[0]["times"]), (&json!(0), &json!(1)));

    for bad in [
        "{",
        r#"[{"operation":"Nope","effect":"stall"}]"#,
        r#"[{"operation":"GetExperimentRun","effect":"explode"}]"#,
        r#"[{"operation":"GetExperimentRun","effect":{"refuse":{"status":200}}}]"#,
        r#"[{"operation":"GetExperimentRun","effect":{"raw":{"status":200,"headers":{"a b":"c"}}}}]"#,
        r#"[{"operation":"GetExperimentRun","effect":{"raw":{"status":200,"headers":{"Content-Length":"9"}}}}]"#,
        r#"[{"operation":"UpdateExperimentRun","effect":{"stale-read":1}}]"#,
        r#"[{"operation":"GetExperimentRun","effect":"stall","often":1}]"#,
    ] {
        let answer = exchange(&endpoint, "PUT", "/_emulator/faults", bad).await;
        assert_eq!(answer.status, 400, "{bad}");
        assert!(answer.json()["error"].is_string());
    }
    assert_eq!(emulator.faults().len(), 1);
    assert_eq!(exchange(&endpoint, "GET", "/_emulator/nothing", "").await.status, 404);
}

#[tokio::test]
async fn a_gate_holds_an_update_until_it_is_told_how_to_go_on() {
    let refuse = || {
        Release::Refuse(RefuseWith {
            status: 500,
            code: None,
            message: String::new(),
        })
    };
    for (stage, release, status, committed) in [
        (Stage::BeforeCommit, Release::GoOn, 200, true),
        (Stage::BeforeCommit, Release::Close, 0, false),
        (Stage::BeforeCommit, refuse(), 500, false),
        (Stage::AfterCommit, Release::GoOn, 200, true),
        (Stage::AfterCommit, Release::Close, 0, true),
        (Stage::AfterCommit, refuse(), 500, true),
    ] {
        let (emulator, experiment, _) = running().await;
        let gate = emulator.hold(Operation::UpdateExperimentRun, 0, stage);
        let while_held = async {
            gate.reached().await;
            let expected = if stage == Stage::AfterCommit { "50" } else { "5" };
            assert_eq!(exposure(&emulator, &experiment).to_string(), expected);
            assert_eq!(emulator.requests()[0].answered_at, None);
            gate.release(release.clone());
        };
        let (answer, ()) = tokio::join!(raise(&emulator, &experiment), while_held);
        assert_eq!(answer.status, status, "{stage:?} {release:?}");
        let record = &emulator.requests()[0];
        assert_eq!(record.committed, committed, "{stage:?} {release:?}");
        assert_eq!(record.answered_at.is_some(), status > 0, "{stage:?} {release:?}");
    }
}

#[tokio::test]
async fn a_gate_is_for_one_request_after_so_many_others() {
    let (emulator, experiment, client) = running().await;
    let second = emulator.hold(Operation::GetExperimentRun, 1, Stage::BeforeCommit);
    client.get(&experiment).send().await.unwrap();
    let get = client.get(&experiment).send();
    let others = async {
        second.reached().await;
        client.get(&experiment).send().await.unwrap();
        second.release(Release::GoOn);
    };
    let (held, ()) = tokio::join!(get, others);
    held.unwrap();
}
