//! [`RateLimits`]: how fast the operator asks, per region; where one endpoint stands for several, per endpoint.
//!
//! `AppConfig`'s limits are per account and region, and shared with everything else in the account (its service quotas:
//! 100 reads and 10 updates a second), so the operator keeps well below them. Governor does the arithmetic of tokens;
//! who gets the next one is decided in [`crate::fleet`], so that one namespace with a thousand resources does not hold up
//! another with one, nor a thousand retries a raise that is due.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use tokio::{sync::Notify, time::Instant};

use super::{EndpointKey, Endpoints, Observer};
use crate::{
    api::Region,
    fleet::{Class, FairQueue, Lane, Place},
};

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateKind {
    /// One read.
    Read,
    /// One update.
    Write,
}

impl RateKind {
    /// The kind's name: `read` or `write`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// Requests a second, 0.001 to 1000. `0.2` is one request every 5 s. A burst is one second's worth, at least one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    per_second: f64,
    quota: Quota,
}

/// The lowest rate, in requests a second.
const LEAST: f64 = 0.001;
/// The highest rate, in requests a second.
const MOST: f64 = 1000.0;

/// The text or the number is no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a rate between {least} and {most} requests a second", least = LEAST, most = MOST)]
pub struct InvalidRate(String);

impl Rate {
    /// A rate of so many requests a second, 0.001 to 1000.
    ///
    /// # Errors
    /// When the number is outside these bounds.
    pub fn per_second(rate: f64) -> Result<Self, InvalidRate> {
        let invalid = || InvalidRate(rate.to_string());
        if !(LEAST..=MOST).contains(&rate) {
            return Err(invalid());
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bounded above and below"
        )]
        let burst = NonZeroU32::new(rate as u32).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(Duration::from_secs_f64(rate.recip())).ok_or_else(invalid)?;
        Ok(Self {
            per_second: rate,
            quota: quota.allow_burst(burst),
        })
    }

    /// Requests a second, 0.001 to 1000.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.per_second
    }
}

impl FromStr for Rate {
    type Err = InvalidRate;

    /// # Errors
    /// When the text is no number, or [`Rate::per_second`] refuses it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rate = text.parse().map_err(|_| InvalidRate(text.to_owned()))?;
        Self::per_second(rate)
    }
}

/// Token buckets for reads and writes of each region's endpoint. Cheap to clone.
///
/// A waiter that gives up (its future is dropped) takes no token and holds up nobody. Memory is bounded by the number
/// of waiters and of regions in use.
#[derive(Clone)]
pub struct RateLimits {
    shared: Arc<Shared>,
}

struct Shared {
    read: Rate,
    write: Rate,
    endpoints: Endpoints,
    observer: Arc<dyn Observer>,
    buckets: Mutex<HashMap<(EndpointKey, RateKind), Arc<Bucket>>>,
}

/// More buckets than this are looked through for ones that nobody needs.
const MANY_BUCKETS: usize = 64;

impl RateLimits {
    /// Full buckets.
    #[must_use]
    pub fn new(read: Rate, write: Rate, endpoints: Endpoints, observer: Arc<dyn Observer>) -> Self {
        Self {
            shared: Arc::new(Shared {
                read,
                write,
                endpoints,
                observer,
                buckets: Mutex::default(),
            }),
        }
    }

    /// Waits for a read token of the region.
    pub async fn read(&self, region: &Region, namespace: &str, class: Class) {
        self.token(region, RateKind::Read, namespace, class).await;
    }

    /// Waits for a write token of the region. A token that was granted and not used may be kept for the next try.
    pub async fn write(&self, region: &Region, namespace: &str, class: Class) {
        self.token(region, RateKind::Write, namespace, class).await;
    }

    async fn token(&self, region: &Region, kind: RateKind, namespace: &str, class: Class) {
        let started = Instant::now();
        let lane = Lane {
            class,
            namespace: namespace.to_owned(),
            region: Some(region.clone()),
        };
        self.bucket(region, kind).take(&lane).await;
        self.shared.observer.rate_wait(kind, started.elapsed());
    }

    fn bucket(&self, region: &Region, kind: RateKind) -> Arc<Bucket> {
        let mut buckets = locked(&self.shared.buckets);
        let key = (self.shared.endpoints.key(region), kind);
        if buckets.len() >= MANY_BUCKETS && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| Arc::strong_count(bucket) > 1 || !bucket.is_full());
        }
        let rate = if kind == RateKind::Read {
            self.shared.read
        } else {
            self.shared.write
        };
        Arc::clone(buckets.entry(key).or_insert_with(|| Arc::new(Bucket::new(rate))))
    }
}

impl std::fmt::Debug for RateLimits {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Shared { read, write, .. } = &*self.shared;
        formatter
            .debug_struct("RateLimits")
            .field("read", read)
            .field("write", write)
            .finish_non_exhaustive()
    }
}

struct Bucket {
    tokens: RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Duration>>,
    origin: Instant,
    rate: Rate,
    state: Mutex<Queue>,
}

/// Tokio's clock, which tests can pause, as the time since the bucket was made.
struct TokioClock {
    origin: Instant,
}

impl Clock for TokioClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }
}

#[derive(Default)]
struct Queue {
    waiters: FairQueue<Arc<Notify>>,
    last_granted: Option<Instant>,
}

/// One who waits. Its place is given up when it is dropped.
struct Waiter<'a> {
    bucket: &'a Bucket,
    place: Place,
    called: Arc<Notify>,
}

impl Bucket {
    fn new(rate: Rate) -> Self {
        let origin = Instant::now();
        Self {
            tokens: RateLimiter::direct_with_clock(rate.quota, TokioClock { origin }),
            origin,
            rate,
            state: Mutex::default(),
        }
    }

    /// Whether a bucket made anew would be the same: time enough has gone by to fill it.
    fn is_full(&self) -> bool {
        let refill = self.rate.quota.burst_size_replenished_in();
        locked(&self.state).last_granted.is_none_or(|at| at.elapsed() >= refill)
    }

    /// Each waiter waits until it is the next in turn, and then for a token. No task hands tokens out, so none can be
    /// handed to a waiter that has gone.
    async fn take(&self, lane: &Lane) {
        let called = Arc::new(Notify::new());
        let place = locked(&self.state).waiters.enter(lane, Arc::clone(&called));
        let waiter = Waiter {
            bucket: self,
            place,
            called,
        };
        loop {
            match waiter.try_take() {
                Attempt::Taken => return,
                Attempt::NotNext => waiter.called.notified().await,
                Attempt::Empty(until) => tokio::select! {
                    () = tokio::time::sleep_until(until) => {}
                    () = waiter.called.notified() => {}
                },
            }
        }
    }
}

enum Attempt {
    Taken,
    NotNext,
    Empty(Instant),
}

impl Waiter<'_> {
    fn try_take(&self) -> Attempt {
        let mut queue = locked(&self.bucket.state);
        let next = queue.waiters.next(|_| true);
        let Some(turn) = next.filter(|turn| *turn.place() == self.place) else {
            return Attempt::NotNext;
        };
        match self.bucket.tokens.check() {
            Ok(()) => {
                queue.waiters.serve(&turn);
                queue.last_granted = Some(Instant::now());
                Attempt::Taken
            }
            Err(empty) => Attempt::Empty(self.bucket.origin + empty.earliest_possible()),
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut queue = locked(&self.bucket.state);
        queue.waiters.leave(&self.place);
        let next = queue.waiters.next(|_| true);
        if let Some(called) = next.and_then(|turn| queue.waiters.get(turn.place())) {
            called.notify_one();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code that holds a lock here can leave what it guards half-changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
