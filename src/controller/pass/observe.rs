//! Step 1 of a pass: the run as it is, whose it is, and who ended it.

use std::sync::Arc;

use crate::{
    appconfig::{self, ExperimentRunEvent, RunAddress},
    decide::{
        self, EndedBy, Owner, Seen,
        desired::Desired,
        failure::Failure,
        live::{Live, RunKey},
    },
};

use super::{Interrupted, Pass};
use crate::controller::{answers, claims::Age};

impl Pass {
    /// Step 1: the run as it is, or why that can't be told.
    pub(super) async fn observe(&mut self) -> Result<Seen, Interrupted> {
        if !self.shared.schema.is_complete() {
            return Err(Interrupted::SchemaUnproven);
        }
        if !self.shared.may_act() {
            return Err(Interrupted::MayNotAct);
        }
        self.follow_names();
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
                    .read(&desired.region, &self.key.namespace, self.class()),
            )
            .await?;
            let asked = (self.shared.clock)();
            let answer = self
                .shared
                .appconfig
                .get_experiment_run(&desired.region, &address)
                .await;
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) => return Ok(Seen::ReadFailed(logged(error))),
            };
            self.service = self.told(&desired.region, answer.date, asked);
            self.run = Some(answer.value.address());
            let mut live = answers::live(&desired.region, answer.value);
            // A resource whose names now mean another run has no claim to that one. Where it has, another resource's pass
            // over the run may have gone on meanwhile and outdated what was read.
            if self.memory.pin.as_ref().is_none_or(|pin| *pin == live.key) && self.claim(&live.key).await? {
                continue;
            }
            let ended_by = self.ended_by(&desired, &address, &live).await?;
            if decide::asks_since_when(&desired, &live, self.status(), &self.memory) {
                let events = self.events(&desired, &address).await?;
                live.exposed_at = events
                    .ok()
                    .and_then(|events| answers::exposed_at(&events, live.exposure));
            }
            return Ok(Seen::Read(live, ended_by));
        }
    }

    /// Lets go of a run that was found by names which have been corrected since, and of what this pass holds of it.
    fn follow_names(&mut self) {
        if self.memory.follow(&self.object.names(&self.shared.defaults)) {
            self.has_write_token = false;
        }
        // Also where a pass was interrupted between its claim and its decision.
        if self.memory.pin.is_none() {
            self.shared.claims.release(&self.object.identity.uid);
            (self.serial, self.run, self.owner) = (None, None, Owner::Itself);
        }
    }

    /// Claims the run, and waits for other passes over it; true when it had to wait.
    async fn claim(&mut self, run: &RunKey) -> Result<bool, Interrupted> {
        let age = Age {
            created: self.object.identity.created,
            key: self.key.clone(),
        };
        let uid = &self.object.identity.uid;
        let claim = self.shared.claims.claim(run, uid, &age, self.shared.elapsed());
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
        self.serial = Some(self.without_slot(claim.passes.lock_owned()).await?);
        Ok(true)
    }

    async fn ended_by(&self, desired: &Desired, address: &RunAddress, live: &Live) -> Result<EndedBy, Interrupted> {
        if !decide::asks_who_ended_it(live, self.status()) {
            return Ok(EndedBy::NotAsked);
        }
        Ok(match self.events(desired, address).await? {
            Ok(events) => answers::ended_by(&events),
            Err(failure) => EndedBy::Unreadable(failure),
        })
    }

    /// What happened to the run, or why that can't be told.
    async fn events(
        &self,
        desired: &Desired,
        address: &RunAddress,
    ) -> Result<Result<Vec<ExperimentRunEvent>, Failure>, Interrupted> {
        self.within(
            self.shared
                .rates
                .read(&desired.region, &self.key.namespace, self.class()),
        )
        .await?;
        let events = self
            .shared
            .appconfig
            .list_experiment_run_events(&desired.region, address)
            .await;
        Ok(events.map(|events| events.value).map_err(logged))
    }
}

fn address(desired: &Desired) -> Result<RunAddress, appconfig::InvalidAddress> {
    RunAddress::parse(
        &desired.application_identifier,
        &desired.experiment_definition_identifier,
        desired.run,
    )
}

pub(super) fn logged(error: appconfig::Error) -> Failure {
    let request_id = error.request_id.as_deref();
    tracing::warn!(operation = %error.operation, request_id, %error, "AppConfig brought no answer that can be used");
    answers::failure(error)
}
