//! What differs, which rows of the table follow, and what may be sent.

use crate::{
    api::{Member, Reason, RunStatus},
    fleet::Class,
    run::{LiveRun, Operation, Update},
};

use super::{
    EndedBy, Owner, Pass,
    conditions::{Row, Target, Verdict},
    live::words,
};

/// The trigger of a run that a person ended.
const USER: &str = "USER";
/// The triggers of a run that stopped by itself.
const STOPPED: [&str; 2] = ["CLOUDWATCH_ALARM", "INTERNAL_ERROR"];

impl Pass<'_> {
    /// Judges a live state that is this resource's run and isn't stale.
    pub(super) fn judge(&mut self, live: &LiveRun, ended_by: &EndedBy, owner: &Owner) {
        self.target = match self.asked.spec.exposure {
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
        if self.next != slot && self.raises_then() && *owner == Owner::Itself {
            self.class = Class::Raise;
        }
        if let Owner::Other { name } = owner {
            self.rows.push(already_managed(name.as_deref()));
        }
        if done {
            self.judge_done(self.asked.spec.differences(live).is_empty(), ended_by);
        } else {
            self.judge_running(live, &differing, owner);
        }
        self.memory.standing = Some((self.resource.generation, self.rows.clone()));
        self.tell_skew(live, owner);
    }

    fn judge_running(&mut self, live: &LiveRun, differing: &[Member], owner: &Owner) {
        if self.desired.suspend {
            self.rows.push(suspended(&self.asked.spec.differences(live)));
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
                let message = format!("updating the {}", words(update.member()));
                self.rows.push(Row::new(Reason::Progressing, Verdict::Working, message));
                self.update = Some(update);
                self.under_way = true;
            }
            None if differing.is_empty() && self.asked.skew.is_none() => self.rows.push(self.matching()),
            None => {}
        }
        self.rows.extend(self.asked.removed());
        if self.update.is_none() && !unsettled {
            self.memory.attempts = 0;
            self.memory.conflicts = 0;
            if !self.holds_a_refusal() {
                self.forget_error_of(Operation::UpdateExperimentRun);
            }
        }
    }

    /// The update of a member that differs, unless it is infeasible or held, which has a row.
    fn sendable(&mut self, member: Member, live: &LiveRun) -> Option<Update> {
        if member == Member::TreatmentOverrides && self.names_unknown_treatment(live) {
            let keys: Vec<&str> = live.treatment_keys().collect();
            let message = if keys.is_empty() {
                "AppConfig does not say which treatments the run has, so treatmentOverrides can't be checked: no override is \
                 sent; check the experiment definition"
                    .to_owned()
            } else {
                format!(
                    "treatmentOverrides names a treatment that the run does not have: use one of {}; no override is sent",
                    keys.join(", ")
                )
            };
            self.rows
                .push(Row::new(Reason::UnknownTreatment, Verdict::Stalled, message));
            return None;
        }
        if let Some(row) = self.held_row(member) {
            self.rows.push(row);
            return None;
        }
        let update = Update::towards(self.desired, member, live);
        if update.is_none() && member == Member::ExposurePercentage {
            self.rows.extend(self.desired.exposure.map(|asked| {
                let message = format!(
                    "live {live} %, desired {asked} %: AppConfig cannot lower a run's exposure. To accept it, set \
                     exposurePercentage to {live} or more, or remove it; to go back, stop the run and start a new one",
                    live = live.exposure
                );
                Row::new(Reason::ExposureAboveDesired, Verdict::Stalled, message)
            }));
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

    fn matching(&self) -> Row {
        if let Some(row) = self.asked.waiting() {
            return row;
        }
        if self.desired.managed().next().is_none() {
            return Row::new(
                Reason::Observing,
                Verdict::Settled,
                "nothing is managed: the run is only observed",
            );
        }
        let message = match self.desired.exposure {
            Some(exposure) => format!("live matches the spec; exposure is {exposure} %"),
            None => "live matches the spec; exposure is not managed".to_owned(),
        };
        Row::new(Reason::InSync, Verdict::Settled, message)
    }

    fn judge_done(&mut self, matches: bool, ended_by: &EndedBy) {
        let was_ready = self.memory.ready_generation == Some(self.resource.generation);
        let trigger = self.status.ended_by.as_deref();
        let stopped = trigger.is_some_and(|trigger| STOPPED.contains(&trigger));
        let row = if matches {
            Row::new(
                Reason::RunDone,
                Verdict::Settled,
                "the run has ended, as the spec describes it",
            )
        } else if was_ready && trigger == Some(USER) {
            Row::new(
                Reason::RunDone,
                Verdict::Settled,
                "the run was ended by a user after it had matched the spec",
            )
        } else if trigger.is_none() && !matches!(ended_by, EndedBy::Event(_)) {
            self.next = self.back_off();
            let message = match ended_by {
                EndedBy::Unreadable(failure) => {
                    let error = self.record_error(failure);
                    let why = failure.row(&error, 0).message;
                    format!("the run has ended, and who ended it could not be read: {why}")
                }
                _ => "the run has ended; who ended it is read next".to_owned(),
            };
            Row::new(Reason::RunDone, Verdict::Unsure, message)
        } else if stopped {
            let by = trigger.unwrap_or_default();
            let message =
                format!("the run was ended by {by} and does not match the spec: another run is another resource");
            Row::new(Reason::RunStopped, Verdict::Stalled, message)
        } else {
            let message = "the run has ended and does not match the spec: another run is another resource";
            Row::new(Reason::RunDone, Verdict::Stalled, message)
        };
        if row.verdict != Verdict::Unsure {
            self.memory.attempts = 0;
            self.forget_error_of(Operation::UpdateExperimentRun);
        }
        self.rows.push(row);
    }
}

/// Exposure is the step that can't be taken back: it goes only when every other managed member matches.
fn may_go(update: &Update, differing: &[Member]) -> bool {
    update.member() != Member::ExposurePercentage || differing == [Member::ExposurePercentage]
}

fn already_managed(name: Option<&str>) -> Row {
    let message = match name {
        Some(name) => format!("the older resource {name} stands for the same run: delete one of the two"),
        None => "an older resource in another namespace stands for the same run: delete one of the two".to_owned(),
    };
    Row::new(Reason::RunAlreadyManaged, Verdict::Stalled, message)
}

fn suspended(differing: &[Member]) -> Row {
    if differing.is_empty() {
        return Row::new(Reason::Suspended, Verdict::Settled, "suspended; live matches the spec");
    }
    let which: Vec<&str> = differing.iter().map(|member| words(*member)).collect();
    let message = format!(
        "suspended; the {} would change: remove spec.suspend to go on",
        which.join(" and the ")
    );
    Row::new(Reason::Suspended, Verdict::Stalled, message)
}
