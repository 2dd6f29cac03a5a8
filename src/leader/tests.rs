#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Mutex;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use tokio::time::{Instant, advance, sleep};

use super::{lease::CALL_TIMEOUT, *};

/// An API server that knows one Lease, in this process, and does as the real one does with its versions.
#[derive(Clone, Default)]
struct ApiServer(Arc<Mutex<Stored>>);

#[derive(Default)]
struct Stored {
    lease: Option<Value>,
    version: u64,
    writes: Vec<Instant>,
    stalled: bool,
}

impl ApiServer {
    fn client(&self) -> Client {
        let path = "/apis/coordination.k8s.io/v1/namespaces/space/leases/lease";
        Client::new(
            Router::new().route(path, get(read).put(write)).with_state(self.clone()),
            "space",
        )
    }

    fn seek(&self, identity: &str) -> Leadership {
        let store = Store::new(self.client(), "space", "lease", identity, Arc::new(Published::default));
        let leadership = elect(store, identity.to_owned(), clock);
        leadership.seek();
        leadership
    }

    /// What the Lease's spec says.
    fn spec(&self, field: &str) -> Value {
        self.0
            .lock()
            .unwrap()
            .lease
            .as_ref()
            .map_or(Value::Null, |lease| lease["spec"][field].clone())
    }

    fn writes(&self) -> usize {
        self.0.lock().unwrap().writes.len()
    }

    fn stall(&self, stalled: bool) {
        self.0.lock().unwrap().stalled = stalled;
    }

    /// A write of somebody else.
    fn put(&self, spec: &Value) {
        let mut stored = self.0.lock().unwrap();
        let lease = json!({"metadata": {"name": "lease", "labels": {"kept": "yes"}}, "spec": spec});
        stored.store(lease);
    }
}

impl Stored {
    fn store(&mut self, mut lease: Value) -> Value {
        self.version += 1;
        lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        lease["metadata"]["uid"] = json!("u");
        self.lease = Some(lease.clone());
        lease
    }
}

/// Time of the test, which stands still while nothing waits.
fn clock() -> BootInstant {
    thread_local!(static START: Instant = Instant::now());
    BootInstant::after_boot(Duration::from_secs(1000) + START.with(Instant::elapsed))
}

