//! What people write: the spec of an `ExperimentRun`.

use std::{collections::BTreeMap, fmt};

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ExperimentRunStatus, Exposure};

/// The exposure, treatment overrides and description that one `AppConfig` experiment run should have.
#[derive(CustomResource, Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "experiments.appconfig.dev",
    version = "v1alpha1",
    kind = "ExperimentRun",
    plural = "experimentruns",
    shortname = "exprun",
    category = "appconfig",
    namespaced,
    status = "ExperimentRunStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct ExperimentRunSpec {
    /// The application's ID or name, 1 to 2048 characters. Immutable.
    pub application_identifier: String,
    /// The experiment definition's ID or name, 1 to 2048 characters. Immutable.
    pub experiment_definition_identifier: String,
    /// The run's number, 1 or more. Immutable: another run is another resource.
    pub run: i32,
    /// The AWS region of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The run's description, up to 1024 characters. Absent: not managed. Empty: cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The percentage of the audience to expose, 0 to 100. Absent: not managed. It can only rise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure_percentage: Option<Exposure>,
    /// Entities pinned to a treatment. Absent: not managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub treatment_overrides: Option<TreatmentOverrides>,
    /// Parameters of the deployments that exposure and override updates cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_parameters: Option<DeploymentParameters>,
    /// Keep observing, change nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// How often the run is read when nothing changes, 30s to 24h. Absent: the operator's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resync_interval: Option<String>,
}

/// Entities pinned to a treatment. Entity IDs are personal data, so `Debug` shows only how many there are.
#[derive(Clone, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TreatmentOverrides {
    /// Entity ID to treatment key: the whole map, 0 to 32 entries. Empty: cleared.
    pub inline: BTreeMap<String, String>,
}

impl fmt::Debug for TreatmentOverrides {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TreatmentOverrides({} entities)", self.inline.len())
    }
}

/// Parameters of the deployment that an exposure or override update causes. They are sent with it and never read back.
#[derive(Clone, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentParameters {
    /// Parameters of `AppConfig` extensions, `extension#parameter` to value, up to 10. Sensitive: never shown by the
    /// operator.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dynamic_extension_parameters: BTreeMap<String, String>,
    /// Tags of the deployment, up to 50.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl fmt::Debug for DeploymentParameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parameters, tags) = (self.dynamic_extension_parameters.len(), self.tags.len());
        write!(formatter, "DeploymentParameters({parameters} parameters, {tags} tags)")
    }
}
