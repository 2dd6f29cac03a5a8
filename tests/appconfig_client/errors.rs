//! Each row of the error table, on the wire, for a read and for an update.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use appconfig_experiment_operator::{
    api::{DeploymentParameters, TreatmentOverrides},
    appconfig::{Client, permission_hint},
    run::{Change, Failure, FailureKind, FailureKind::*, Operation, Update, UpdateError},
};
use tokio::net::TcpSocket;

use crate::{
    by_id, client, ids, impatient_client,
    listener::{Listener, Reply, answer},
    raise_to, region,
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    NotSent,
    Refused,
    Unknown,
}
use Outcome::{NotSent, Refused as Rejected, Unknown};

fn raise() -> Update {
    raise_to(75.0, DeploymentParameters::default())
}

async fn read(client: &Client) -> Failure {
    client.get_experiment_run(&region(), &by_id()).await.unwrap_err()
}

async fn update(client: &Client, update: &Update) -> (Outcome, Failure) {
    let prepared = match client.prepare(&region(), None).await {
        Ok(prepared) => prepared,
        Err(error) => return (NotSent, error),
    };
    match prepared
        .update_experiment_run(&ids(), update, "pending-1")
        .await
        .unwrap_err()
    {
        UpdateError::NotSent(error) => (NotSent, error),
        UpdateError::Refused(error) => (Rejected, error),
        UpdateError::Unknown(error) => (Unknown, error),
    }
}

const SKEWED: (&str, &str) = ("Date", "Tue, 16 Jun 2020 18:01:24 GMT");

const HTML: &str = "<html><body>no</body></html>";

