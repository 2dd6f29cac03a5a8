//! The promises, as the model can judge them: P1, P2, P4, P5 and the Lease in every state, P12 from every state in which
//! the operator rests.
//!
//! stateright's own `eventually` overlooks a path that ends in a cycle, and one that joins another. So P12 is checked as it
//! is worded: from each state at rest, faults stop and the spec holds still, everybody does their next step, time passes,
//! and in the end live must match, or the reason must stand, and another pass must change nothing.

use appconfig_experiment_operator::{
    api::ConditionType,
    decide::{conditions::find, findings::Reason, memory::Memory},
    pass::Step,
};

use crate::{
    bounds::{LATEST, LONG, Left, REQUEST},
    exchange::Done,
    search::{Action, Operator},
    state::{At, Request, State},
};

/// How long the settling and what follows it may take, in rounds of one wait each.
const ROUNDS: u16 = 4;

/// Which promises were broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Broken(u8);

/// A promise that is judged as an update is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// The latest spec asked for it a moment ago.
    P1,
    /// It is above what is known to be live, and not above what the spec allows.
    P2,
    /// No other is under way, and it was not done before.
    P4,
    /// It goes to the run that the resource stands for.
    P5,
}

impl Broken {
    /// Whether this one was.
    pub const fn has(self, promise: Promise) -> bool {
        self.0 & (1 << promise as u8) != 0
    }

    /// Whether any was.
    pub const fn any(self) -> bool {
        self.0 != 0
    }

    const fn add(&mut self, promise: Promise, broken: bool) {
        if broken {
            self.0 |= 1 << promise as u8;
        }
    }
}

impl State {
    /// An update leaves the operator: judges it by what only the model sees.
    pub fn sent(&mut self, request: &Request, memory: &Memory) {
        // What was withdrawn longer ago than 2 s has been dropped.
        let mut asked = self.asked.iter().filter(|asked| asked.uid == request.uid);
        let authorised = asked.clone().any(|asked| asked.exposure == request.to);
        let allowed = asked.any(|asked| asked.exposure >= request.to);
        let own = self.objects.iter().filter(|object| object.uid == request.uid);
        let known = own.filter_map(|object| object.status.exposure_percentage);
        let remembered = memory.known.as_ref().map(|known| known.exposure);
        let upward = known.chain(remembered).all(|known| request.to > known);
        let another = self.under_way().any(|other| other.uid == request.uid);
        // What a namesake does about the update of the one before it is for the claims of a process to say: see main.rs.
        let again = request.uid == 1 && self.runs[request.run].exposure >= request.to;
        let other_run = self.pinned.is_some_and(|pinned| pinned != request.run);
        self.broken.add(Promise::P1, !authorised);
        self.broken.add(Promise::P2, !allowed || !upward);
        self.broken.add(Promise::P4, another || again);
        self.broken.add(Promise::P5, other_run);
    }

    /// P4: Ready is not True while an update of the resource may yet be done.
    pub fn is_not_ready_in_doubt(&self) -> bool {
        let newest = self.newest();
        let ready = find(&newest.status.conditions, ConditionType::Ready)
            .is_some_and(|ready| ready.status == "True" && ready.observed_generation == Some(newest.generation));
        !ready || self.under_way().all(|request| request.uid != newest.uid)
    }

    /// The Lease: one process acts at a time, and no request outlives its sender's term into another's, unless the network
    /// holds it back.
    pub fn one_acts(&self) -> bool {
        let elected = self.replicas.iter().filter(|replica| replica.candidate.is_some());
        let acting = elected.filter(|replica| self.may_act(replica));
        let acting: Vec<u8> = acting.map(|replica| replica.process).collect();
        let mut alive = self.under_way().filter(|request| self.clock < request.sent + REQUEST);
        acting.len() <= 1 && alive.all(|request| acting.iter().all(|by| *by == request.by))
    }

