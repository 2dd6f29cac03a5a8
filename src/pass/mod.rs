//! One pass over one resource, as a chain of values: what comes next, and what an answer to it leads to. Pure: no async, no
//! clock, no client, no logging.
//!
//! On the map in `lib.rs` this is between `decide`, which says what is to be done, and whoever does it. [`begin`] gives the
//! first [`Step`]. Each step owns all that goes on with it, says what has to be done, and takes the answer to that and to
//! nothing else, which gives the next step. The last one is [`End`].
//!
//! ```text
//! Claim ─► Get ─► Claim ─► ListEvents ─► decide ─┬─► Prepare ─► Fence ─► Send ─► decide …
//!                                                └─► Record ─► Claim … or End
//! ```
//!
//! | question | where |
//! |---|---|
//! | whose run is it, what is it like now? | `observe` |
//! | in which order is an update sent, and what keeps it from leaving? | `send`, [`SendWindow`] |
//! | onto which object goes a status, what does a conflict lead to? | `record` |
//! | what time is it for `AppConfig`? | [`ServiceClock`] |
//! | what is a resource to a pass? | [`resource`] |
//! | what will passes do, if nothing goes wrong? | [`timeline`] |
//!
//! Whoever drives a pass tells it the time with each answer: [`Moment`]. Nothing may be waited for between the moment of the
//! answer to a fence and the first byte of the update that it lets go.

mod moment;
mod observe;
mod record;
pub mod resource;
mod send;
mod send_window;
mod service_clock;
#[cfg(test)]
mod tests;
pub mod timeline;

use std::{mem, sync::Arc};

use crate::{
    decide::{
        self, Decision, Evidence, Now, Owner, Resource,
        desired::{Defaults, Desired, InvalidSpec},
        event::Event,
        memory::Memory,
        schedule::{self, Next},
        service_time::Untold,
    },
    fleet::Class,
    run::RunKey,
};

pub use moment::Moment;
pub use observe::{Claim, Claimed, Get, ListEvents, Read};
pub use record::{Record, Refresh};
use resource::StoredResource;
pub use send::{Answered, Fence, Prepare, Send, Sent};
pub use send_window::SendWindow;
pub use service_clock::ServiceClock;

/// How often one pass decides at most. Three members are three updates; the rest is for conflicts and refusals.
const DECISIONS: usize = 12;

/// What has to be done next. `P` is what an update needs to be sent: a permit, which a pass hands on and never looks at.
#[derive(Clone, Debug)]
pub enum Step<P> {
    /// Claim the run, and wait for other passes over it.
    Claim(Claim<P>),
    /// `GetExperimentRun`.
    Get(Get<P>),
    /// `ListExperimentRunEvents`.
    ListEvents(ListEvents<P>),
    /// Get all that an update needs, so that nothing is waited for once it is fenced.
    Prepare(Prepare<P>),
    /// Write the status that records what is about to be sent.
    Fence(Fence<P>),
    /// `UpdateExperimentRun`, at once.
    Send(Send<P>),
    /// Write the status.
    Record(Record<P>),
    /// Read the newest resource from the API server.
    Refresh(Refresh<P>),
    /// Nothing: the pass is over.
    End(Box<End>),
}

/// What has to be done beside a step, before it. It has no answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// Events to publish.
    pub publish: Vec<Event>,
    /// The API server answered with another spec of the same generation, so its schema has to be read anew.
    pub contradiction: bool,
}

/// What a pass leaves behind.
#[derive(Clone, Debug)]
pub struct End {
    /// The newest state of the resource that the pass has seen.
    pub resource: Arc<StoredResource>,
    /// What to remember of it.
    pub memory: Memory,
    /// Events that could not be told, since no status was written.
    pub events: Vec<Event>,
    /// Whether the data of the API server were restored from a backup meanwhile.
    pub restored: bool,
    /// When to look again and as what, or why the pass came to no end.
    pub result: Result<(Next, Class), Interruption>,
    effects: Effects,
}

/// Why a pass came to no end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Interruption {
    /// The resource is gone, is being deleted, or is not selected any more.
    #[error("the resource is gone")]
    Gone,
    /// This process may not act any more.
    #[error("this process is stopping, or does not hold the Lease")]
    MayNotAct,
    /// The API server may have dropped fields of what it told, and may drop them of what is written.
    #[error("the API server's schema may lack fields")]
    SchemaUnproven,
    /// Too much else is going on.
    #[error("reconcile not finished within {} s", .0.as_secs())]
    Deadline(std::time::Duration),
    /// The API server, in a sentence.
    #[error("reconcile not finished: {0}")]
    ApiServer(String),
}

/// What came of a status write.
#[derive(Clone, Debug)]
pub enum Written {
    /// The resource as it is now.
    Written(Arc<StoredResource>),
    /// The status was that already, so nothing was written.
    Unchanged,
    /// The resource has changed since it was read (409).
    Conflict,
    /// It may have been written or not.
    Failed(Interruption),
}

/// What goes on from step to step.
#[derive(Clone, Debug)]
struct Pass<P> {
    defaults: Arc<Defaults>,
    resource: Arc<StoredResource>,
    memory: Memory,
    /// Events that are told once a status is written.
    events: Vec<Event>,
    owner: Owner,
    /// The live run's IDs, by which updates name it.
    run: Option<RunKey>,
    /// `AppConfig`'s own time.
    service: Result<ServiceClock, Untold>,
    /// What was prepared for an update that did not come to be sent.
    permit: Option<P>,
    decisions: usize,
    restored: bool,
    effects: Effects,
}

