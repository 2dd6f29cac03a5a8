//! What happens in a case: to the resource, to its run, to the process, and to each pass.

use super::{run::SimulatedRun, wire::WireError};

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it is about.
    pub theme: &'static str,
    /// The first spec, as JSON.
    pub spec: String,
    /// The run as it is at first.
    pub run: SimulatedRun,
    pub happens: Vec<Happening>,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Happening {
    Pass(PassOutcomes),
    /// Somebody writes another spec.
    Spec(String),
    /// Somebody asks for a pass, by annotation.
    PassRequested,
    Wait(Wait),
    Outside(Outside),
    /// The process ends, and another one starts.
    Restart,
    /// Somebody empties the status.
    Wiped,
    /// Another resource, of this name in the same namespace or of none that may be told, acts for the run.
    Older(Option<&'static str>),
    /// This resource acts for the run again.
    Acts,
    /// This resource takes over from another one, and with the run that one's unsettled update.
    Inherits(&'static str),
    Clocks(Clocks),
    /// The API server's data are restored from a backup, in which this was the spec.
    Restored(String),
}

/// How long nothing happens.
#[derive(Clone, Copy, Debug)]
pub enum Wait {
    Milliseconds(u64),
    /// As long as the operator wants to.
    AsSaid,
    /// Until the ramp's next raise, and so many milliseconds more.
    UntilTheRaise(i64),
}

/// What somebody else does to the run.
#[derive(Clone, Copy, Debug)]
pub enum Outside {
    Raise(f64),
    Describe(&'static str),
    Override(&'static str),
    End(&'static str, Option<&'static str>),
    /// Answers tell no longer what the experiment definition was.
    LosesSnapshot,
}

/// What the clocks show, beside the time.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// This machine's, in milliseconds ahead.
    pub local: i64,
    /// That of the `Date` of answers; `None` when they have none.
    pub date: Option<i64>,
}

/// What befalls one pass.
#[derive(Clone, Debug, Default)]
pub struct PassOutcomes {
    /// What its reads meet, in order; any further one is good.
    pub reads: Vec<ReadOutcome>,
    /// What its reads of events meet.
    pub events: EventsOutcome,
    /// What its updates meet, in order; any further one is applied.
    pub updates: Vec<UpdateOutcome>,
    /// What its records meet, in order; any further one is written.
    pub records: Vec<RecordOutcome>,
}

/// What a read meets.
#[derive(Clone, Copy, Debug)]
pub enum ReadOutcome {
    Good,
    /// The run as it was so many changes ago.
    Old(usize),
    /// The names mean another run.
    OtherRun,
    Fails(WireError),
}

/// What a read of events meets.
#[derive(Clone, Copy, Debug, Default)]
pub enum EventsOutcome {
    #[default]
    Good,
    Empty,
    Fails(WireError),
}

/// What an update meets.
#[derive(Clone, Debug)]
pub enum UpdateOutcome {
    Applied,
    /// Accepted, and not done; whether the run's time changes.
    Ineffective(bool),
    /// Applied, and answered with the run as it was before.
    AnsweredOld,
    Refused(WireError),
    /// Applied, and the answer is lost.
    AnswerLost(WireError),
    /// Lost on its way.
    Lost(WireError),
    /// Given up, and applied later.
    Late(WireError),
    /// There is no way to send it.
    NotSent(WireError),
    /// What comes before the fence takes too long.
    SlowPreparation,
    /// The fence takes too long.
    SlowFence,
    /// The spec changes before the fence.
    SpecBefore(String),
    /// The status is emptied before the fence.
    WipedBefore,
    /// The API server does not answer the fence, which it has written.
    FenceUnanswered,
    /// The process ends after the fence.
    CrashBefore,
    /// The process ends once the update is applied.
    CrashAfter,
}

/// What a record meets.
#[derive(Clone, Debug)]
pub enum RecordOutcome {
    Written,
    /// The API server takes none.
    Fails,
    /// The process ends before it.
    Crash,
    /// The spec changes before it.
    SpecBefore(String),
    /// The status is emptied before it.
    WipedBefore,
}
