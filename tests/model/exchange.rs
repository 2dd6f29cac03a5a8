//! What a process exchanges with the API server and with `AppConfig` in its passes: each step that a pass asks for is one
//! exchange, and what is decided upon its answer included. Between any two of them anything else can happen.

use appconfig_experiment_operator::pass::Step;

use crate::{
    bounds::Lie,
    kept::Kept,
    passes::{Answer, Became, Next, When, first_sight, new_status, sent_to},
    search::Operator,
    state::{At, Object, Request, State, Work},
};

impl Operator {
    fn work(state: &mut State, replica: usize) -> &mut Work {
        state.replicas[replica].work.as_mut().unwrap()
    }

    fn when(&self, state: &State, replica: usize) -> When {
        When {
            clock: state.clock,
            elapsed: self.elapsed(state.clock),
            may_act: state.may_act(&state.replicas[replica]),
        }
    }

    /// What an object's status tells a process that sees it for the first time.
    pub fn first_sight(&self, object: &Object, clock: u16) -> Work {
        let mut object = object.clone();
        if self.lie == Some(Lie::PendingForgotten) {
            let mut status = (*object.status).clone();
            status.pending_update = None;
            object.status = Kept::new(status);
        }
        Work {
            memory: first_sight(&object.status, self.elapsed(clock)),
            object,
            at: At::Rest,
        }
    }

    /// A pass begins, on the object that the watch has told of.
    pub fn start(&self, state: &mut State, replica: usize, object: Object) {
        let (clock, when) = (state.clock, self.when(state, replica));
        let work = Self::work(state, replica);
        if object.uid != work.object.uid {
            *work = self.first_sight(&object, clock);
        }
        if object.version > work.object.version {
            work.object = object;
        }
        if self.lie == Some(Lie::KnownForgotten) {
            let mut memory = (*work.memory).clone();
            memory.known = None;
            work.memory = Kept::new(memory);
            work.object.status = new_status();
        }
        let next = self.passes.begin(&work.object, &work.memory, when);
        Self::goes_on(state, replica, next);
    }

    /// A read. `lagging`: the answer is the version before; none: there is no answer.
    pub fn observe(&self, state: &mut State, replica: usize, lagging: Option<bool>) {
        let shown = lagging.and_then(|lagging| state.read(lagging));
        self.answer(state, replica, Answer::Read(shown));
    }

    /// The fence. `answered`: the answer comes; else it is lost, after the write `arrived` or instead of it.
    pub fn fence(&self, state: &mut State, replica: usize, answered: bool, arrived: bool) {
        state.fences += 1;
        let id = state.fences;
        self.answer(state, replica, Answer::Prepared(id));
        let (object, step) = match &state.replicas[replica].work {
            Some(Work {
                object,
                at: At::Doing(step),
                ..
            }) if matches!(**step, Step::Fence(_)) => (object.clone(), step.clone()),
            // What was read is too old by now, or the process may not act any more.
            _ => {
                state.fences -= 1;
                return;
            }
        };
        let Step::Fence(asked) = &*step else { return };
        let versioned = self.lie != Some(Lie::FenceWithoutVersion);
        let status = Kept::new(asked.status().clone());
        let written = arrived
            .then(|| state.write_status(&object, &status, versioned))
            .flatten();
        if state.newest().uid != object.uid {
            // The resource is gone, and with it what was remembered of it.
            state.fences -= 1;
            return Self::rest(state, replica);
        }
        match written {
            Some(written) if answered => Self::work(state, replica).at = At::Fenced(step.clone(), written),
            _ if answered => self.conflict(state, replica),
            _ => self.answer(state, replica, Answer::Lost),
        }
    }

    /// The answer to the fence comes: the update leaves, unless it is too late for it.
    pub fn send(&self, state: &mut State, replica: usize) {
        let work = Self::work(state, replica);
        let At::Fenced(fence, written) = work.at.clone() else {
            return;
        };
        work.object = written.clone();
        work.at = At::Doing(fence);
        self.answer(state, replica, Answer::Written(written));
    }

