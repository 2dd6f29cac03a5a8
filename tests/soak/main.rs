//! `make soak MINUTES=n SEED=s`: an operator with 200 resources whose specs change, while everything around it goes wrong.
//!
//! It goes in rounds. In each, users ask for this and that ([`users`]) while faults of both sides come and go
//! ([`weather`]), as the seed has it; then the faults end, everything has to come to rest, and the checker judges what
//! happened. What was judged is forgotten, so a soak can last. In the first half, processes are killed and ended and others
//! started; in the second half one goes on to the end, and its memory, descriptors and threads must not grow ([`figures`]).
//! The seed fixes what is done and in which order, and not how long the machine takes for it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod figures;
mod users;
mod weather;

use std::time::Duration;

use appconfig_emulator::Settings;
use appconfig_experiment_operator::api::ExperimentRun;
use control_plane::proxy::Proxy;
use fastrand::Rng;
use futures::{StreamExt, stream};
use harness::{Flags, Operator, Scene, condition, condition_status, is_ready, proxy};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep};

use figures::{Figures, Sample};
use users::Users;
use weather::Weather;

const RESOURCES: usize = 200;

/// How long users and faults go on in a round.
const STORM: Duration = Duration::from_secs(90);

/// How long something is awaited that P12 promises within ten minutes, on a machine that is busy.
const REST: Duration = Duration::from_mins(13);

/// How long nothing has to happen before what was judged is forgotten: longer than a request lives.
const STILL: SignedDuration = SignedDuration::from_secs(12);

/// How often a run that is at rest is read.
const RESYNC: SignedDuration = SignedDuration::from_secs(60);

/// Updates and reads a second: as much as a busy machine can do.
const RATES: (u32, u32) = (20, 100);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "lasts as long as one wants: make soak MINUTES=n SEED=s"]
async fn soak() {
    let minutes = of_environment("MINUTES", 2);
    let seed = of_environment("SEED", 1);
    let lasts = Duration::from_secs(60 * minutes);
    let (scene, proxy) = (Scene::new().await, proxy());
    let mut soak = Soak::prepare(&scene, &proxy, seed).await;
    let began = Instant::now();
    let mut round = 0;
    while began.elapsed() < lasts || round < 2 {
        round += 1;
        let restarts = round == 1 || began.elapsed() < lasts / 2;
        soak.storm(restarts).await;
        soak.calm().await;
        soak.judge(round, restarts);
        soak.forget().await;
    }
    soak.figures.conclude(minutes, seed, round);
}

fn of_environment(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).unwrap_or_default();
    if text.is_empty() {
        default
    } else {
        text.parse().expect("a whole number")
    }
}

struct Soak<'a> {
    scene: &'a Scene,
    proxy: &'a Proxy,
    random: Rng,
    users: Users,
    weather: Weather,
    operator: Operator,
    figures: Figures,
}

impl<'a> Soak<'a> {
    /// Makes the runs and resources, and waits until all are adopted.
    async fn prepare(scene: &'a Scene, proxy: &'a Proxy, seed: u64) -> Self {
        scene.circumstances(|context| {
            (context.write_rate, context.read_rate) = (RATES.0.into(), RATES.1.into());
            context.resync_interval = RESYNC;
            context.is_final = true;
        });
        let random = Rng::with_seed(seed);
        let soak = Self {
            scene,
            proxy,
            users: Users::prepare(scene, RESOURCES, Rng::with_seed(seed ^ 1)).await,
            weather: Weather::new(Rng::with_seed(seed ^ 2)),
            operator: Operator::start(&flags(scene, proxy)),
            random,
            figures: Figures::default(),
        };
        soak.operator.logged("this process acts from now on").await;
        soak.at_rest(is_settled).await;
        soak
    }

