//! One pass, as `src/controller/pass` makes it: each step is one exchange with the API server or `AppConfig`, what is
//! decided upon its answer included. Between any two of them anything else can happen.

use appconfig_experiment_operator::{
    controller::SendWindow,
    decide::{schedule::Next, update::Update},
};

use crate::{
    bounds::Breach,
    decided::{Decided, Kept, Sight, first_sight, new_status, recorded, resolved},
    search::Operator,
    state::{At, Object, Request, State, Work},
};

impl Operator {
    fn work(state: &mut State, replica: usize) -> &mut Work {
        state.replicas[replica].work.as_mut().unwrap()
    }

    /// What an object's status tells a process that sees it for the first time.
    pub fn first_sight(&self, object: &Object, clock: u16) -> Work {
        let mut object = object.clone();
        if self.breach == Some(Breach::PendingForgotten) {
            let mut status = (*object.status).clone();
            status.pending_update = None;
            object.status = Kept::new(status);
        }
        Work {
            memory: first_sight(&object.status, self.elapsed(clock)),
            object,
            run: None,
            at: At::Rest,
        }
    }

    /// A pass begins, on the object that the watch has told of. Its first step follows at once.
    pub fn start(&self, state: &mut State, replica: usize, object: Object) {
        let clock = state.clock;
        let work = Self::work(state, replica);
        if object.uid != work.object.uid {
            *work = self.first_sight(&object, clock);
        }
        if object.version > work.object.version {
            work.object = object;
        }
    }

    /// Step 1. `lagging`: the answer is the version before; none: there is no answer.
    pub fn observe(&self, state: &mut State, replica: usize, lagging: Option<bool>) {
        if !state.may_act(&state.replicas[replica]) {
            return Self::rest(state, replica);
        }
        let shown = lagging.and_then(|lagging| state.read(lagging));
        let work = Self::work(state, replica);
        if let Some(shown) = shown {
            work.run = Some(shown.run);
        }
        if self.breach == Some(Breach::KnownForgotten) {
            let mut memory = (*work.memory).clone();
            memory.known = None;
            work.memory = Kept::new(memory);
            work.object.status = new_status();
        }
        self.decide(state, replica, None, shown.map_or(Sight::ReadFailed, Sight::Read));
    }

    /// Step 2.
    fn decide(&self, state: &mut State, replica: usize, sent: Option<(&Kept<Decided>, u8)>, sight: Sight) {
        let elapsed = self.elapsed(state.clock);
        let work = Self::work(state, replica);
        let decided = self.decisions.decide(&work.object, &work.memory, sent, sight, elapsed);
        work.memory = decided.memory.clone();
        let generation = work.object.generation;
        if decided.decision.update.is_some() {
            work.at = At::Fence(decided);
        } else if decided.status == work.object.status {
            // Nothing is written, so nothing can come in between.
            Self::recorded(state, replica, &decided, generation);
        } else {
            work.at = At::Record(decided, generation);
        }
    }

    /// The status is what was decided: the pass goes on when more is asked for, or is over.
    fn recorded(state: &mut State, replica: usize, decided: &Decided, upon: i64) {
        let work = Self::work(state, replica);
        if work.object.generation != upon || decided.decision.next == Next::Now {
            work.at = At::Observe;
        } else {
            Self::rest(state, replica);
        }
    }

