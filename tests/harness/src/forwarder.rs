//! A way between the operator and its scene's emulator on which connections go wrong, beneath HTTP.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use crate::{Flags, Scene};

/// How long a connection takes on loopback at most: one that has not come about by then will not.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Passes bytes on, until it is told not to.
#[derive(Clone)]
pub struct Forwarder {
    /// Where it listens.
    pub address: SocketAddr,
    scheme: &'static str,
    accepts: watch::Sender<bool>,
    forwards: watch::Sender<bool>,
    slowness: Arc<AtomicU64>,
    accepted: Arc<AtomicUsize>,
}

impl Forwarder {
    /// A way to the scene's emulator; over TLS as `localhost`, with an acceptor.
    pub fn start(scene: &Scene, tls: Option<TlsAcceptor>) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        // One connection may wait for being accepted, and no more.
        let listener = socket.listen(0).expect("a listener");
        let there = scene.emulator.endpoint();
        let there = there.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let forwarder = Self {
            address: listener.local_addr().expect("an address"),
            scheme: if tls.is_some() { "https" } else { "http" },
            accepts: watch::Sender::new(true),
            forwards: watch::Sender::new(true),
            slowness: Arc::default(),
            accepted: Arc::default(),
        };
        tokio::spawn(forwarder.clone().run(listener, there, tls));
        forwarder
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// From now on each connection takes so long until TLS begins.
    pub fn slow_down(&self, by: Duration) {
        let milliseconds = u64::try_from(by.as_millis()).expect("a short time");
        self.slowness.store(milliseconds, Ordering::SeqCst);
    }

    /// Accepts no connection any more, and has its queue full: those that try get no answer. Until what it gives is dropped
    /// and [`Self::accept`] is called.
    pub async fn stop_accepting(&self) -> Vec<TcpStream> {
        self.accepts.send_replace(false);
        let mut waiting = Vec::new();
        while let Ok(stream) = timeout(AT_ONCE, TcpStream::connect(self.address)).await {
            waiting.push(stream.expect("a place in the queue"));
        }
        waiting
    }

    /// Accepts connections again.
    pub fn accept(&self) {
        self.accepts.send_replace(true);
    }

    /// Keeps what comes, until [`Self::forward`]: then it is passed on, unless whoever sent it has reset the connection.
    pub fn stop_forwarding(&self) {
        self.forwards.send_replace(false);
    }

    /// Passes bytes on again, those that it kept first.
    pub fn forward(&self) {
        self.forwards.send_replace(true);
    }

    async fn run(self, listener: TcpListener, there: String, tls: Option<TlsAcceptor>) {
        let mut accepts = self.accepts.subscribe();
        loop {
            let accepting = accepts.wait_for(|accepts| *accepts).await.is_ok();
            tokio::select! {
                biased;
                _ = accepts.wait_for(|accepts| !*accepts) => {}
                accepted = listener.accept(), if accepting => {
                    let (here, there, tls) = (accepted.expect("a connection").0, there.clone(), tls.clone());
                    self.accepted.fetch_add(1, Ordering::SeqCst);
                    let forwarder = self.clone();
                    tokio::spawn(async move { forwarder.connect(here, &there, tls).await });
                }
            }
        }
    }

    async fn connect(&self, here: TcpStream, there: &str, tls: Option<TlsAcceptor>) {
        let there = TcpStream::connect(there).await.expect("the emulator");
        match tls {
            Some(tls) => {
                sleep(Duration::from_millis(self.slowness.load(Ordering::SeqCst))).await;
                if let Ok(mut here) = tls.accept(here).await {
                    let mut there = there;
                    let _ = copy_bidirectional(&mut here, &mut there).await;
                }
            }
            None => self.pass_on(here, there).await,
        }
    }

    /// Both ways at once; what was read when forwarding stopped waits, and goes with a reset.
    async fn pass_on(&self, here: TcpStream, there: TcpStream) {
        let ((mut requests, mut back), (mut answers, mut onward)) = (here.into_split(), there.into_split());
        let sent = async {
            let mut bytes = vec![0; 65_536];
            while let Ok(read @ 1..) = requests.read(&mut bytes).await {
                self.forwards
                    .subscribe()
                    .wait_for(|forwards| *forwards)
                    .await
                    .expect("it is here");
                // What comes after, if it is there, would be an error and not an end.
                let reset = timeout(Duration::ZERO, requests.as_ref().peek(&mut [0])).await;
                if matches!(reset, Ok(Err(_))) || onward.write_all(&bytes[..read]).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = sent => {}
            () = copy(&mut answers, &mut back) => {}
        }
    }
}

async fn copy(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) {
    let _ = tokio::io::copy(from, to).await;
}

impl Flags {
    /// The same, with the forwarder between the operator and its emulator.
    #[must_use]
    pub fn by(mut self, forwarder: &Forwarder) -> Self {
        self.endpoint = format!("{}://localhost:{}", forwarder.scheme, forwarder.address.port());
        self
    }
}
