//! What differs, which findings follow, and what may be sent.

use crate::{
    api::{Member, RunStatus},
    fleet::Class,
    run::{LiveRun, Operation, Update},
};

use super::{
    EndedBy, Owner, Pass,
    findings::{Finding, Severity, Target},
};

/// The trigger of a run that a person ended.
const USER: &str = "USER";
/// The triggers of a run that stopped by itself.
const STOPPED: [&str; 2] = ["CLOUDWATCH_ALARM", "INTERNAL_ERROR"];

impl Pass<'_> {
    /// Judges a live state that is this resource's run and isn't stale.
    pub(super) fn judge(&mut self, live: &LiveRun, ended_by: &EndedBy, owner: &Owner) {
        self.target = match self.effective.spec.exposure {
            None => Target::NotManaged,
            Some(asked) if asked == live.exposure => Target::Reached,
            Some(_) => Target::Ahead,
        };
        self.confirm_refusal(live);
        self.release_held(live);
        let differing = self.desired.differences(live);
        let done = live.status == RunStatus::Done;
        let slot = self.slot(done);
        self.next = self.sooner(slot);
        if self.next != slot && self.effective.raises_by_itself() && *owner == Owner::Itself {
            self.class = Class::Raise;
        }
        if let Owner::Other { name } = owner {
            self.findings.push(Finding::RunAlreadyManaged { by: name.clone() });
        }
        if done {
            self.judge_done(self.effective.spec.differences(live).is_empty(), ended_by);
        } else {
            self.judge_running(live, &differing, owner);
        }
        self.keep_last_findings();
        self.tell_skew(live, owner);
    }

    fn judge_running(&mut self, live: &LiveRun, differing: &[Member], owner: &Owner) {
        if self.desired.suspend {
            let differing = self.effective.spec.differences(live);
            self.findings.push(Finding::Suspended { differing });
        }
        let sendable: Vec<Update> = differing
            .iter()
            .filter_map(|member| self.sendable(*member, live))
            .collect();
        let unsettled = self.unsettled();
        let update = sendable.into_iter().next().filter(|update| may_go(update, differing));
        let free = !unsettled && !self.desired.suspend && *owner == Owner::Itself;
        match update.filter(|_| free) {
            Some(update) => {
                self.findings.push(Finding::Updating(update.member()));
                self.update = Some(update);
                self.under_way = true;
            }
            None if differing.is_empty() && self.effective.skew().is_none() => self.findings.push(self.matching()),
            None => {}
        }
        self.findings.extend(self.effective.removed());
        if self.update.is_none() && !unsettled {
            self.memory.attempts = 0;
            self.memory.conflicts = 0;
            if !self.holds_a_refusal() {
                self.forget_error_of(Operation::UpdateExperimentRun);
            }
        }
    }

    /// The update of a member that differs, unless it is infeasible or held, which is a finding.
    fn sendable(&mut self, member: Member, live: &LiveRun) -> Option<Update> {
        if member == Member::TreatmentOverrides && self.names_unknown_treatment(live) {
            let keys = live.treatment_keys().map(str::to_owned).collect();
            self.findings.push(Finding::UnknownTreatment { keys });
            return None;
        }
        if let Some(finding) = self.why_held(member) {
            self.findings.push(finding);
            return None;
        }
        let update = Update::towards(self.desired, member, live);
        if update.is_none() && member == Member::ExposurePercentage {
            let above = |desired| Finding::ExposureAboveDesired {
                live: live.exposure,
                desired,
            };
            self.findings.extend(self.desired.exposure.map(above));
        }
        update
    }

    fn names_unknown_treatment(&self, live: &LiveRun) -> bool {
        let asked = self.desired.overrides.as_ref();
        asked.is_some_and(|asked| {
            asked
                .inline
                .values()
                .any(|key| !live.treatment_keys().any(|known| known == key))
        })
    }

    fn matching(&self) -> Finding {
        if let Some(waiting) = self.effective.waiting() {
            return waiting;
        }
        if self.desired.managed().next().is_none() {
            return Finding::Observing;
        }
        Finding::InSync {
            exposure: self.desired.exposure,
        }
    }

    fn judge_done(&mut self, matches: bool, ended_by: &EndedBy) {
        let was_ready = self.memory.ready_generation == Some(self.resource.generation);
        let trigger = self.status.ended_by.as_deref();
        let finding = if matches {
            Finding::RunDoneMatching
        } else if was_ready && trigger == Some(USER) {
            Finding::RunDoneByUser
        } else if trigger.is_none() && !matches!(ended_by, EndedBy::Event(_)) {
            self.next = self.back_off();
            let unread = match ended_by {
                EndedBy::Unreadable(failure) => {
                    let error = self.record_error(failure);
                    Some(Box::new(Finding::of_failure(failure, error, 0)))
                }
                _ => None,
            };
            Finding::RunDoneUnexplained { unread }
        } else if let Some(by) = trigger.filter(|trigger| STOPPED.contains(trigger)) {
            Finding::RunStopped { by: by.to_owned() }
        } else {
            Finding::RunDoneDiffering
        };
        if finding.severity() != Severity::Unknown {
            self.memory.attempts = 0;
            self.forget_error_of(Operation::UpdateExperimentRun);
        }
        self.findings.push(finding);
    }
}

/// Exposure is the step that can't be taken back: it goes only when every other managed member matches.
fn may_go(update: &Update, differing: &[Member]) -> bool {
    update.member() != Member::ExposurePercentage || differing == [Member::ExposurePercentage]
}
