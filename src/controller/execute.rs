//! Does what a pass asks for, step by step. What comes next, and whether anything is sent, is [`crate::pass`]'s business.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use kube::Api;
use tokio::{sync::OwnedMutexGuard, time::Instant};

use crate::{
    api::{ExperimentRunStatus, Region},
    appconfig::{Prepared, UPDATE_LIVES},
    clock::BootInstant,
    decide::{Outcome, Owner, event::Event, memory::Memory, ramp::windows::CLOSES_EARLY, service_time::Untold},
    fleet::Class,
    pass::{
        self, Answered, Claimed, End, Interruption, Moment, Read, Send, SendWindow, ServiceClock, Step, Written,
        resource::{ObjectKey, StoredResource},
    },
    run::{Failure, RunAddress, RunKey},
    schema::Begun,
};

use super::{
    Shared,
    call::{CallError, with_timeout},
    claims::Age,
    resource::Returned,
    slots::Slot,
    status,
};

/// How long a pass may take; after the fence only the request's own bound counts.
const DEADLINE: Duration = Duration::from_secs(30);

// The last update that may leave in an opening of a ramp has ended with it.
const _: () = {
    let longest = SendWindow::LENGTH.as_millis() + UPDATE_LIVES.as_millis();
    assert!(longest == CLOSES_EARLY.as_millis().unsigned_abs());
};

/// One pass, and what is held for it.
pub(super) struct Executor {
    shared: Arc<Shared>,
    api: Api<Returned>,
    key: ObjectKey,
    slot: Slot,
    deadline: Instant,
    /// Passes over one run are serial.
    serial: Option<OwnedMutexGuard<()>>,
    has_write_token: bool,
}

impl Executor {
    pub(super) fn new(shared: Arc<Shared>, key: ObjectKey, slot: Slot) -> Self {
        Self {
            api: Api::namespaced(shared.client.clone(), &key.namespace),
            shared,
            key,
            slot,
            deadline: Instant::now() + DEADLINE,
            serial: None,
            has_write_token: false,
        }
    }

    /// Does a pass from its beginning to its end.
    pub(super) async fn run(mut self, resource: Arc<StoredResource>, memory: Memory, events: Vec<Event>) -> End {
        let defaults = Arc::clone(&self.shared.defaults);
        let mut step = pass::begin(defaults, resource, memory, events, &self.moment());
        loop {
            self.take_effects(&mut step);
            step = match step {
                Step::Claim(claim) => match self.claim(claim.run(), claim.resource()).await {
                    Ok(claimed) => claim.answered(claimed, &self.moment()),
                    Err(why) => claim.interrupted(why),
                },
                Step::Get(get) => match self.read_token(get.region()).await {
                    Ok(()) => {
                        let answer = self.get(get.region(), get.address()).await;
                        get.answered(answer, &self.moment())
                    }
                    Err(why) => get.interrupted(why),
                },
                Step::ListEvents(list) => match self.read_token(list.region()).await {
                    Ok(()) => {
                        let client = &self.shared.appconfig;
                        let answer = client.list_experiment_run_events(list.region(), list.address()).await;
                        list.answered(answer.map(|events| events.value).map_err(logged), &self.moment())
                    }
                    Err(why) => list.interrupted(why),
                },
                Step::Prepare(mut prepare) => {
                    let kept = prepare.take_kept();
                    match self.prepare(prepare.region(), kept).await {
                        Ok(answer) => prepare.answered(answer, &self.moment()),
                        Err(why) => prepare.interrupted(why),
                    }
                }
                Step::Fence(fence) => {
                    let written = self.write(fence.resource(), fence.status()).await;
                    fence.answered(written, &self.moment())
                }
                Step::Send(send) => self.send(send).await,
                Step::Record(record) => {
                    let written = self.write(record.resource(), record.status()).await;
                    record.answered(written, &self.moment())
                }
                Step::Refresh(refresh) => {
                    let newest = self.newest().await;
                    refresh.answered(newest, &self.moment())
                }
                Step::End(end) => return self.end(*end),
            };
        }
    }

    fn take_effects(&self, step: &mut Step<Prepared>) {
        let effects = step.take_effects();
        for event in &effects.publish {
            let identity = &step.resource().identity;
            let event = event.quoting(identity.brake_reason.as_deref());
            self.shared.publish(&identity.reference(), &event);
        }
        if effects.contradiction {
            tracing::warn!("the API server returned a different spec of the same generation; reading its schema again");
            self.shared.schema.begun(Begun::Contradiction);
        }
    }

    fn end(&self, end: End) -> End {
        if let Some(run) = &end.memory.pin {
            let uid = &end.resource.identity.uid;
            self.shared.claims.leave(run, uid, end.memory.pending.as_ref());
        }
        end
    }

    fn moment(&self) -> Moment {
        let shared = &self.shared;
        Moment {
            boot: (shared.clock)(),
            elapsed: shared.elapsed(),
            local: Timestamp::now(),
            acts_until: shared.acts_until(),
            schema_is_complete: shared.schema.is_complete(),
        }
    }

