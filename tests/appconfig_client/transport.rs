//! How requests travel: once, bounded, to the place they were signed for.

use std::sync::Arc;

use appconfig_experiment_operator::{
    api::{DeploymentParameters, Exposure},
    appconfig::{Client, HttpsProxy, Settings},
    run::{
        ExperimentRunEventType, FailureKind, Operation, RunAddress, RunKey, TriggeredBy, UpdateError, last_run_stopped,
    },
};

use crate::{
    Counted, RUN, by_id, client, ids, ids_of, impatient_client,
    listener::{Listener, Reply, answer, json},
    raise_to, region, settings, static_credentials,
};

async fn update(client: &Client) -> Result<(), UpdateError> {
    let prepared = client.prepare(&region(), None).await.map_err(UpdateError::NotSent)?;
    let update = raise_to(75.0, DeploymentParameters::default());
    prepared
        .update_experiment_run(&ids(), &update, "pending-1")
        .await
        .map(drop)
}

async fn read(client: &Client) -> Result<(), FailureKind> {
    client
        .get_experiment_run(&region(), &by_id())
        .await
        .map(drop)
        .map_err(|error| error.kind)
}

#[tokio::test]
async fn p4_a_patch_is_sent_once_however_its_connection_fails() {
    // A good answer first, so that a client that keeps connections would have one to reuse; it is closed right after.
    let replies = || {
        let Reply::Bytes(good) = json("200 OK", RUN) else {
            unreachable!()
        };
        good
    };
    for kept in [true, false] {
        let good = replies();
        let server = Listener::start(move |number, _| match number {
            1 | 2 if kept => Reply::Bytes(good.clone()),
            1 | 2 => Reply::Last(good.clone()),
            _ => Reply::Drop,
        })
        .await;
        let client = client(&server.url);
        read(&client).await.unwrap();
        update(&client).await.unwrap();
        let lost = update(&client).await;
        assert!(matches!(lost, Err(UpdateError::Unknown(_))), "{lost:?}");
        let received = server.received();
        assert_eq!(received.len(), 3, "kept {kept}");
        let connections: Vec<_> = received.iter().map(|request| request.connection).collect();
        assert_eq!(connections, [1, 2, 3], "each PATCH has a connection of its own");
    }
}

#[tokio::test]
async fn p5_nothing_is_sent_to_a_run_of_another_region_or_with_ids_that_no_url_can_carry() {
    let server = Listener::start(|_, _| json("200 OK", RUN)).await;
    let client = client(&server.url);
    let update = raise_to(75.0, DeploymentParameters::default());
    let elsewhere = RunKey {
        region: "us-east-1".parse().unwrap(),
        ..ids()
    };
    for run in [elsewhere, ids_of(".."), ids_of("")] {
        let prepared = client.prepare(&region(), None).await.unwrap();
        let outcome = prepared.update_experiment_run(&run, &update, "pending-1").await;
        assert!(matches!(outcome, Err(UpdateError::NotSent(_))), "{run:?}: {outcome:?}");
    }
    assert_eq!(server.received().len(), 0);
}

#[tokio::test]
async fn reads_share_a_connection() {
    let server = Listener::start(|_, _| json("200 OK", RUN)).await;
    let client = client(&server.url);
    for _ in 0..5 {
        read(&client).await.unwrap();
    }
    assert!(server.received().iter().all(|request| request.connection == 1));
}

#[tokio::test]
async fn a_dropped_read_is_tried_once() {
    let server = Listener::start(|_, _| Reply::Drop).await;
    assert_eq!(read(&client(&server.url)).await, Err(FailureKind::Unavailable));
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let target = Listener::start(|_, _| json("200 OK", RUN)).await;
        let location = target.url.clone();
        let server = Listener::start(move |_, _| answer(status, &[("Location", &location)], b"")).await;
        let client = client(&server.url);
        assert_eq!(read(&client).await, Err(FailureKind::UnusableAnswer), "{status}");
        let outcome = update(&client).await;
        assert!(
            matches!(&outcome, Err(UpdateError::Unknown(error)) if error.kind == FailureKind::UnusableAnswer),
            "{status}: {outcome:?}"
        );
        assert_eq!((server.received().len(), target.received().len()), (2, 0), "{status}");
    }
}

#[tokio::test]
async fn an_answer_carries_its_date_and_request_id() {
    let headers = [
        ("Date", "Tue, 16 Jun 2026 18:01:24 GMT"),
        ("x-amzn-RequestId", "2a4c9253"),
    ];
    let server = Listener::start(move |_, _| answer("200 OK", &headers, RUN.as_bytes())).await;
    let answer = client(&server.url)
        .get_experiment_run(&region(), &by_id())
        .await
        .unwrap();
    assert_eq!(answer.date, Some("2026-06-16T18:01:24Z".parse().unwrap()));
    assert_eq!(answer.request_id.as_deref(), Some("2a4c9253"));
    assert_eq!(answer.value.key, ids());
}

