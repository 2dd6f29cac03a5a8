//! [`Observation`]: what an answer is worth. It has to be of the run that was found first (P5), and no older than what is
//! known (P6).

use std::time::Duration;

use crate::run::{LiveRun, RunKey};

use super::{EndedBy, Evidence, Outcome, Situation, live::Known, memory::Memory, schedule::STALE_BELIEVED_AFTER};

/// What a pass knows of its run from what it saw just now.
///
/// | evidence | observation | what is learned | what is assessed |
/// |---|---|---|---|
/// | no call, or an update that was not sent | `Missing` | nothing | what was found last |
/// | a read that failed | `Missing` | one failure more | what was found last, and the failure |
/// | an update that was refused | `Missing` | that the member is held, if `AppConfig` refused the value | the failure, or what was found last |
/// | an update whose outcome is not known, or whose answer is older than what is known | `Missing` | that it is pending | what was found last, and `OutcomeUnknown` |
/// | another run | `OfAnotherRun` | nothing | `RunReplaced` |
/// | a read older than what is known | `Stale` | one failure more | what was found last, and `StaleRead` |
/// | a read, or an update's answer | `Usable` | the run as it is now | what differs |
#[derive(Debug)]
pub(super) enum Observation<'a> {
    /// Nothing: there was no answer, or none that tells.
    Missing,
    /// The spec's names mean another run than the one that was found first.
    OfAnotherRun {
        /// The run that they mean now.
        now: &'a RunKey,
        /// The run that was found first.
        pinned: RunKey,
    },
    /// The answer is older than what is known.
    Stale {
        /// The answer, as it is remembered.
        answer: Known,
        /// Since when it has been the answer, on the process's own clock.
        since: Duration,
    },
    /// The run as it is now.
    Usable {
        /// The run.
        live: &'a LiveRun,
        /// Who ended it.
        ended_by: &'a EndedBy,
        /// Whether it is older than what is known, and has been the answer for so long that it counts all the same.
        is_believed: bool,
    },
}

impl<'a> Observation<'a> {
    /// What the evidence of this situation is worth to who remembers this.
    pub(super) fn of(situation: &Situation<'a>, memory: &Memory) -> Self {
        let (live, ended_by) = match situation.evidence {
            Evidence::Read(live, ended_by) => (live, ended_by),
            Evidence::Updated { outcome, .. } => match outcome {
                Outcome::Applied(live) if outcome.is_known(memory.known.as_ref()) => (&**live, &EndedBy::NotAsked),
                _ => return Self::Missing,
            },
            Evidence::Nothing | Evidence::ReadFailed(_) => return Self::Missing,
        };
        if let Some(pinned) = memory.pin.clone().filter(|pinned| *pinned != live.key) {
            return Self::OfAnotherRun { now: &live.key, pinned };
        }
        let is_read = matches!(situation.evidence, Evidence::Read(..));
        let is_older = is_read && is_older(situation, memory, live);
        let (answer, now) = (Known::of(live), situation.now.elapsed);
        let same = memory.stale.as_ref().filter(|stale| stale.answer == answer);
        let since = same.map_or(now, |stale| stale.since);
        if is_older && now.saturating_sub(since) < STALE_BELIEVED_AFTER {
            return Self::Stale { answer, since };
        }
        Self::Usable {
            live,
            ended_by,
            is_believed: is_older,
        }
    }
}

fn is_older(situation: &Situation<'_>, memory: &Memory, live: &LiveRun) -> bool {
    // Whatever generation asked for it: what is told apart here is old and new, not settled and unsettled.
    let pending = memory.pending.as_ref().map(|pending| pending.record.member);
    let sent = pending.filter(|member| situation.desired().matches(*member, live));
    let known = memory.known.as_ref();
    known.is_some_and(|known| known.outdates(live, sent))
}
