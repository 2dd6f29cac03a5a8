//! What a ramp makes of a pass: which exposure the spec asks for now, and what is told of it.
//!
//! The rest of the room knows no ramps: it is given a [`Desired`] whose exposure is what is asked for now. While a raise has
//! to wait, that is the live one, which matches; once it may leave, it is the next step.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::{
    api::{ExperimentRunStatus, Exposure, RampNext, RampReached, RampStatus, RunStatus, WaitingFor},
    run::LiveRun,
};

use super::{
    Now, Owner, Pass, Resource,
    desired::Desired,
    findings::{Finding, Reason},
    memory::Memory,
    notice::{self, Notice},
    ramp::{Ramp, minute, next_raise::NextRaise, position::RampPosition, words},
    schedule::{self, Next},
    service_time::{ServiceTime, Skew, Untold},
};

/// What a spec asks for of a live run, with the exposure that its ramp allows.
pub(super) struct EffectiveSpec<'a> {
    /// The spec.
    pub(super) spec: &'a Desired,
    /// With the exposure that is asked for now.
    pub(super) now: Cow<'a, Desired>,
    /// With the exposure that is asked for next, however long it has to wait.
    pub(super) next: Cow<'a, Desired>,
    /// The next raise of a ramp.
    pub(super) raise: NextRaise,
    /// Where the ramp stands, as the status says it.
    ramp: Option<RampStatus>,
    /// Why the ramp keeps exposure as it is. `None` when it does not, or when a skewed clock is the cause.
    kept: Option<Finding>,
}

impl<'a> EffectiveSpec<'a> {
    /// While no answer tells what is live: the spec as it is, and the ramp where it stood.
    pub(super) fn unseen(spec: &'a Desired, before: Option<RampStatus>) -> Self {
        Self {
            spec,
            now: Cow::Borrowed(spec),
            next: Cow::Borrowed(spec),
            raise: NextRaise::NoneLeft,
            ramp: before,
            kept: None,
        }
    }

    /// For this live state. `before` is where the ramp stood.
    pub(super) fn of_live(spec: &'a Desired, before: Option<RampStatus>, live: &LiveRun, now: &Now) -> Self {
        match (&spec.ramp, spec.exposure) {
            (Some(ramp), Some(target)) => Self::ramped(spec, ramp, target, before, live, now),
            _ => Self::without_ramp(spec, before, live, now),
        }
    }

    /// What the next raise makes of a spec.
    fn raising(
        spec: &'a Desired,
        live: Exposure,
        raise: NextRaise,
        ramp: Option<RampStatus>,
        kept: Option<Finding>,
    ) -> Self {
        let asking = |exposure| Cow::Owned(spec.asking(exposure));
        let (now, next) = match raise {
            NextRaise::NoneLeft => (Cow::Borrowed(spec), Cow::Borrowed(spec)),
            NextRaise::Due { to, .. } => (asking(to), asking(to)),
            NextRaise::Waiting { to, .. } | NextRaise::Shut { to, .. } | NextRaise::NoClock { to, .. } => {
                (asking(live), asking(to))
            }
            NextRaise::Removed { .. } => (asking(live), Cow::Borrowed(spec)),
        };
        Self {
            spec,
            now,
            next,
            raise,
            ramp,
            kept,
        }
    }

    fn ramped(
        spec: &'a Desired,
        ramp: &Ramp,
        target: Exposure,
        before: Option<RampStatus>,
        live: &LiveRun,
        now: &Now,
    ) -> Self {
        let reached = before.as_ref().map(|ramp| &ramp.reached);
        let reached = reached.filter(|reached| reached.exposure_percentage == live.exposure);
        let service = match now.service {
            Ok(service) => service,
            Err(untold) => {
                // `AppConfig`'s own clock is the only one that counts, so a raise that has to wait for a time waits for that
                // clock. Where the ramp stands is told with the first time that is known.
                let floor = reached.map(hold).unwrap_or_default();
                let raise = ramp.next_raise_without_time((live.exposure, floor), target, now.local, untold);
                return Self::raising(spec, live.exposure, raise, before, without_time(&raise));
            }
        };
        let position = match reached {
            Some(reached) => RampPosition {
                live: live.exposure,
                since: reached.at.0,
                hold: ramp.hold(live.exposure, target, hold(reached)),
            },
            None => ramp.position(live.exposure, target, came_about(live, &service)),
        };
        let mut search = ramp.windows().search(service.now);
        let raise = if live.status == RunStatus::Running {
            ramp.next_raise(&position, target, service.now, &mut search)
        } else {
            NextRaise::NoneLeft
        };
        let completes_at = match raise {
            NextRaise::Waiting { to, at, .. } => ramp.completes_at(to, at, target, &mut search),
            _ => None,
        };
        let status = status(&position, target, &raise, completes_at, service.now);
        let kept = held_by_gate(&position, &raise);
        Self::raising(spec, live.exposure, raise, Some(status), kept)
    }

