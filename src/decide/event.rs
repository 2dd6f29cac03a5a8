//! What is worth an Event: one per transition, never one per retry.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::{
    api::{ConditionType, Exposure, Member, RampStatus},
    run::{Change, LiveRun, Update},
};

use super::{
    Evidence, Owner, Situation, conditions,
    findings::{Entry, Finding, Reason},
    memory::Memory,
    observation::Observation,
    pending::is_shown_by,
    ramp::Ramp,
};

/// An Event to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its reason: one of [`REASONS`], or the [`Reason`] of a condition.
    pub reason: &'static str,
    /// Whether it is a Warning.
    pub warning: bool,
    /// What happened.
    pub note: String,
}

/// Exposure was raised by this operator.
pub const EXPOSURE_RAISED: &str = "ExposureRaised";
/// Treatment overrides were replaced by this operator.
pub const TREATMENT_OVERRIDES_UPDATED: &str = "TreatmentOverridesUpdated";
/// The description was changed by this operator.
pub const DESCRIPTION_UPDATED: &str = "DescriptionUpdated";
/// Somebody else raised the exposure.
pub const EXPOSURE_CHANGED_EXTERNALLY: &str = "ExposureChangedExternally";
/// A ramp has risen, and goes on.
pub const RAMP_ADVANCED: &str = "RampAdvanced";
/// A ramp waits for the end of a hold or for a window.
pub const RAMP_WAITING: &str = "RampWaiting";
/// A ramp has reached its target.
pub const TARGET_REACHED: &str = "TargetReached";
/// An answer older than what was known has stood for 5 minutes, and is now believed.
pub const STALE_READ_BELIEVED: &str = "StaleReadBelieved";
/// The CRD that the API server serves lacks fields. It is told of the CRD, and of no resource.
pub const SERVED_SCHEMA_INCOMPLETE: &str = "ServedSchemaIncomplete";

/// The reasons of Events that are no condition's reason.
pub const REASONS: &[&str] = &[
    EXPOSURE_RAISED,
    TREATMENT_OVERRIDES_UPDATED,
    DESCRIPTION_UPDATED,
    EXPOSURE_CHANGED_EXTERNALLY,
    RAMP_ADVANCED,
    RAMP_WAITING,
    TARGET_REACHED,
    STALE_READ_BELIEVED,
    SERVED_SCHEMA_INCOMPLETE,
];

impl Event {
    /// Something that is as it should be.
    #[must_use]
    pub fn normal(reason: &'static str, note: String) -> Self {
        Self {
            reason,
            warning: false,
            note,
        }
    }

    /// Something that a person may have to look at.
    #[must_use]
    pub fn warning(reason: &'static str, note: String) -> Self {
        Self {
            reason,
            warning: true,
            note,
        }
    }
}

impl Event {
    /// The same, with why the brake was pulled, where it tells that the brake holds.
    #[must_use]
    pub fn quoting(&self, brake_reason: Option<&str>) -> Self {
        let mut event = self.clone();
        if let Some(why) = brake_reason.filter(|_| self.reason == Reason::Suspended.as_str()) {
            event.note = format!("{} (why: {why:?})", event.note);
        }
        event
    }
}

/// What an answer that counts is worth, in the order in which it happened. `before` is what was remembered before it.
pub(super) fn of_observation(
    situation: &Situation<'_>,
    observation: &Observation<'_>,
    before: &Memory,
    after: &Memory,
) -> Vec<Event> {
    let Observation::Usable { live, is_believed, .. } = observation else {
        return Vec::new();
    };
    let ramp = of_ramp(situation, before, live);
    if let Evidence::Updated { update, .. } = situation.evidence {
        let applied = Some(update).filter(|update| update.shown_by(live)).and_then(of_applied);
        return ramp.into_iter().chain(applied).collect();
    }
    let believed = is_believed.then(|| of_believed(live));
    let outside = of_outside_change(situation, before, live);
    let settled = before.pending.as_ref().filter(|_| after.pending.is_none());
    // A raise is told by the change that the answer shows.
    let shown = settled.filter(|pending| is_shown_by(&pending.record, live, situation));
    let shown = shown.and_then(|pending| of_replaced(pending.record.member));
    believed.into_iter().chain(outside).chain(ramp).chain(shown).collect()
}

fn of_believed(live: &LiveRun) -> Event {
    let note = format!(
        "AppConfig has returned an older state (exposure {} %) for 5 minutes; the operator now accepts it",
        live.exposure
    );
    Event::warning(STALE_READ_BELIEVED, note)
}

