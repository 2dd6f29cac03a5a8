//! What a kubelet and Prometheus ask: `/livez`, `/readyz` and `/metrics`.
//!
//! On the map this is beside the pass: it serves what `controller` and `leader` report through [`Readiness`],
//! [`Heartbeat`] and [`Metrics`], and knows none of them.

use std::{
    collections::BTreeMap,
    future::Future,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, extract::State, http::StatusCode, http::header, response::IntoResponse, routing::get};
use tokio::{net::TcpListener, time::Instant};

use crate::metrics::Metrics;

/// The media type of the OpenMetrics text format.
#[allow(clippy::doc_markdown, reason = "OpenMetrics is a name")]
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long open requests may still take when the operator stops.
const DRAIN: Duration = Duration::from_secs(2);

/// What has to be in place before the operator is ready. Clones share one list.
///
/// A replica that waits for the Lease is ready: it does all that it should, and a rollout that waits for readiness
/// would otherwise never end.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, Option<String>>>>);

/// One entry of [`Readiness`].
#[derive(Clone, Debug)]
pub struct Check {
    readiness: Readiness,
    what: &'static str,
}

/// The sign of life of the loop that must not get stuck. Clones share it.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    last: Arc<Mutex<Instant>>,
    limit: Duration,
}

/// What is served.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Behind `/metrics`.
    pub metrics: Metrics,
    /// Behind `/readyz`.
    pub readiness: Readiness,
    /// Behind `/livez`.
    pub heartbeat: Heartbeat,
}

impl Readiness {
    /// Adds something that is not in place yet; `what` completes the sentence "waiting for …".
    #[must_use]
    pub fn require(&self, what: &'static str) -> Check {
        let check = Check {
            readiness: self.clone(),
            what,
        };
        check.set(false);
        check
    }

    /// What is missing, in order.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let checks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        checks.values().flatten().cloned().collect()
    }
}

impl Check {
    /// Whether it is in place now.
    pub fn set(&self, ready: bool) {
        self.put((!ready).then(|| self.what.to_owned()));
    }

    /// It is not in place, and this is why; the words complete the sentence "waiting for …".
    pub fn wait_for(&self, what: String) {
        self.put(Some(what));
    }

    fn put(&self, missing: Option<String>) {
        let mut checks = self.readiness.0.lock().unwrap_or_else(PoisonError::into_inner);
        checks.insert(self.what, missing);
    }
}

impl Heartbeat {
    /// A heart that beats now, and is stuck when it does not beat for longer than `limit`.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self {
            last: Arc::new(Mutex::new(Instant::now())),
            limit,
        }
    }

    /// The loop goes on.
    pub fn beat(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How long the loop has been silent, when that is too long. Time in which the machine was suspended does not
    /// count: nothing could beat.
    #[must_use]
    pub fn stuck_for(&self) -> Option<Duration> {
        let silent = self.last.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
        (silent > self.limit).then_some(silent)
    }
}

/// Opens the address and logs it, since port 0 picks a free one.
///
/// # Errors
/// When the address is taken or is not of this machine; the error says which address.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let named = |error: io::Error| {
        let advice = "choose another with --http-address";
        io::Error::new(
            error.kind(),
            format!("can't serve metrics and probes on {address}: {error}; {advice}"),
        )
    };
    let listener = TcpListener::bind(address).await.map_err(named)?;
    tracing::info!(address = %listener.local_addr()?, "serving /metrics, /livez and /readyz");
    Ok(listener)
}

/// Serves until `shutdown` ends, and then at most 2 s longer for requests that are under way.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    sources: Sources,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let signal = async move {
        shutdown.await;
        // The receiver is gone only when the server has ended already.
        let _ = stop.send(());
    };
    let server = axum::serve(listener, router(sources)).with_graceful_shutdown(signal);
    let overdue = async move {
        match stopped.await {
            Ok(()) => tokio::time::sleep(DRAIN).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        ended = server => ended,
        () = overdue => Ok(()),
    }
}

fn router(sources: Sources) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .with_state(sources)
}

async fn metrics(State(sources): State<Sources>) -> impl IntoResponse {
    match sources.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("metrics can't be written: {error}\n"),
        )
            .into_response(),
    }
}

async fn livez(State(sources): State<Sources>) -> (StatusCode, String) {
    match sources.heartbeat.stuck_for() {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(silent) => {
            let body = format!("the controller has not moved for {} s\n", silent.as_secs());
            (StatusCode::SERVICE_UNAVAILABLE, body)
        }
    }
}

async fn readyz(State(sources): State<Sources>) -> (StatusCode, String) {
    let missing = sources.readiness.missing();
    if missing.is_empty() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("waiting for {}\n", missing.join(", ")),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn sources() -> Sources {
        let heartbeat = Heartbeat::new(Duration::from_mins(1));
        Sources {
            metrics: Metrics::new("lease", false),
            readiness: Readiness::default(),
            heartbeat,
        }
    }

    #[tokio::test]
    async fn ready_once_nothing_is_missing() {
        let sources = sources();
        let cache = sources.readiness.require("the cache of ExperimentRuns");
        let definition = sources.readiness.require("a CRD");
        let (status, body) = readyz(State(sources.clone())).await;
        assert_eq!(
            (status.as_u16(), body.as_str()),
            (503, "waiting for a CRD, the cache of ExperimentRuns\n")
        );
        cache.set(true);
        definition.wait_for("a CRD with spec.ramp".to_owned());
        assert_eq!(
            readyz(State(sources.clone())).await.1,
            "waiting for a CRD with spec.ramp\n"
        );
        definition.set(true);
        assert_eq!(readyz(State(sources)).await.0, StatusCode::OK);
    }

    #[tokio::test(start_paused = true)]
    async fn alive_while_the_heart_beats() {
        let sources = sources();
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(livez(State(sources.clone())).await.0, StatusCode::OK);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(livez(State(sources.clone())).await.0, StatusCode::SERVICE_UNAVAILABLE);
        sources.heartbeat.beat();
        assert_eq!(livez(State(sources)).await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn serves_metrics_until_told_to_stop() {
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let served = tokio::spawn(serve(listener, sources(), async { stopped.await.unwrap_or_default() }));
        let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
        connection
            .write_all(b"GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200 OK") && answer.contains(OPEN_METRICS),
            "{answer}"
        );
        assert!(
            answer.contains("leader_election_master_status{name=\"lease\"} 0"),
            "{answer}"
        );
        stop.send(()).unwrap();
        served.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_taken_address_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let error = bind(address).await.unwrap_err().to_string();
        assert!(
            error.contains(&address.to_string()) && error.contains("--http-address"),
            "{error}"
        );
    }
}
