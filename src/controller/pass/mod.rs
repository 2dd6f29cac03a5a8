//! One pass over one resource: the picture in `lib.rs`, step by step. All that it does is I/O; what to do is `decide`'s
//! business.

mod observe;
mod record;
mod send;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use kube::Api;
use tokio::{sync::OwnedMutexGuard, time::Instant};

use crate::{
    api::{ExperimentRunStatus, Region},
    appconfig::{Prepared, RunAddress},
    clock::BootInstant,
    decide::{
        self, Decision, Now, Owner, Resource, Seen,
        desired::{Desired, InvalidSpec},
        memory::Memory,
        notice::Notice,
        schedule::Next,
        service_time::Untold,
    },
    fleet::Class,
    schema::Begun,
};

use super::{
    Shared,
    cache::ObjectKey,
    call::CallError,
    resource::{Answer, Run},
    service_clock::ServiceClock,
    slots::Slot,
};

/// How long a pass may take; after the fence only the request's own bound counts.
const DEADLINE: Duration = Duration::from_secs(30);
/// How many steps one pass takes at most. Three members are three updates; the rest is for conflicts and refusals.
const STEPS: usize = 12;

/// What a pass leaves behind.
pub(super) struct Ended {
    pub(super) key: ObjectKey,
    /// The newest object that the pass has seen.
    pub(super) object: Arc<Run>,
    pub(super) memory: Memory,
    /// What was to be said and could not be recorded.
    pub(super) notices: Vec<Notice>,
    /// Whether the data of the API server were restored from a backup meanwhile.
    pub(super) restored: bool,
    pub(super) result: Result<(Next, Class), Interrupted>,
}

/// Why a pass came to no end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Interrupted {
    /// The resource is gone, or is being deleted.
    #[error("the resource is gone")]
    Gone,
    /// This process may not act any more.
    #[error("this process is stopping, or does not hold the Lease")]
    MayNotAct,
    /// The API server may have dropped fields of what it told, and may drop them of what is written.
    #[error("the schema that the API server serves is not known to have every field")]
    SchemaUnproven,
    /// Too much else is going on.
    #[error("the pass did not come to its end within {} s", DEADLINE.as_secs())]
    Deadline,
    /// The API server.
    #[error("{0}")]
    ApiServer(CallError),
}

impl From<CallError> for Interrupted {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Gone => Self::Gone,
            CallError::SchemaUnproven => Self::SchemaUnproven,
            other => Self::ApiServer(other),
        }
    }
}

/// One pass.
pub(super) struct Pass {
    shared: Arc<Shared>,
    api: Api<Answer>,
    key: ObjectKey,
    object: Arc<Run>,
    memory: Memory,
    notices: Vec<Notice>,
    slot: Slot,
    deadline: Instant,
    owner: Owner,
    /// The live run's IDs, by which updates name it.
    run: Option<RunAddress>,
    /// `AppConfig`'s own time.
    service: Result<ServiceClock, Untold>,
    has_write_token: bool,
    /// What was prepared for an update that did not come to be sent.
    prepared: Option<Prepared>,
    serial: Option<OwnedMutexGuard<()>>,
    restored: bool,
}

impl Pass {
    pub(super) fn new(
        shared: Arc<Shared>,
        key: ObjectKey,
        object: Arc<Run>,
        memory: Memory,
        notices: Vec<Notice>,
        slot: Slot,
    ) -> Self {
        Self {
            api: Api::namespaced(shared.client.clone(), &key.namespace),
            shared,
            key,
            object,
            memory,
            notices,
            slot,
            deadline: Instant::now() + DEADLINE,
            owner: Owner::Itself,
            run: None,
            service: Err(Untold::NoDate),
            has_write_token: false,
            prepared: None,
            serial: None,
            restored: false,
        }
    }

    pub(super) async fn run(mut self) -> Ended {
        let result = self.steps().await;
        if let Some(run) = &self.memory.pin {
            let uid = &self.object.identity.uid;
            self.shared.claims.leave(run, uid, self.memory.pending.as_ref());
        }
        Ended {
            key: self.key,
            object: self.object,
            memory: self.memory,
            notices: self.notices,
            restored: self.restored,
            result,
        }
    }