#[tokio::test]
async fn large_and_broken_error_bodies_are_bounded_and_keep_status_and_request_id() {
    let head = |length: &str| {
        format!(
            "HTTP/1.1 400 Bad Request\r\nx-amzn-RequestId: id-1\r\nx-amzn-ErrorType: BadRequestException:\r\n{length}\r\n\r\n"
        )
        .into_bytes()
    };
    let megabyte = format!(r#"{{"Message":"{}"}}"#, "x".repeat(1024 * 1024));
    let (large, endless, short) = (
        head(&format!("Content-Length: {}", megabyte.len())),
        head("Connection: close"),
        head("Content-Length: 100"),
    );
    let not_utf8 = head("Content-Length: 4");
    let replies: Vec<Box<dyn Fn() -> Reply + Send + Sync>> = vec![
        Box::new(move || Reply::Bytes([&large, megabyte.as_bytes()].concat())),
        Box::new(move || Reply::Endless(endless.clone(), vec![b'x'; 65_536])),
        Box::new(move || Reply::Last([&short[..], b"{\"Mess"].concat())),
        Box::new(move || Reply::Bytes([&not_utf8[..], &[0xff, 0xfe, 0x00, 0x80]].concat())),
    ];
    for reply in replies {
        let server = Listener::start(move |_, _| reply()).await;
        let Err(UpdateError::Refused(error)) = update(&client(&server.url)).await else {
            panic!("not refused")
        };
        assert_eq!(
            (error.status, error.code.as_deref()),
            (Some(400), Some("BadRequestException"))
        );
        assert_eq!((error.request_id.as_deref(), error.message), (Some("id-1"), None));
    }
}

#[tokio::test]
async fn a_good_answer_that_is_endless_or_never_ends_is_bounded() {
    let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
    let server = Listener::start(move |_, _| Reply::Endless(head.clone(), vec![b' '; 65_536])).await;
    assert_eq!(read(&client(&server.url)).await, Err(FailureKind::UnusableAnswer));
    let truncated = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"Run\":".to_vec();
    let closed = truncated.clone();
    let server = Listener::start(move |_, _| Reply::Last(closed.clone())).await;
    assert_eq!(read(&client(&server.url)).await, Err(FailureKind::Unavailable));
    assert!(matches!(
        update(&client(&server.url)).await,
        Err(UpdateError::Unknown(_))
    ));
    let server = Listener::start(move |_, _| Reply::Bytes(truncated.clone())).await;
    assert!(matches!(
        update(&impatient_client(&server.url)).await,
        Err(UpdateError::Unknown(_))
    ));
}

#[tokio::test]
async fn a_custom_endpoint_s_path_prefix_comes_first() {
    let server = Listener::start(|_, _| json("200 OK", RUN)).await;
    read(&client(&format!("{}/proxy/aws/", server.url))).await.unwrap();
    let expected = "/proxy/aws/applications/abc1234/experimentdefinitions/bsxyd7k/experimentruns/1";
    assert_eq!(server.received()[0].target, expected);
}

#[tokio::test]
async fn the_longest_names_are_sent_whole() {
    let server = Listener::start(|_, _| json("200 OK", RUN)).await;
    let name = "\u{1F600}".repeat(2048);
    let address = RunAddress::parse(&name, &name, 1).unwrap();
    client(&server.url)
        .get_experiment_run(&region(), &address)
        .await
        .unwrap();
    let segment = "%F0%9F%98%80".repeat(2048);
    let expected = format!("/applications/{segment}/experimentdefinitions/{segment}/experimentruns/1");
    assert_eq!(server.received()[0].target, expected);
}

#[tokio::test]
async fn the_user_agent_names_process_and_pending_update() {
    let server = Listener::start(|_, _| json("200 OK", RUN)).await;
    let client = client(&server.url);
    read(&client).await.unwrap();
    update(&client).await.unwrap();
    let agents: Vec<_> = server
        .received()
        .iter()
        .map(|request| request.headers["user-agent"].clone())
        .collect();
    let name = concat!("appconfig-experiment-operator/", env!("CARGO_PKG_VERSION"));
    assert_eq!(agents[0], format!("{name} process/process-1"));
    assert_eq!(agents[1], format!("{name} process/process-1 update/pending-1"));
}

#[tokio::test]
async fn each_request_is_told_to_the_observer_once() {
    let server = Listener::start(|number, _| match number {
        1 => json("200 OK", RUN),
        2 => json("409 Conflict", "{}"),
        _ => Reply::Drop,
    })
    .await;
    let observer = Arc::new(Counted::default());
    let told = Arc::clone(&observer);
    let client = Client::new(Settings {
        observer,
        ..settings(&server.url, static_credentials())
    })
    .unwrap();
    read(&client).await.unwrap();
    assert!(update(&client).await.is_err());
    assert!(read(&client).await.is_err());
    let expected = [
        (Operation::GetExperimentRun, "OK"),
        (Operation::UpdateExperimentRun, "Conflict"),
        (Operation::GetExperimentRun, "Unavailable"),
    ];
    assert_eq!(*told.0.lock().unwrap(), expected);
}

#[tokio::test]
async fn all_pages_of_events_are_read() {
    let server = Listener::start(|_, request| {
        let next = request.target.split("next_token=").nth(1);
        json(
            "200 OK",
            match next {
                None => {
                    r#"{"Items":[{"EventType":"RUN_STOPPED","OccurredAt":"2026-06-16T18:01:24.5Z",
                    "TriggeredBy":"CLOUDWATCH_ALARM"},{"EventType":"SOMETHING_NEW","TriggeredBy":"SOMEBODY"}],
                    "NextToken":"a/b+c="}"#
                }
                Some("a%2Fb%2Bc%3D") => {
                    r#"{"Items":[{"EventType":"RUN_STARTED","OccurredAt":"2026-06-15T18:01:24Z",
                    "TriggeredBy":"USER","ExposurePercentage":33.3}],"NextToken":null}"#
                }
                Some(other) => panic!("{other}"),
            },
        )
    })
    .await;
    let events = client(&server.url)
        .list_experiment_run_events(&region(), &by_id())
        .await
        .unwrap()
        .value;
    assert_eq!(events.len(), 3);
    assert_eq!(events[1].event_type, ExperimentRunEventType::Other);
    assert_eq!(events[1].triggered_by, None);
    assert_eq!(events[2].exposure, Some(Exposure::new(33.3).unwrap()));
    let stopped = last_run_stopped(&events).unwrap();
    assert_eq!(stopped.triggered_by, Some(TriggeredBy::CloudWatchAlarm));
    let path = "/applications/abc1234/experimentdefinitions/bsxyd7k/experimentruns/1/events?max_results=50";
    assert_eq!(server.received()[0].target, path);
}

