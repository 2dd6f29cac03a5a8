//! What a pass costs among 1,000 resources: requests, bytes, CPU time, memory. It is printed, and judged by a person, who
//! compares two builds: see `make figures`.

use std::time::Duration;

use control_plane::proxy::Proxy;
use harness::{Operator, Scene, is_ready, proxy};
use serde_json::{Value, json};
use tokio::time::sleep;

const RESOURCES: usize = 1_000;
/// How many of them are raised once.
const RAISED: usize = 300;
/// How many passes with nothing to do are measured.
const IDLE: u32 = 2_000;

/// What had been used up at one moment.
#[derive(Clone, Copy, Default)]
struct Used {
    passes: u32,
    appconfig: u32,
    kubernetes: u32,
    bytes: usize,
    cpu: Duration,
}

impl Used {
    async fn by_now(scene: &Scene, proxy: &Proxy, operator: &Operator) -> Self {
        let count = |length: usize| u32::try_from(length).unwrap();
        let (asked, written) = (scene.emulator.requests(), proxy.requests());
        let body = |body: &Value| if body.is_null() { 0 } else { body.to_string().len() };
        Self {
            passes: operator.passes().await,
            appconfig: count(asked.len()),
            kubernetes: count(written.len()),
            bytes: asked.iter().map(|request| body(&request.body)).sum::<usize>()
                + written.iter().map(|request| request.length).sum::<usize>(),
            cpu: operator.cpu(),
        }
    }

    /// What was used since, by the same process.
    fn since(self, before: Self) -> Self {
        Self {
            passes: self.passes - before.passes,
            appconfig: self.appconfig - before.appconfig,
            kubernetes: self.kubernetes - before.kubernetes,
            bytes: self.bytes - before.bytes,
            cpu: self.cpu.saturating_sub(before.cpu),
        }
    }
}

fn print(columns: &[(&str, Used)]) {
    let row = |name: &str, cell: &dyn Fn(&Used) -> String| {
        let cells: Vec<String> = columns.iter().map(|(_, used)| format!("{:>12}", cell(used))).collect();
        println!("{name:32}{}", cells.join(""));
    };
    let each = |used: &Used, of: u32| format!("{:.2}", f64::from(of) / f64::from(used.passes));
    let heads: Vec<String> = columns.iter().map(|(name, _)| format!("{name:>12}")).collect();
    println!("{:32}{}", format!("{RESOURCES} resources"), heads.join(""));
    row("passes", &|used| used.passes.to_string());
    row("requests to AppConfig, a pass", &|used| each(used, used.appconfig));
    row("requests to Kubernetes, a pass", &|used| each(used, used.kubernetes));
    row("bytes written, a pass", &|used| {
        (used.bytes / usize::try_from(used.passes).unwrap()).to_string()
    });
    row("CPU time, a pass, in ms", &|used| {
        format!("{:.2}", used.cpu.as_secs_f64() * 1000.0 / f64::from(used.passes))
    });
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, of a release build: make figures"]
async fn what_a_pass_costs_among_1000_resources() {
    let (scene, proxy) = (Scene::new().await, proxy());
    scene.apply_many(RESOURCES).await;
    let flags = scene
        .flags()
        .with("--read-rate=100")
        .with("--write-rate=50")
        .with("--log-level=info")
        .through(&proxy);

    let mut operator = Operator::start(&flags.clone().with("--resync-interval=24h"));
    for number in 0..RESOURCES {
        scene.wait(&Scene::definition(number), "ready", is_ready).await;
    }
    let adopted = Used::by_now(&scene, &proxy, &operator).await;
    let after_first = operator.resident();

    for number in 0..RAISED {
        let raise = json!({ "spec": { "exposurePercentage": 25 } });
        scene.patch(&Scene::definition(number), &raise).await;
    }
    for number in 0..RAISED {
        scene.wait(&Scene::definition(number), "raised", is_ready).await;
    }
    let raised = Used::by_now(&scene, &proxy, &operator).await;
    assert_eq!(operator.stop().await.code(), Some(0));

    let operator = Operator::start(&flags.with("--resync-interval=20s"));
    operator.logged("acts from now on").await;
    let after_restart = operator.resident();
    let before = Used::by_now(&scene, &proxy, &operator).await;
    // Not more often: to tell the passes costs the process CPU time too.
    while operator.passes().await < before.passes + IDLE {
        sleep(Duration::from_secs(2)).await;
    }
    let idle = Used::by_now(&scene, &proxy, &operator).await;

    print(&[
        ("first pass", adopted),
        ("update", raised.since(adopted)),
        ("idle resync", idle.since(before)),
    ]);
    let at_rest = operator.resident();
    println!("KiB resident: {after_first} after the first passes, {after_restart} after a restart, {at_rest} at rest");
}
