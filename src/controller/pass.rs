//! One pass over one resource: the picture in `lib.rs`, step by step. All that it does is I/O; what to do is `decide`'s
//! business.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use kube::{Api, Resource as _, ResourceExt, runtime::events::EventType};
use tokio::{sync::OwnedMutexGuard, time::Instant};

use crate::{
    api::{ExperimentRun, RECONCILE_REQUESTED_AT},
    appconfig::{Prepared, Priority, RunAddress},
    decide::{
        self, Decision, EndedBy, Now, Outcome, Owner, Resource, Seen,
        desired::{Desired, InvalidSpec},
        failure::Failure,
        live::Live,
        memory::Memory,
        notice::Notice,
        schedule::Next,
        update::Update,
    },
};

use super::{
    Shared,
    cache::{self, ObjectKey},
    call::{CallError, bounded},
    claims::Age,
    observe::{self, whole_seconds},
    send_window::SendWindow,
    status,
};

/// How long a pass may take; after the fence only the request's own bound counts.
const DEADLINE: Duration = Duration::from_secs(30);
/// When preparing took longer than this, what was observed is too old to be acted upon.
const OBSERVATION_HOLDS: Duration = Duration::from_secs(2);
/// How many steps one pass takes at most. Three members are three updates; the rest is for conflicts and refusals.
const STEPS: usize = 12;
/// How often a status is written again onto a newer object.
const RECORDS: usize = 4;
/// What the operator was doing when an Event came about, in the Event's own field.
const ACTION: &str = "Reconcile";

/// What a pass leaves behind.
pub(super) struct Ended {
    pub(super) key: ObjectKey,
    /// The newest object that the pass has seen.
    pub(super) object: Arc<ExperimentRun>,
    pub(super) memory: Memory,
    /// What was to be said and could not be recorded.
    pub(super) notices: Vec<Notice>,
    pub(super) result: Result<Next, Interrupted>,
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
            other => Self::ApiServer(other),
        }
    }
}

/// One pass.
pub(super) struct Pass {
    shared: Arc<Shared>,
    api: Api<ExperimentRun>,
    key: ObjectKey,
    object: ExperimentRun,
    memory: Memory,
    notices: Vec<Notice>,
    priority: Priority,
    deadline: Instant,
    owner: Owner,
    /// The live run's IDs, by which updates name it.
    run: Option<RunAddress>,
    /// `AppConfig`'s own time, and when it was told.
    service: Option<(Timestamp, Instant)>,
    has_write_token: bool,
    serial: Option<OwnedMutexGuard<()>>,
}

impl Pass {
    pub(super) fn new(
        shared: Arc<Shared>,
        key: ObjectKey,
        object: &ExperimentRun,
        memory: Memory,
        notices: Vec<Notice>,
        priority: Priority,
    ) -> Self {
        Self {
            api: Api::namespaced(shared.client.clone(), &key.namespace),
            shared,
            key,
            object: object.clone(),
            memory,
            notices,
            priority,
            deadline: Instant::now() + DEADLINE,
            owner: Owner::Itself,
            run: None,
            service: None,
            has_write_token: false,
            serial: None,
        }
    }

    pub(super) async fn run(mut self) -> Ended {
        let result = self.steps().await;
        let uid = self.object.uid().unwrap_or_default();
        self.shared.claims.leave(&uid, self.memory.pending.as_ref());
        Ended {
            key: self.key,
            object: Arc::new(self.object),
            memory: self.memory,
            notices: self.notices,
            result,
        }
    }

    async fn steps(&mut self) -> Result<Next, Interrupted> {
        let mut seen = self.observe().await?;
        for _ in 0..STEPS {
            let decision = self.decide(&seen);
            self.memory = decision.memory.clone();
            seen = if let Some(update) = decision.update.clone() {
                self.send(&decision, update).await?
            } else {
                let asked_more = self.record(&decision).await?;
                if decision.next != Next::Now && !asked_more {
                    return Ok(decision.next);
                }
                self.observe().await?
            };
        }
        Ok(Next::Backoff(decide::schedule::backoff(1)))
    }

    fn decide(&self, seen: &Seen) -> Decision {
        let desired = self.desired();
        let resource = Resource {
            uid: self.object.metadata.uid.as_deref().unwrap_or_default(),
            generation: self.object.metadata.generation.unwrap_or_default(),
            reconcile_requested_at: self
                .object
                .annotations()
                .get(RECONCILE_REQUESTED_AT)
                .map(String::as_str),
            desired: desired.as_ref(),
            status: self.object.status.as_ref().unwrap_or(&self.shared.no_status),
            defaults: &self.shared.defaults,
        };
        decide::decide(&resource, &self.memory, &self.owner, seen, &self.now())
    }

