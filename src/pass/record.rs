//! How a status is written, and onto which object: the newest of the resource, and never over what somebody else wrote.

use std::sync::Arc;

use super::{Interruption, Moment, Pass, Step, Written, resource::StoredResource, step_of_a_pass};
use crate::{
    api::ExperimentRunStatus,
    decide::{Decision, schedule::Next},
};

/// How often a status is written again onto a newer object.
const WRITES: usize = 4;

/// Write the status.
#[derive(Clone, Debug)]
pub struct Record<P> {
    pub(super) pass: Box<Pass<P>>,
    writing: Writing,
}

/// Read the newest resource from the API server, not from the cache.
#[derive(Clone, Debug)]
pub struct Refresh<P> {
    pub(super) pass: Box<Pass<P>>,
    then: Then,
}

/// What a newest resource is read for.
#[derive(Clone, Debug)]
enum Then {
    /// To look at its run.
    Observe,
    /// To write a status onto it.
    Record(Writing),
}

/// A status that is to be written.
#[derive(Clone, Debug)]
struct Writing {
    decision: Box<Decision>,
    decided_upon: Arc<StoredResource>,
    writes: usize,
}

step_of_a_pass!(Record);
step_of_a_pass!(Refresh);

impl<P> Pass<P> {
    pub(super) fn record(self: Box<Self>, decision: Decision) -> Step<P> {
        let writing = Writing {
            decision: Box::new(decision),
            decided_upon: Arc::clone(&self.resource),
            writes: 1,
        };
        Step::Record(Record { pass: self, writing })
    }

    pub(super) fn refresh(self: Box<Self>) -> Step<P> {
        Step::Refresh(Refresh {
            pass: self,
            then: Then::Observe,
        })
    }
}

impl<P> Record<P> {
    #[cfg(test)]
    pub(super) const fn decision(&self) -> &Decision {
        &self.writing.decision
    }

    /// What to write onto [`Record::resource`].
    #[must_use]
    pub const fn status(&self) -> &ExperimentRunStatus {
        &self.writing.decision.status
    }

    /// Ends the pass once the status is written, unless there is more to do: at once, or because the newest resource asks
    /// for more than what was decided upon. To the loop it looks like one that this pass has dealt with.
    #[must_use]
    pub fn answered(mut self, written: Written, moment: &Moment) -> Step<P> {
        match written {
            Written::Written(answer) => drop(self.pass.replace(answer)),
            Written::Unchanged => {}
            Written::Conflict => {
                return Step::Refresh(Refresh {
                    pass: self.pass,
                    then: Then::Record(self.writing),
                });
            }
            Written::Failed(why) => return self.pass.end(Err(why)),
        }
        self.pass.memory.recorded();
        self.pass.publish();
        let Writing {
            decision, decided_upon, ..
        } = self.writing;
        let asks_more = self.pass.resource.identity.requested() != decided_upon.identity.requested();
        if decision.next == Next::Now || asks_more {
            self.pass.observe(moment)
        } else {
            self.pass.end(Ok((decision.next, decision.class)))
        }
    }

    /// Writes the status onto the newest object, unless that would be over somebody else's status, which may tell of an update
    /// that another replica has sent; or the spec has changed before a status told of the run that was found: what names it
    /// may have been corrected, and then it must not be pinned to the new names (P5). Once it is pinned, what an answer told
    /// is recorded whatever the spec is by now, since a process after this one has nothing else.
    fn again(mut self, moment: &Moment) -> Step<P> {
        let (newest, decided_upon) = (&self.pass.resource, &self.writing.decided_upon);
        let asks_otherwise =
            newest.identity.generation != decided_upon.identity.generation || newest.was_restored_since(decided_upon);
        let corrected = asks_otherwise && self.pass.memory.found_by.is_some();
        if newest.status != decided_upon.status || corrected {
            return self.pass.observe(moment);
        }
        if self.writing.writes == WRITES {
            let why = "the resource has changed since it was read".to_owned();
            return self.pass.end(Err(Interruption::ApiServer(why)));
        }
        self.writing.writes += 1;
        Step::Record(self)
    }
}

impl<P> Refresh<P> {
    /// Goes on with the newest resource, if it is still the same one.
    #[must_use]
    pub fn answered(mut self, answer: Result<Arc<StoredResource>, Interruption>, moment: &Moment) -> Step<P> {
        let newest = match answer {
            Ok(newest) if newest.identity.uid == self.pass.resource.identity.uid => newest,
            Ok(_) => return self.pass.end(Err(Interruption::Gone)),
            Err(why) => return self.pass.end(Err(why)),
        };
        if newest.was_restored_since(&self.pass.resource) {
            self.pass.restored = true;
            self.pass.memory.forget_generations(&newest.status);
        }
        self.pass.replace(newest);
        match self.then {
            Then::Observe => self.pass.observe(moment),
            Then::Record(writing) => Record {
                pass: self.pass,
                writing,
            }
            .again(moment),
        }
    }
}
