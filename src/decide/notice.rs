//! What is worth an Event: one per transition, never one per retry.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::api::{ConditionType, Member};

use super::{
    conditions,
    findings::{Entry, Finding, Reason},
};

/// An Event to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
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

impl Notice {
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

/// The notice of an update that replaced a member whole.
pub(super) fn of_update(member: Member) -> Option<Notice> {
    match member {
        Member::Description => Some(Notice::normal(DESCRIPTION_UPDATED, "description updated".to_owned())),
        Member::TreatmentOverrides => Some(Notice::normal(
            TREATMENT_OVERRIDES_UPDATED,
            "treatment overrides updated".to_owned(),
        )),
        Member::ExposurePercentage => None,
    }
}

/// The notice that a change of conditions to those of a finding is worth, if any: one on entering it. None while Ready and
/// Stalled stay as they are: a moment of trouble changes neither.
#[must_use]
pub fn of_transition(before: &[Condition], after: &[Condition], finding: &Finding) -> Option<Notice> {
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
        Entry::Normal => Some(Notice::normal(reason, finding.message())),
        Entry::Warning => Some(Notice::warning(reason, finding.message())),
        // A new resource's first failure is Unknown too, and no transition: it never was anything else.
        Entry::WarningWhenUnknown => {
            let became_unknown = after.2 == "Unknown" && before.is_some_and(|(_, _, ready)| ready != "Unknown");
            became_unknown.then(|| Notice::warning(reason, finding.message()))
        }
    }
}
