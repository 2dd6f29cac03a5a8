//! What should happen next. Pure: no async, no clock, no client, no logging.
//!
//! [`decide`] is the second step of a pass on the map in `lib.rs`. It takes the resource, what this process remembers of
//! it, what the pass saw and the time, and answers what to send, what to say and when to look again. The same input gives
//! the same answer to the byte. All policy is here:
//!
//! | question | where |
//! |---|---|
//! | can the spec be used? which run does it mean? | [`desired`], [`names`] |
//! | what did a pass see? | `seen` |
//! | is it the run that was found first, is the answer newer than what is known? | `observe` |
//! | is an earlier update still unsettled? | `settle` |
//! | which exposure does a ramp ask for now? | `advance`, [`ramp`] |
//! | what may hold a raise, and until when? | `gates` |
//! | which `Date` counts as `AppConfig`'s time? | [`service_time`] |
//! | what differs, what may be sent, what is held? | `judge`, `held` |
//! | which update does a spec ask for? (a lower exposure can't be written) | `update`, [`crate::run`] |
//! | which reason does a situation have, and which one wins? in which words? | [`findings`], the decision table |
//! | which conditions follow? | [`conditions`] |
//! | when to look again? | [`schedule`] |
//! | what is worth an Event? | [`notice`] |

mod advance;
pub mod conditions;
pub mod desired;
pub mod findings;
mod gates;
mod held;
mod judge;
pub mod live;
pub mod memory;
pub mod names;
pub mod notice;
mod now;
mod observe;
pub mod ramp;
pub mod schedule;
mod seen;
pub mod service_time;
mod settle;
mod update;

#[cfg(test)]
pub(crate) mod tests;

use jiff::Timestamp;

use crate::{
    api::{ConditionType, ExperimentRunStatus, LastError, Region},
    fleet::Class,
    run::{Failure, LiveRun, Operation, Update},
};

use advance::EffectiveSpec;
pub use advance::asks_since_when;
use desired::{Desired, InvalidSpec};
use findings::{Finding, Target, most_severe};
use memory::Memory;
use names::Names;
use notice::Notice;
pub use now::Now;
use schedule::Next;
pub use seen::{EndedBy, Outcome, Seen};

/// The resource, as the API server last said.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// Its uid.
    pub uid: &'a str,
    /// The generation of its spec.
    pub generation: i64,
    /// The value of its `reconcile-requested-at` annotation.
    pub reconcile_requested_at: Option<&'a str>,
    /// Its spec, parsed.
    pub desired: Result<&'a Desired, &'a InvalidSpec>,
    /// Its status.
    pub status: &'a ExperimentRunStatus,
    /// The operator's own region and interval.
    pub defaults: &'a desired::Defaults,
}

/// Whether this resource is the one that acts for its run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// It is.
    Itself,
    /// An older one is.
    Other {
        /// Its name, when it is in the same namespace; others are nobody's business.
        name: Option<String>,
    },
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What to send, after the fence; or nothing.
    pub update: Option<Update>,
    /// From when on the update may not leave any more, by `AppConfig`'s clock: a window of the ramp closes. `None` when none
    /// does.
    pub until: Option<Timestamp>,
    /// The status to record now; with an update, the status that the fence writes, which [`Decision::fence`] completes.
    pub status: ExperimentRunStatus,
    /// What to remember.
    pub memory: Memory,
    /// What is worth an Event, once the status is recorded.
    pub notices: Vec<Notice>,
    /// When to look again.
    pub next: Next,
    /// As what the next look counts, where many wait.
    pub class: Class,
}

impl Decision {
    /// The status that fences the update: it records what is about to be sent under a fresh ID.
    #[must_use]
    pub fn fence(&self, update: &Update, id: &str, generation: i64, now: &Now) -> ExperimentRunStatus {
        ExperimentRunStatus {
            pending_update: Some(update.pending(id, generation, now)),
            ..self.status.clone()
        }
    }
}