/// The first step of a pass over a resource. `events` are left over from the one before.
#[must_use]
pub fn begin<P>(
    defaults: Arc<Defaults>,
    resource: Arc<StoredResource>,
    memory: Memory,
    events: Vec<Event>,
    moment: &Moment,
) -> Step<P> {
    let pass = Box::new(Pass {
        defaults,
        resource,
        memory,
        events,
        owner: Owner::Itself,
        run: None,
        service: Err(Untold::NoDate),
        permit: None,
        decisions: 0,
        restored: false,
        effects: Effects::default(),
    });
    if pass.resource.is_abridged() {
        pass.refresh()
    } else {
        pass.observe(moment)
    }
}

impl<P> Step<P> {
    /// The resource, as the pass knows it.
    #[must_use]
    pub fn resource(&self) -> &StoredResource {
        self.pass().map_or_else(|end| &*end.resource, |pass| &*pass.resource)
    }

    /// What the pass remembers by now.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        self.pass().map_or_else(|end| &end.memory, |pass| &pass.memory)
    }

    /// What has to be done before this step. Taken once.
    pub fn take_effects(&mut self) -> Effects {
        mem::take(match self {
            Self::Claim(step) => &mut step.pass.effects,
            Self::Get(step) => &mut step.pass.effects,
            Self::ListEvents(step) => &mut step.pass.effects,
            Self::Prepare(step) => &mut step.pass.effects,
            Self::Fence(step) => &mut step.pass.effects,
            Self::Send(step) => &mut step.pass.effects,
            Self::Record(step) => &mut step.pass.effects,
            Self::Refresh(step) => &mut step.pass.effects,
            Self::End(end) => &mut end.effects,
        })
    }

    /// What was decided just now, for the properties that the tests of `decide` check.
    #[cfg(test)]
    pub(crate) const fn decision(&self) -> Option<&Decision> {
        match self {
            Self::Prepare(step) => Some(step.decision()),
            Self::Record(step) => Some(step.decision()),
            _ => None,
        }
    }

    fn pass(&self) -> Result<&Pass<P>, &End> {
        match self {
            Self::Claim(step) => Ok(&step.pass),
            Self::Get(step) => Ok(&step.pass),
            Self::ListEvents(step) => Ok(&step.pass),
            Self::Prepare(step) => Ok(&step.pass),
            Self::Fence(step) => Ok(&step.pass),
            Self::Send(step) => Ok(&step.pass),
            Self::Record(step) => Ok(&step.pass),
            Self::Refresh(step) => Ok(&step.pass),
            Self::End(end) => Err(end),
        }
    }
}

/// What every step of a pass but the last has in common.
macro_rules! step_of_a_pass {
    ($name:ident) => {
        impl<P> $name<P> {
            /// The end of the pass, where this step can't be done, or is not waited for any more.
            #[must_use]
            pub fn interrupted(self, why: $crate::pass::Interruption) -> $crate::pass::Step<P> {
                self.pass.end(Err(why))
            }

            /// The resource, as the pass knows it.
            #[must_use]
            pub fn resource(&self) -> &$crate::pass::resource::StoredResource {
                &self.pass.resource
            }
        }
    };
}
use step_of_a_pass;

impl<P> Pass<P> {
    /// Step 2: what is to be done about what was seen.
    fn decide(mut self: Box<Self>, seen: &Evidence, moment: &Moment) -> Step<P> {
        if self.decisions == DECISIONS {
            return self.end(Ok((Next::Backoff(schedule::backoff(1)), Class::Retry)));
        }
        self.decisions += 1;
        let desired = self.desired();
        let identity = &self.resource.identity;
        let resource = Resource {
            uid: &identity.uid,
            generation: identity.generation,
            reconcile_requested_at: identity.reconcile_requested_at.as_deref(),
            desired: desired.as_ref(),
            status: &self.resource.status,
            defaults: &self.defaults,
        };
        let decision = decide::decide(&resource, &self.memory, &self.owner, seen, &self.now(moment));
        self.memory = decision.memory.clone();
        self.note(&decision);
        match decision.update.clone() {
            Some(update) => self.prepare(decision, update, moment),
            None => self.record(decision),
        }
    }

    /// Keeps what a decision tells until a status is recorded: the one that it meant may never be. The next decision may
    /// tell the same of a transition that was not recorded.
    fn note(&mut self, decision: &Decision) {
        for event in &decision.events {
            if !self.events.contains(event) {
                self.events.push(event.clone());
            }
        }
    }

    /// A status that tells of them is written: the Events go out.
    fn publish(&mut self) {
        self.effects.publish.append(&mut self.events);
    }

    fn desired(&self) -> Result<Desired, InvalidSpec> {
        let pinned = decide::pinned_region(&self.resource.status, Some(&self.memory));
        self.resource.desired(pinned.as_ref(), &self.defaults)
    }

    fn now(&self, moment: &Moment) -> Now {
        Now {
            elapsed: moment.elapsed,
            local: moment.local,
            service: self.service.map(|clock| clock.time(moment.boot)),
        }
    }

    /// Goes on with what the API server answered. False when that has another spec than this pass knows: of the same
    /// generation, the API server, or what is stored, has lost fields, and what it tells counts again when the schema has
    /// been read anew.
    fn replace(&mut self, answer: Arc<StoredResource>) -> bool {
        let same = answer.has_spec_of(&self.resource);
        self.effects.contradiction |= !same && answer.identity.generation == self.resource.identity.generation;
        self.resource = answer;
        same
    }

    fn end(self, result: Result<(Next, Class), Interruption>) -> Step<P> {
        Step::End(Box::new(End {
            resource: self.resource,
            memory: self.memory,
            events: self.events,
            restored: self.restored,
            result,
            effects: self.effects,
        }))
    }
}