    /// A ramp that is gone before it reached its target is not released by that.
    fn without_ramp(spec: &'a Desired, before: Option<RampStatus>, live: &LiveRun, now: &Now) -> Self {
        let Some(mut before) = before.filter(|_| spec.exposure.is_none_or(|target| target > live.exposure)) else {
            return Self::unseen(spec, None);
        };
        if before.reached.exposure_percentage != live.exposure
            && let Ok(service) = now.service
        {
            before.reached.exposure_percentage = live.exposure;
            before.reached.at = Time(service.answered);
        }
        let ramp = Some(removed(before.reached));
        let Some(target) = spec.exposure else {
            return Self::unseen(spec, ramp);
        };
        let kept = Finding::RampRemoved {
            live: live.exposure,
            target,
        };
        Self::raising(spec, live.exposure, NextRaise::Removed { target }, ramp, Some(kept))
    }

    /// What a ramp waits for. `None` when it does not wait.
    pub(super) fn waiting(&self) -> Option<Finding> {
        match self.raise {
            NextRaise::Removed { .. } => None,
            _ => self.kept.clone(),
        }
    }

    /// That the ramp is gone. `None` when it is not.
    pub(super) fn removed(&self) -> Option<Finding> {
        match self.raise {
            NextRaise::Removed { .. } => self.kept.clone(),
            _ => None,
        }
    }

    /// Why a raise that needs the time has none. `None` when it has, or when no answer carried a `Date`.
    pub(super) const fn skew(&self) -> Option<Skew> {
        match self.raise {
            NextRaise::NoClock {
                untold: Untold::Skewed(skew),
                ..
            } => Some(skew),
            _ => None,
        }
    }

    /// Whether what a ramp waits for is a time at which it raises by itself.
    pub(super) const fn raises_by_itself(&self) -> bool {
        matches!(self.raise, NextRaise::Waiting { .. }) && !self.spec.suspend
    }
}

impl Pass<'_> {
    /// Takes over where the ramp stands, and tells of it. The answer is of this resource's run and isn't stale.
    pub(super) fn advance(&mut self, live: &LiveRun, owner: &Owner) {
        let before = std::mem::replace(&mut self.memory.ramp, self.effective.ramp.clone());
        let (Some(after), Some(ramp), Owner::Itself) = (&self.effective.ramp, &self.effective.spec.ramp, owner) else {
            return;
        };
        let reached = before.as_ref().map(|before| before.reached.exposure_percentage);
        // While no time is known, nothing of it is recorded, and so nothing is told.
        let recorded = after.reached.exposure_percentage == live.exposure;
        let risen = recorded && reached.is_some_and(|reached| reached < live.exposure);
        if risen && self.effective.spec.exposure == Some(live.exposure) {
            let note = format!("the ramp has reached its target: exposure is {} %", live.exposure);
            self.notices.push(Notice::normal(notice::TARGET_REACHED, note));
        } else if risen {
            self.notices.push(advanced(ramp, live.exposure));
        }
        let wait = |status: &RampStatus| Some((status.waiting_for?, status.next.clone()));
        let waits = wait(after).filter(|_| !self.effective.spec.suspend);
        if waits.is_some() && waits != before.as_ref().and_then(wait) {
            let note = self.effective.kept.as_ref().map(Finding::message);
            self.notices
                .extend(note.map(|note| Notice::normal(notice::RAMP_WAITING, note)));
        }
    }

    /// Tells of a raise that has no time to go by, unless something else keeps it back or an update is under way. The good
    /// read itself counts: whatever else it shows is told and done.
    pub(super) fn tell_skew(&mut self, live: &LiveRun, owner: &Owner) {
        let Some(skew) = self.effective.skew() else {
            self.memory.skew = None;
            return;
        };
        let otherwise_kept = self.desired.suspend || *owner != Owner::Itself || live.status != RunStatus::Running;
        if otherwise_kept || self.update.is_some() {
            return;
        }
        // The times of the first one are told while it goes on, so that the same situation is told in the same words.
        let (first, before) = self.memory.skew.unwrap_or((skew, 0));
        let times = before.saturating_add(1);
        self.memory.skew = Some((first, times));
        self.findings.push(Finding::RampDateSkewed {
            skew: first,
            in_a_row: times,
        });
        if self.memory.pending.is_none() {
            self.next = Next::Backoff(schedule::backoff(times));
        }
    }

    /// The regular read, or sooner when the ramp may change by itself.
    pub(super) fn sooner(&self, slot: Next) -> Next {
        let changes_at = self.effective.raise.changes_at();
        let ahead = changes_at.map(|at| at.duration_since(self.now.wall().0));
        match (slot, ahead.and_then(|ahead| std::time::Duration::try_from(ahead).ok())) {
            (Next::After(slot), Some(ahead)) => Next::After(slot.min(ahead)),
            _ => slot,
        }
    }
}