    /// Step 4. `answered`: the answer comes; else it is lost, after the write `arrived` or instead of it.
    pub fn fence(&self, state: &mut State, replica: usize, answered: bool, arrived: bool) {
        let At::Fence(decided) = Self::work(state, replica).at.clone() else {
            return;
        };
        state.fences += 1;
        let (id, elapsed) = (state.fences, self.elapsed(state.clock));
        let object = Self::work(state, replica).object.clone();
        let status = self.decisions.fence(&decided, id, object.generation, elapsed);
        let window = SendWindow::open(state.now());
        let versioned = self.breach != Some(Breach::FenceWithoutVersion);
        let written = arrived.then(|| state.write_status(&object, &status, versioned));
        let newest = state.newest().clone();
        let work = Self::work(state, replica);
        match written.flatten() {
            Some(written) if answered => {
                work.memory = recorded(&work.memory);
                work.object = written;
                work.at = At::Fenced(decided, id, window);
            }
            _ => {
                if newest.uid != object.uid {
                    // The resource is gone, and with it what was remembered of it.
                    state.fences -= 1;
                    return Self::rest(state, replica);
                }
                work.memory = resolved(&work.memory, id);
                // A conflict is answered with the newest object; an error ends the pass.
                if answered {
                    work.object = newest;
                    work.at = At::Observe;
                } else {
                    Self::rest(state, replica);
                }
            }
        }
    }

    /// Step 5: the update leaves, unless it is too late for it.
    pub fn send(&self, state: &mut State, replica: usize) {
        let At::Fenced(decided, id, window) = Self::work(state, replica).at.clone() else {
            return;
        };
        let open = window.is_open(state.now()) || self.breach == Some(Breach::WindowNotChecked);
        let may_act = state.may_act(&state.replicas[replica]) || self.breach == Some(Breach::LeaseNotChecked);
        if !open || !may_act {
            return self.decide(state, replica, Some((&decided, id)), Sight::NotSent);
        }
        let work = state.replicas[replica].work.as_ref().unwrap();
        let read = work.run.unwrap();
        let request = Request {
            by: state.replicas[replica].process,
            uid: work.object.uid,
            run: if self.breach == Some(Breach::UpdateByNames) {
                state.named
            } else {
                read
            },
            to: decided.decision.update.as_ref().and_then(Update::exposure).unwrap(),
            sent: state.clock,
        };
        state.sent(&request, &work.memory.clone());
        Self::work(state, replica).at = At::Sent(decided, id, request);
    }

    /// Step 5: what comes of the update. `answered`: its answer comes; else it may be done or not, or done later.
    pub fn answer(&self, state: &mut State, replica: usize, answered: bool, done: Done) {
        let At::Sent(decided, id, request) = Self::work(state, replica).at.clone() else {
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
        let sight = match shown {
            _ if !answered && self.breach == Some(Breach::UnknownForNotSent) => Sight::NotSent,
            _ if !answered => Sight::Unknown,
            Some(shown) => Sight::Applied(shown),
            None => Sight::Refused,
        };
        self.decide(state, replica, Some((&decided, id)), sight);
    }

    /// Step 6. `answered` and `arrived` as in step 4.
    pub fn record(&self, state: &mut State, replica: usize, answered: bool, arrived: bool) {
        let At::Record(decided, upon) = Self::work(state, replica).at.clone() else {
            return;
        };
        let object = Self::work(state, replica).object.clone();
        let written = arrived.then(|| state.write_status(&object, &decided.status, true));
        if !answered {
            return Self::rest(state, replica);
        }
        let newest = state.newest().clone();
        let work = Self::work(state, replica);
        if let Some(written) = written.flatten() {
            work.memory = recorded(&work.memory);
            work.object = written;
            Self::recorded(state, replica, &decided, upon);
        } else if newest.uid != object.uid {
            Self::rest(state, replica);
        } else {
            let corrected = newest.generation != upon && work.memory.found_by.is_some();
            let is_others = newest.status != object.status || corrected;
            if is_others && self.breach != Some(Breach::RecordOverOthers) {
                work.at = At::Observe;
            }
            work.object = newest;
        }
    }

    /// The pass is over. A process whose term is over ends with it.
    pub fn rest(state: &mut State, replica: usize) {
        let work = Self::work(state, replica);
        (work.at, work.run) = (At::Rest, None);
        let replica = &mut state.replicas[replica];
        if replica.campaign.as_ref().is_some_and(|campaign| campaign.over) {
            (replica.up, replica.work) = (false, None);
        }
    }

    /// The clock of a process, as `decide` is told it.
    fn elapsed(&self, clock: u16) -> u16 {
        if self.breach == Some(Breach::ClockStandsStill) {
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