/// Exposure that rose without this operator, or by an update of its own whose answer was lost. The owner tells; to the others,
/// its raises would look like somebody else's.
fn of_outside_change(situation: &Situation<'_>, before: &Memory, live: &LiveRun) -> Option<Event> {
    let owned = before.known.as_ref().filter(|_| *situation.owner == Owner::Itself);
    let (from, to) = (owned?.exposure, live.exposure);
    let pending = before.pending.as_ref();
    let ours = pending.and_then(|pending| pending.record.exposure_percentage) == Some(to);
    if to <= from {
        None
    } else if ours {
        Some(of_raise(from, to))
    } else {
        let note = format!("somebody else raised the exposure from {from} % to {to} %");
        Some(Event::warning(EXPOSURE_CHANGED_EXTERNALLY, note))
    }
}

/// Where a ramp stands by now, and what it waits for.
fn of_ramp(situation: &Situation<'_>, before: &Memory, live: &LiveRun) -> Vec<Event> {
    let (effective, before) = (situation.effective, before.ramp.as_ref());
    let (Some(after), Some(ramp), Owner::Itself) = (&effective.ramp, &effective.spec.ramp, situation.owner) else {
        return Vec::new();
    };
    let reached = before.map(|before| before.reached.exposure_percentage);
    // While no time is known, nothing of it is recorded, and so nothing is told.
    let recorded = after.reached.exposure_percentage == live.exposure;
    let risen = (recorded && reached.is_some_and(|reached| reached < live.exposure)).then(|| {
        if effective.spec.exposure == Some(live.exposure) {
            let note = format!("the ramp has reached its target: exposure is {} %", live.exposure);
            Event::normal(TARGET_REACHED, note)
        } else {
            Event::normal(RAMP_ADVANCED, advanced(ramp, live.exposure))
        }
    });
    let wait = |status: &RampStatus| Some((status.waiting_for?, status.next.clone()));
    let waits = wait(after).filter(|_| !effective.spec.suspend);
    let new = waits.is_some() && waits != before.and_then(wait);
    let why = effective.kept.as_ref().filter(|_| new).map(Finding::message);
    let waits = why.map(|why| Event::normal(RAMP_WAITING, why));
    risen.into_iter().chain(waits).collect()
}

fn advanced(ramp: &Ramp, live: Exposure) -> String {
    match ramp.step_of(live) {
        Some((step, of)) => format!("the ramp is at {live} %, step {step} of {of}"),
        None => format!("the ramp is at {live} %, which is not one of its steps"),
    }
}

fn of_applied(update: &Update) -> Option<Event> {
    match update.change() {
        Change::ExposurePercentage(raise) => Some(of_raise(raise.from(), raise.to())),
        Change::TreatmentOverrides(_) | Change::Description(_) => of_replaced(update.member()),
    }
}

fn of_raise(from: Exposure, to: Exposure) -> Event {
    Event::normal(EXPOSURE_RAISED, format!("exposure raised from {from} % to {to} %"))
}

/// The Event of an update that replaced a member whole.
fn of_replaced(member: Member) -> Option<Event> {
    match member {
        Member::Description => Some(Event::normal(DESCRIPTION_UPDATED, "description updated".to_owned())),
        Member::TreatmentOverrides => Some(Event::normal(
            TREATMENT_OVERRIDES_UPDATED,
            "treatment overrides updated".to_owned(),
        )),
        Member::ExposurePercentage => None,
    }
}

/// The Event that a change of conditions to those of a finding is worth, on entering it. `None` while Ready and Stalled stay as
/// they are: a moment of trouble changes neither.
#[must_use]
pub fn of_transition(before: &[Condition], after: &[Condition], finding: &Finding) -> Option<Event> {
    let state = |conditions: &[Condition]| {
        let ready = conditions::find(conditions, ConditionType::Ready)?;
        let stalled = conditions::find(conditions, ConditionType::Stalled).is_some();
        Some((Reason::named(&ready.reason)?, stalled, ready.status.clone()))
    };
    let (before, after) = (state(before), state(after)?);
    if before.as_ref() == Some(&after) {
        return None;
    }
    let reason = finding.reason().as_str();
    match finding.event() {
        Entry::Silent => None,
        Entry::Normal => Some(Event::normal(reason, finding.message())),
        Entry::Warning => Some(Event::warning(reason, finding.message())),
        // A new resource's first failure is Unknown too, and no transition: it never was anything else.
        Entry::WarningWhenUnknown => {
            let became_unknown = after.2 == "Unknown" && before.is_some_and(|(_, _, ready)| ready != "Unknown");
            became_unknown.then(|| Event::warning(reason, finding.message()))
        }
    }
}
