//! The Lease: of several replicas, one acts.
//!
//! On the map this is beside the pass: `controller` starts it, works only while [`Leadership::holds`], and asks once more
//! just before it sends an update. Own code, because no crate replaces a Lease by `resourceVersion` and measures with
//! a clock that counts suspended time. `election` decides and is pure; `lease` talks to the API server; this page puts
//! the two in a loop.

mod election;
mod lease;

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kube::{Client, config::Kubeconfig};
use tokio::sync::watch;

use crate::{
    cli,
    clock::{BootInstant, Clock},
};
pub use election::{Claim, Known, LEASE_DURATION, Loss, Memory, RENEW_DEADLINE, RETRY_PERIOD, Record, Step, decide};
use lease::{CALL_TIMEOUT, Failure, Store};

/// Where Kubernetes tells a Pod its namespace
/// (<https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/#directly-accessing-the-rest-api>).
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// How long to wait after a conflict, so that writers who cross do not flood the API server.
const CONFLICT_PAUSE: Duration = Duration::from_millis(100);

/// Whether this process may act. Clones speak of the same Lease.
#[derive(Clone, Debug)]
pub struct Leadership(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The end of the time in which this process may act, in nanoseconds since boot; 0: it may not.
    until: AtomicU64,
    phase: watch::Sender<Phase>,
    clock: Clock,
}

/// Where the process stands. The last two are for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Leading,
    Releasing,
    Lost(Loss),
    Released,
}

/// The namespace of the Lease when nobody names one: the Pod's own, else the kubeconfig's, else one with the operator's
/// name.
#[must_use]
pub fn default_namespace() -> String {
    let of_pod = || {
        fs::read_to_string(NAMESPACE_FILE)
            .ok()
            .map(|text| text.trim().to_owned())
    };
    let of_kubeconfig = || {
        let kubeconfig = Kubeconfig::read().ok()?;
        let current = kubeconfig.current_context?;
        let context = kubeconfig
            .contexts
            .into_iter()
            .find(|context| context.name == current)?;
        context.context?.namespace
    };
    let named = |name: &String| !name.is_empty();
    of_pod()
        .filter(named)
        .or_else(|| of_kubeconfig().filter(named))
        .unwrap_or_else(|| cli::PROGRAM.to_owned())
}

/// An identity that no other process has, and no earlier one had: the host's name and a random part.
#[must_use]
pub fn identity(host_name: &str) -> String {
    format!("{host_name}_{}", uuid::Uuid::new_v4())
}

/// Starts to seek the Lease, in the background of the current runtime.
///
/// `client` must be one without kube's retry layer (`Config::default_retry`): beneath a deadline, a late second try of a
/// write is worse than an error. `identity` is that of [`identity`].
#[must_use]
pub fn start(client: Client, namespace: &str, name: &str, identity: &str) -> Leadership {
    let store = Store::new(client, namespace, name, identity);
    tracing::info!(namespace, name, identity, "seeking the Lease");
    seek(store, identity.to_owned(), BootInstant::now)
}

fn seek(store: Store, identity: String, clock: Clock) -> Leadership {
    let leadership = Leadership::new(Phase::Waiting, BootInstant::BOOT, clock);
    let (memory, known, complaint) = (Memory::default(), Known::Nothing, None);
    let campaign = Campaign {
        leadership: leadership.clone(),
        store,
        identity,
        memory,
        known,
        complaint,
    };
    tokio::spawn(campaign.run());
    leadership
}

impl Leadership {
    /// The leadership of a process that runs without a Lease: it always may act.
    #[must_use]
    pub fn always() -> Self {
        Self::new(Phase::Leading, BootInstant::NEVER, BootInstant::now)
    }

    fn new(phase: Phase, until: BootInstant, clock: Clock) -> Self {
        let (phase, until) = (watch::Sender::new(phase), AtomicU64::new(nanoseconds(until)));
        Self(Arc::new(Shared { until, phase, clock }))
    }

    /// Whether this process may act at this instant. Cheap, and right even when the process was stopped or the machine
    /// suspended just before: it compares boot time with the renew deadline.
    #[must_use]
    pub fn holds(&self) -> bool {
        (self.0.clock)() < self.acting_until()
    }