    fn desired(&self) -> Result<Desired, InvalidSpec> {
        let status = self.object.status.as_ref().unwrap_or(&self.shared.no_status);
        let pinned = decide::pinned_region(status, Some(&self.memory));
        Desired::parse(&self.object.spec, pinned.as_ref(), &self.shared.defaults)
    }

    fn now(&self) -> Now {
        let service = self
            .service
            .map(|(date, told)| whole_seconds(date.checked_add(told.elapsed()).unwrap_or(date)));
        Now {
            elapsed: self.shared.elapsed(),
            local: Timestamp::now(),
            service,
        }
    }

    /// Step 1: the run as it is, or why that can't be told.
    async fn observe(&mut self) -> Result<Seen, Interrupted> {
        if !self.shared.may_act() {
            return Err(Interrupted::MayNotAct);
        }
        let Ok(desired) = self.desired() else {
            return Ok(Seen::Nothing);
        };
        let Ok(address) = address(&desired) else {
            return Ok(Seen::Nothing);
        };
        if let Some(pin) = self.memory.pin.clone() {
            self.claim(&pin).await?;
        }
        loop {
            self.within(
                self.shared
                    .rates
                    .read(&desired.region, &self.key.namespace, self.priority),
            )
            .await?;
            let answer = self
                .shared
                .appconfig
                .get_experiment_run(&desired.region, &address)
                .await;
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) => return Ok(Seen::ReadFailed(logged(error))),
            };
            self.service = answer.date.map(|date| (date, Instant::now()));
            self.run = Some(answer.value.address());
            let live = observe::live(&desired.region, answer.value);
            // A resource whose names now mean another run has no claim to that one. Where it has, another resource's pass
            // over the run may have gone on meanwhile and outdated what was read.
            if self.memory.pin.as_ref().is_none_or(|pin| *pin == live.key) && self.claim(&live.key).await? {
                continue;
            }
            let ended_by = self.ended_by(&desired, &address, &live).await?;
            return Ok(Seen::Read(live, ended_by));
        }
    }

    /// Claims the run, and waits for other passes over it; true when it had to wait.
    async fn claim(&mut self, run: &decide::live::RunKey) -> Result<bool, Interrupted> {
        let created = self.object.metadata.creation_timestamp.as_ref().map(|time| time.0);
        let age = Age {
            created,
            key: self.key.clone(),
        };
        let uid = self.object.uid().unwrap_or_default();
        let claim = self.shared.claims.claim(run, &uid, &age, self.shared.elapsed());
        self.owner = claim.owner;
        if let Some(unsettled) = claim.unsettled.filter(|_| self.owner == Owner::Itself) {
            self.memory.inherit(unsettled);
        }
        if self.serial.is_some() {
            return Ok(false);
        }
        if let Ok(serial) = Arc::clone(&claim.passes).try_lock_owned() {
            self.serial = Some(serial);
            return Ok(false);
        }
        self.serial = Some(self.within(claim.passes.lock_owned()).await?);
        Ok(true)
    }

    async fn ended_by(&self, desired: &Desired, address: &RunAddress, live: &Live) -> Result<EndedBy, Interrupted> {
        let status = self.object.status.as_ref().unwrap_or(&self.shared.no_status);
        if !decide::asks_who_ended_it(live, status) {
            return Ok(EndedBy::NotAsked);
        }
        self.within(
            self.shared
                .rates
                .read(&desired.region, &self.key.namespace, self.priority),
        )
        .await?;
        let events = self
            .shared
            .appconfig
            .list_experiment_run_events(&desired.region, address)
            .await;
        Ok(match events {
            Ok(events) => {
                let stopped = crate::appconfig::last_run_stopped(&events.value);
                let trigger = stopped.and_then(|event| event.triggered_by);
                EndedBy::Event(trigger.map(|trigger| trigger.as_str().to_owned()))
            }
            Err(error) => EndedBy::Unreadable(logged(error)),
        })
    }

    /// Steps 3 to 5: everything that can wait, the fence, the update.
    async fn send(&mut self, decision: &Decision, update: Update) -> Result<Seen, Interrupted> {
        let Ok(desired) = self.desired() else {
            return Ok(Seen::Nothing);
        };
        let Some(run) = self.run.clone() else {
            return self.observe().await;
        };
        let began = Instant::now();
        let prepared = match self.prepare(&desired).await? {
            Ok(prepared) => prepared,
            Err(failure) => {
                return Ok(Seen::Updated {
                    update,
                    id: None,
                    outcome: Outcome::NotSent(Some(failure)),
                });
            }
        };
        if began.elapsed() > OBSERVATION_HOLDS {
            return self.observe().await;
        }
        let id = uuid::Uuid::new_v4().to_string();
        let window = SendWindow::open(self.shared.clock);
        if !self.fence(decision, &update, &id).await? {
            return self.observe().await;
        }
        if !window.is_open() || !self.shared.may_act() {
            return Ok(Seen::Updated {
                update,
                id: Some(id),
                outcome: Outcome::NotSent(None),
            });
        }
        self.has_write_token = false;
        let request = observe::request(&update);
        let answer = prepared.update_experiment_run(&run, &request, &id).await;
        match &answer {
            Ok(answer) => {
                self.service = answer.date.map(|date| (date, Instant::now())).or(self.service);
                tracing::info!(
                    ?update,
                    pending_update = id,
                    request_id = answer.request_id,
                    "AppConfig applied an update"
                );
            }
            Err(error) => {
                let request_id = error.error().request_id.as_deref();
                tracing::warn!(?update, pending_update = id, request_id, %error, "an update was not confirmed");
            }
        }
        let outcome = observe::outcome(&desired.region, answer.map(|answer| answer.value));
        Ok(Seen::Updated {
            update,
            id: Some(id),
            outcome,
        })
    }

    async fn prepare(&mut self, desired: &Desired) -> Result<Result<Prepared, Failure>, Interrupted> {
        if !self.has_write_token {
            self.within(self.shared.rates.write(&desired.region, &self.key.namespace))
                .await?;
            self.has_write_token = true;
        }
        let prepared = self.within(self.shared.appconfig.prepare(&desired.region)).await?;
        Ok(prepared.map_err(logged))
    }

    /// Step 4: records what is about to be sent, which succeeds only while the spec is the latest. False when it is not:
    /// then the newest object has been read.
    async fn fence(&mut self, decision: &Decision, update: &Update, id: &str) -> Result<bool, Interrupted> {
        let generation = self.object.metadata.generation.unwrap_or_default();
        let fence = decision.fence(update, id, generation, &self.now());
        match status::write(&self.api, &self.object, &fence).await {
            Ok(written) => {
                self.adopt(written);
                self.notices.extend(decision.notices.iter().cloned());
                self.publish();
                Ok(true)
            }
            Err(error) => {
                // Whatever became of the write, nothing was sent under this ID.
                self.memory.resolve(id);
                match error {
                    CallError::Conflict => self.refresh().await.map(|()| false),
                    error => Err(error.into()),
                }
            }
        }
    }

    /// Step 6: the status, when it differs; onto the newest object when that has changed meanwhile. True when the newest
    /// asks for more than what was decided upon: to the loop it looks like one that this pass has dealt with.
    async fn record(&mut self, decision: &Decision) -> Result<bool, Interrupted> {
        self.notices.extend(decision.notices.iter().cloned());
        let decided_upon = cache::asked(&self.object.metadata);
        for _ in 0..RECORDS {
            match status::write(&self.api, &self.object, &decision.status).await {
                Ok(written) => {
                    self.adopt(written);
                    self.publish();
                    return Ok(cache::asked(&self.object.metadata) != decided_upon);
                }
                Err(CallError::Conflict) => self.refresh().await?,
                Err(error) => return Err(error.into()),
            }
        }
        Err(CallError::Conflict.into())
    }

    fn adopt(&mut self, written: Option<ExperimentRun>) {
        if let Some(object) = written {
            self.object = object;
        }
    }

    /// Reads the newest object from the API server, not from the cache.
    async fn refresh(&mut self) -> Result<(), Interrupted> {
        let mut newest = bounded(self.api.get(&self.key.name)).await?;
        if newest.uid() != self.object.uid() || newest.metadata.deletion_timestamp.is_some() {
            return Err(Interrupted::Gone);
        }
        cache::prune(&mut newest);
        self.object = newest;
        Ok(())
    }

    /// Step 7: Events. It can't fail the pass.
    fn publish(&mut self) {
        for notice in std::mem::take(&mut self.notices) {
            tracing::info!(reason = notice.reason, warning = notice.warning, "{}", notice.note);
            let kind = if notice.warning {
                EventType::Warning
            } else {
                EventType::Normal
            };
            let regarding = self.object.object_ref(&());
            self.shared
                .publisher
                .publish(&regarding, kind, notice.reason, ACTION, &notice.note);
        }
    }

    /// Bounds what can wait by the pass's deadline and by the end of the process.
    async fn within<T>(&self, waiting: impl Future<Output = T>) -> Result<T, Interrupted> {
        let mut stop = self.shared.stop.subscribe();
        tokio::select! {
            done = tokio::time::timeout_at(self.deadline, waiting) => done.map_err(|_| Interrupted::Deadline),
            _ = stop.wait_for(|stop| *stop) => Err(Interrupted::MayNotAct),
        }
    }
}

fn address(desired: &Desired) -> Result<RunAddress, crate::appconfig::InvalidAddress> {
    RunAddress::parse(
        &desired.application_identifier,
        &desired.experiment_definition_identifier,
        desired.run,
    )
}

fn logged(error: crate::appconfig::Error) -> Failure {
    let request_id = error.request_id.as_deref();
    tracing::warn!(operation = %error.operation, request_id, %error, "AppConfig brought no answer that can be used");
    observe::failure(error)
}
