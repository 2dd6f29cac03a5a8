//! What should happen next. Pure: no async, no clock, no client, no logging.
//!
//! [`decide`] is the second step of a pass on the map in `lib.rs`. It takes the resource, what this process remembers of
//! it, what the pass saw and the time, and answers what to send, what to say and when to look again. The same input gives
//! the same answer to the byte. Each of its steps takes values and gives a value, in this order:
//!
//! | step | where |
//! |---|---|
//! | what does the resource's own status tell? | `learn`: [`Memory`] with the status |
//! | which exposure does the spec ask for now? what may hold a raise, and until when? | `effective_spec`, [`ramp`], `gates` |
//! | is the answer of the run that was found first, and no older than what is known? | `observation`, [`live`] |
//! | what of it is remembered? is an earlier update settled? what is not sent again for now? | `learn`, `pending`, `held` |
//! | which failed call does the status record? | `last_error` |
//! | what differs, what may be sent, what is found? when to look again? | `assessment`, `update`, `next_look`, [`schedule`] |
//! | which reason wins, in which words? | [`findings`], the decision table |
//! | what does the status say then? | `report`, [`conditions`], `ramp_status` |
//! | what is worth an Event? | [`event`] |
//!
//! What it takes: a spec that can be used is a [`desired::Desired`], which run it means is in [`names`], what a pass saw is
//! [`Evidence`], and which `Date` counts as `AppConfig`'s time is in [`service_time`].

mod assessment;
pub mod conditions;
pub mod desired;
mod effective_spec;
pub mod event;
mod evidence;
pub mod findings;
mod gates;
mod held;
mod last_error;
mod learn;
pub mod live;
pub mod memory;
pub mod names;
mod next_look;
mod now;
mod observation;
mod pending;
pub mod ramp;
mod ramp_status;
mod report;
pub mod schedule;
pub mod service_time;
mod text;
mod update;

#[cfg(test)]
pub(crate) mod tests;

use jiff::Timestamp;

use crate::{
    api::{ExperimentRunStatus, Region},
    fleet::Class,
    run::{LiveRun, Update},
};

use assessment::Assessment;
use desired::{Desired, InvalidSpec};
use effective_spec::EffectiveSpec;
use event::Event;
pub use evidence::{EndedBy, Evidence, Outcome};
use findings::{Finding, Target};
use memory::Memory;
pub use now::Now;
use observation::Observation;
pub use ramp_status::asks_since_when;
use schedule::Next;

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
    pub events: Vec<Event>,
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

/// Whether to ask who ended the run: when it has ended, and the status does not tell.
#[must_use]
pub fn asks_who_ended_it(live: &LiveRun, status: &ExperimentRunStatus) -> bool {
    live.status == crate::api::RunStatus::Done && status.ended_by.is_none()
}

/// Decides one step of a pass. Total: every input has an answer.
#[must_use]
pub fn decide(resource: &Resource<'_>, memory: &Memory, owner: &Owner, evidence: &Evidence, now: &Now) -> Decision {
    let ended = memory.clone().end_update(evidence);
    let desired = match resource.desired {
        Ok(desired) => desired,
        Err(invalid) => return unusable(resource, ended, invalid, now),
    };
    let taken_up = ended.take_up(resource, desired, now);
    let effective = EffectiveSpec::of(desired, taken_up.ramp.clone(), evidence.live(), now);
    let situation = Situation {
        resource,
        effective: &effective,
        owner,
        evidence,
        now,
    };
    let observation = Observation::of(&situation, &taken_up);
    let learned = taken_up.clone().learn(&situation, &observation);
    let error = last_error::after(&situation, &observation);
    let assessment = Assessment::of(&situation, &observation, &learned, error.as_ref());
    let finding = assessment.most_severe(learned.pending.as_ref());
    let status = report::status(&situation, &observation, &learned, &assessment, error, &finding);
    let mut events = event::of_observation(&situation, &observation, &taken_up, &learned);
    events.extend(event::of_transition(
        &resource.status.conditions,
        &status.conditions,
        &finding,
    ));
    let update = assessment.update.clone();
    let raises = update.as_ref().is_some_and(|update| update.exposure().is_some());
    Decision {
        until: effective.raise.until().filter(|_| raises),
        update,
        next: assessment.look.next,
        class: assessment.look.class,
        memory: learned.keep(&situation, &observation, assessment, &status),
        status,
        events,
    }
}

/// What a decision is made upon. Nothing in it changes while one is made.
struct Situation<'a> {
    resource: &'a Resource<'a>,
    effective: &'a EffectiveSpec<'a>,
    owner: &'a Owner,
    evidence: &'a Evidence,
    now: &'a Now,
}

impl Situation<'_> {
    /// What is asked for now.
    fn desired(&self) -> &Desired {
        &self.effective.allowed_now
    }

    /// When the next regular read is, of a run that has ended or has not.
    fn slot(&self, done: bool) -> Next {
        let interval = schedule::interval(self.effective.spec.resync_interval, done);
        Next::After(schedule::slot(self.resource.uid, interval, self.now.local))
    }
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
    let events = event::of_transition(&resource.status.conditions, &status.conditions, &finding);
    Decision {
        update: None,
        until: None,
        status,
        memory,
        events: events.into_iter().collect(),
        next: Next::OnChange,
        class: Class::Resync,
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