    /// The instant from which this process may not act, unless a renewal succeeds before: 10 s after the start of the
    /// last successful one. [`BootInstant::BOOT`] without a Lease.
    #[must_use]
    pub fn acting_until(&self) -> BootInstant {
        BootInstant::after_boot(match self.0.until.load(Ordering::Acquire) {
            u64::MAX => Duration::MAX,
            until => Duration::from_nanos(until),
        })
    }

    /// Waits until this process may act for the first time.
    ///
    /// # Errors
    /// When that will not come.
    pub async fn acquired(&self) -> Result<(), Loss> {
        match self.wait_for(|phase| phase != Phase::Waiting).await {
            Phase::Lost(loss) => Err(loss),
            Phase::Releasing | Phase::Released => Err(Loss::Released),
            Phase::Waiting | Phase::Leading => Ok(()),
        }
    }

    /// Waits until the Lease is lost, for good: what this process remembers may then be outdated, and it must end. It
    /// waits for ever when the Lease was released.
    pub async fn lost(&self) -> Loss {
        match self.wait_for(|phase| matches!(phase, Phase::Lost(_))).await {
            Phase::Lost(loss) => loss,
            _ => std::future::pending().await,
        }
    }

    /// Gives the Lease up, so that another replica need not wait for its end. To be called when no request to
    /// `AppConfig` is under way any more; takes at most 5 s, and [`Leadership::holds`] is false from its beginning.
    pub async fn release(&self) {
        self.0.phase.send_if_modified(|phase| {
            let open = matches!(phase, Phase::Waiting | Phase::Leading);
            if open {
                let always = self.0.until.swap(0, Ordering::AcqRel) == u64::MAX;
                *phase = if always { Phase::Released } else { Phase::Releasing };
            }
            open
        });
        self.wait_for(|phase| matches!(phase, Phase::Lost(_) | Phase::Released))
            .await;
    }

    async fn wait_for(&self, reached: impl Fn(Phase) -> bool) -> Phase {
        let mut phase = self.0.phase.subscribe();
        let reached = phase.wait_for(|phase| reached(*phase)).await;
        // The sender lives as long as `self`, so there is no error.
        reached.map_or(Phase::Lost(Loss::Abandoned), |phase| *phase)
    }

    /// Publishes a successful renewal, unless the Lease is about to be released. The phase is locked meanwhile.
    fn renewed(&self, until: BootInstant) {
        self.0.phase.send_if_modified(|phase| {
            if matches!(phase, Phase::Waiting | Phase::Leading) {
                self.0.until.store(nanoseconds(until), Ordering::Release);
            }
            let first = *phase == Phase::Waiting;
            if first {
                *phase = Phase::Leading;
            }
            first
        });
    }

    /// Publishes the end.
    fn end(&self, last: Phase) {
        self.0.phase.send_if_modified(|phase| {
            self.0.until.store(0, Ordering::Release);
            let open = !matches!(phase, Phase::Lost(_) | Phase::Released);
            if open {
                *phase = last;
            }
            open
        });
    }
}

/// Nanoseconds since boot: 584 years of them.
fn nanoseconds(instant: BootInstant) -> u64 {
    u64::try_from(instant.since_boot().as_nanos()).unwrap_or(u64::MAX)
}

/// The loop that seeks and then keeps the Lease.
struct Campaign {
    leadership: Leadership,
    store: Store,
    identity: String,
    memory: Memory,
    known: Known,
    /// The failure that was logged and still holds: a failure is told once, not with every try.
    complaint: Option<String>,
}

impl Drop for Campaign {
    /// Nobody renews any longer, be it that a panic ended the loop.
    fn drop(&mut self) {
        self.leadership.end(Phase::Lost(Loss::Abandoned));
    }
}

impl Campaign {
    async fn run(mut self) {
        let leadership = self.leadership.clone();
        let end = tokio::select! {
            biased;
            _ = leadership.wait_for(|phase| phase == Phase::Releasing) => None,
            loss = self.contest() => Some(loss),
        };
        if let Some(loss) = end {
            tracing::error!(reason = %loss, "the Lease is lost");
            leadership.end(Phase::Lost(loss));
        } else {
            self.give_up().await;
            leadership.end(Phase::Released);
        }
    }

