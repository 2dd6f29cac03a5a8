//! Updates and reads through a proxy, over TLS: what it is asked for, and what it never sees.

use std::sync::{Arc, Mutex};

use appconfig_experiment_operator::{
    api::DeploymentParameters,
    appconfig::{Client, Settings},
    cli::https_proxy,
};
use harness::Certificate;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    RUN, by_id, ids,
    listener::{Listener, json},
    process::run_trusting,
    raise_to, region, settings, static_credentials,
};

/// A proxy that does what it is asked for, and what that was: the heads of `CONNECT` requests.
struct Proxy {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, log) = (tls.clone(), Arc::clone(&log));
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => tunnel(tls.accept(stream).await.unwrap(), &log).await,
                        None => tunnel(stream, &log).await,
                    }
                });
            }
        });
        Self {
            url: format!("{scheme}://al%20addin:open%3Asesame@localhost:{port}"),
            asked,
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn tunnel(mut stream: impl AsyncRead + AsyncWrite + Unpin, log: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let to = head.split(' ').nth(1).unwrap().to_owned();
    log.lock().unwrap().push(head);
    let mut there = TcpStream::connect(to).await.unwrap();
    stream
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await
        .unwrap();
    let _ = copy_bidirectional(&mut stream, &mut there).await;
}

#[tokio::test]
#[ignore = "started by the other tests of this file, in a process that trusts their certificate"]
async fn in_a_process_of_its_own() {
    let variable = |name| std::env::var(name).unwrap();
    let settings = settings(&variable("TEST_APPCONFIG"), static_credentials());
    let client = Client::new(Settings {
        https_proxy: https_proxy().unwrap(),
        ..settings
    })
    .unwrap();
    client.get_experiment_run(&region(), &by_id()).await.unwrap();
    let prepared = client.prepare(&region(), None).await.unwrap();
    let update = raise_to(75.0, DeploymentParameters::default());
    prepared
        .update_experiment_run(&ids(), &update, "pending-1")
        .await
        .unwrap();
}

/// What the proxy was asked for while a process read and updated through it.
async fn asked_of(proxy_over_tls: bool, no_proxy: &str) -> (Vec<String>, u16) {
    let certificate = Certificate::generate();
    let appconfig = Listener::start_tls(certificate.acceptor.clone(), |_, _| json("200 OK", RUN)).await;
    let proxy = Proxy::start(proxy_over_tls.then(|| certificate.acceptor.clone())).await;
    let environment = [
        ("TEST_APPCONFIG", appconfig.url.as_str()),
        ("HTTPS_PROXY", &proxy.url),
        ("NO_PROXY", no_proxy),
    ];
    run_trusting(&certificate, "proxies::in_a_process_of_its_own", &environment).await;
    let methods: Vec<_> = appconfig.received().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["GET", "PATCH"]);
    let port = appconfig.url.rsplit(':').next().unwrap().parse().unwrap();
    (proxy.asked(), port)
}

#[tokio::test]
async fn reads_and_updates_go_through_a_proxy_with_its_password_and_nothing_of_theirs() {
    for over_tls in [false, true] {
        let (asked, port) = asked_of(over_tls, "").await;
        assert_eq!(asked.len(), 2, "one connection each: {asked:?}");
        for head in asked {
            let head = head.to_ascii_lowercase();
            assert!(
                head.starts_with(&format!("connect localhost:{port} http/1.1\r\n")),
                "{head}"
            );
            // "al addin:open:sesame"
            assert!(
                head.contains("proxy-authorization: basic ywwgywrkaw46b3blbjpzzxnhbwu="),
                "{head}"
            );
            assert!(!head.contains("\r\nauthorization") && !head.contains("x-amz"), "{head}");
        }
    }
}

#[tokio::test]
async fn hosts_of_no_proxy_are_reached_directly() {
    for no_proxy in ["localhost", "example.com, .localhost", "*"] {
        assert_eq!(asked_of(false, no_proxy).await.0, [""; 0], "{no_proxy}");
    }
}
