//! Where a ramp stands, as the status says it.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::{
    api::{ExperimentRunStatus, Exposure, RampNext, RampReached, RampStatus, RunStatus},
    run::LiveRun,
};

use super::{
    Now, Resource,
    desired::Desired,
    findings::Reason,
    memory::Memory,
    ramp::{next_raise::NextRaise, position::RampPosition},
    service_time::ServiceTime,
    text::{minute, words},
};

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
pub(super) fn removed(reached: RampReached) -> RampStatus {
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
pub(super) fn came_about(live: &LiveRun, service: &ServiceTime) -> Timestamp {
    live.exposed_at.unwrap_or(service.answered).min(service.answered)
}

/// The hold that a status has in force. One that can't be read is none.
pub(super) fn hold(reached: &RampReached) -> SignedDuration {
    let hold = reached.hold.as_ref().and_then(|hold| hold.parse().ok());
    hold.unwrap_or_default()
}

/// Where a ramp stands, as the status says it.
pub(super) fn status(
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
        NextRaise::Shut { to, gate, .. } => format!("{to} when {}", gate.opens_when()),
        NextRaise::NoneLeft | NextRaise::NoClock { .. } | NextRaise::Removed { .. } => String::new(),
    }
}
