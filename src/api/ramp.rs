//! How exposure may get to its target: `spec.ramp` as people write it, and `status.ramp` as they read it.
//!
//! As in the rest of the spec, the doc comments of the fields are what `kubectl explain` prints: plain text without markup.
#![allow(clippy::doc_markdown, reason = "kubectl explain prints the text as it is")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Exposure;

/// How exposure may rise to exposurePercentage: in steps, each held for a time, and only while a window is open. Where the
/// ramp stands follows from the live exposure, so that it can be edited under way. At least one of steps and windows is
/// needed; steps: [] lets exposure go to the target at once.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ramp {
    /// The exposures on the way to the target, strictly rising: 0 to 50 steps. The next one is the smallest above the live
    /// exposure, cut at exposurePercentage; after the last one comes exposurePercentage itself. An empty list means: to the
    /// target at once, in a window if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = (
            "self.map(step, double(step.exposurePercentage)).isSorted() && self.all(step, self.exists_one(other, \
             double(other.exposurePercentage) == double(step.exposurePercentage)))",
            "steps must rise strictly: sort them by exposurePercentage and give each exposure once"
        )
    )]
    pub steps: Option<Vec<RampStep>>,
    /// When exposure may be raised: while at least one Allow window is open, if any is listed, and no Deny window is. 0 to
    /// 20 windows. None: at any time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub windows: Vec<RampWindow>,
}

/// One exposure on the way, and how long it is held before the next raise.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RampStep {
    /// The exposure of this step, in percent, from 0 to 100. 0 is a step too: it holds the stage in which only overrides
    /// are exposed. A step at or above the target is not reached.
    pub exposure_percentage: Exposure,
    /// How long the run stays at this exposure at least, from 1s to 8784h, in whole hours, minutes and seconds: 30m, 24h,
    /// 1h30m. It counts from when AppConfig confirmed the exposure.
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(validation = (
        "self.matches('^([0-9]{1,4}h)?([0-9]{1,6}m)?([0-9]{1,8}s)?$') && duration(self) >= duration('1s') \
         && duration(self) <= duration('8784h')",
        "hold must be from 1s to 8784h, in whole hours, minutes and seconds such as 90s, 30m or 48h: 48h, not 2d"
    ))]
    pub hold: String,
}

/// A window that opens again and again, in the words of Argo CD's sync windows.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RampWindow {
    /// Allow or Deny. A Deny window that is open wins over any Allow window.
    pub kind: WindowKind,
    /// When the window opens: cron with five fields (minute, hour, day of month, month, day of week), such as 0 9 * * 1-4
    /// for 09:00 from Monday to Thursday. Months and days may be names: JAN, MON. If both day fields are restricted, either
    /// is enough. A range must not run backwards: FRI-SAT,SUN-MON instead of FRI-MON. 9 to 128 characters.
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = (
        "self.matches('^ *[0-9*,/-]+ +[0-9*,/-]+ +[0-9*,/-]+ +[0-9A-Za-z*,/-]+ +[0-9A-Za-z*,/-]+ *$')",
        "schedule must have five fields separated by spaces (minute, hour, day of month, month, day of week) of numbers, \
         names such as MON, and the signs * , - and /: 0 9 * * MON-THU"
    ))]
    pub schedule: String,
    /// How long the window stays open, from 1m to 8784h, in whole hours, minutes and seconds: 30m, 7h, 336h. It is elapsed
    /// time, also through a night in which clocks are changed: 24h from midnight then end at 23:00 or 01:00. A raise needs up
    /// to 5 seconds, so none is sent in the last 5.
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(validation = (
        "self.matches('^([0-9]{1,4}h)?([0-9]{1,6}m)?([0-9]{1,8}s)?$') && duration(self) >= duration('1m') \
         && duration(self) <= duration('8784h')",
        "duration must be from 1m to 8784h, in whole hours, minutes and seconds such as 30m, 7h or 336h: 336h, not 14d"
    ))]
    pub duration: String,
    /// The IANA time zone of the schedule, such as Europe/Berlin or UTC: 1 to 64 characters. In the night in which clocks
    /// are put forward, a time that is left out counts as the end of the gap; in the one in which they are put back, a time
    /// that comes twice counts twice.
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = (
        "self.matches('^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$')",
        "timeZone must be the name of an IANA time zone, such as Europe/Berlin or UTC"
    ))]
    pub time_zone: String,
    /// What the window is for, for people: 0 to 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub description: Option<String>,
}

/// Whether a window lets exposure rise or keeps it from rising.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum WindowKind {
    /// Exposure may be raised while it is open.
    Allow,
    /// Exposure may not be raised while it is open.
    Deny,
}

/// Where a ramp stands. It follows from the live exposure. When spec.ramp is gone before the target is reached, this stays,
/// and nothing is raised.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RampStatus {
    /// The live exposure, since when, and the hold in force.
    pub reached: RampReached,
    /// The next raise. Absent at the target, and while there is no ramp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<RampNext>,
    /// What the next raise waits for: Hold or Window, whichever ends later. Absent when it waits for neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<WaitingFor>,
    /// When the target is reached at the earliest. Absent when that can't be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completes_at: Option<Time>,
    /// The next raise in words: the column NEXT.
    pub summary: String,
}

/// The exposure that a ramp has reached.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RampReached {
    /// The exposure, in percent, from 0 to 100.
    pub exposure_percentage: Exposure,
    /// When AppConfig confirmed it.
    pub at: Time,
    /// The hold in force: the least time until the next raise, unless a step at exactly this exposure says otherwise.
    /// Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
}

/// The next raise of a ramp.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RampNext {
    /// The exposure that comes next, in percent, from 0 to 100.
    pub exposure_percentage: Exposure,
    /// When it may be sent at the earliest. Absent when no window opens as far as can be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
}

/// What the next raise of a ramp waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum WaitingFor {
    /// The hold at the live exposure is not over.
    Hold,
    /// No window is open.
    Window,
}

impl WaitingFor {
    /// The word for it in a status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "Hold",
            Self::Window => "Window",
        }
    }
}
