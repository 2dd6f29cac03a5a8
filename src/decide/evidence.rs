//! [`Evidence`]: what a pass saw, be it a read or what came of an update.

use crate::{
    api::ExperimentRunStatus,
    run::{ExperimentRunEvent, Failure, LiveRun, Update, UpdateError, last_run_stopped},
};

use super::live::Known;

/// What the pass saw.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "one at a time, on the stack of a pass: a box would buy nothing"
)]
pub enum Evidence {
    /// No call was made: the spec can't be used.
    Nothing,
    /// `GetExperimentRun`'s answer, and who ended the run.
    Read(LiveRun, EndedBy),
    /// A read failed.
    ReadFailed(Failure),
    /// An update was fenced under this ID, and then this came of it.
    Updated {
        /// What was to be sent.
        update: Update,
        /// The ID under which it was recorded; none when it didn't come to the fence.
        id: Option<String>,
        /// What came of it.
        outcome: Outcome,
    },
}

/// Who ended a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// Not asked: see [`super::asks_who_ended_it`].
    NotAsked,
    /// The events could not be read.
    Unreadable(Failure),
    /// The trigger of the event that ended it, if there is one.
    Event(Option<String>),
}

/// What came of an update.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// `AppConfig` answered with the run as it is now.
    Applied(Box<LiveRun>),
    /// `AppConfig` refused it (4xx).
    Refused(Failure),
    /// It may have been applied, or may yet be.
    Unknown(Failure),
    /// This process knows that it didn't send it.
    NotSent(Option<Failure>),
}

impl Evidence {
    /// The live state that it brought, if it did.
    pub(super) fn live(&self) -> Option<&LiveRun> {
        match self {
            Self::Read(live, _) => Some(live),
            Self::Updated {
                outcome: Outcome::Applied(live),
                ..
            } => Some(live),
            _ => None,
        }
    }
}

impl EndedBy {
    /// Who ended a run, by its events.
    #[must_use]
    pub fn of(events: &[ExperimentRunEvent]) -> Self {
        let trigger = last_run_stopped(events).and_then(|event| event.triggered_by);
        Self::Event(trigger.map(|trigger| trigger.as_str().to_owned()))
    }

    /// The trigger that ended a run, by what was asked now or what the status tells.
    pub(super) fn trigger<'a>(&'a self, status: &'a ExperimentRunStatus) -> Option<&'a str> {
        match self {
            Self::Event(trigger) => trigger.as_deref(),
            Self::NotAsked | Self::Unreadable(_) => status.ended_by.as_deref(),
        }
    }
}

impl Outcome {
    /// What came of an update that was sent, or was about to be, by what the client answered.
    #[must_use]
    pub fn of(answer: Result<LiveRun, UpdateError>) -> Self {
        match answer {
            Ok(live) => Self::Applied(Box::new(live)),
            Err(UpdateError::NotSent(failure)) => Self::NotSent(Some(failure)),
            Err(UpdateError::Refused(failure)) => Self::Refused(failure),
            Err(UpdateError::Unknown(failure)) => Self::Unknown(failure),
        }
    }

    /// Whether it tells what came of the update. An answer older than what is known shows neither the update nor the run
    /// as it is.
    pub(super) fn is_known(&self, known: Option<&Known>) -> bool {
        match self {
            Self::Applied(live) => known.is_none_or(|known| !known.precedes(live)),
            Self::Refused(_) | Self::NotSent(_) => true,
            Self::Unknown(_) => false,
        }
    }
}
