//! What an answer or a failure tells: whether it is this resource's run, whether it is newer than what is known, and what
//! of it is copied into the status.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::{
    api::RunStatus,
    fleet::Class,
    run::{Change, Failure, FailureKind, LiveRun, Operation, RunKey, Update},
};

use super::{
    EndedBy, Outcome, Owner, Pass,
    findings::{Finding, Reason, Severity},
    live::Known,
    memory::{Refused, Stale},
    names::Names,
    notice::{self, Notice},
    schedule::{self, Next, STALE_BELIEVED_AFTER},
};

impl Pass<'_> {
    /// `GetExperimentRun` answered.
    pub(super) fn read(&mut self, live: &LiveRun, ended_by: &EndedBy, owner: &Owner) {
        self.forget_error_of(Operation::GetExperimentRun);
        if !self.pin(live) || self.is_stale(live) {
            return;
        }
        self.notice_outside_change(live, owner);
        self.advance(live, owner);
        self.memory.failures = 0;
        if self.memory.pending.is_none() {
            self.count_contests(live, owner);
        }
        self.copy(live);
        self.copy_end(ended_by);
        self.settle(live);
        self.judge(live, ended_by, owner);
    }

    /// A read failed: what was found last still holds, and so does the status.
    pub(super) fn read_failed(&mut self, failure: &Failure) {
        self.memory.failures = self.memory.failures.saturating_add(1);
        self.reuse_last_findings();
        self.failed(failure);
    }

    /// An update came to its end, or didn't come to it.
    pub(super) fn updated(&mut self, update: &Update, id: Option<&str>, outcome: &Outcome, owner: &Owner) {
        match outcome {
            Outcome::Applied(live) if outcome.is_known(self.memory.known.as_ref()) => self.applied(update, live, owner),
            Outcome::Applied(_) => self.leave_unsettled(update, id),
            Outcome::Unknown(failure) => {
                self.record_error(failure);
                self.leave_unsettled(update, id);
            }
            Outcome::NotSent(None) => {
                self.reuse_last_findings();
                self.again();
            }
            Outcome::Refused(failure) if failure.kind == FailureKind::Refused => self.refused(update, failure),
            Outcome::NotSent(Some(failure)) | Outcome::Refused(failure) => {
                self.reuse_last_findings();
                self.failed(failure);
            }
        }
    }

    fn applied(&mut self, update: &Update, live: &LiveRun, owner: &Owner) {
        self.memory.attempts = 0;
        self.memory.conflicts = 0;
        self.memory.refused = None;
        self.forget_error_of(Operation::UpdateExperimentRun);
        if !self.pin(live) {
            return;
        }
        let before = self.memory.known.as_ref().and_then(Known::updated_at);
        self.copy(live);
        self.advance(live, owner);
        self.keep_ineffective_held(before, live.updated_at);
        self.count_contests(live, owner);
        if update.shown_by(live) {
            self.notices.extend(told(update));
        } else {
            self.hold(update.member(), Reason::UpdateIneffective, live.updated_at);
        }
        self.judge(live, &EndedBy::NotAsked, owner);
        if super::asks_who_ended_it(live, &self.status) {
            self.next = Next::Now;
        }
    }

    /// `AppConfig` refused an update. Only a fresh read tells whether it is asked for still; a crash before that must not
    /// have it sent again.
    fn refused(&mut self, update: &Update, failure: &Failure) {
        self.record_error(failure);
        self.reuse_last_findings();
        self.memory.refused = Some(Refused {
            generation: self.resource.generation,
            update: update.clone(),
        });
        let updated_at = self.memory.known.as_ref().and_then(Known::updated_at);
        self.hold(update.member(), Reason::UpdateRejected, updated_at);
        self.again();
    }

    /// The next read tells more; until then the conditions stay as they are.
    fn again(&mut self) {
        self.under_way = true;
        self.next = Next::Now;
    }

    /// What a failure is, and when to try again after it.
    fn failed(&mut self, failure: &Failure) {
        let error = self.status.last_error.as_ref();
        let repeats = error.is_some_and(|error| failure.repeats(error));
        let error = self.record_error(failure);
        if failure.kind.refuses_credentials() && !repeats {
            // The client has dropped them: one more try gets fresh ones.
            return self.again();
        }
        let finding = Finding::of_failure(failure, error, self.memory.failures);
        self.class = Class::Retry;
        self.next = match finding.severity() {
            Severity::Stalled => self.slot(false),
            Severity::InProgress => {
                self.memory.conflicts = self.memory.conflicts.saturating_add(1);
                Next::After(schedule::conflict(self.memory.conflicts))
            }
            _ => self.back_off(),
        };
        self.findings.push(finding);
    }

    /// Whether the answer is of the run that was found first. The first answer pins it (P5).
    fn pin(&mut self, live: &LiveRun) -> bool {
        let pinned = self
            .memory
            .pin
            .clone()
            .or_else(|| RunKey::pinned(self.resource.status, self.desired.run));
        if pinned.is_none() {
            self.memory.found_by = Some(Names::asked(self.desired));
        }
        let pin = pinned.unwrap_or_else(|| live.key.clone());
        let same = pin == live.key;
        if !same {
            self.findings.push(Finding::RunReplaced {
                now: live.key.clone(),
                pinned: pin.clone(),
            });
            self.keep_last_findings();
        }
        self.memory.pin = Some(pin);
        same
    }

    /// Whether the answer is older than what is known. One that has stood for 5 minutes is believed all the same.
    fn is_stale(&mut self, live: &LiveRun) -> bool {
        let known = self.memory.known.as_ref();
        // Whatever generation asked for it: what is told apart here is old and new, not settled and unsettled.
        let pending = self.memory.pending.as_ref().map(|pending| pending.record.member);
        let sent = pending.filter(|member| self.desired.matches(*member, live));
        if !known.is_some_and(|known| known.outdates(live, sent)) {
            self.memory.stale = None;
            return false;
        }
        let answer = Known::of(live);
        let since = match self.memory.stale.take() {
            Some(stale) if stale.answer == answer => stale.since,
            _ => self.now.elapsed,
        };
        if self.now.elapsed.saturating_sub(since) >= STALE_BELIEVED_AFTER {
            let note = format!(
                "for 5 minutes AppConfig has answered with a state older than an earlier one (exposure {} %): it is believed \
                 from now on",
                live.exposure
            );
            self.notices.push(Notice::warning(notice::STALE_READ_BELIEVED, note));
            return false;
        }
        self.memory.stale = Some(Stale { answer, since });
        self.memory.failures = self.memory.failures.saturating_add(1);
        self.reuse_last_findings();
        self.findings.push(Finding::StaleRead {
            in_a_row: self.memory.failures,
        });
        self.next = self.back_off();
        true
    }

    /// Exposure that rose without this operator, or by an update of its own whose answer was lost.
    fn notice_outside_change(&mut self, live: &LiveRun, owner: &Owner) {
        // The owner tells; to the others, its raises would look like somebody else's.
        if *owner != Owner::Itself {
            return;
        }
        let Some(known) = self
            .memory
            .known
            .as_ref()
            .filter(|known| live.exposure > known.exposure)
        else {
            return;
        };
        let ours = self
            .memory
            .pending
            .as_ref()
            .and_then(|pending| pending.record.exposure_percentage);
        let (from, to) = (known.exposure, live.exposure);
        self.notices.push(if ours == Some(live.exposure) {
            Notice::normal(
                notice::EXPOSURE_RAISED,
                format!("exposure raised from {from} % to {to} %"),
            )
        } else {
            let note = format!("exposure was raised from {from} % to {to} % by somebody else");
            Notice::warning(notice::EXPOSURE_CHANGED_EXTERNALLY, note)
        });
    }

    fn copy(&mut self, live: &LiveRun) {
        self.memory.known = Some(Known::of(live));
        let status = &mut self.status;
        status.status = Some(live.status);
        status.exposure_percentage = Some(live.exposure);
        status.description = Some(live.description.clone()).filter(|description| !description.is_empty());
        status.treatment_override_count = Some(live.override_count());
        status.started_at = live.started_at.map(Time);
        status.updated_at = live.updated_at.map(Time);
        status.ended_at = live.ended_at.map(Time);
        status.ended_by.take_if(|_| live.status == RunStatus::Running);
        status.result.clone_from(&live.result);
        status.experiment_definition = Some(live.definition.clone());
    }

    fn copy_end(&mut self, ended_by: &EndedBy) {
        match ended_by {
            EndedBy::NotAsked => {}
            EndedBy::Event(trigger) => {
                self.forget_error_of(Operation::ListExperimentRunEvents);
                self.status.ended_by.clone_from(trigger);
            }
            EndedBy::Unreadable(failure) => {
                self.record_error(failure);
            }
        }
    }
}

fn told(update: &Update) -> Option<Notice> {
    match update.change() {
        Change::ExposurePercentage(raise) => {
            let note = format!("exposure raised from {} % to {} %", raise.from(), raise.to());
            Some(Notice::normal(notice::EXPOSURE_RAISED, note))
        }
        Change::TreatmentOverrides(_) | Change::Description(_) => notice::of_update(update.member()),
    }
}
