//! A benchmark: how long after the fence's acknowledgement the first byte of an update comes to `AppConfig`, on a connection
//! that was made before the fence, and on one that is made after it, as reqwest did until then.
//!
//! ```console
//! cargo test --test appconfig_client -- --ignored --exact first_byte::prints_the_time_to_the_first_byte --nocapture
//! ```

use std::time::{Duration, Instant};

use appconfig_experiment_operator::api::DeploymentParameters;
use harness::Certificate;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::sleep_until,
};

use crate::{RUN, client, ids, process::run_trusting, raise_to, region};

/// How many updates are sent in each way.
const ROUNDS: usize = 200;
/// How long bytes take one way to a region far away.
const FAR: Duration = Duration::from_millis(20);

#[tokio::test]
#[ignore = "a benchmark"]
async fn prints_the_time_to_the_first_byte() {
    let certificate = Certificate::generate();
    for (name, tls, delay) in [
        ("plain, near", false, Duration::ZERO),
        ("TLS, near", true, Duration::ZERO),
        ("plain, 20 ms away", false, FAR),
        ("TLS, 20 ms away", true, FAR),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (told, mut first_bytes) = mpsc::unbounded_channel();
        let acceptor = tls.then(|| certificate.acceptor.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, told) = (acceptor.clone(), told.clone());
                tokio::spawn(async move {
                    let stream = if delay.is_zero() {
                        stream
                    } else {
                        delayed(stream, delay).await
                    };
                    match acceptor {
                        Some(acceptor) => serve(acceptor.accept(stream).await.unwrap(), &told).await,
                        None => serve(stream, &told).await,
                    }
                });
            }
        });
        let scheme = if tls { "https" } else { "http" };
        let endpoint = format!("{scheme}://localhost:{port}");
        let rounds = if delay.is_zero() { ROUNDS } else { ROUNDS / 10 };
        let environment = [
            ("TEST_ENDPOINT", endpoint.as_str()),
            ("TEST_ROUNDS", &rounds.to_string()),
        ];
        let output = run_trusting(&certificate, "first_byte::in_a_process_of_its_own", &environment).await;
        let mut at = Vec::new();
        while let Ok(first) = first_bytes.try_recv() {
            at.push(first);
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let go: Vec<u64> = text
            .lines()
            .filter_map(|line| line.split("go ").nth(1)?.parse().ok())
            .collect();
        assert_eq!((at.len(), go.len()), (2 * rounds, 2 * rounds));
        let took: Vec<_> = at.iter().zip(&go).map(|(at, go)| at - go).collect();
        for (way, took) in [
            ("after the fence", &took[..rounds]),
            ("before the fence", &took[rounds..]),
        ] {
            let mut took = took.to_vec();
            took.sort_unstable();
            let at = |share: usize| Duration::from_micros(took[(took.len() - 1) * share / 100]);
            eprintln!(
                "first byte, {name}, connected {way}: p50 {:?}, p99 {:?}",
                at(50),
                at(99)
            );
        }
    }
}

/// Microseconds on a clock that both processes have.
fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap() * 1_000_000 + u64::try_from(time.tv_nsec).unwrap() / 1_000
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, told: &mpsc::UnboundedSender<u64>) {
    let mut request = Vec::new();
    while !request.ends_with(b"}") {
        let was_empty = request.is_empty();
        match stream.read_buf(&mut request).await {
            Ok(read) if read > 0 => {}
            _ => return,
        }
        if was_empty {
            told.send(now()).unwrap();
        }
    }
    let answer = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{RUN}",
        RUN.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// The other end of a way on which bytes take a while. TCP's own handshake takes none: the kernel makes it on loopback.
async fn delayed(near: TcpStream, delay: Duration) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (far, middle) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (near_read, near_write) = near.into_split();
    let (middle_read, middle_write) = middle.unwrap().0.into_split();
    tokio::spawn(pass_on(near_read, middle_write, delay));
    tokio::spawn(pass_on(middle_read, near_write, delay));
    far.unwrap()
}

async fn pass_on(mut from: impl AsyncRead + Unpin + Send + 'static, mut to: impl AsyncWrite + Unpin, delay: Duration) {
    let (under_way, mut arriving) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut bytes = vec![0; 65_536];
        while let Ok(read @ 1..) = from.read(&mut bytes).await {
            if under_way
                .send((tokio::time::Instant::now() + delay, bytes[..read].to_vec()))
                .is_err()
            {
                return;
            }
        }
    });
    while let Some((at, bytes)) = arriving.recv().await {
        sleep_until(at).await;
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
#[ignore = "started by the benchmark, in a process that trusts its certificate"]
async fn in_a_process_of_its_own() {
    let variable = |name| std::env::var(name).unwrap();
    let (endpoint, rounds) = (variable("TEST_ENDPOINT"), variable("TEST_ROUNDS").parse().unwrap());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let connecting = reqwest::Client::builder()
        .http1_only()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .tcp_nodelay(true)
        .build()
        .unwrap();
    let url = format!("{endpoint}/applications/abc1234/experimentdefinitions/bsxyd7k/experimentruns/1/update");
    let started = Instant::now();
    for _ in 0..rounds {
        println!("go {}", now());
        let request = connecting.patch(&url).body(r#"{"ExposurePercentage":75.0}"#);
        request.send().await.unwrap().bytes().await.unwrap();
    }
    let client = client(&endpoint);
    let update = raise_to(75.0, DeploymentParameters::default());
    for _ in 0..rounds {
        let prepared = client.prepare(&region(), None).await.unwrap();
        println!("go {}", now());
        prepared
            .update_experiment_run(&ids(), &update, "pending-1")
            .await
            .unwrap();
    }
    println!("{rounds} rounds each in {:?}", started.elapsed());
}