    async fn steps(&mut self) -> Result<(Next, Class), Interrupted> {
        if self.object.is_abridged() {
            self.refresh().await?;
        }
        let mut seen = self.observe().await?;
        for _ in 0..STEPS {
            let decision = self.decide(&seen);
            self.memory = decision.memory.clone();
            self.note(&decision);
            seen = if let Some(update) = decision.update.clone() {
                self.send(&decision, update).await?
            } else {
                let asked_more = self.record(&decision).await?;
                if decision.next != Next::Now && !asked_more {
                    return Ok((decision.next, decision.class));
                }
                self.observe().await?
            };
        }
        Ok((Next::Backoff(decide::schedule::backoff(1)), Class::Retry))
    }

    /// Keeps what a decision tells until a status is recorded: the one that it meant may never be. The next decision may
    /// tell the same of a transition that was not recorded.
    fn note(&mut self, decision: &Decision) {
        for notice in &decision.notices {
            if !self.notices.contains(notice) {
                self.notices.push(notice.clone());
            }
        }
    }

    fn decide(&self, seen: &Seen) -> Decision {
        let desired = self.desired();
        let resource = Resource {
            uid: &self.object.identity.uid,
            generation: self.object.identity.generation,
            reconcile_requested_at: self.object.identity.reconcile_requested_at.as_deref(),
            desired: desired.as_ref(),
            status: self.status(),
            defaults: &self.shared.defaults,
        };
        decide::decide(&resource, &self.memory, &self.owner, seen, &self.now())
    }

    fn desired(&self) -> Result<Desired, InvalidSpec> {
        let pinned = decide::pinned_region(self.status(), Some(&self.memory));
        self.object.desired(pinned.as_ref(), &self.shared.defaults)
    }

    fn status(&self) -> &ExperimentRunStatus {
        &self.object.status
    }

    fn now(&self) -> Now {
        let service = self.service.map(|clock| clock.time((self.shared.clock)()));
        Now {
            elapsed: self.shared.elapsed(),
            local: Timestamp::now(),
            service,
        }
    }

    /// The clock that an answer told, which came now.
    fn told(&self, region: &Region, date: Option<Timestamp>, asked: BootInstant) -> Result<ServiceClock, Untold> {
        let moment = (asked, (self.shared.clock)());
        self.shared.service_clocks.heard(region, date, Timestamp::now(), moment)
    }

    /// Step 7: Events. It can't fail the pass.
    fn publish(&mut self) {
        for notice in std::mem::take(&mut self.notices) {
            self.shared.publish(&self.object.identity.reference(), &notice);
        }
    }

    /// As what it waits where many wait.
    fn class(&self) -> Class {
        self.slot.lane().class
    }

    /// Bounds what can wait by the pass's deadline and by the end of the process.
    async fn within<T>(&self, waiting: impl Future<Output = T>) -> Result<T, Interrupted> {
        bounded(&self.shared, self.deadline, waiting).await
    }

    /// The same for what depends on others: meanwhile the pass holds no slot.
    async fn without_slot<T>(&mut self, waiting: impl Future<Output = T>) -> Result<T, Interrupted> {
        bounded(&self.shared, self.deadline, self.slot.given_back_while(waiting)).await
    }

    /// Whether an answer has another spec than this pass knows of the same generation. The API server, or what is stored,
    /// has lost fields; what it tells counts again when the schema has been read anew.
    fn contradicted_by(&self, answer: &Run) -> bool {
        let differs = !answer.has_spec_of(&self.object);
        let contradicts = differs && answer.identity.generation == self.object.identity.generation;
        if contradicts {
            tracing::warn!("the API server answered with another spec of the same generation: its schema is read anew");
            self.shared.schema.begun(Begun::Contradiction);
        }
        differs
    }
}

async fn bounded<T>(shared: &Shared, deadline: Instant, waiting: impl Future<Output = T>) -> Result<T, Interrupted> {
    let mut stop = shared.stop.subscribe();
    tokio::select! {
        done = tokio::time::timeout_at(deadline, waiting) => done.map_err(|_| Interrupted::Deadline),
        _ = stop.wait_for(|stop| *stop) => Err(Interrupted::MayNotAct),
        () = shared.schema.unusable() => Err(Interrupted::SchemaUnproven),
    }
}
