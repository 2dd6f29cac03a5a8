//! The loop that seeks the Lease, keeps it, and gives it up when it is told to. What to do next is [`decide`]'s business.

use std::time::Duration;

use super::{
    ElectionState, ElectionStep, Leadership, LeadershipLost, LeaseWrite, ObservedLease, Phase, RENEW_DEADLINE,
    RETRY_PERIOD, decide,
    lease::{CALL_TIMEOUT, CallFailure, Store},
};
use crate::clock::BootInstant;

/// How long to wait after a conflict, so that writers who cross do not flood the API server.
const CONFLICT_PAUSE: Duration = Duration::from_millis(100);

/// The loop that seeks and then keeps the Lease.
pub(super) struct LeaderElector {
    pub(super) leadership: Leadership,
    pub(super) store: Store,
    pub(super) identity: String,
    pub(super) state: ElectionState,
    pub(super) known: ObservedLease,
    /// The failure that was logged and still holds: a failure is told once, not with every try.
    pub(super) complaint: Option<String>,
}

impl Drop for LeaderElector {
    /// Nobody renews any longer, be it that a panic ended the loop.
    fn drop(&mut self) {
        self.leadership.end(Phase::Lost(LeadershipLost::Abandoned));
    }
}

impl LeaderElector {
    pub(super) async fn run(mut self) {
        let leadership = self.leadership.clone();
        loop {
            match leadership.wait_for(|phase| phase != Phase::Idle).await {
                Phase::Lost(_) | Phase::Released => return,
                Phase::Releasing => return leadership.gave_up(),
                Phase::Idle | Phase::Waiting | Phase::Leading | Phase::Resigning => {}
            }
            tracing::info!(identity = self.identity, "seeking the Lease");
            let gives_up = |phase| matches!(phase, Phase::Resigning | Phase::Releasing);
            let loss = tokio::select! {
                biased;
                _ = leadership.wait_for(gives_up) => None,
                loss = self.acquire() => Some(loss),
            };
            if let Some(loss) = loss {
                tracing::error!(reason = %loss, "the Lease is lost");
                return leadership.end(Phase::Lost(loss));
            }
            self.give_up().await;
            // Whatever becomes of the Lease from now on is somebody else's term.
            (self.state, self.known) = (ElectionState::default(), ObservedLease::Nothing);
            leadership.gave_up();
        }
    }

    /// Decides and acts until a term is over.
    async fn acquire(&mut self) -> LeadershipLost {
        loop {
            let started = (self.leadership.0.clock)();
            let (step, state) = decide(&self.identity, &self.known, &self.state, started);
            self.state = state;
            match step {
                ElectionStep::Read => {
                    let limit = self.limit(started);
                    match self.store.read(limit).await {
                        Ok(known) => {
                            self.recovered();
                            self.known = known;
                        }
                        Err(failure) => self.failed(failure, started).await,
                    }
                }
                ElectionStep::Write(write) => self.write(&write, started).await,
                ElectionStep::Wait => {
                    self.known = ObservedLease::Nothing;
                    // Replicas that were started together should not ask together for ever.
                    self.pause(started, RETRY_PERIOD.mul_f64(1.0 + 0.2 * fastrand::f64()))
                        .await;
                }
                ElectionStep::End(loss) => return loss,
            }
        }
    }

    async fn write(&mut self, write: &LeaseWrite, started: BootInstant) {
        let limit = self.limit(started);
        match self.store.write(write, limit).await {
            Ok(known) => {
                self.recovered();
                self.known = known;
                let first = self.state.acts_until().is_none();
                self.state = std::mem::take(&mut self.state).renewed_at(started);
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
    async fn failed(&mut self, failure: CallFailure, started: BootInstant) {
        self.known = ObservedLease::Nothing;
        let reason = match failure {
            CallFailure::Conflict => return self.pause((self.leadership.0.clock)(), CONFLICT_PAUSE).await,
            CallFailure::Refused(_, reason) | CallFailure::Unknown(reason) => reason,
        };
        if self.complaint.as_ref() != Some(&reason) {
            tracing::warn!(reason, "the Lease can't be read or written; retrying");
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
            .state
            .acts_until()
            .map_or(started + period, |deadline| deadline.min(started + period));
        tokio::time::sleep(until - (self.leadership.0.clock)()).await;
    }

    /// How long a call that starts now may take: no longer than the term.
    fn limit(&self, started: BootInstant) -> Duration {
        self.state
            .acts_until()
            .map_or(CALL_TIMEOUT, |deadline| CALL_TIMEOUT.min(deadline - started))
    }

    /// Clears the Lease if it is this process's. Whatever goes wrong, the others only have to wait for its end.
    async fn give_up(&mut self) {
        let clearing = async {
            loop {
                match self.store.read(CALL_TIMEOUT).await? {
                    ObservedLease::Present(record) if record.holder.as_deref() == Some(&self.identity) => {}
                    _ => return Ok(false),
                }
                match self.store.clear(CALL_TIMEOUT).await {
                    // A renewal that was under way came in between.
                    Err(CallFailure::Conflict) => {}
                    cleared => return cleared.map(|_| true),
                }
            }
        };
        match tokio::time::timeout(CALL_TIMEOUT, clearing).await {
            Ok(Ok(true)) => tracing::info!("the Lease is released"),
            Ok(Ok(false)) => {}
            Ok(Err(CallFailure::Refused(_, reason) | CallFailure::Unknown(reason))) => {
                tracing::warn!(reason, "the Lease could not be released; it will expire");
            }
            Ok(Err(CallFailure::Conflict)) | Err(_) => {
                tracing::warn!("the Lease could not be released; it will expire");
            }
        }
    }
}