    /// What comes of the update. `answered`: its answer comes; else it may be done or not, or done later.
    pub fn came_of(&self, state: &mut State, replica: usize, answered: bool, done: Done) {
        let At::Sent(sent, request) = Self::work(state, replica).at.clone() else {
            return;
        };
        let shown = match done {
            Done::Now => state.commit(&request),
            Done::Later => {
                state.requests.push(request);
                None
            }
            Done::Never => None,
        };
        let became = match shown {
            _ if !answered && self.lie == Some(Lie::UnknownForNotSent) => Became::NotSent,
            _ if !answered => Became::Unknown,
            Some(shown) => Became::Applied(shown),
            None => Became::Refused,
        };
        let when = self.when(state, replica);
        let next = self.passes.answered(&Next::Sent(sent), Answer::Update(became), when);
        Self::goes_on(state, replica, next);
    }

    /// A status is written. `answered` and `arrived` as for the fence.
    pub fn record(&self, state: &mut State, replica: usize, answered: bool, arrived: bool) {
        let work = Self::work(state, replica);
        let At::Doing(step) = &work.at else { return };
        let Step::Record(asked) = &**step else { return };
        let (object, status) = (work.object.clone(), Kept::new(asked.status().clone()));
        let written = arrived.then(|| state.write_status(&object, &status, true)).flatten();
        match written {
            _ if !answered => self.answer(state, replica, Answer::Lost),
            Some(written) => {
                Self::work(state, replica).object = written.clone();
                self.answer(state, replica, Answer::Written(written));
            }
            None => self.conflict(state, replica),
        }
    }

    /// A write met a newer object, which is read next.
    fn conflict(&self, state: &mut State, replica: usize) {
        let newest = state.newest().clone();
        let work = Self::work(state, replica);
        // Of a namesake, nothing is taken up.
        if newest.uid == work.object.uid {
            work.object = newest.clone();
        }
        self.answer(state, replica, Answer::Conflict(newest));
    }

    /// The step that the pass is at is answered.
    fn answer(&self, state: &mut State, replica: usize, answer: Answer) {
        let when = self.when(state, replica);
        // A process whose term was over has ended with its pass.
        let Some(At::Doing(step)) = state.replicas[replica].work.as_ref().map(|work| &work.at) else {
            return;
        };
        let next = self.passes.answered(&Next::Step(step.clone()), answer, when);
        Self::goes_on(state, replica, next);
    }

    fn goes_on(state: &mut State, replica: usize, next: Next) {
        match next {
            Next::Step(step) => Self::work(state, replica).at = At::Doing(step),
            Next::Sent(sent) => {
                let (run, to) = sent_to(&sent, state.named);
                let request = Request {
                    by: state.replicas[replica].process,
                    uid: Self::work(state, replica).object.uid,
                    run,
                    to,
                    sent: state.clock,
                };
                state.sent(&request, sent.memory());
                Self::work(state, replica).at = At::Sent(sent, request);
            }
            Next::Over(memory) => {
                Self::work(state, replica).memory = memory;
                Self::rest(state, replica);
            }
        }
    }

    /// The pass is over. A process whose term is over ends with it.
    fn rest(state: &mut State, replica: usize) {
        Self::work(state, replica).at = At::Rest;
        let replica = &mut state.replicas[replica];
        if replica.candidate.as_ref().is_some_and(|candidate| candidate.over) {
            (replica.up, replica.work) = (false, None);
        }
    }

    /// The clock of a process, as its passes are told it.
    fn elapsed(&self, clock: u16) -> u16 {
        if self.lie == Some(Lie::ClockStandsStill) {
            0
        } else {
            clock
        }
    }
}

/// When `AppConfig` does an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Done {
    /// As it arrives.
    Now,
    /// When nobody waits for it any more.
    Later,
    /// It never arrives.
    Never,
}
