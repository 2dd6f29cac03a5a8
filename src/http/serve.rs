//! The server. Whoever reaches the port may open as many connections as they like, send headers without end, or read no
//! answer: a probe gets its answer all the same, and the operator keeps its memory and its file descriptors.

use std::{
    convert::Infallible,
    future::Future,
    io,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{Sources, connections::Connections, responder::Responder};

/// How many connections are open at a time. Of 256 file descriptors, which is the least that anybody gives a process,
/// three quarters are left for `AppConfig` and the API server.
const CONNECTIONS: usize = 64;
/// How much of a request's head is read. Nothing smaller is possible with hyper, and a scrape's has a few hundred bytes.
const HEAD: usize = 8 * 1024;
/// How long a connection may be without a complete request: waiting for one, sending one, or not reading the answer.
const SILENCE: Duration = Duration::from_secs(10);
/// How long a connection is left alone, so that whoever has connected has the time to send a request. It bounds how many a
/// second are accepted, too: a crowd of a thousand is through the kernel's queue, and a probe behind it, in less than 2 s.
const GRACE: Duration = Duration::from_millis(100);
/// How long open requests may still take when the operator stops.
const DRAIN: Duration = Duration::from_secs(2);
/// How long nothing is accepted when the system has nothing left to accept it with.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// Serves until `shutdown` ends, and then at most 2 s longer for requests that are under way.
///
/// At the most connections that there may be, each new one takes the place of the one that is longest without a complete
/// request.
pub async fn serve(listener: TcpListener, sources: Sources, shutdown: impl Future<Output = ()> + Send + 'static) {
    let mut shutdown = pin!(shutdown);
    let (responder, open) = (Responder::new(sources), Open::default());
    let (stop, stopping) = watch::channel(false);
    let mut serving = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            Some(_) = serving.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                while serving.len() >= CONNECTIONS {
                    tokio::select! {
                        Some(_) = serving.join_next() => continue,
                        () = open.one_had_its_time() => open.close_longest_without_request(),
                    }
                    // The one that was closed, or another that has ended meanwhile.
                    serving.join_next().await;
                }
                let (responder, connections, stopping) = (responder.clone(), open.clone(), stopping.clone());
                open.opened(|name| serving.spawn(connection(stream, name, responder, connections, stopping)));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!("connections for metrics and probes can't be accepted; retrying: {error}");
                open.close_longest_without_request();
                sleep(EXHAUSTED).await;
            }
        }
    }
    drop(listener);
    stop.send_replace(true);
    let _ = timeout(DRAIN, async { while serving.join_next().await.is_some() {} }).await;
}

/// Whether the error is the other side's, and says nothing of the next one.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Serves one connection until its other side leaves, is silent for too long, or the operator stops.
async fn connection(
    stream: TcpStream,
    name: u64,
    responder: Responder,
    open: Open,
    mut stopping: watch::Receiver<bool>,
) {
    let closed = Closed { open, name };
    let open = &closed.open;
    let service = service_fn(|request| {
        open.requested(name);
        let responder = &responder;
        async move { Ok::<_, Infallible>(responder.respond(&request).await) }
    });
    let mut server = http1::Builder::new();
    server.max_buf_size(HEAD);
    let mut connection = pin!(server.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // How it ends is the other side's business.
        _ = connection.as_mut() => return,
        () = open.silent(name) => return,
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// The open connections. Clones share them.
#[derive(Clone)]
struct Open(Arc<Mutex<Connections<Instant, AbortHandle>>>);

impl Default for Open {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Connections::new())))
    }
}

impl Open {
    fn opened(&self, spawn: impl FnOnce(u64) -> AbortHandle) {
        self.locked().opened(Instant::now(), spawn);
    }

    fn requested(&self, name: u64) {
        self.locked().requested(name, Instant::now());
    }

    fn close_longest_without_request(&self) {
        if let Some(connection) = self.locked().longest_without_request() {
            connection.abort();
        }
    }

    /// Ends when the connection that is longest without a complete request had the time to send one.
    async fn one_had_its_time(&self) {
        let longest = self.locked().longest();
        if let Some(since) = longest {
            sleep_until(since + GRACE).await;
        }
    }

    /// Ends when a connection was without a complete request for too long.
    async fn silent(&self, name: u64) {
        loop {
            let last = self.locked().last_request(name);
            let Some(until) = last.map(|last| last + SILENCE).filter(|until| *until > Instant::now()) else {
                return;
            };
            sleep_until(until).await;
        }
    }

    fn locked(&self) -> MutexGuard<'_, Connections<Instant, AbortHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes the end of a connection, however it comes.
struct Closed {
    open: Open,
    name: u64,
}

impl Drop for Closed {
    fn drop(&mut self) {
        self.open.locked().closed(self.name);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::net::SocketAddr;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        sync::oneshot,
        task::JoinHandle,
    };

    use super::*;
    use crate::{
        http::{Heartbeat, Readiness, bind},
        metrics::Metrics,
    };

    async fn started() -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
        let sources = Sources {
            metrics: Metrics::new("lease", &[], false),
            readiness: Readiness::default(),
            heartbeat: Heartbeat::new(Duration::from_mins(1)),
        };
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(serve(listener, sources, async { stopped.await.unwrap_or_default() }));
        (address, stop, served)
    }

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn serves_metrics_until_told_to_stop_though_somebody_is_connected() {
        let (address, stop, served) = started().await;
        let answer = get(address, "/metrics").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(
            answer.contains("leader_election_master_status{name=\"lease\"} 0"),
            "{answer}"
        );
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        assert!(idle.read(&mut [0; 1024]).await.unwrap() > 0);
        stop.send(()).unwrap();
        timeout(Duration::from_secs(10), served).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn too_many_connections_cost_the_ones_that_are_longest_without_a_complete_request() {
        let (address, _stop, _served) = started().await;
        let mut regular = TcpStream::connect(address).await.unwrap();
        let mut others = Vec::new();
        for _ in 0..3 * CONNECTIONS {
            let mut other = TcpStream::connect(address).await.unwrap();
            other.write_all(b"GET /livez HTTP/1.1\r\n").await.unwrap();
            others.push(other);
            regular
                .write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n")
                .await
                .unwrap();
            let mut answer = [0; 1024];
            let length = regular.read(&mut answer).await.unwrap();
            assert!(answer[..length].starts_with(b"HTTP/1.1 200 OK"), "its connection stays");
        }
        // The first of them are closed, as whoever reads from them is told.
        for other in &mut others[..CONNECTIONS] {
            let end = timeout(Duration::from_secs(10), other.read(&mut [0; 1])).await.unwrap();
            assert!(matches!(end, Ok(0) | Err(_)));
        }
        assert!(get(address, "/livez").await.starts_with("HTTP/1.1 200 OK"));
    }

    #[tokio::test]
    async fn a_head_without_end_is_not_read_to_its_end() {
        let (address, _stop, _served) = started().await;
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(b"GET /livez HTTP/1.1\r\n").await.unwrap();
        let mut sent = 0;
        while connection
            .write_all(b"a: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n")
            .await
            .is_ok()
        {
            sent += 1;
            assert!(sent < 1_000_000, "it is read without end");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_complete_request_is_closed() {
        let (address, _stop, _served) = started().await;
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection
            .write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\nGET /")
            .await
            .unwrap();
        let began = Instant::now();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
        assert!(
            began.elapsed() >= SILENCE && began.elapsed() < 2 * SILENCE,
            "{:?}",
            began.elapsed()
        );
    }
}
