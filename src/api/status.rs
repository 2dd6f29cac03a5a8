//! What people read: the status of an `ExperimentRun`.
//!
//! As in the spec, the doc comments of the fields are what `kubectl explain` prints: plain text without markup.
#![allow(clippy::doc_markdown, reason = "kubectl explain prints the text as it is")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Exposure, RampStatus};

/// What AppConfig last said of the run, and what the operator makes of it. Written by the operator only.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExperimentRunStatus {
    /// The generation of the spec that the conditions speak of; -1 while no operator has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The region in which the run was first found. Pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub region: Option<String>,
    /// The ID of the application that was first found. Pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
    /// The ID of the experiment definition that was first found. Pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment_definition_id: Option<String>,
    /// The number of the run that was first found. Pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<i32>,
    /// RUNNING or DONE, as AppConfig last said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RunStatus>,
    /// The percentage of the audience that is exposed, from 0 to 100, as AppConfig last said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure_percentage: Option<Exposure>,
    /// The run's description, as AppConfig last said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How many entities are pinned to a treatment. A count: entity IDs are never copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub treatment_override_count: Option<i32>,
    /// When the run was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When the run was last changed, in whole seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Time>,
    /// When the run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    /// Who ended the run: USER, CLOUDWATCH_ALARM, INTERNAL_ERROR or APPCONFIG.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    /// What was recorded of the run's result when it was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RunResult>,
    /// The experiment definition as it was when the run started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment_definition: Option<ExperimentDefinition>,
    /// Where the ramp stands. Absent: there is none, or none is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp: Option<RampStatus>,
    /// An update that is about to be sent, or was sent and is not settled. At most one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_update: Option<PendingUpdate>,
    /// Members that are not sent again for now, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub held_updates: Vec<HeldUpdate>,
    /// The last error, since it was first seen; gone once it no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// The value of the annotation experiments.appconfig.dev/reconcile-requested-at that was handled last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Ready: the run is what the spec asks for now. TargetReached: live exposure is the spec's. Both are always there.
    /// Reconciling: the operator works towards it, or waits for what passes. Stalled: a person has to act. These two are
    /// there only while True, and never both.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,
}

/// RUNNING or DONE, as AppConfig last said. An answer with any other value is unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RunStatus {
    /// The run takes updates.
    Running,
    /// The run has ended, for good.
    Done,
}

/// What was recorded of a run's result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunResult {
    /// The executive summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executive_summary: Option<String>,
    /// Why to launch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasons_to_launch: Option<String>,
    /// Why not to launch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasons_not_to_launch: Option<String>,
}

/// The experiment definition as it was when the run started: its snapshot, without audience rule and flag values.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExperimentDefinition {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The feature flag that it experiments on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag_key: Option<String>,
    /// The environment that its updates deploy to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_id: Option<String>,
    /// The configuration profile that holds the flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration_profile_id: Option<String>,
    /// Its treatments, control included: what an override may name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub treatments: Vec<Treatment>,
}

/// One treatment of an experiment definition.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Treatment {
    /// The key that overrides name: c for the control, then t1, t2 and so on.
    pub key: String,
    /// Its share of the exposed audience, relative to the other treatments'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
}

/// The members of a run that an update can carry, in the order in which they are sent: exposure last, since it can't be
/// taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
pub enum Member {
    /// `Description`.
    Description,
    /// `TreatmentOverrides`.
    TreatmentOverrides,
    /// `ExposurePercentage`.
    ExposurePercentage,
}

/// An update that is about to be sent, or was sent and is not settled.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingUpdate {
    /// Its ID, which the request's User-Agent carries too.
    pub id: String,
    /// The generation of the spec that asked for it.
    pub generation: i64,
    /// The member that it changes.
    pub member: Member,
    /// The exposure that it asks for, when that is its member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure_percentage: Option<Exposure>,
    /// When it was recorded.
    pub recorded_at: Time,
}

/// A member that is not sent again for now.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldUpdate {
    /// The member.
    pub member: Member,
    /// Why: UpdateRejected, UpdateIneffective or Contested.
    pub reason: String,
    /// The generation of the spec that asked for it.
    pub generation: i64,
    /// The run's updatedAt at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Time>,
    /// Since when.
    pub at: Time,
}

/// An error of AppConfig, or of the way to it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastError {
    /// The AppConfig operation that failed.
    pub operation: String,
    /// AWS's error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<i32>,
    /// What went wrong. Absent where it could echo values that must not be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// AWS's request ID, for support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// When it was first seen.
    pub at: Time,
}
