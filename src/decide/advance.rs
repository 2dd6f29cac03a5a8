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
    findings::{Finding, Reason, Severity},
    memory::Memory,
    notice::{self, Notice},
    ramp::{
        Ramp,
        course::{Coming, Stand},
        minute,
        search::Search,
        words,
    },
    schedule::{self, Next},
    service_time::{ServiceTime, Skew, Untold},
};

/// What a spec asks for of a live run, now.
pub(super) struct Asked<'a> {
    /// The spec.
    pub(super) spec: &'a Desired,
    /// With the exposure that is asked for now.
    pub(super) now: Cow<'a, Desired>,
    /// With the exposure that is asked for next, however long it has to wait.
    pub(super) next: Cow<'a, Desired>,
    /// The next raise of a ramp.
    pub(super) coming: Option<Coming>,
    /// Where the ramp stands.
    ramp: Option<RampStatus>,
    /// Why a ramp keeps exposure as it is, while it does.
    kept: Option<Finding>,
    /// Why a raise that needs the time has none.
    pub(super) skew: Option<Skew>,
}

impl<'a> Asked<'a> {
    /// What is asked for while no answer tells what is live.
    pub(super) fn of(spec: &'a Desired, before: Option<RampStatus>) -> Self {
        Self {
            spec,
            now: Cow::Borrowed(spec),
            next: Cow::Borrowed(spec),
            coming: None,
            ramp: before,
            kept: None,
            skew: None,
        }
    }

    /// What is asked for of this live state.
    pub(super) fn of_live(spec: &'a Desired, before: Option<RampStatus>, live: &LiveRun, now: &Now) -> Self {
        let mut asked = Self::of(spec, before);
        let before = asked.ramp.take();
        match (&spec.ramp, spec.exposure) {
            (Some(ramp), Some(target)) => asked.ramped(ramp, target, before, live, now),
            _ => asked.without_ramp(before, live, now),
        }
        asked
    }

    fn ramped(&mut self, ramp: &Ramp, target: Exposure, before: Option<RampStatus>, live: &LiveRun, now: &Now) {
        let reached = before.as_ref().map(|ramp| &ramp.reached);
        let reached = reached.filter(|reached| reached.exposure_percentage == live.exposure);
        let service = match now.service {
            Ok(service) => service,
            Err(untold) => {
                let floor = reached.map(hold).unwrap_or_default();
                return self.without_time(ramp, target, (live.exposure, floor), before, untold);
            }
        };
        let stand = match reached {
            Some(reached) => Stand {
                live: live.exposure,
                since: reached.at.0,
                hold: ramp.hold(live.exposure, target, hold(reached)),
            },
            None => ramp.stand(live.exposure, target, came_about(live, &service)),
        };
        let running = live.status == RunStatus::Running;
        let mut search = ramp.windows().search(service.now);
        self.coming = ramp
            .coming(&stand, target, service.now, &mut search)
            .filter(|_| running);
        if let Some(coming) = self.coming {
            self.next = Cow::Owned(self.spec.asking(coming.to));
            match coming.waiting_for {
                Some(waiting_for) => {
                    self.keep(live.exposure);
                    self.kept = Some(waiting(&stand, &coming, waiting_for));
                }
                None => self.now = self.next.clone(),
            }
        }
        self.ramp = Some(status(ramp, target, &stand, self.coming.as_ref(), &mut search));
    }

    /// `AppConfig`'s own clock is the only one that counts, so a raise that has to wait for a time waits for that clock. Where
    /// the ramp stands is told with the first time that is known.
    fn without_time(
        &mut self,
        ramp: &Ramp,
        target: Exposure,
        (live, floor): (Exposure, SignedDuration),
        before: Option<RampStatus>,
        untold: Untold,
    ) {
        self.ramp = before;
        let Some(next) = ramp.next(live, target) else { return };
        self.next = Cow::Owned(self.spec.asking(next));
        if !ramp.needs_time(ramp.hold(live, target, floor)) {
            self.now = self.next.clone();
            return;
        }
        self.keep(live);
        match untold {
            Untold::NoDate => self.kept = Some(Finding::RampWithoutDate),
            Untold::Skewed(skew) => self.skew = Some(skew),
        }
    }

    /// A ramp that is gone before it reached its target is not released by that.
    fn without_ramp(&mut self, before: Option<RampStatus>, live: &LiveRun, now: &Now) {
        let Some(mut before) = before else { return };
        if self.spec.exposure.is_some_and(|target| target <= live.exposure) {
            return;
        }
        if before.reached.exposure_percentage != live.exposure
            && let Ok(service) = now.service
        {
            before.reached.exposure_percentage = live.exposure;
            before.reached.at = Time(service.answered);
        }
        if let Some(target) = self.spec.exposure {
            self.keep(live.exposure);
            self.kept = Some(Finding::RampRemoved {
                live: live.exposure,
                target,
            });
        }
        self.ramp = Some(removed(before.reached));
    }

    fn keep(&mut self, live: Exposure) {
        self.now = Cow::Owned(self.spec.asking(live));
    }