fn status(code: u16) -> Response {
    let reason = if code == 404 { "NotFound" } else { "Conflict" };
    let body = json!({"kind": "Status", "status": "Failure", "code": code, "message": "no", "reason": reason});
    answer(StatusCode::from_u16(code).unwrap(), &body)
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

async fn wait_while_stalled(server: &ApiServer) {
    while server.0.lock().unwrap().stalled {
        sleep(Duration::from_secs(1)).await;
    }
}

async fn read(State(server): State<ApiServer>) -> Response {
    wait_while_stalled(&server).await;
    let lease = server.0.lock().unwrap().lease.clone();
    lease.map_or_else(|| status(404), |lease| answer(StatusCode::OK, &lease))
}

async fn write(State(server): State<ApiServer>, body: Bytes) -> Response {
    wait_while_stalled(&server).await;
    let sent: Value = serde_json::from_slice(&body).unwrap();
    let mut stored = server.0.lock().unwrap();
    match (&stored.lease, &sent["metadata"]["resourceVersion"]) {
        (None, Value::String(_)) if sent["metadata"]["uid"].is_string() => return status(409),
        (Some(_), Value::Null) => return status(422),
        (Some(lease), version) if lease["metadata"]["resourceVersion"] != *version => return status(409),
        _ => {}
    }
    stored.writes.push(Instant::now());
    let lease = stored.store(sent);
    answer(StatusCode::OK, &lease)
}

/// Waits for a term, of the test's time at most five minutes.
async fn acquired(leadership: &Leadership) {
    tokio::time::timeout(Duration::from_mins(5), leadership.acquired())
        .await
        .unwrap()
        .unwrap();
}

/// Waits for the end of the term, of the test's time at most five minutes.
async fn lost(leadership: &Leadership) -> LeadershipLost {
    tokio::time::timeout(Duration::from_mins(5), leadership.lost())
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_new_lease_is_created_and_renewed_every_two_seconds() {
    let server = ApiServer::default();
    let leadership = server.seek("a");
    acquired(&leadership).await;
    assert!(leadership.holds());
    assert_eq!(server.spec("holderIdentity"), "a");
    assert_eq!(server.spec("leaseDurationSeconds"), 15);
    let acquired = server.spec("acquireTime");
    sleep(Duration::from_millis(20_500)).await;
    assert!(leadership.holds());
    assert_eq!((server.writes(), server.spec("leaseTransitions")), (11, json!(0)));
    assert_eq!(server.spec("acquireTime"), acquired);
}

#[tokio::test(start_paused = true)]
async fn of_two_replicas_one_leads_and_the_other_takes_over_at_once_after_a_release() {
    let server = ApiServer::default();
    let first = server.seek("a");
    acquired(&first).await;
    let second = server.seek("b");
    sleep(Duration::from_mins(5)).await;
    assert!(first.holds() && !second.holds());
    first.release().await;
    let released = Instant::now();
    assert!(!first.holds());
    acquired(&second).await;
    assert!(released.elapsed() < Duration::from_secs(3), "{:?}", released.elapsed());
    assert_eq!(
        (server.spec("holderIdentity"), server.spec("leaseTransitions")),
        (json!("b"), json!(1))
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_holder_is_succeeded_after_its_duration_whatever_its_clock_says() {
    let server = ApiServer::default();
    server.put(
        &json!({"holderIdentity": "gone", "leaseDurationSeconds": 15, "renewTime": "2001-01-01T00:00:00.000000Z"}),
    );
    let (leadership, start) = (server.seek("a"), Instant::now());
    acquired(&leadership).await;
    let waited = start.elapsed();
    assert!(
        waited >= Duration::from_secs(15) && waited < Duration::from_secs(18),
        "{waited:?}"
    );
    let labels = server.0.lock().unwrap().lease.as_ref().unwrap()["metadata"]["labels"].clone();
    assert_eq!(labels, json!({"kept": "yes"}));
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_cannot_renew_stops_at_its_deadline() {
    let server = ApiServer::default();
    let leadership = server.seek("a");
    acquired(&leadership).await;
    let start = Instant::now();
    server.stall(true);
    assert_eq!(lost(&leadership).await, LeadershipLost::DeadlinePassed);
    let held = start.elapsed();
    assert!(
        held <= Duration::from_secs(10) && held > Duration::from_secs(9),
        "{held:?}"
    );
    server.stall(false);
    sleep(Duration::from_mins(1)).await;
    assert!(!leadership.holds());
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_costs_nothing() {
    let server = ApiServer::default();
    let leadership = server.seek("a");
    acquired(&leadership).await;
    server.stall(true);
    sleep(Duration::from_secs(6)).await;
    server.stall(false);
    sleep(Duration::from_secs(30)).await;
    assert!(leadership.holds());
}

#[tokio::test(start_paused = true)]
async fn p1_a_process_that_was_frozen_sees_at_once_that_its_term_is_over() {
    let server = ApiServer::default();
    let leadership = server.seek("a");
    acquired(&leadership).await;
    // Nothing else runs before the check, as after SIGCONT.
    advance(Duration::from_mins(1)).await;
    assert!(!leadership.holds());
}

#[tokio::test(start_paused = true)]
async fn a_holder_whose_lease_was_taken_ends() {
    let server = ApiServer::default();
    let leadership = server.seek("a");
    acquired(&leadership).await;
    server.put(&json!({"holderIdentity": "b", "leaseDurationSeconds": 15}));
    assert_eq!(lost(&leadership).await, LeadershipLost::TakenOver);
    assert!(!leadership.holds());
    let writes = server.writes();
    leadership.release().await;
    assert_eq!((server.writes(), server.spec("holderIdentity")), (writes, json!("b")));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_lease_is_made_anew_by_its_holder() {
    let server = ApiServer::default();
    let (first, second) = (server.seek("a"), server.seek("b"));
    sleep(Duration::from_secs(10)).await;
    let leads = server.spec("holderIdentity");
    server.0.lock().unwrap().lease = None;
    sleep(Duration::from_mins(1)).await;
    assert_eq!(server.spec("holderIdentity"), leads);
    assert!(first.holds() != second.holds());
}

#[tokio::test(start_paused = true)]
async fn releasing_is_bounded_and_needs_no_lease() {
    let server = ApiServer::default();
    server.stall(true);
    let (leadership, start) = (server.seek("a"), Instant::now());
    leadership.release().await;
    assert!(start.elapsed() <= CALL_TIMEOUT + Duration::from_secs(1));
    assert!(leadership.acquired().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_resigns_lets_another_one_lead_and_seeks_the_lease_again_when_told() {
    let server = ApiServer::default();
    let (first, second) = (server.seek("a"), server.seek("b"));
    sleep(Duration::from_secs(10)).await;
    let (leads, waits) = if first.holds() {
        (&first, &second)
    } else {
        (&second, &first)
    };
    assert!(leads.resign().await && !leads.holds());
    let resigned = Instant::now();
    acquired(waits).await;
    assert!(resigned.elapsed() < Duration::from_secs(3), "{:?}", resigned.elapsed());
    sleep(Duration::from_mins(5)).await;
    assert!(
        waits.holds() && !leads.resign().await,
        "it does not seek the Lease by itself"
    );
    leads.seek();
    sleep(Duration::from_mins(5)).await;
    assert!(waits.holds() && !leads.holds(), "and takes it from nobody");
    assert!(waits.resign().await);
    acquired(leads).await;
    assert!(leads.holds() && !waits.holds());
    leads.release().await;
    waits.release().await;
    assert_eq!(server.spec("holderIdentity"), "");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_nobody_seeks_is_not_written() {
    let server = ApiServer::default();
    let store = Store::new(server.client(), "space", "lease", "a", Arc::new(Published::default));
    let leadership = elect(store, "a".to_owned(), clock);
    sleep(Duration::from_mins(1)).await;
    assert_eq!((server.writes(), leadership.holds()), (0, false));
    leadership.release().await;
    assert!(leadership.acquired().await.is_err());
}

#[tokio::test]
async fn without_election_the_process_always_may_act() {
    let leadership = Leadership::always();
    acquired(&leadership).await;
    leadership.seek();
    assert!(!leadership.resign().await && leadership.holds());
    leadership.release().await;
    assert!(!leadership.holds());
}

#[test]
fn identities_are_of_one_process() {
    assert!(identity("pod-1").starts_with("pod-1_"));
    assert_ne!(identity("pod-1"), identity("pod-1"));
    assert!(!default_namespace().is_empty());
}
