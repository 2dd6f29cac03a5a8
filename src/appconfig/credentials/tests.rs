#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::UNIX_EPOCH,
};

use aws_credential_types::provider::future;
use futures::future::join_all;

use super::*;

const HOUR: Duration = Duration::from_hours(1);

/// Answers after 100 ms: credentials named after the call, or an error while `broken`.
#[derive(Debug)]
struct Provider {
    calls: AtomicUsize,
    life: Option<Duration>,
    broken: Mutex<bool>,
    origin: Instant,
    delay: Duration,
}

impl Provider {
    fn new(life: Option<Duration>) -> Arc<Self> {
        let (calls, broken, delay) = (AtomicUsize::new(0), Mutex::new(false), Duration::from_millis(100));
        Arc::new(Self {
            calls,
            life,
            broken,
            origin: Instant::now(),
            delay,
        })
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn break_down(&self, broken: bool) {
        *self.broken.lock().unwrap() = broken;
    }

    fn cache(self: &Arc<Self>) -> CredentialsCache {
        let origin = self.origin;
        let provider = SharedCredentialsProvider::new(Shared(Arc::clone(self)));
        CredentialsCache::with_clock(provider, Box::new(move || UNIX_EPOCH + origin.elapsed()))
    }
}

#[derive(Debug)]
struct Shared(Arc<Provider>);

impl ProvideCredentials for Shared {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let call = self.0.calls.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::time::sleep(self.0.delay).await;
            if *self.0.broken.lock().unwrap() {
                return Err(CredentialsError::provider_error("STS is away"));
            }
            let expiry = self.0.life.map(|life| UNIX_EPOCH + self.0.origin.elapsed() + life);
            Ok(Credentials::new(format!("AKID{call}"), "canary", None, expiry, "test"))
        })
    }
}

async fn key(cache: &CredentialsCache) -> String {
    cache
        .valid_for(Duration::ZERO)
        .await
        .unwrap()
        .credentials
        .access_key_id()
        .to_owned()
}

#[tokio::test(start_paused = true)]
async fn many_waiters_make_one_call() {
    let provider = Provider::new(Some(HOUR));
    let cache = provider.cache();
    let keys = join_all((0..100).map(|_| key(&cache))).await;
    assert!(keys.iter().all(|key| key == "AKID1"));
    assert_eq!(provider.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_gives_up_does_not_end_the_renewal_of_the_others() {
    let provider = Provider::new(Some(HOUR));
    let cache = provider.cache();
    let impatient = tokio::time::timeout(Duration::from_millis(10), key(&cache));
    let (first, second) = tokio::join!(impatient, key(&cache));
    assert!(first.is_err());
    assert_eq!(second, "AKID1");
    assert_eq!(provider.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn credentials_are_renewed_five_minutes_before_they_expire_and_nobody_waits_for_it() {
    let provider = Provider::new(Some(HOUR));
    let cache = provider.cache();
    assert_eq!(key(&cache).await, "AKID1");
    tokio::time::advance(Duration::from_secs(55 * 60 - 1)).await;
    assert_eq!(key(&cache).await, "AKID1");
    assert_eq!(provider.calls(), 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    let before = Instant::now();
    let keys = join_all((0..100).map(|_| key(&cache))).await;
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert!(keys.iter().all(|key| key == "AKID1"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(key(&cache).await, "AKID2");
    assert_eq!(provider.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn expired_credentials_are_never_used() {
    let provider = Provider::new(Some(HOUR));
    let cache = provider.cache();
    assert_eq!(key(&cache).await, "AKID1");
    tokio::time::advance(HOUR).await;
    assert_eq!(key(&cache).await, "AKID2");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_live_long_enough_for_an_update_is_renewed_first() {
    let provider = Provider::new(Some(HOUR));
    let cache = provider.cache();
    assert_eq!(key(&cache).await, "AKID1");
    tokio::time::advance(Duration::from_secs(59 * 60 + 30)).await;
    let held = cache.valid_for(Duration::from_mins(1)).await.unwrap();
    assert_eq!(held.credentials.access_key_id(), "AKID2");
}

#[tokio::test(start_paused = true)]
async fn a_failed_renewal_goes_unnoticed_while_the_old_credentials_are_valid() {
    let provider = Provider::new(Some(HOUR));
    let cache = provider.cache();
    assert_eq!(key(&cache).await, "AKID1");
    provider.break_down(true);
    tokio::time::advance(Duration::from_mins(55)).await;
    for _ in 0..240 {
        assert_eq!(key(&cache).await, "AKID1");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(
        (5..=15).contains(&provider.calls()),
        "{} calls in 4 minutes",
        provider.calls()
    );
    provider.break_down(false);
    tokio::time::sleep(LONGEST_PAUSE).await;
    key(&cache).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_ne!(key(&cache).await, "AKID1");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_to_all_and_the_provider_left_alone_for_a_while() {
    let provider = Provider::new(None);
    provider.break_down(true);
    let cache = provider.cache();
    for _ in 0..3 {
        let errors = join_all((0..16).map(|_| cache.valid_for(Duration::ZERO))).await;
        assert!(
            errors
                .iter()
                .all(|error| error.as_ref().is_err_and(|error| error.0.contains("STS is away")))
        );
    }
    assert_eq!(provider.calls(), 1);
    provider.break_down(false);
    tokio::time::advance(FIRST_PAUSE).await;
    assert_eq!(key(&cache).await, "AKID2");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_does_not_answer_is_given_up() {
    let provider = Arc::new(Provider {
        delay: HOUR,
        ..Arc::into_inner(Provider::new(None)).unwrap()
    });
    let cache = provider.cache();
    let before = Instant::now();
    let error = cache.valid_for(Duration::ZERO).await.unwrap_err();
    assert_eq!(error.0, "the credential provider did not answer within 10 s");
    assert_eq!(before.elapsed(), PROVIDER_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_dropped_once_for_all_who_used_them() {
    let provider = Provider::new(None);
    let cache = provider.cache();
    let first = cache.valid_for(Duration::ZERO).await.unwrap();
    assert!(cache.refused(&first));
    let second = cache.valid_for(Duration::ZERO).await.unwrap();
    assert!(
        cache.refused(&first),
        "another one that used the first has new ones to try"
    );
    assert_eq!(key(&cache).await, "AKID2");
    assert!(
        !cache.refused(&second),
        "new ones that are refused too are not a matter of age"
    );
    assert_eq!(key(&cache).await, "AKID2");
    tokio::time::advance(DROP_AGAIN_AFTER).await;
    assert!(cache.refused(&second));
    assert_eq!(key(&cache).await, "AKID3");
}

#[tokio::test(start_paused = true)]
async fn credentials_without_an_expiry_are_kept() {
    let provider = Provider::new(None);
    let cache = provider.cache();
    key(&cache).await;
    tokio::time::advance(HOUR * 1000).await;
    assert_eq!(key(&cache).await, "AKID1");
}

#[tokio::test(start_paused = true)]
async fn credentials_that_come_expired_are_an_error() {
    let cache = Provider::new(Some(Duration::ZERO)).cache();
    assert!(cache.valid_for(Duration::ZERO).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_printed() {
    let cache = Provider::new(None).cache();
    let held = cache.valid_for(Duration::ZERO).await.unwrap();
    assert!(!format!("{cache:?} {held:?}").contains("canary"));
}