/// Whether to ask who ended the run: once, when it has ended.
#[must_use]
pub fn asks_who_ended_it(live: &LiveRun, status: &ExperimentRunStatus) -> bool {
    live.status == crate::api::RunStatus::Done && status.ended_by.is_none()
}

/// Decides one step of a pass. Total: every input has an answer.
#[must_use]
pub fn decide(resource: &Resource<'_>, memory: &Memory, owner: &Owner, seen: &Seen, now: &Now) -> Decision {
    let mut memory = memory.clone();
    if let Seen::Updated {
        id: Some(id), outcome, ..
    } = seen
        && outcome.is_known(memory.known.as_ref())
    {
        memory.resolve(id);
    }
    let desired = match resource.desired {
        Ok(desired) => desired,
        Err(invalid) => return unusable(resource, memory, invalid, now),
    };
    memory.follow(&Names::asked(desired));
    memory.take_up(resource.status, desired.run);
    if memory.ramp.is_none() {
        memory.ramp.clone_from(&resource.status.ramp);
    }
    if memory.ramp.is_none() && desired.ramp.is_none() {
        memory.ramp = advance::lost(resource, now);
    }
    if let Some(ramp) = &mut memory.ramp {
        ramp.reached.at.0 = service_time::believable(ramp.reached.at.0, now);
    }
    let effective = match seen.live() {
        Some(live) => EffectiveSpec::of_live(desired, memory.ramp.clone(), live, now),
        None => EffectiveSpec::unseen(desired, memory.ramp.clone()),
    };
    let mut pass = Pass::new(resource, &effective, memory, now);
    match seen {
        // A spec that can be used, and yet no call: what was found last still holds.
        Seen::Nothing => pass.reuse_last_findings(),
        Seen::Read(live, ended_by) => pass.read(live, ended_by, owner),
        Seen::ReadFailed(failure) => pass.read_failed(failure),
        Seen::Updated { update, id, outcome } => pass.updated(update, id.as_deref(), outcome, owner),
    }
    pass.finish()
}

/// The spec can't be used: say so, send nothing, and wait for another.
fn unusable(resource: &Resource<'_>, memory: Memory, invalid: &InvalidSpec, now: &Now) -> Decision {
    let finding = Finding::InvalidSpec(invalid.clone());
    let mut status = resource.status.clone();
    status
        .pending_update
        .take_if(|pending| memory.resolved.contains(&pending.id));
    status.observed_generation = Some(resource.generation);
    status.last_handled_reconcile_at = resource.reconcile_requested_at.map(str::to_owned);
    status.conditions = conditions::conditions(
        &status.conditions,
        &finding,
        Target::Ahead,
        resource.generation,
        &now.wall(),
    );
    let notices = notice::of_transition(&resource.status.conditions, &status.conditions, &finding)
        .into_iter()
        .collect();
    Decision {
        update: None,
        until: None,
        status,
        memory,
        notices,
        next: Next::OnChange,
        class: Class::Resync,
    }
}

/// One step of a pass in the making. The modules of this room each add to it.
struct Pass<'a> {
    resource: &'a Resource<'a>,
    effective: &'a EffectiveSpec<'a>,
    /// What is asked for now.
    desired: &'a Desired,
    now: &'a Now,
    memory: Memory,
    status: ExperimentRunStatus,
    findings: Vec<Finding>,
    target: Target,
    update: Option<Update>,
    /// An update is under way, so the conditions stay as they are where they say why Ready is not True.
    under_way: bool,
    notices: Vec<Notice>,
    next: Next,
    class: Class,
}

impl<'a> Pass<'a> {
    fn new(resource: &'a Resource<'a>, effective: &'a EffectiveSpec<'a>, memory: Memory, now: &'a Now) -> Self {
        let desired: &Desired = &effective.now;
        let mut pass = Self {
            resource,
            effective,
            desired,
            now,
            memory,
            status: resource.status.clone(),
            findings: Vec::new(),
            target: Target::NotSeen,
            update: None,
            under_way: false,
            notices: Vec::new(),
            next: Next::After(schedule::slot(resource.uid, desired.resync_interval, now.local)),
            class: Class::Resync,
        };
        pass.notice_pending();
        pass
    }