    /// Users and faults, and restarts where they are wanted.
    async fn storm(&mut self, restarts: bool) {
        let until = Instant::now() + STORM;
        while Instant::now() < until {
            self.users.act(self.scene).await;
            self.weather.change(self.scene, self.proxy);
            if restarts && self.random.u32(..100) < 2 {
                self.restart().await;
            }
            sleep(Duration::from_millis(self.random.u64(20..200))).await;
        }
        self.weather.clear_up(self.scene, self.proxy);
        self.scene.emulator.set_settings(Settings::default()).unwrap();
        self.scene
            .circumstances(|context| context.faults_ended_at = Some(Timestamp::now()));
    }

    async fn restart(&mut self) {
        if self.random.bool() {
            self.operator.kill().await;
        } else {
            self.operator.stop().await;
        }
        self.operator = Operator::start(&flags(self.scene, self.proxy));
        self.figures.restarts += 1;
        self.figures.samples.clear();
    }

    /// Waits until everything has settled by itself, and then once more upon a read of every run.
    async fn calm(&mut self) {
        let began = Instant::now();
        self.at_rest(is_settled).await;
        self.figures.slowest_rest = self.figures.slowest_rest.max(began.elapsed());
        let passes = stream::iter(self.users.names()).map(|name| self.scene.pass(name));
        passes.buffer_unordered(16).for_each(async |_| ()).await;
        self.at_rest(is_settled).await;
    }

    /// Waits until all resources are so, as the watch has told.
    async fn at_rest(&self, is: impl Fn(&ExperimentRun) -> bool) {
        let deadline = Instant::now() + REST;
        let other = |name: &&&str| !self.scene.newest(name).is_some_and(|run| is(&run));
        let names = self.users.names();
        let mut last = None;
        loop {
            // The one that was not so a moment ago is most likely not so now: the others need not be looked at.
            last = last.into_iter().chain(&names).find(other);
            let Some(name) = last else { return };
            if Instant::now() > deadline {
                self.scene.judge();
                panic!("{name} does not come to rest: {:#?}", self.scene.newest(name));
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    fn judge(&mut self, round: u64, restarts: bool) {
        self.scene.judge();
        let history = self.scene.history();
        self.figures.requests += history.requests.len();
        self.figures.updates += self.scene.updates().len();
        self.figures.versions += history.versions.len();
        self.figures.faults = self.weather.met;
        self.figures.rules = self.weather.rules;
        let sample = Sample::of(&self.operator);
        let how = if restarts { " with restarts" } else { "" };
        println!(
            "round {round}{how}: {sample}; {} requests so far",
            self.figures.requests
        );
        self.figures.samples.push(sample);
    }

    /// Forgets what was judged, once nothing has happened for a while.
    async fn forget(&self) {
        let deadline = Instant::now() + REST;
        loop {
            let still = Timestamp::now() - STILL;
            let history = self.scene.history();
            let updated = self.scene.updates().iter().any(|update| update.arrived_at > still);
            if !updated && history.versions.iter().all(|version| version.seen_at < still) {
                self.scene.forget_before(Timestamp::now() - STILL / 2);
                return;
            }
            assert!(Instant::now() < deadline, "there is always something going on");
            sleep(Duration::from_secs(1)).await;
        }
    }
}

fn flags(scene: &Scene, proxy: &Proxy) -> Flags {
    let flags = scene.flags().through(proxy).with("--log-level=info");
    flags
        .with(&format!("--write-rate={}", RATES.0))
        .with(&format!("--read-rate={}", RATES.1))
        .with(&format!("--resync-interval={}s", RESYNC.as_secs()))
}

fn is_settled(run: &ExperimentRun) -> bool {
    let status = run.status.as_ref();
    let observed = status.and_then(|status| status.observed_generation);
    observed == run.metadata.generation
        && status.is_some_and(|status| status.pending_update.is_none())
        && condition(run, "Reconciling").is_none()
        && (is_ready(run) || condition_status(run, "Stalled") == Some("True"))
}