    /// Decides and acts until a term is over.
    async fn contest(&mut self) -> Loss {
        loop {
            let started = (self.leadership.0.clock)();
            let (step, memory) = decide(&self.identity, &self.known, &self.memory, started);
            self.memory = memory;
            match step {
                Step::Read => {
                    let limit = self.limit(started);
                    match self.store.read(limit).await {
                        Ok(known) => {
                            self.recovered();
                            self.known = known;
                        }
                        Err(failure) => self.failed(failure, started).await,
                    }
                }
                Step::Write(claim) => self.write(&claim, started).await,
                Step::Wait => {
                    self.known = Known::Nothing;
                    // Replicas that were started together should not ask together for ever.
                    self.pause(started, RETRY_PERIOD.mul_f64(1.0 + 0.2 * fastrand::f64()))
                        .await;
                }
                Step::End(loss) => return loss,
            }
        }
    }

    async fn write(&mut self, claim: &Claim, started: BootInstant) {
        let limit = self.limit(started);
        match self.store.claim(claim, limit).await {
            Ok(known) => {
                self.recovered();
                self.known = known;
                let first = self.memory.acts_until().is_none();
                self.memory = std::mem::take(&mut self.memory).renewed_at(started);
                self.leadership.renewed(started + RENEW_DEADLINE);
                if first {
                    tracing::info!(identity = self.identity, "holding the Lease");
                }
                self.pause(started, RETRY_PERIOD).await;
            }
            Err(failure) => self.failed(failure, started).await,
        }
    }

    /// What was known is no longer certain. A conflict says that there is news, so it is read soon.
    async fn failed(&mut self, failure: Failure, started: BootInstant) {
        self.known = Known::Nothing;
        let reason = match failure {
            Failure::Conflict => return self.pause((self.leadership.0.clock)(), CONFLICT_PAUSE).await,
            Failure::Refused(_, reason) | Failure::Unknown(reason) => reason,
        };
        if self.complaint.as_ref() != Some(&reason) {
            tracing::warn!(reason, "the Lease can't be read or written; trying again");
            self.complaint = Some(reason);
        }
        self.pause(started, RETRY_PERIOD).await;
    }

    fn recovered(&mut self) {
        if self.complaint.take().is_some() {
            tracing::info!("the Lease can be read and written again");
        }
    }

    /// Sleeps until so long after `started`, but not beyond the end of the term.
    async fn pause(&self, started: BootInstant, period: Duration) {
        let until = self
            .memory
            .acts_until()
            .map_or(started + period, |deadline| deadline.min(started + period));
        tokio::time::sleep(until - (self.leadership.0.clock)()).await;
    }

    /// How long a call that starts now may take: no longer than the term.
    fn limit(&self, started: BootInstant) -> Duration {
        self.memory
            .acts_until()
            .map_or(CALL_TIMEOUT, |deadline| CALL_TIMEOUT.min(deadline - started))
    }

    /// Clears the Lease if it is this process's. Whatever goes wrong, the others only have to wait for its end.
    async fn give_up(&mut self) {
        let clearing = async {
            loop {
                match self.store.read(CALL_TIMEOUT).await? {
                    Known::Present(record) if record.holder.as_deref() == Some(&self.identity) => {}
                    _ => return Ok(false),
                }
                match self.store.clear(CALL_TIMEOUT).await {
                    // A renewal that was under way came in between.
                    Err(Failure::Conflict) => {}
                    cleared => return cleared.map(|_| true),
                }
            }
        };
        match tokio::time::timeout(CALL_TIMEOUT, clearing).await {
            Ok(Ok(true)) => tracing::info!("the Lease is released"),
            Ok(Ok(false)) => {}
            Ok(Err(Failure::Refused(_, reason) | Failure::Unknown(reason))) => {
                tracing::warn!(reason, "the Lease could not be released; it will expire");
            }
            Ok(Err(Failure::Conflict)) | Err(_) => tracing::warn!("the Lease could not be released; it will expire"),
        }
    }
}

#[cfg(test)]
mod tests;