/// The ramp of a resource that has none, in spec or status, although its conditions tell of one: an API server whose CRD
/// knows no ramps has dropped both. Whoever takes a ramp out of the spec leaves that in the status.
pub(super) fn lost(resource: &Resource<'_>, now: &Now) -> Option<RampStatus> {
    // A failed read is told as ClockSkew too, but beside its error; else it is a ramp that has no time to go by.
    let failed = resource.status.last_error.is_some();
    let tells = |condition: &Condition| {
        let reason = Reason::named(&condition.reason);
        reason.is_some_and(|reason| reason.is_of_a_ramp() || (reason == Reason::ClockSkew && !failed))
    };
    let exposure = resource.status.exposure_percentage.unwrap_or(Exposure::ZERO);
    resource.status.conditions.iter().any(tells).then(|| {
        removed(RampReached {
            exposure_percentage: exposure,
            at: Time(now.service.map_or(now.local, |service| service.answered)),
            hold: None,
        })
    })
}

/// Where a ramp stands that is gone.
fn removed(reached: RampReached) -> RampStatus {
    RampStatus {
        reached,
        next: None,
        waiting_for: None,
        completes_at: None,
        summary: "ramp removed".to_owned(),
    }
}

/// Whether to ask since when the live exposure is live: once, when a ramp does not know it.
#[must_use]
pub fn asks_since_when(desired: &Desired, live: &LiveRun, status: &ExperimentRunStatus, memory: &Memory) -> bool {
    let known = memory.ramp.as_ref().or(status.ramp.as_ref());
    let known = known.is_some_and(|ramp| ramp.reached.exposure_percentage == live.exposure);
    let ours = memory.pin.as_ref().is_none_or(|pin| *pin == live.key);
    desired.ramp.is_some() && live.status == RunStatus::Running && ours && !known
}

/// By when the live exposure had come about: an answer has shown it. An event may tell that it was earlier.
fn came_about(live: &LiveRun, service: &ServiceTime) -> Timestamp {
    live.exposed_at.unwrap_or(service.answered).min(service.answered)
}

/// The hold that a status has in force. One that can't be read is none.
fn hold(reached: &RampReached) -> SignedDuration {
    let hold = reached.hold.as_ref().and_then(|hold| hold.parse().ok());
    hold.unwrap_or_default()
}

/// Where a ramp stands, as the status says it.
fn status(
    position: &RampPosition,
    target: Exposure,
    raise: &NextRaise,
    completes_at: Option<Timestamp>,
    now: Timestamp,
) -> RampStatus {
    let not_before = match raise {
        NextRaise::Due { .. } => Some(position.held_until(now)),
        NextRaise::Waiting { at, .. } => Some(*at),
        _ => None,
    };
    RampStatus {
        reached: RampReached {
            exposure_percentage: position.live,
            at: Time(position.since),
            hold: Some(position.hold).filter(|hold| !hold.is_zero()).map(words),
        },
        next: raise.to().map(|to| RampNext {
            exposure_percentage: to,
            not_before: not_before.map(Time),
        }),
        waiting_for: raise.waiting_for(),
        completes_at: completes_at.map(Time),
        summary: summary(position.live, target, raise),
    }
}

/// The column NEXT.
fn summary(live: Exposure, target: Exposure, raise: &NextRaise) -> String {
    match raise {
        NextRaise::NoneLeft if live == target => "target reached".to_owned(),
        NextRaise::Due { to, .. } => format!("{to} now"),
        NextRaise::Waiting { to, at, .. } => format!("{to} at {}", minute(*at)),
        NextRaise::Shut { to, gate, .. } => match gate {
            WaitingFor::Hold | WaitingFor::Window => format!("{to} when a window opens"),
        },
        NextRaise::NoneLeft | NextRaise::NoClock { .. } | NextRaise::Removed { .. } => String::new(),
    }
}

/// What is told of a raise that a gate holds. `None` when none does.
fn held_by_gate(position: &RampPosition, raise: &NextRaise) -> Option<Finding> {
    let live = position.live;
    match *raise {
        NextRaise::Waiting { to, at, gate } => Some(match gate {
            WaitingFor::Hold => Finding::RampHolding {
                live,
                next: to,
                until: at,
                hold: position.hold,
            },
            WaitingFor::Window => Finding::RampWaiting {
                live,
                next: to,
                opens: Some(at),
            },
        }),
        NextRaise::Shut { to, gate, .. } => Some(match gate {
            // A hold has an end, so only a window can have none.
            WaitingFor::Hold | WaitingFor::Window => Finding::RampWaiting {
                live,
                next: to,
                opens: None,
            },
        }),
        NextRaise::NoneLeft | NextRaise::Due { .. } | NextRaise::NoClock { .. } | NextRaise::Removed { .. } => None,
    }
}

/// What is told of a raise for which no answer told the time. A `Date` that does not count is told by [`Pass::tell_skew`].
const fn without_time(raise: &NextRaise) -> Option<Finding> {
    match raise {
        NextRaise::NoClock {
            untold: Untold::NoDate, ..
        } => Some(Finding::RampWithoutDate),
        _ => None,
    }
}

fn advanced(ramp: &Ramp, live: Exposure) -> Notice {
    let note = match ramp.step_of(live) {
        Some((step, of)) => format!("the ramp is at {live} %, step {step} of {of}"),
        None => format!("the ramp is at {live} %, which is none of its steps"),
    };
    Notice::normal(notice::RAMP_ADVANCED, note)
}
