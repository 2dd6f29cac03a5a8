//! [`EffectiveSpec`]: which exposure a spec with a ramp asks for now.
//!
//! The rest of the room knows no ramps: it is given a [`Desired`] whose exposure is what is asked for now. While a raise has
//! to wait, that is the live one, which matches; once it may leave, it is the next step.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::{
    api::{Exposure, RampStatus, RunStatus},
    run::LiveRun,
};

use super::{
    Now,
    desired::Desired,
    findings::Finding,
    gates,
    ramp::{Ramp, next_raise::NextRaise, position::RampPosition},
    ramp_status::{self, came_about, hold},
    service_time::{Skew, Untold},
};

/// What a spec asks for of a live run, with the exposure that its ramp allows.
///
/// | who goes by | |
/// |---|---|
/// | `spec` | what is said of the target: `TargetReached`, what a suspended spec would change, a run that has ended |
/// | `allowed_now` | what is compared and sent |
/// | `allowed_next` | what holds, refusals and contests are about: they outlast a wait |
pub(super) struct EffectiveSpec<'a> {
    /// The spec.
    pub(super) spec: &'a Desired,
    /// With the exposure to which the ramp may have risen by now.
    pub(super) allowed_now: Cow<'a, Desired>,
    /// With the exposure that comes next, however long it has to wait.
    pub(super) allowed_next: Cow<'a, Desired>,
    /// The next raise of a ramp.
    pub(super) raise: NextRaise,
    /// Where the ramp stands, as the status says it.
    pub(super) ramp: Option<RampStatus>,
    /// Why the ramp keeps exposure as it is. `None` when it does not, or when a skewed clock is the cause.
    pub(super) kept: Option<Finding>,
}

impl<'a> EffectiveSpec<'a> {
    /// For what a pass saw. `before` is where the ramp stood.
    pub(super) fn of(spec: &'a Desired, before: Option<RampStatus>, live: Option<&LiveRun>, now: &Now) -> Self {
        match (live, &spec.ramp, spec.exposure) {
            (None, ..) => Self::as_it_is(spec, before),
            (Some(live), Some(ramp), Some(target)) => Self::ramped(spec, ramp, target, before, live, now),
            (Some(live), ..) => Self::without_ramp(spec, before, live, now),
        }
    }

    /// The spec as it is, and the ramp where it stood.
    fn as_it_is(spec: &'a Desired, before: Option<RampStatus>) -> Self {
        Self {
            spec,
            allowed_now: Cow::Borrowed(spec),
            allowed_next: Cow::Borrowed(spec),
            raise: NextRaise::NoneLeft,
            ramp: before,
            kept: None,
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
        let (allowed_now, allowed_next) = match raise {
            NextRaise::NoneLeft => (Cow::Borrowed(spec), Cow::Borrowed(spec)),
            NextRaise::Due { to, .. } => (asking(to), asking(to)),
            NextRaise::Waiting { to, .. } | NextRaise::Shut { to, .. } | NextRaise::NoClock { to, .. } => {
                (asking(live), asking(to))
            }
            NextRaise::Removed { .. } => (asking(live), Cow::Borrowed(spec)),
        };
        Self {
            spec,
            allowed_now,
            allowed_next,
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
        let status = ramp_status::status(&position, target, &raise, completes_at, service.now);
        let kept = held_by_gate(&position, &raise);
        Self::raising(spec, live.exposure, raise, Some(status), kept)
    }

    /// A ramp that is gone before it reached its target is not released by that.
    fn without_ramp(spec: &'a Desired, before: Option<RampStatus>, live: &LiveRun, now: &Now) -> Self {
        let Some(mut before) = before.filter(|_| spec.exposure.is_none_or(|target| target > live.exposure)) else {
            return Self::as_it_is(spec, None);
        };
        if before.reached.exposure_percentage != live.exposure
            && let Ok(service) = now.service
        {
            before.reached.exposure_percentage = live.exposure;
            before.reached.at = Time(service.answered);
        }
        let ramp = Some(ramp_status::removed(before.reached));
        let Some(target) = spec.exposure else {
            return Self::as_it_is(spec, ramp);
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

/// What is told of a raise that a gate holds. `None` when none does.
fn held_by_gate(position: &RampPosition, raise: &NextRaise) -> Option<Finding> {
    match *raise {
        NextRaise::Waiting { to, at, gate } => Some(gates::finding(gate, position, to, Some(at))),
        NextRaise::Shut { to, gate, .. } => Some(gates::finding(gate, position, to, None)),
        NextRaise::NoneLeft | NextRaise::Due { .. } | NextRaise::NoClock { .. } | NextRaise::Removed { .. } => None,
    }
}

/// What is told of a raise for which no answer told the time. A `Date` that does not count is told with how many good answers in a row it is of.
const fn without_time(raise: &NextRaise) -> Option<Finding> {
    match raise {
        NextRaise::NoClock {
            untold: Untold::NoDate, ..
        } => Some(Finding::RampWithoutDate),
        _ => None,
    }
}