    /// What a ramp waits for, if it waits.
    pub(super) fn waiting(&self) -> Option<Finding> {
        self.kept
            .clone()
            .filter(|finding| finding.severity() == Severity::Current)
    }

    /// That the ramp is gone, if it is.
    pub(super) fn removed(&self) -> Option<Finding> {
        self.kept
            .clone()
            .filter(|finding| finding.severity() == Severity::Stalled)
    }
}

impl Pass<'_> {
    /// Takes over where the ramp stands, and tells of it. The answer is of this resource's run and isn't stale.
    pub(super) fn advance(&mut self, live: &LiveRun, owner: &Owner) {
        let before = std::mem::replace(&mut self.memory.ramp, self.asked.ramp.clone());
        let (Some(after), Some(ramp), Owner::Itself) = (&self.asked.ramp, &self.asked.spec.ramp, owner) else {
            return;
        };
        let reached = before.as_ref().map(|before| before.reached.exposure_percentage);
        // While no time is known, nothing of it is recorded, and so nothing is told.
        let recorded = after.reached.exposure_percentage == live.exposure;
        let risen = recorded && reached.is_some_and(|reached| reached < live.exposure);
        if risen && self.asked.spec.exposure == Some(live.exposure) {
            let note = format!("the ramp has reached its target: exposure is {} %", live.exposure);
            self.notices.push(Notice::normal(notice::TARGET_REACHED, note));
        } else if risen {
            self.notices.push(advanced(ramp, live.exposure));
        }
        let wait = |status: &RampStatus| Some((status.waiting_for?, status.next.clone()));
        let waits = wait(after).filter(|_| !self.asked.spec.suspend);
        if waits.is_some() && waits != before.as_ref().and_then(wait) {
            let note = self.asked.kept.as_ref().map(Finding::message);
            self.notices
                .extend(note.map(|note| Notice::normal(notice::RAMP_WAITING, note)));
        }
    }

    /// Tells of a raise that has no time to go by, unless something else keeps it back or an update is under way. The good
    /// read itself counts: whatever else it shows is told and done.
    pub(super) fn tell_skew(&mut self, live: &LiveRun, owner: &Owner) {
        let Some(skew) = self.asked.skew else {
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

    /// Whether what a ramp waits for is the time at which it may change: then it raises.
    pub(super) fn raises_then(&self) -> bool {
        let coming = self.asked.coming.filter(|coming| coming.waiting_for.is_some());
        coming.is_some_and(|coming| coming.changes_at == coming.not_before) && !self.asked.spec.suspend
    }

    /// The regular read, or sooner when the ramp may change by itself.
    pub(super) fn sooner(&self, slot: Next) -> Next {
        let changes_at = self.asked.coming.and_then(|coming| coming.changes_at);
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

fn status(
    ramp: &Ramp,
    target: Exposure,
    stand: &Stand,
    coming: Option<&Coming>,
    search: &mut Search<'_>,
) -> RampStatus {
    let waits = coming.filter(|coming| coming.waiting_for.is_some());
    let completes_at = waits.and_then(|coming| ramp.completes_at(coming.to, coming.not_before?, target, search));
    RampStatus {
        reached: RampReached {
            exposure_percentage: stand.live,
            at: Time(stand.since),
            hold: Some(stand.hold).filter(|hold| !hold.is_zero()).map(words),
        },
        next: coming.map(|coming| RampNext {
            exposure_percentage: coming.to,
            not_before: coming.not_before.map(Time),
        }),
        waiting_for: coming.and_then(|coming| coming.waiting_for),
        completes_at: completes_at.map(Time),
        summary: summary(stand.live, target, coming),
    }
}

fn summary(live: Exposure, target: Exposure, coming: Option<&Coming>) -> String {
    match coming {
        None if live == target => "target reached".to_owned(),
        None => String::new(),
        Some(coming) => match (coming.waiting_for, coming.not_before) {
            (None, _) => format!("{} now", coming.to),
            (Some(_), Some(at)) => format!("{} at {}", coming.to, minute(at)),
            (Some(_), None) => format!("{} when a window opens", coming.to),
        },
    }
}

fn waiting(stand: &Stand, coming: &Coming, waiting_for: WaitingFor) -> Finding {
    let (live, next) = (stand.live, coming.to);
    match (waiting_for, coming.not_before) {
        (WaitingFor::Hold, Some(until)) => Finding::RampHolding {
            live,
            next,
            until,
            hold: stand.hold,
        },
        // A hold has an end, so only a window can have none.
        (WaitingFor::Hold | WaitingFor::Window, opens) => Finding::RampWaiting { live, next, opens },
    }
}

fn advanced(ramp: &Ramp, live: Exposure) -> Notice {
    let note = match ramp.step_of(live) {
        Some((step, of)) => format!("the ramp is at {live} %, step {step} of {of}"),
        None => format!("the ramp is at {live} %, which is none of its steps"),
    };
    Notice::normal(notice::RAMP_ADVANCED, note)
}