/// Status line, code header, body; then the kind on a read, and outcome and kind on an update.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    FailureKind,
    Outcome,
    FailureKind,
);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("400 Bad Request", "BadRequestException:", "{}", UnusableAnswer, Rejected, Refused),
    ("400 Bad Request", "", HTML, UnusableAnswer, Rejected, Refused),
    ("402 Payment Required", "ServiceQuotaExceededException", "{}", UnusableAnswer, Rejected, Refused),
    ("400 Bad Request", "Throttling", "{}", Throttled, Rejected, Throttled),
    ("400 Bad Request", "ThrottlingException:", "{}", Throttled, Rejected, Throttled),
    ("400 Bad Request", "", r#"{"__type":"x#ThrottledException"}"#, Throttled, Rejected, Throttled),
    ("400 Bad Request", "RequestThrottled", "", Throttled, Rejected, Throttled),
    ("400 Bad Request", "RequestThrottledException", "", Throttled, Rejected, Throttled),
    ("400 Bad Request", "TooManyRequestsException", "", Throttled, Rejected, Throttled),
    ("400 Bad Request", "RequestLimitExceeded", "", Throttled, Rejected, Throttled),
    ("400 Bad Request", "LimitExceededException", "", Throttled, Rejected, Throttled),
    ("400 Bad Request", "PriorRequestNotComplete", "", Throttled, Rejected, Throttled),
    ("400 Bad Request", "BandwidthLimitExceeded", "", Throttled, Rejected, Throttled),
    ("429 Too Many Requests", "", "", Throttled, Rejected, Throttled),
    ("429 Too Many Requests", "TooManyRequestsException", "{}", Throttled, Rejected, Throttled),
    ("503 Service Unavailable", "SlowDown", "{}", Throttled, Unknown, Throttled),
    ("403 Forbidden", "ExpiredTokenException", "{}", CredentialsExpired, Rejected, CredentialsExpired),
    ("400 Bad Request", "ExpiredToken", "{}", CredentialsExpired, Rejected, CredentialsExpired),
    ("403 Forbidden", "UnrecognizedClientException:", "", UnknownAccessKey, Rejected, UnknownAccessKey),
    ("403 Forbidden", "InvalidClientTokenId", "{}", UnknownAccessKey, Rejected, UnknownAccessKey),
    ("403 Forbidden", "AccessDeniedException:http://x/", "{}", AccessDenied, Rejected, AccessDenied),
    ("403 Forbidden", "InvalidSignatureException", "{}", WrongSecret, Rejected, WrongSecret),
    ("403 Forbidden", "SignatureDoesNotMatch", "{}", WrongSecret, Rejected, WrongSecret),
    ("401 Unauthorized", "MissingAuthenticationToken", "{}", AccessDenied, Rejected, AccessDenied),
    ("403 Forbidden", "", HTML, AccessDenied, Rejected, AccessDenied),
    ("404 Not Found", "ResourceNotFoundException:", "{}", RunNotFound, Rejected, RunNotFound),
    ("404 Not Found", "", r#"{"code":"ResourceNotFoundException"}"#, RunNotFound, Rejected, RunNotFound),
    ("404 Not Found", "UnknownOperationException", "{}", ExperimentsUnsupported, Rejected, ExperimentsUnsupported),
    ("404 Not Found", "", HTML, ExperimentsUnsupported, Rejected, ExperimentsUnsupported),
    ("408 Request Timeout", "", "", Unavailable, Unknown, Unavailable),
    ("409 Conflict", "ConflictException", "{}", UnusableAnswer, Rejected, Conflict),
    ("418 I'm a teapot", "", "", UnusableAnswer, Rejected, Refused),
    ("500 Internal Server Error", "InternalServerException", "{}", Unavailable, Unknown, Unavailable),
    ("503 Service Unavailable", "", HTML, Unavailable, Unknown, Unavailable),
    ("504 Gateway Timeout", "", "", Unavailable, Unknown, Unavailable),
    ("304 Not Modified", "", "", UnusableAnswer, Unknown, UnusableAnswer),
    ("200 OK", "", "", UnusableAnswer, Unknown, UnusableAnswer),
    ("200 OK", "", HTML, UnusableAnswer, Unknown, UnusableAnswer),
    ("200 OK", "", r#"{"ApplicationId":"#, UnusableAnswer, Unknown, UnusableAnswer),
    ("204 No Content", "", "", UnusableAnswer, Unknown, UnusableAnswer),
];

/// The same, in an answer whose `Date` is years off.
#[rustfmt::skip]
const SKEWED_ROWS: &[Row] = &[
    ("403 Forbidden", "InvalidSignatureException", "{}", ClockSkew, Rejected, ClockSkew),
    ("403 Forbidden", "ExpiredTokenException", "{}", ClockSkew, Rejected, ClockSkew),
    ("403 Forbidden", "Throttling", "{}", Throttled, Rejected, Throttled),
    ("404 Not Found", "ResourceNotFoundException", "{}", RunNotFound, Rejected, RunNotFound),
];

const fn kind(code: &str) -> (&str, &str) {
    ("x-amzn-ErrorType", code)
}

#[tokio::test]
async fn each_status_and_code_is_one_kind_of_error() {
    for row in ROWS {
        assert_row(row, &[]).await;
    }
    for row in SKEWED_ROWS {
        assert_row(row, &[SKEWED]).await;
    }
}

async fn assert_row(row: &Row, more_headers: &[(&str, &str)]) {
    let &(status, code, body, on_read, outcome, on_update) = row;
    let mut headers = vec![("x-amzn-RequestId", "2a4c9253"), kind(code)];
    headers.retain(|(_, value)| !value.is_empty());
    headers.extend(more_headers);
    let Reply::Bytes(bytes) = answer(status, &headers, body.as_bytes()) else {
        unreachable!()
    };
    let server = Listener::start(move |_, _| Reply::Bytes(bytes.clone())).await;
    let client = client(&server.url);
    let status = status.split(' ').next().unwrap().parse().ok();
    let error = read(&client).await;
    assert_eq!((error.kind, error.status), (on_read, status), "{row:?}");
    assert_eq!(error.request_id.as_deref(), Some("2a4c9253"), "{row:?}");
    let (actual, error) = update(&client, &raise()).await;
    assert_eq!(
        (actual, error.kind, error.status),
        (outcome, on_update, status),
        "{row:?}"
    );
    assert_eq!(error.request_id.as_deref(), Some("2a4c9253"), "{row:?}");
    let updates = server
        .received()
        .iter()
        .filter(|request| request.method == "PATCH")
        .count();
    assert_eq!(updates, 1, "{row:?}");
}

#[tokio::test]
async fn an_answer_for_another_run_is_no_answer() {
    let other = crate::RUN.replace("bsxyd7k", "other12");
    let server = Listener::start(move |_, _| answer("200 OK", &[], other.as_bytes())).await;
    let (outcome, error) = update(&client(&server.url), &raise()).await;
    assert_eq!((outcome, error.kind), (Unknown, UnusableAnswer));
    let second = crate::RUN.replace("\"Run\":1", "\"Run\":2");
    let server = Listener::start(move |_, _| answer("200 OK", &[], second.as_bytes())).await;
    assert_eq!(read(&client(&server.url)).await.kind, UnusableAnswer);
}

#[tokio::test]
async fn a_connection_that_is_lost_or_stalls_leaves_the_outcome_open() {
    let server = Listener::start(|_, _| Reply::Drop).await;
    assert_eq!(read(&client(&server.url)).await.kind, Unavailable);
    let (outcome, error) = update(&client(&server.url), &raise()).await;
    assert_eq!((outcome, error.kind, error.status), (Unknown, Unavailable, None));
    assert_eq!(
        error.to_string(),
        "UpdateExperimentRun got no conclusive answer: the connection was lost before an answer arrived"
    );
    let server = Listener::start(|_, _| Reply::Stall).await;
    assert_eq!(read(&impatient_client(&server.url)).await.kind, Unavailable);
    let (outcome, error) = update(&impatient_client(&server.url), &raise()).await;
    assert_eq!((outcome, error.kind), (Unknown, Unavailable));
    assert_eq!(error.message.as_deref(), Some("no answer arrived in time"));
    assert_eq!(server.received().len(), 2);
}

#[tokio::test]
async fn a_connection_that_never_stood_sent_nothing() {
    // Bound, so that nobody else gets its port; and nobody listens.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let refused = client(&format!("http://{}", socket.local_addr().unwrap()));
    assert_eq!(read(&refused).await.kind, Unreachable);
    let (outcome, error) = update(&refused, &raise()).await;
    assert_eq!((outcome, error.kind), (NotSent, Unreachable));
    assert!(error.message.unwrap().contains("onnection refused"));
    // TLS is part of the connection: this server never answers the handshake.
    let server = Listener::start(|_, _| Reply::Drop).await;
    let (outcome, error) = update(&impatient_client(&server.url.replace("http:", "https:")), &raise()).await;
    assert_eq!((outcome, error.kind), (NotSent, Unreachable));
}

#[tokio::test]
async fn what_can_t_be_resolved_or_reached_is_told_with_its_host_and_region() {
    let unreachable = impatient_client("https://appconfig.invalid");
    for error in [read(&unreachable).await, update(&unreachable, &raise()).await.1] {
        assert_eq!((error.kind, error.status), (Unreachable, None));
        let message = error.message.unwrap();
        assert!(
            message.contains("appconfig.invalid") && message.contains(region().as_str()),
            "{message}"
        );
    }
}

#[tokio::test]
async fn appconfig_s_message_is_shown_and_bounded() {
    let text = "Exposure percentage can only be increased. Current: 100.0%, Requested: 0.0%.";
    for member in ["Message", "message", "errorMessage"] {
        let body = format!(r#"{{"{member}":"{text}","Details":{{"InvalidConfiguration":[]}}}}"#);
        let server =
            Listener::start(move |_, _| answer("400 Bad Request", &[kind("BadRequestException:")], body.as_bytes()))
                .await;
        let (_, error) = update(&client(&server.url), &raise()).await;
        assert_eq!(error.code.as_deref(), Some("BadRequestException"));
        assert_eq!(
            error.to_string(),
            format!("AppConfig refused UpdateExperimentRun (400 BadRequestException): {text}")
        );
    }
    let body = format!(r#"{{"Message":"{}"}}"#, "ü".repeat(20_000));
    let server = Listener::start(move |_, _| answer("400 Bad Request", &[], body.as_bytes())).await;
    let (_, error) = update(&client(&server.url), &raise()).await;
    assert_eq!(error.message.unwrap(), "ü".repeat(1024));
}

#[tokio::test]
async fn p11_no_message_is_kept_of_an_update_with_overrides_or_parameters() {
    let body = r#"{"Message":"Value 'canary' at 'treatmentOverrides' failed to satisfy constraint"}"#;
    let server = Listener::start(move |_, _| {
        answer(
            "400 Bad Request",
            &[kind("BadRequestException:"), ("x-amzn-RequestId", "id-1")],
            body.as_bytes(),
        )
    })
    .await;
    let client = client(&server.url);
    let overrides = TreatmentOverrides {
        inline: [("canary".to_owned(), "t1".to_owned())].into(),
    };
    let tags = DeploymentParameters {
        tags: [("team".to_owned(), "canary".to_owned())].into(),
        ..Default::default()
    };
    let updates = [
        Update::new(Change::TreatmentOverrides(overrides), DeploymentParameters::default()),
        Update::new(
            Change::TreatmentOverrides(TreatmentOverrides::default()),
            DeploymentParameters::default(),
        ),
        raise_to(5.0, tags),
    ];
    for sensitive in updates {
        let (_, error) = update(&client, &sensitive).await;
        assert_eq!(error.message, None);
        assert_eq!(error.code.as_deref(), Some("BadRequestException"));
        assert_eq!((error.status, error.request_id.as_deref()), (Some(400), Some("id-1")));
        assert!(!format!("{error:?} {error} {sensitive:?}").contains("canary"));
    }
}

#[tokio::test]
async fn a_code_that_is_no_name_is_no_code() {
    for code in ["two words", "", "x#", "<script>", &"x".repeat(129)] {
        let headers = [("x-amzn-ErrorType".to_owned(), code.to_owned())];
        let server = Listener::start(move |_, _| {
            answer(
                "400 Bad Request",
                &[(headers[0].0.as_str(), headers[0].1.as_str())],
                b"{}",
            )
        })
        .await;
        let (_, error) = update(&client(&server.url), &raise()).await;
        assert_eq!(error.code, None, "{code}");
    }
}

#[tokio::test]
async fn denied_access_names_the_missing_actions() {
    let text = "User: arn:aws:iam::1:role/x is not authorized to perform: appconfig:UpdateExperimentRun";
    let body = format!(r#"{{"Message":"{text}"}}"#);
    let server =
        Listener::start(move |_, _| answer("403 Forbidden", &[kind("AccessDeniedException")], body.as_bytes())).await;
    let (_, error) = update(&client(&server.url), &raise()).await;
    assert_eq!(error.message.as_deref(), Some(text));
    let hint = error.advice.unwrap();
    assert!(hint.contains("appconfig:UpdateExperimentRun") && hint.contains("appconfig:StartDeployment"));
    let error = read(&client(&server.url)).await;
    assert!(error.advice.unwrap().contains("appconfig:GetExperimentRun"));
    assert_eq!(permission_hint(Conflict, Operation::UpdateExperimentRun), None);
}

#[tokio::test]
async fn a_date_within_five_minutes_is_no_skew() {
    for (off, expected) in [(0, AccessDenied), (280, AccessDenied), (320, ClockSkew)] {
        let date = jiff::Timestamp::try_from(SystemTime::now() - Duration::from_secs(off)).unwrap();
        let text = jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&date)
            .unwrap();
        let server = Listener::start(move |_, _| answer("403 Forbidden", &[("Date", &text)], b"")).await;
        let error = read(&client(&server.url)).await;
        assert_eq!(error.kind, expected, "{off} s");
        assert_eq!(error.date.map(jiff::Timestamp::as_second), Some(date.as_second()));
    }
}