    /// The slot of the next regular read.
    fn slot(&self, done: bool) -> Next {
        let interval = schedule::interval(self.desired.resync_interval, done);
        Next::After(schedule::slot(self.resource.uid, interval, self.now.local))
    }

    fn back_off(&mut self) -> Next {
        self.class = Class::Retry;
        self.memory.attempts = self.memory.attempts.saturating_add(1);
        Next::Backoff(schedule::backoff(self.memory.attempts))
    }

    /// Records an error as it was first seen; a repeat changes nothing.
    fn record_error(&mut self, failure: &Failure) -> LastError {
        match self.status.last_error.take() {
            Some(error) if failure.repeats(&error) => self.status.last_error.insert(error).clone(),
            _ => {
                let error = LastError {
                    operation: failure.operation.as_str().to_owned(),
                    code: failure.code.clone(),
                    status_code: failure.status.map(i32::from),
                    message: failure.message.clone(),
                    request_id: failure.request_id.clone(),
                    at: self.now.wall(),
                };
                self.status.last_error.insert(error).clone()
            }
        }
    }

    fn forget_error_of(&mut self, operation: Operation) {
        self.status
            .last_error
            .take_if(|error| error.operation == operation.as_str());
    }

    /// What the last good read led to still holds, as far as it is of this spec.
    fn reuse_last_findings(&mut self) {
        let generation = self.resource.generation;
        let last = self.memory.last_findings.as_ref();
        if let Some((_, findings)) = last.filter(|(of, _)| *of == generation) {
            self.findings.extend(findings.iter().cloned());
        }
    }

    /// Remembers the findings so far: those of a good read.
    fn keep_last_findings(&mut self) {
        self.memory.last_findings = Some((self.resource.generation, self.findings.clone()));
    }

    fn finish(mut self) -> Decision {
        self.findings.extend(self.outcome_unknown());
        let generation = self.resource.generation;
        let before = &self.resource.status.conditions;
        let finding = most_severe(&self.findings).unwrap_or(&Finding::FirstRead);
        let after = conditions::conditions(before, finding, self.target, generation, &self.now.wall());
        // The reason survives a retry: no flapping, and no Event for each.
        self.status.conditions = if self.under_way && conditions::can_be_reused(before, generation) {
            before.clone()
        } else {
            after
        };
        self.notices
            .extend(notice::of_transition(before, &self.status.conditions, finding));
        if conditions::find(&self.status.conditions, ConditionType::Ready).is_some_and(|ready| ready.status == "True") {
            self.memory.ready_generation = Some(generation);
        }
        if let Some(pin) = &self.memory.pin {
            self.status.region = Some(pin.region.to_string());
            self.status.application_id = Some(pin.application_id.clone());
            self.status.experiment_definition_id = Some(pin.experiment_definition_id.clone());
            self.status.run = Some(pin.run);
        }
        self.status.observed_generation = Some(generation);
        self.status.last_handled_reconcile_at = self.resource.reconcile_requested_at.map(str::to_owned);
        self.status.ramp.clone_from(&self.memory.ramp);
        self.status.held_updates.clone_from(&self.memory.held);
        self.status.pending_update = self.memory.pending.as_ref().map(|pending| pending.record.clone());
        let raises = self.update.as_ref().is_some_and(|update| update.exposure().is_some());
        Decision {
            until: self.effective.raise.until().filter(|_| raises),
            update: self.update,
            status: self.status,
            memory: self.memory,
            notices: self.notices,
            next: self.next,
            class: self.class,
        }
    }
}

/// The region that a read would go to, if one can be told.
#[must_use]
pub fn pinned_region(status: &ExperimentRunStatus, memory: Option<&Memory>) -> Option<Region> {
    let remembered = memory
        .and_then(|memory| memory.pin.as_ref())
        .map(|pin| pin.region.clone());
    remembered.or_else(|| status.region.as_deref().and_then(|region| region.parse().ok()))
}