    /// Whether no pass is under way, nor an update.
    fn rests(&self) -> bool {
        let rests = |at: &At| *at == At::Rest;
        self.under_way().next().is_none()
            && self
                .replicas
                .iter()
                .filter_map(|replica| replica.work.as_ref())
                .all(|work| rests(&work.at))
    }

    /// Whether live is what the spec asks for and the status says so, or the status says why that can't be.
    fn has_converged(&self) -> bool {
        let newest = self.newest();
        let status = &newest.status;
        let run = self.runs[self.named];
        let Some(ready) = find(&status.conditions, ConditionType::Ready) else {
            return false;
        };
        let expected = if self.pinned.is_some_and(|pinned| pinned != self.named) {
            ("False", Reason::RunReplaced)
        } else if run.exposure > newest.exposure {
            ("False", Reason::ExposureAboveDesired)
        } else {
            ("True", Reason::InSync)
        };
        let is_told = (ready.status.as_str(), ready.reason.as_str()) == (expected.0, expected.1.as_str());
        let is_live = expected.1 != Reason::InSync || run.exposure == newest.exposure;
        // An update of a run that is not read any more can't be settled.
        let settled = status.pending_update.is_none() || expected.1 == Reason::RunReplaced;
        is_told && is_live && settled && ready.observed_generation == Some(newest.generation)
    }
}

impl Operator {
    /// P12, from a state at rest. The states from which it follows have it too, so each is looked at once.
    pub fn converges(&self, state: &State) -> bool {
        let elections = state.replicas.iter().any(|replica| replica.candidate.is_some());
        // With elections time goes in small steps, so that it is a long way: it is gone from where nothing is left to happen.
        let too_early = elections && state.left != Left::default();
        if state.broken.any() || !state.rests() || too_early {
            return true;
        }
        let mut state = State {
            left: Left::default(),
            asked: Vec::new(),
            ..state.clone()
        };
        if let Some(known) = self.converging.lock().unwrap().get(&state) {
            return *known;
        }
        let first = state.clone();
        let (seconds, rounds) = if elections {
            (2, ROUNDS * LONG / 2)
        } else {
            (LONG, ROUNDS)
        };
        let mut rounds = 0..rounds;
        let converges = loop {
            self.calm(&mut state);
            if state.has_converged() {
                break self.stays(&state);
            }
            if rounds.next().is_none() {
                break false;
            }
            state.wait(seconds);
        };
        self.converging.lock().unwrap().insert(first, converges);
        converges
    }

    /// Another pass of each process changes nothing.
    fn stays(&self, converged: &State) -> bool {
        let mut state = converged.clone();
        self.calm(&mut state);
        state.objects == converged.objects && state.fences == converged.fences
    }

    /// Everybody does what is next, without a fault.
    fn calm(&self, state: &mut State) {
        for replica in 0..state.replicas.len() {
            if !state.replicas[replica].up {
                self.apply(state, Action::Restart(replica));
            }
            while let Some(candidate) = &state.replicas[replica].candidate
                && state.replicas[replica].up
                && candidate.next <= state.clock
            {
                self.apply(state, Action::Elect(replica));
                self.apply(state, Action::WriteLease(replica, true));
            }
            if !state.may_act(&state.replicas[replica]) {
                continue;
            }
            if state.replicas[replica].work.is_none() {
                self.apply(state, Action::Act(replica, 0));
            }
            self.apply(state, Action::Start(replica, 0, Some(false)));
            while let Some(work) = &state.replicas[replica].work {
                let step = match work.at {
                    At::Rest => break,
                    At::Doing(ref step) => match **step {
                        Step::Get(_) => Action::Observe(replica, Some(false)),
                        Step::Prepare(_) => Action::Fence(replica, true, true),
                        _ => Action::Record(replica, true, true),
                    },
                    At::Fenced(..) => Action::Send(replica),
                    At::Sent(..) => Action::Answer(replica, true, Done::Now),
                };
                self.apply(state, step);
            }
        }
    }
}

// A request that is done late is done before it could be settled by time.
const _: () = assert!(LATEST < LONG);
