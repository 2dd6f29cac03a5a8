//! A state of the model: one resource in the API server, the runs in `AppConfig`, the processes of the operator and what
//! is under way between them. Only what can make a difference is in it.

use appconfig_experiment_operator::{
    api::{ExperimentRunStatus, Exposure},
    clock::BootInstant,
    decide::memory::Memory,
    leader,
    pass::{Sent, Step},
};

use crate::{bounds::Left, kept::Kept, promises::Broken};

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// Seconds since the beginning, the same for everybody.
    pub clock: u16,
    /// The last versions of the resource, the newest last.
    pub objects: Vec<Object>,
    /// What the specs asked for that are the latest, or were less than a send window ago.
    pub asked: Vec<Asked>,
    /// The two runs that there are.
    pub runs: [Run; 2],
    /// Which of them the spec's names mean.
    pub named: usize,
    /// The run that the resource stands for, once a status or an update has told.
    pub pinned: Option<usize>,
    /// Updates that nobody waits for any more and that `AppConfig` may yet do.
    pub requests: Vec<Request>,
    /// The operator's replicas.
    pub replicas: Vec<Replica>,
    /// How many processes there were.
    pub processes: u8,
    /// The Lease; none: there was none yet, or the operator runs without.
    pub lease: Option<leader::LeaseRecord>,
    /// How many updates were fenced.
    pub fences: u8,
    /// What may yet happen.
    pub left: Left,
    /// The promises that were broken on the way here.
    pub broken: Broken,
}

/// A version of the resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    /// Its resourceVersion.
    pub version: u16,
    /// Its uid: a namesake has another.
    pub uid: u8,
    /// Its generation.
    pub generation: i64,
    /// The exposure that its spec asks for.
    pub exposure: Exposure,
    /// Its status.
    pub status: Kept<ExperimentRunStatus>,
}

/// What a spec asked for while it was the latest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Asked {
    /// Whose spec.
    pub uid: u8,
    /// The exposure.
    pub exposure: Exposure,
    /// When it was withdrawn.
    pub withdrawn: Option<u16>,
}

/// A run as `AppConfig` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// Its exposure.
    pub exposure: Exposure,
    /// When it was updated, in seconds: two updates can be of one second.
    pub updated: u16,
    /// What it was before, while a read may still answer with that.
    pub before: Option<(Exposure, u16)>,
}

/// A run as an answer shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shown {
    /// Which.
    pub run: usize,
    /// Its exposure.
    pub exposure: Exposure,
    /// When it was updated.
    pub updated: u16,
}

/// An update on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// The process that sent it.
    pub by: u8,
    /// For which resource.
    pub uid: u8,
    /// To which run.
    pub run: usize,
    /// The exposure that it asks for.
    pub to: Exposure,
    /// When it was sent.
    pub sent: u16,
}

/// One replica: the process that runs in its place, if one does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Replica {
    /// Which process. No two are the same, restarts included.
    pub process: u8,
    /// Whether it runs.
    pub up: bool,
    /// Its part in the election; none: it runs without a Lease.
    pub candidate: Option<Candidate>,
    /// Its work, once it acts.
    pub work: Option<Work>,
}

/// A process's part in the election.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// What it remembers.
    pub state: leader::ElectionState,
    /// What it last heard of the Lease.
    pub known: leader::ObservedLease,
    /// A write of the Lease that is under way, and when it was decided.
    pub writing: Option<(leader::LeaseWrite, u16)>,
    /// When it decides next.
    pub next: u16,
    /// Its term is over.
    pub over: bool,
}

/// What an acting process works with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Work {
    /// The newest object that it has seen.
    pub object: Object,
    /// What it remembered of it when its last pass was over.
    pub memory: Kept<Memory>,
    /// What it does next.
    pub at: At,
}

/// Where a pass is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// No pass is under way.
    Rest,
    /// It asks for this step.
    Doing(Kept<Step<()>>),
    /// Its fence is written, this came of it, and its answer may be on its way.
    Fenced(Kept<Step<()>>, Object),
    /// The update was sent.
    Sent(Kept<Sent<()>>, Request),
}

impl Work {
    /// What it remembers by now.
    pub fn memory(&self) -> &Memory {
        match &self.at {
            At::Rest => &self.memory,
            At::Doing(step) | At::Fenced(step, _) => step.memory(),
            At::Sent(sent, _) => sent.memory(),
        }
    }
}

impl State {
    /// The resource as the API server has it.
    pub fn newest(&self) -> &Object {
        self.objects.last().unwrap()
    }

    /// The instant that the clock shows.
    pub fn now(&self) -> BootInstant {
        instant(self.clock)
    }

    /// Whether this replica's process may send an update now.
    pub fn may_act(&self, replica: &Replica) -> bool {
        let Some(candidate) = &replica.candidate else {
            return replica.up;
        };
        let until = candidate.state.acts_until();
        replica.up && !candidate.over && until.is_some_and(|until| self.now() < until)
    }

    /// The updates that may yet be done: those that are waited for, and the others.
    pub fn under_way(&self) -> impl Iterator<Item = &Request> {
        let waited_for = self
            .replicas
            .iter()
            .filter_map(|replica| match &replica.work.as_ref()?.at {
                At::Sent(_, request) => Some(request),
                _ => None,
            });
        waited_for.chain(&self.requests)
    }
}

/// An instant by the model's clock.
pub fn instant(clock: u16) -> BootInstant {
    BootInstant::after_boot(std::time::Duration::from_secs(clock.into()))
}
