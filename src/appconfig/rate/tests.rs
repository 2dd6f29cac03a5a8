#![allow(clippy::unwrap_used, reason = "tests")]

use futures::{FutureExt, future::join_all};

use super::*;
use crate::{appconfig::Unobserved, run::Operation};

fn limits(read: f64, write: f64) -> RateLimits {
    limits_at(None, read, write)
}

fn limits_at(endpoint: Option<&str>, read: f64, write: f64) -> RateLimits {
    RateLimits::new(
        Rate::per_second(read).unwrap(),
        Rate::per_second(write).unwrap(),
        Endpoints::parse(endpoint, false, false, false).unwrap(),
        Arc::new(Unobserved),
    )
}

fn region() -> Region {
    "eu-west-1".parse().unwrap()
}

#[test]
fn only_sensible_numbers_are_rates() {
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 0.000_1, 1001.0] {
        assert!(Rate::per_second(rate).is_err(), "{rate}");
    }
    assert_eq!(
        Rate::per_second(-1.0).unwrap_err().to_string(),
        "-1 is not a rate between 0.001 and 1000 requests a second"
    );
    for text in ["", "0", "-1", "NaN", "inf", "fast", "1e-9", "1000.1", "5000"] {
        let refused = text.parse::<Rate>().unwrap_err().to_string();
        assert!(
            refused.ends_with("between 0.001 and 1000 requests a second"),
            "{refused}"
        );
    }
    for (text, rate) in [("0.001", 0.001), ("0.5", 0.5), ("20", 20.0), ("1e3", 1000.0)] {
        assert_eq!((text, text.parse::<Rate>().unwrap().get()), (text, rate));
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_s_worth_goes_at_once_and_the_rest_at_the_rate() {
    let limits = limits(20.0, 5.0);
    let started = Instant::now();
    for _ in 0..20 {
        limits.read(&region(), "a", Class::Change).await;
    }
    assert_eq!(started.elapsed(), Duration::ZERO);
    for _ in 0..20 {
        limits.read(&region(), "a", Class::Change).await;
    }
    let elapsed = started.elapsed().as_secs_f64();
    assert!((0.99..1.05).contains(&elapsed), "{elapsed}");
}

#[tokio::test(start_paused = true)]
async fn a_fraction_is_one_request_in_several_seconds() {
    let limits = limits(20.0, 0.2);
    let started = Instant::now();
    limits.write(&region(), "a", Class::Change).await;
    assert_eq!(started.elapsed(), Duration::ZERO);
    limits.write(&region(), "a", Class::Change).await;
    let elapsed = started.elapsed().as_secs_f64();
    assert!((5.0..5.01).contains(&elapsed), "{elapsed}");
}

#[tokio::test(start_paused = true)]
async fn regions_with_one_endpoint_share_its_limits() {
    let limits = limits_at(Some("https://appconfig.example/"), 1.0, 1.0);
    let other = "us-east-1".parse().unwrap();
    limits.read(&region(), "a", Class::Change).await;
    assert!(limits.read(&other, "a", Class::Change).now_or_never().is_none());
    limits.write(&other, "a", Class::Change).await;
    assert!(limits.write(&region(), "a", Class::Change).now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn regions_and_kinds_have_buckets_of_their_own() {
    let limits = limits(1.0, 1.0);
    let other = "us-east-1".parse().unwrap();
    let started = Instant::now();
    limits.read(&region(), "a", Class::Change).await;
    limits.write(&region(), "a", Class::Change).await;
    limits.read(&other, "a", Class::Change).await;
    limits.write(&other, "a", Class::Change).await;
    assert_eq!(started.elapsed(), Duration::ZERO);
}

/// The order in which waiters that came in this order are served.
async fn served(limits: &RateLimits, waiters: &[(&'static str, Class)]) -> Vec<usize> {
    let order = Mutex::new(Vec::new());
    join_all(waiters.iter().enumerate().map(async |(index, (namespace, class))| {
        limits.read(&region(), namespace, *class).await;
        order.lock().unwrap().push(index);
    }))
    .await;
    order.into_inner().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_resync_gets_its_turns_amid_changes_and_namespaces_take_turns() {
    let limits = limits(1.0, 1.0);
    limits.read(&region(), "z", Class::Change).await;
    let (change, resync) = (Class::Change, Class::Resync);
    let waiters = [
        ("a", resync),
        ("b", resync),
        ("a", change),
        ("a", change),
        ("a", change),
        ("b", change),
        ("c", change),
    ];
    assert_eq!(served(&limits, &waiters).await, [2, 0, 5, 6, 3, 1, 4]);
}

#[tokio::test(start_paused = true)]
async fn writes_go_round_robin_over_namespaces() {
    let limits = limits(1.0, 1.0);
    limits.write(&region(), "z", Class::Change).await;
    let order = Mutex::new(Vec::new());
    join_all(["a", "a", "a", "b"].map(async |namespace| {
        limits.write(&region(), namespace, Class::Change).await;
        order.lock().unwrap().push(namespace);
    }))
    .await;
    assert_eq!(order.into_inner().unwrap(), ["a", "b", "a", "a"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_comes_later_gets_the_token_that_a_resync_waits_for() {
    let (limits, region) = (limits(1.0, 1.0), region());
    limits.read(&region, "a", Class::Change).await;
    let mut resync = Box::pin(limits.read(&region, "a", Class::Resync));
    assert!(resync.as_mut().now_or_never().is_none());
    tokio::time::advance(Duration::from_millis(500)).await;
    let started = Instant::now();
    tokio::select! {
        biased;
        () = &mut resync => panic!("the resync went first"),
        () = limits.read(&region, "b", Class::Change) => {}
    }
    assert!(started.elapsed() <= Duration::from_millis(510));
    resync.await;
    assert!(started.elapsed() >= Duration::from_millis(1500));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_gives_up_takes_no_token_and_holds_up_nobody() {
    let (limits, region) = (limits(1.0, 1.0), region());
    limits.read(&region, "a", Class::Change).await;
    let started = Instant::now();
    let mut first = Box::pin(limits.read(&region, "a", Class::Change));
    let mut second = Box::pin(limits.read(&region, "a", Class::Change));
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    // The token is there, the first waiter was woken for it, and goes without looking.
    tokio::time::advance(Duration::from_secs(1)).await;
    drop(first);
    second.await;
    assert!(
        started.elapsed() <= Duration::from_millis(1010),
        "{:?}",
        started.elapsed()
    );
    let bucket = limits.bucket(&region, RateKind::Read);
    assert!(locked(&bucket.state).waiters.is_empty());
}

#[tokio::test(start_paused = true)]
async fn regions_that_nobody_uses_are_forgotten() {
    let limits = limits(20.0, 5.0);
    for index in 0..1000 {
        limits
            .read(&format!("nowhere-{index}").parse().unwrap(), "a", Class::Change)
            .await;
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    assert!(locked(&limits.shared.buckets).len() <= MANY_BUCKETS);
}

struct Waits(Mutex<Vec<(RateKind, Duration)>>);

impl Observer for Waits {
    fn request(&self, _: Operation, _: &'static str, _: Duration) {}

    fn rate_wait(&self, kind: RateKind, duration: Duration) {
        self.0.lock().unwrap().push((kind, duration));
    }
}

#[tokio::test(start_paused = true)]
async fn each_wait_is_told_once() {
    let waits = Arc::new(Waits(Mutex::default()));
    let (read, write) = (Rate::per_second(20.0).unwrap(), Rate::per_second(1.0).unwrap());
    let aws = Endpoints::parse(None, false, false, false).unwrap();
    let limits = RateLimits::new(read, write, aws, Arc::clone(&waits) as Arc<dyn Observer>);
    limits.write(&region(), "a", Class::Change).await;
    limits.write(&region(), "a", Class::Change).await;
    let waits = waits.0.lock().unwrap();
    assert_eq!(waits.len(), 2);
    assert_eq!(waits[0], (RateKind::Write, Duration::ZERO));
    assert!(waits[1].1 >= Duration::from_secs(1));
}