#[tokio::test]
async fn events_without_an_end_are_no_value() {
    for circle in [true, false] {
        let server = Listener::start(move |number, _| {
            let token = if circle { 1 } else { number };
            json("200 OK", &format!(r#"{{"Items":[],"NextToken":"{token}"}}"#))
        })
        .await;
        let error = client(&server.url)
            .list_experiment_run_events(&region(), &by_id())
            .await
            .unwrap_err();
        assert_eq!(error.kind, FailureKind::UnusableAnswer);
        assert_eq!(server.received().len(), if circle { 2 } else { 20 });
    }
    let server = Listener::start(|_, _| json("200 OK", "{}")).await;
    let error = client(&server.url)
        .list_experiment_run_events(&region(), &by_id())
        .await
        .unwrap_err();
    assert_eq!(error.kind, FailureKind::UnusableAnswer);
}

#[tokio::test]
async fn a_proxy_is_for_https_alone_and_what_it_refuses_was_not_sent() {
    let proxy = Listener::start(|_, _| answer("403 Forbidden", &[], b"")).await;
    let server = Listener::start(|_, _| json("200 OK", RUN)).await;
    let https_proxy = Some(HttpsProxy {
        url: proxy.url.clone(),
        no_proxy: Some("direct.invalid".to_owned()),
    });
    let through = |endpoint: &str| {
        let settings = settings(endpoint, static_credentials());
        Client::new(Settings {
            https_proxy: https_proxy.clone(),
            ..settings
        })
        .unwrap()
    };
    read(&through(&server.url)).await.unwrap();
    assert!(proxy.received().is_empty(), "plain HTTP goes straight to the endpoint");
    let refused = update(&through("https://appconfig.invalid")).await;
    assert!(matches!(refused, Err(UpdateError::NotSent(_))), "{refused:?}");
    let received = proxy.received();
    assert_eq!(
        (received[0].method.as_str(), received[0].target.as_str()),
        ("CONNECT", "appconfig.invalid:443")
    );
    assert!(
        !received[0].headers.contains_key("x-amz-date"),
        "the request itself is within the tunnel"
    );
    assert_eq!(
        read(&through("https://direct.invalid")).await,
        Err(FailureKind::Unreachable)
    );
    assert_eq!(proxy.received().len(), 1);
    let debug = format!(
        "{:?}",
        HttpsProxy {
            url: "http://user:canary@proxy".to_owned(),
            no_proxy: None
        }
    );
    assert!(!debug.contains("canary"));
}
