//! The Lease: of several replicas, one acts.
//!
//! On the map this is beside the pass: `controller` starts it, works only while [`Leadership::holds`], and asks once more
//! just before it sends an update. Own code, because no crate replaces a Lease by `resourceVersion` and measures with
//! a clock that counts suspended time. `election` decides and is pure; `lease` talks to the API server; `elector`
//! puts the two in a loop.

mod election;
mod elector;
mod lease;
mod published;

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
pub use election::{
    ElectionState, ElectionStep, LEASE_DURATION, LeadershipLost, LeaseRecord, LeaseWrite, ObservedLease,
    RENEW_DEADLINE, RETRY_PERIOD, decide,
};
use elector::LeaderElector;
use lease::Store;
pub use published::{Publish, Published};

/// Where Kubernetes tells a Pod its namespace
/// (<https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/#directly-accessing-the-rest-api>).
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

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
    /// It does not seek the Lease.
    Idle,
    Waiting,
    Leading,
    /// It gives the Lease up, and may seek it again.
    Resigning,
    Releasing,
    Lost(LeadershipLost),
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

/// Prepares to seek the Lease, in the background of the current runtime: [`Leadership::seek`] begins.
///
/// `client` must be one without kube's retry layer (`Config::default_retry`): beneath a deadline, a late second try of a
/// write is worse than an error. `identity` is that of [`identity`]. `publish` is asked with each renewal.
#[must_use]
pub fn start(client: Client, namespace: &str, name: &str, identity: &str, publish: Publish) -> Leadership {
    let store = Store::new(client, namespace, name, identity, publish);
    tracing::info!(
        namespace,
        name,
        identity,
        "this process acts only while it holds the Lease"
    );
    elect(store, identity.to_owned(), BootInstant::now)
}

fn elect(store: Store, identity: String, clock: Clock) -> Leadership {
    let leadership = Leadership::new(Phase::Idle, BootInstant::BOOT, clock);
    let (state, known, complaint) = (ElectionState::default(), ObservedLease::Nothing, None);
    let elector = LeaderElector {
        leadership: leadership.clone(),
        store,
        identity,
        state,
        known,
        complaint,
    };
    tokio::spawn(elector.run());
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

    /// Seeks the Lease from now on. It changes nothing when that is so already, or when the end has come.
    pub fn seek(&self) {
        let phase = &self.0.phase;
        phase.send_if_modified(|phase| {
            let idle = *phase == Phase::Idle;
            if idle {
                *phase = Phase::Waiting;
            }
            idle
        });
    }

    /// Gives the Lease up, or no longer seeks it, so that another replica can go on, until [`Leadership::seek`] is called
    /// again. To be called as [`Leadership::release`]. False when there is nothing to give up, for want of a Lease too.
    pub async fn resign(&self) -> bool {
        let resigns = self.0.phase.send_if_modified(|phase| {
            let always = self.0.until.load(Ordering::Acquire) == u64::MAX;
            let open = matches!(phase, Phase::Waiting | Phase::Leading) && !always;
            if open {
                self.0.until.store(0, Ordering::Release);
                *phase = Phase::Resigning;
            }
            open
        });
        if resigns {
            self.wait_for(|phase| phase != Phase::Resigning).await;
        }
        resigns
    }

    /// Waits until this process may act.
    ///
    /// # Errors
    /// When that will not come.
    pub async fn acquired(&self) -> Result<(), LeadershipLost> {
        let seeks = |phase| matches!(phase, Phase::Idle | Phase::Waiting | Phase::Resigning);
        match self.wait_for(|phase| !seeks(phase)).await {
            Phase::Lost(loss) => Err(loss),
            Phase::Releasing | Phase::Released => Err(LeadershipLost::Released),
            Phase::Idle | Phase::Waiting | Phase::Resigning | Phase::Leading => Ok(()),
        }
    }

    /// Waits until the Lease is lost, for good: what this process remembers may then be outdated, and it must end. It
    /// waits for ever when the Lease was released.
    pub async fn lost(&self) -> LeadershipLost {
        match self.wait_for(|phase| matches!(phase, Phase::Lost(_))).await {
            Phase::Lost(loss) => loss,
            _ => std::future::pending().await,
        }
    }

    /// Gives the Lease up, so that another replica need not wait for its end. To be called when no request to
    /// `AppConfig` is under way any more; takes at most 3 s, and [`Leadership::holds`] is false from its beginning.
    pub async fn release(&self) {
        self.0.phase.send_if_modified(|phase| {
            let open = !matches!(phase, Phase::Releasing | Phase::Lost(_) | Phase::Released);
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
        reached.map_or(Phase::Lost(LeadershipLost::Abandoned), |phase| *phase)
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

    /// Publishes that the Lease was given up: for now, or for good when that was asked for meanwhile.
    fn gave_up(&self) {
        self.0.phase.send_if_modified(|phase| {
            *phase = match *phase {
                Phase::Resigning => Phase::Idle,
                Phase::Releasing => Phase::Released,
                other => other,
            };
            true
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

#[cfg(test)]
mod tests;
