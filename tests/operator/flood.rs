//! Anybody who reaches the port of metrics and probes, with as many connections as they like.

use std::time::Duration;

use harness::{ACTS, Operator, Scene, is_ready};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

const CONNECTIONS: usize = 1_000;
const FLOOD: Duration = Duration::from_mins(1);
/// How long a kubelet waits for a probe's answer.
const PROBE: Duration = Duration::from_secs(3);
const FILE_DESCRIPTORS: u64 = 256;
/// How much more memory all of it may take, in KiB: so many connections alone took 400 MiB.
const MEMORY: u64 = 32 * 1024;
/// How long whoever was thrown out waits before connecting again.
const AGAIN: Duration = Duration::from_millis(500);

/// One of them: opens a connection, sends no complete request until it is closed, and begins anew.
async fn bother(address: String, number: usize) {
    loop {
        // Refused while there are too many that nobody has accepted yet.
        if let Ok(mut connection) = TcpStream::connect(&address).await {
            let _ = match number % 3 {
                0 => Ok(()),
                1 => connection.write_all(b"GET /metrics HTTP/1.1\r\nhost: a\r\n").await,
                _ => {
                    let head = ["GET / HTTP/1.1\r\na: ", &"b".repeat(400_000)].concat();
                    connection.write_all(head.as_bytes()).await
                }
            };
            let _ = connection.read(&mut [0; 1]).await;
        }
        sleep(AGAIN).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_1000_connections_reopened_for_a_minute_keep_nobody_from_probing_nor_a_raise_from_leaving() {
    let scene = Scene::new().await;
    let operator = Operator::start(&scene.flags().with("--log-level=info"));
    operator.logged(ACTS).await;
    operator.limit_file_descriptors(FILE_DESCRIPTORS);
    let address = operator.http().await.replace("http://", "");
    let before = operator.resident();
    let mut flood = JoinSet::new();
    for number in 0..CONNECTIONS {
        flood.spawn(bother(address.clone(), number));
    }
    let began = Instant::now();
    let (mut slowest, mut memory, mut descriptors, mut probes) = (Duration::ZERO, 0, 0, 0_u32);
    while began.elapsed() < FLOOD {
        let asked = Instant::now();
        let answer = timeout(PROBE, operator.get("/livez")).await;
        assert_eq!(answer.expect("an answer in time").0, 200);
        slowest = slowest.max(asked.elapsed());
        memory = memory.max(operator.resident());
        descriptors = descriptors.max(operator.descriptors());
        probes += 1;
        if probes.is_multiple_of(10) {
            scene
                .apply("run", &json!({ "exposurePercentage": f64::from(probes) / 10.0 }))
                .await;
            scene.wait("run", "ready", is_ready).await;
        }
        sleep(Duration::from_millis(200)).await;
    }
    println!(
        "{probes} probes beside {CONNECTIONS} connections: the slowest was answered after {slowest:.2?}; {} KiB more memory, \
         {descriptors} file descriptors",
        memory.saturating_sub(before)
    );
    assert!(memory.saturating_sub(before) < MEMORY);
    assert!(descriptors < 128, "most are left for AppConfig and the API server");
    assert!(scene.committed() >= 3, "raises left meanwhile");
    drop(flood);
    scene.judge();
}