    /// Claims a run, and waits for other passes over it.
    async fn claim(&mut self, run: Option<&RunKey>, resource: &StoredResource) -> Result<Claimed, Interruption> {
        let uid = &resource.identity.uid;
        let Some(run) = run else {
            self.shared.claims.release(uid);
            (self.serial, self.has_write_token) = (None, false);
            return Ok(Claimed {
                owner: Owner::Itself,
                inherited: None,
                waited: false,
            });
        };
        let age = Age {
            created: resource.identity.created,
            key: self.key.clone(),
        };
        let claim = self.shared.claims.claim(run, uid, &age, self.shared.elapsed());
        let mut claimed = Claimed {
            owner: claim.owner,
            inherited: claim.unsettled,
            waited: false,
        };
        if self.serial.is_none() {
            self.serial = Arc::clone(&claim.passes).try_lock_owned().ok();
        }
        if self.serial.is_none() {
            claimed.waited = true;
            self.serial = Some(self.without_slot(claim.passes.lock_owned()).await?);
        }
        Ok(claimed)
    }

    async fn read_token(&self, region: &Region) -> Result<(), Interruption> {
        let token = self.shared.rates.read(region, &self.key.namespace, self.class());
        self.within(token).await
    }

    async fn get(&self, region: &Region, address: &RunAddress) -> Result<Read, Failure> {
        let requested = (self.shared.clock)();
        let answer = self.shared.appconfig.get_experiment_run(region, address).await;
        let answer = answer.map_err(logged)?;
        Ok(Read {
            service: self.service_clock(region, answer.date, requested),
            live: answer.value,
        })
    }

    /// In the order in which things last: the write token until it is used, credentials while they are valid, a connection
    /// for 10 s.
    async fn prepare(
        &mut self,
        region: &Region,
        kept: Option<Prepared>,
    ) -> Result<Result<(Prepared, String), Failure>, Interruption> {
        if !self.has_write_token {
            let (rates, namespace, class) = (self.shared.rates.clone(), self.key.namespace.clone(), self.class());
            self.without_slot(rates.write(region, &namespace, class)).await?;
            self.has_write_token = true;
        }
        let prepared = self.within(self.shared.appconfig.prepare(region, kept)).await?;
        Ok(prepared
            .map(|prepared| (prepared, uuid::Uuid::new_v4().to_string()))
            .map_err(logged))
    }

    async fn send(&mut self, update: Send<Prepared>) -> Step<Prepared> {
        let (prepared, sent) = update.departs();
        self.has_write_token = false;
        let requested = (self.shared.clock)();
        let answer = prepared
            .update_experiment_run(sent.run(), sent.update(), sent.id())
            .await;
        let (update, pending_update) = (sent.update(), sent.id());
        let service = match &answer {
            Ok(answer) => {
                let request_id = answer.request_id.as_deref();
                tracing::info!(?update, pending_update, request_id, "AppConfig applied an update");
                self.service_clock(&sent.run().region, answer.date, requested)
            }
            Err(error) => {
                let request_id = error.failure().request_id.as_deref();
                tracing::warn!(?update, pending_update, request_id, %error, "AppConfig did not confirm an update");
                Err(Untold::NoDate)
            }
        };
        let outcome = Outcome::of(answer.map(|answer| answer.value));
        sent.answered(Answered { outcome, service }, &self.moment())
    }

    async fn write(&self, onto: &StoredResource, status: &ExperimentRunStatus) -> Written {
        let (schema, selector) = (&self.shared.schema, self.shared.selector.as_ref());
        match status::write(schema, &self.api, selector, onto, status).await {
            Ok(Some(written)) => Written::Written(written),
            Ok(None) => Written::Unchanged,
            Err(CallError::Conflict) => Written::Conflict,
            Err(error) => Written::Failed(error.into()),
        }
    }

    async fn newest(&self) -> Result<Arc<StoredResource>, Interruption> {
        let newest = with_timeout(self.api.get(&self.key.name)).await?;
        Ok(newest.answered(self.shared.selector.as_ref())?)
    }

    /// The clock that the `Date` of an answer gives, which came now.
    fn service_clock(
        &self,
        region: &Region,
        date: Option<Timestamp>,
        requested: BootInstant,
    ) -> Result<ServiceClock, Untold> {
        let moment = (requested, (self.shared.clock)());
        self.shared
            .service_clocks
            .accept(region, date, Timestamp::now(), moment)
    }

    /// As what it waits where many wait.
    fn class(&self) -> Class {
        self.slot.lane().class
    }

    /// Bounds what can wait by the pass's deadline and by the end of the process.
    async fn within<T>(&self, waiting: impl Future<Output = T>) -> Result<T, Interruption> {
        interruptible(&self.shared, self.deadline, waiting).await
    }

    /// The same for what depends on others: meanwhile the pass holds no slot.
    async fn without_slot<T>(&mut self, waiting: impl Future<Output = T>) -> Result<T, Interruption> {
        interruptible(&self.shared, self.deadline, self.slot.given_back_while(waiting)).await
    }
}

async fn interruptible<T>(
    shared: &Shared,
    deadline: Instant,
    waiting: impl Future<Output = T>,
) -> Result<T, Interruption> {
    let mut stop = shared.stop.subscribe();
    tokio::select! {
        done = tokio::time::timeout_at(deadline, waiting) => done.map_err(|_| Interruption::Deadline(DEADLINE)),
        _ = stop.wait_for(|stop| *stop) => Err(Interruption::MayNotAct),
        () = shared.schema.unusable() => Err(Interruption::SchemaUnproven),
    }
}

impl From<CallError> for Interruption {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Gone => Self::Gone,
            CallError::SchemaUnproven => Self::SchemaUnproven,
            other => Self::ApiServer(other.to_string()),
        }
    }
}

fn logged(failure: Failure) -> Failure {
    let request_id = failure.request_id.as_deref();
    tracing::warn!(operation = %failure.operation, request_id, error = %failure, "AppConfig returned no usable answer");
    failure
}
