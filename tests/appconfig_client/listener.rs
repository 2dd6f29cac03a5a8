//! A raw HTTP/1.1 server on a loopback port: it answers each request with the bytes that the test says, and keeps what
//! it received, undecoded.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// With lower-case names.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// Which connection it came on, counted from 1.
    pub connection: usize,
    pub at: SystemTime,
}

impl Received {
    pub fn access_key_id(&self) -> &str {
        let authorization = self.headers["authorization"].split("Credential=").nth(1).unwrap();
        authorization.split('/').next().unwrap()
    }
}

/// What to do with a request.
pub enum Reply {
    /// Send these bytes and wait for the next request.
    Bytes(Vec<u8>),
    /// Send these bytes and close the connection.
    Last(Vec<u8>),
    /// Close the connection.
    Drop,
    /// Do nothing.
    Stall,
    /// Send the first bytes, then the others again and again.
    Endless(Vec<u8>, Vec<u8>),
}

/// An answer with a JSON body.
pub fn json(status: &str, body: &str) -> Reply {
    answer(status, &[("Content-Type", "application/json")], body.as_bytes())
}

pub fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let headers = headers.concat();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    Reply::Bytes([head.as_bytes(), body].concat())
}

type Script = dyn Fn(usize, &Received) -> Reply + Send + Sync;

pub struct Listener {
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Starts a server. The script gets the number of the request, counted from 1, and the request.
    pub async fn start(script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(None, script).await
    }

    /// The same over TLS, as `localhost`.
    pub async fn start_tls(
        tls: TlsAcceptor,
        script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(Some(tls), script).await
    }

    async fn start_with(
        tls: Option<TlsAcceptor>,
        script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let url = if tls.is_some() {
            format!("https://localhost:{}", address.port())
        } else {
            format!("http://{address}")
        };
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let (script, log): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&received));
        let connections = AtomicUsize::new(0);
        let task = tokio::spawn(async move {
            let mut running = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = socket.accept().await {
                let connection = connections.fetch_add(1, Ordering::SeqCst) + 1;
                let (tls, log, script) = (tls.clone(), Arc::clone(&log), Arc::clone(&script));
                running.spawn(async move {
                    match tls {
                        None => serve(stream, connection, log, script).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, connection, log, script).await;
                            }
                        }
                    }
                });
            }
        });
        Self { url, received, task }
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Whose credentials each request was signed with.
    pub fn access_key_ids(&self) -> Vec<String> {
        let received = self.received();
        received
            .iter()
            .map(|request| request.access_key_id().to_owned())
            .collect()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    connection: usize,
    log: Arc<Mutex<Vec<Received>>>,
    script: Arc<Script>,
) {
    let mut bytes = Vec::new();
    while let Some(request) = receive(&mut stream, &mut bytes, connection).await {
        let number = {
            let mut log = log.lock().unwrap();
            log.push(request.clone());
            log.len()
        };
        match script(number, &request) {
            Reply::Bytes(answer) => {
                if stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
            Reply::Last(answer) => {
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
                return;
            }
            Reply::Drop => return,
            Reply::Stall => std::future::pending().await,
            Reply::Endless(head, chunk) => {
                if stream.write_all(&head).await.is_err() {
                    return;
                }
                while stream.write_all(&chunk).await.is_ok() {}
                return;
            }
        }
    }
}

async fn receive(stream: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>, connection: usize) -> Option<Received> {
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        more(stream, bytes).await?;
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let end = head_end + 4 + length;
    while bytes.len() < end {
        more(stream, bytes).await?;
    }
    let body = bytes[head_end + 4..end].to_vec();
    bytes.drain(..end);
    Some(Received {
        method,
        target,
        headers,
        body,
        connection,
        at: SystemTime::now(),
    })
}

async fn more(stream: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(bytes).await.ok()?;
    (read > 0).then_some(())
}
