//! What there is to remember of a pass: [`Memory::take_up`] what the resource's status tells, then [`Memory::learn`] what the
//! answer tells, and [`Memory::keep`] what was decided.

use crate::{
    api::ExperimentRunStatus,
    run::{FailureKind, LiveRun, RunKey},
};

use super::{
    Evidence, Now, Outcome, Resource, Situation,
    assessment::Assessment,
    conditions,
    desired::Desired,
    findings::Reason,
    live::Known,
    memory::{Memory, Pending, Refused, Stale, ready_generation},
    names::Names,
    observation::Observation,
    ramp_status, service_time,
};

impl Memory {
    /// Lets go of the update that was under way, once its outcome is known: no old copy of the status revives it.
    pub(super) fn end_update(mut self, evidence: &Evidence) -> Self {
        if let Evidence::Updated {
            id: Some(id), outcome, ..
        } = evidence
            && outcome.is_known(self.known.as_ref())
        {
            self.resolve(id);
        }
        self
    }

    /// Takes up what the resource tells by now, before any answer counts.
    ///
    /// An update that the status names and whose end this process doesn't know was sent just now and the answer is missing,
    /// or another process, or this one before a crash, may have sent it. Its settling time starts.
    pub(super) fn take_up(mut self, resource: &Resource<'_>, desired: &Desired, now: &Now) -> Self {
        let status = resource.status;
        self.follow(&Names::asked(desired));
        self.take_up_status(status, desired.run);
        if self.ramp.is_none() {
            self.ramp.clone_from(&status.ramp);
        }
        if self.ramp.is_none() && desired.ramp.is_none() {
            self.ramp = ramp_status::lost(resource, now);
        }
        if let Some(ramp) = &mut self.ramp {
            ramp.reached.at.0 = service_time::believable(ramp.reached.at.0, now);
        }
        if let Some(record) = status.pending_update.clone() {
            let first_seen = now.elapsed;
            self.open(Pending { record, first_seen });
        }
        self
    }

    /// Takes up what the status tells now, while this process has had no answer of its own: the copy that it saw first may
    /// have been old, and what another process has recorded since tells a read that lags. One that was wiped tells
    /// nothing. Where another process has recorded the run that it found, that one was found first (P5).
    fn take_up_status(&mut self, status: &ExperimentRunStatus, run: i32) {
        if let Some(pin) = RunKey::pinned(status, run).filter(|_| !self.has_recorded_pin()) {
            self.known.take_if(|_| self.pin.as_ref() != Some(&pin));
            self.pin = Some(pin);
            self.found_by = None;
        }
        let Some(recorded) = Known::from_status(status) else {
            return;
        };
        if self
            .known
            .as_ref()
            .is_none_or(|known| known.is_recorded_later(&recorded))
        {
            self.held.clone_from(&status.held_updates);
            self.ramp.clone_from(&status.ramp);
            self.last_findings = conditions::recorded(&status.conditions);
            self.ready_generation = ready_generation(status);
            self.known = Some(recorded);
        }
    }

    /// Learns what the answer tells. Called once for each answer.
    pub(super) fn learn(mut self, situation: &Situation<'_>, observation: &Observation<'_>) -> Self {
        match observation {
            Observation::Missing => self.learn_of_none(situation),
            Observation::Stale { answer, since } => {
                self.failures = self.failures.saturating_add(1);
                self.stale = Some(Stale {
                    answer: answer.clone(),
                    since: *since,
                });
            }
            Observation::OfAnotherRun { .. } => self.learn_of_success(situation.evidence),
            Observation::Usable { live, .. } => {
                self.learn_of_success(situation.evidence);
                self.learn_of_run(live, situation);
            }
        }
        self
    }

    fn learn_of_success(&mut self, evidence: &Evidence) {
        if let Evidence::Updated { .. } = evidence {
            self.attempts = 0;
            self.conflicts = 0;
            self.refused = None;
        }
    }

    /// The first answer pins the run (P5).
    fn learn_of_run(&mut self, live: &LiveRun, situation: &Situation<'_>) {
        if self.pin.is_none() {
            self.pin = Some(live.key.clone());
            self.found_by = Some(Names::asked(situation.desired()));
        }
        self.ramp.clone_from(&situation.effective.ramp);
        let before = self.known.replace(Known::of(live));
        if let Evidence::Updated { update, .. } = situation.evidence {
            let before = before.as_ref().and_then(Known::updated_at);
            self.keep_ineffective_held(before, live.updated_at);
            self.count_contests(live, situation);
            if !update.shown_by(live) {
                self.hold(update.member(), Reason::UpdateIneffective, live.updated_at, situation);
            }
        } else {
            self.stale = None;
            self.failures = 0;
            if self.pending.is_none() {
                self.count_contests(live, situation);
            }
            let settled = self
                .pending
                .as_ref()
                .filter(|pending| pending.is_settled_by(live, situation));
            if let Some(id) = settled.map(|pending| pending.record.id.clone()) {
                self.resolve(&id);
            }
        }
        self.confirm_refusal(live, situation);
        self.release_held(live, situation);
    }

    /// An answer is missing, or tells nothing of the run.
    fn learn_of_none(&mut self, situation: &Situation<'_>) {
        match situation.evidence {
            Evidence::Nothing | Evidence::Read(..) => {}
            Evidence::ReadFailed(_) => self.failures = self.failures.saturating_add(1),
            Evidence::Updated { update, id, outcome } => match outcome {
                // The outcome isn't known, whether or not the copy of the status at hand names the update.
                Outcome::Applied(_) | Outcome::Unknown(_) => {
                    let id = id.as_deref().unwrap_or_default();
                    self.open(Pending {
                        record: update.pending(id, situation.resource.generation, situation.now),
                        first_seen: situation.now.elapsed,
                    });
                }
                // Only a fresh read tells whether it is asked for still; a crash before that must not have it sent again.
                Outcome::Refused(failure) if failure.kind == FailureKind::Refused => {
                    self.refused = Some(Refused {
                        generation: situation.resource.generation,
                        update: update.clone(),
                    });
                    let updated_at = self.known.as_ref().and_then(Known::updated_at);
                    self.hold(update.member(), Reason::UpdateRejected, updated_at, situation);
                }
                Outcome::Refused(_) | Outcome::NotSent(_) => {}
            },
        }
    }

    /// Keeps what was decided. The findings of a good read still hold while none comes after it.
    pub(super) fn keep(
        mut self,
        situation: &Situation<'_>,
        observation: &Observation<'_>,
        assessment: Assessment,
        status: &ExperimentRunStatus,
    ) -> Self {
        self.attempts = assessment.look.attempts;
        self.conflicts = assessment.look.conflicts;
        self.ready_generation = ready_generation(status).or(self.ready_generation);
        if let Observation::Usable { .. } = observation {
            self.skew = assessment
                .skewed
                .or(self.skew)
                .filter(|_| situation.effective.skew().is_some());
        }
        if let Observation::Usable { .. } | Observation::OfAnotherRun { .. } = observation {
            self.last_findings = Some((situation.resource.generation, assessment.findings));
        }
        self
    }
}
