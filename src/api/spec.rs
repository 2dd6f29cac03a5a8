//! What people write: the spec of an `ExperimentRun`.
//!
//! The doc comments of the fields are what `kubectl explain` prints, so they are written for its readers: plain text
//! without markup. Rules in CEL carry the message that the API server answers with.
#![allow(clippy::doc_markdown, reason = "kubectl explain prints the text as it is")]

use std::{collections::BTreeMap, fmt};

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{ExperimentRunStatus, Exposure, Ramp};

/// The exposure, treatment overrides and description that one existing run of an AWS AppConfig experiment should have.
/// Members that are left out are not managed. The operator never starts, stops or deletes a run.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "experiments.appconfig.dev",
    version = "v1alpha1",
    kind = "ExperimentRun",
    plural = "experimentruns",
    shortname = "exprun",
    category = "appconfig",
    namespaced,
    status = "ExperimentRunStatus",
    derive = "PartialEq",
    doc = "What one existing run of an AWS AppConfig experiment should look like now, and what AppConfig says of it. Deleting this resource leaves the run as it is.",
    // What names the run may be corrected until the run is found, which only the status knows. Here are rules on changes
    // only: a rule on a state that the stored object breaks would refuse every write of it, of labels and status too.
    validation = Rule::new(
        "!has(oldSelf.status) || !has(oldSelf.status.applicationId) \
         || self.spec.applicationIdentifier == oldSelf.spec.applicationIdentifier"
    )
    .message(
        "applicationIdentifier can't be changed once the run was found, since a run of another application is another \
         resource: delete and recreate this one"
    )
    .field_path(".spec.applicationIdentifier"),
    validation = Rule::new(
        "!has(oldSelf.status) || !has(oldSelf.status.applicationId) \
         || self.spec.experimentDefinitionIdentifier == oldSelf.spec.experimentDefinitionIdentifier"
    )
    .message(
        "experimentDefinitionIdentifier can't be changed once the run was found, since a run of another definition is \
         another resource: delete and recreate this one"
    )
    .field_path(".spec.experimentDefinitionIdentifier"),
    validation = Rule::new(
        "!has(oldSelf.status) || !has(oldSelf.status.applicationId) || self.spec.run == oldSelf.spec.run"
    )
    .message("run can't be changed once it was found, since another run is another resource: delete and recreate this one")
    .field_path(".spec.run"),
    validation = Rule::new(
        "!has(oldSelf.status) || !has(oldSelf.status.applicationId) || (has(oldSelf.spec.region) \
         ? has(self.spec.region) && self.spec.region == oldSelf.spec.region \
         : !has(self.spec.region) || !has(oldSelf.status.region) || self.spec.region == oldSelf.status.region)"
    )
    .message(
        "spec.region can't be changed or removed once the run was found, and added only as the region in status.region, \
         since a run in another region is another resource: delete and recreate this one"
    )
    .field_path(".spec.region"),
    selectable = ".spec.applicationIdentifier",
    selectable = ".spec.experimentDefinitionIdentifier",
    selectable = ".status.status",
    printcolumn(name = "Run", type_ = "integer", json_path = ".spec.run", description = "The run's number."),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.status", description = "RUNNING or DONE."),
    printcolumn(
        name = "Desired",
        type_ = "number",
        json_path = ".spec.exposurePercentage",
        description = "The exposure to reach, in percent. Empty: not managed."
    ),
    printcolumn(
        name = "Live",
        type_ = "number",
        json_path = ".status.exposurePercentage",
        description = "The exposure that AppConfig last reported, in percent."
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether the run is what the spec asks for now."
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        description = "Why Ready is what it is."
    ),
    printcolumn(
        name = "Next",
        type_ = "string",
        json_path = ".status.ramp.summary",
        description = "The next raise of the ramp. Empty: there is no ramp."
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Application",
        type_ = "string",
        json_path = ".spec.applicationIdentifier",
        priority = 1,
        description = "The application's ID or name."
    ),
    printcolumn(
        name = "Definition",
        type_ = "string",
        json_path = ".spec.experimentDefinitionIdentifier",
        priority = 1,
        description = "The experiment definition's ID or name."
    ),
    printcolumn(
        name = "Region",
        type_ = "string",
        json_path = ".status.region",
        priority = 1,
        description = "The region in which the run was found."
    ),
    printcolumn(
        name = "Updated",
        type_ = "date",
        json_path = ".status.updatedAt",
        priority = 1,
        description = "When the run was last changed."
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1,
        description = "Why Ready is what it is, in words."
    )
)]
// A rule on the whole spec is judged anew when any field of a stored object changes, so it must let the brake through: what an
// older CRD let in can be suspended too.
#[x_kube(validation = Rule::new(
        "!has(self.ramp) || has(self.exposurePercentage) || (has(self.suspend) && self.suspend)"
    )
    .message("a ramp needs a target: set exposurePercentage beside ramp, or remove ramp")
    .field_path(".exposurePercentage"))]
#[serde(rename_all = "camelCase")]
pub struct ExperimentRunSpec {
    /// The ID or name of the AppConfig application, 1 to 2048 characters, as the namespace's annotation
    /// experiments.appconfig.dev/applications lists it. It can be corrected until the run is found, see status.applicationId,
    /// and not be changed from then on.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = ("!(self in ['.', '..'])", "applicationIdentifier can't be . or ..: give the application's ID instead"))]
    pub application_identifier: String,
    /// The ID or name of the experiment definition, 1 to 2048 characters. It can be corrected until the run is found,
    /// and not be changed from then on.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = (
        "!(self in ['.', '..'])",
        "experimentDefinitionIdentifier can't be . or ..: give the definition's ID instead"
    ))]
    pub experiment_definition_identifier: String,
    /// The number of the run, 1 or more, as AppConfig counts the runs of the definition. It can be corrected until the run
    /// is found, and not be changed from then on: another run is another resource.
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub run: i32,
    /// The AWS region of the run, such as eu-west-1, in 1 to 32 characters: lower-case words and a number, with hyphens
    /// between them. A zone such as eu-west-1a is no region. Absent: the one in status.region, else the operator's own. It
    /// can be corrected until the run is found; from then on it can be added, as the region that status.region names, and
    /// not be changed or removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(
        validation = (
            "self.matches('^([a-z]+-)+[0-9]+[a-z]?$')",
            "region must be the name of an AWS region, such as eu-west-1: lower-case words and a number, with hyphens between them"
        ),
        validation = (
            "!self.matches('^([a-z]+-)+[0-9]+[a-z]$')",
            "region must be a region, and this is the name of a zone: write us-east-1, not us-east-1a"
        )
    )]
    pub region: Option<String>,
    /// The description of the run, 0 to 1024 characters. Absent: not managed. Empty: cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub description: Option<String>,
    /// The percentage of the audience to expose, from 0 to 100, as a 32-bit float: 12.5 is twelve and a half percent. It
    /// is the target and is never exceeded. AppConfig can only raise it: a value below the live one is accepted here and
    /// reported as ExposureAboveDesired, and changes nothing. Absent: not managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure_percentage: Option<Exposure>,
    /// How exposure may rise to exposurePercentage, which it needs: in steps, each held for a time, and only while a window
    /// is open. Absent: at once. Removing it under way does not release it: the resource is RampRemoved and raises nothing
    /// until ramp is set again; ramp: {steps: []} goes to the target at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = (
        "has(self.steps) || (has(self.windows) && size(self.windows) > 0)",
        "ramp must have steps or windows: to go to the target at once, set ramp: {steps: []}"
    ))]
    pub ramp: Option<Ramp>,
    /// Entities that get a treatment whatever the exposure, meant for testing. Absent: not managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub treatment_overrides: Option<TreatmentOverrides>,
    /// Parameters of the deployments that AppConfig makes for exposure and override updates. They are sent with those
    /// updates and are no reason for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_parameters: Option<DeploymentParameters>,
    /// Keep observing the run and change nothing: the brake, for people. Leave it out of what a GitOps tool applies, so
    /// that the tool does not release it. Absent: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// How often the run is read when nothing changes, from 30s to 24h, in whole hours, minutes and seconds: 90s, 10m,
    /// 1h30m. Absent: the operator's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(validation = (
        "self.matches('^([0-9]{1,4}h)?([0-9]{1,4}m)?([0-9]{1,5}s)?$') && duration(self) >= duration('30s') \
         && duration(self) <= duration('24h')",
        "resyncInterval must be from 30s to 24h, in whole hours, minutes and seconds such as 90s, 10m or 1h30m: 24h, not 1d"
    ))]
    pub resync_interval: Option<String>,
}

/// Entities that get a treatment whatever the exposure. Entity IDs are personal data: the operator shows only how many
/// there are.
#[derive(KubeSchema, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TreatmentOverrides {
    /// From the ID of an entity, 1 to 2048 characters, to the key of its treatment, such as t1: 1 to 8 letters and digits.
    /// 0 to 32 entries. This is the whole map: AppConfig's is replaced by it, and cleared when it is empty. Server-side apply
    /// can't carry an ID of 1023 characters or more: a key in YAML has 1024 at most, quotes included. Quote IDs that look
    /// like numbers.
    //
    // Entity IDs must not be in what the API server answers (P11), and it names the key of whatever a schema for values
    // or a rule on them refuses. So there is one rule on the map. It looks at the values' characters one by one, since
    // the cost of a regular expression would need a bound for their length, which would be such a schema. A null would
    // otherwise be dropped and clear the map. It has no size, so the rule asks for it first; dyn() lets it ask.
    #[schemars(extend("maxProperties" = 32, "additionalProperties" = {"type": "string", "nullable": true}))]
    #[x_kube(
        merge_strategy = MapMerge::Atomic,
        validation = (
            "self.all(entity, size(entity) >= 1 && size(entity) <= 2048 \
             && dyn(self[entity]) != null && size(self[entity]) >= 1 && size(self[entity]) <= 8 \
             && [0, 1, 2, 3, 4, 5, 6, 7].all(at, at >= size(self[entity]) \
             || (self[entity].charAt(at) >= 'a' && self[entity].charAt(at) <= 'z') \
             || (self[entity].charAt(at) >= 'A' && self[entity].charAt(at) <= 'Z') \
             || (self[entity].charAt(at) >= '0' && self[entity].charAt(at) <= '9')))",
            "inline must map entity IDs of 1 to 2048 characters to treatment keys of 1 to 8 letters and digits, such as t1"
        )
    )]
    pub inline: BTreeMap<String, String>,
}

impl fmt::Debug for TreatmentOverrides {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TreatmentOverrides({} entities)", self.inline.len())
    }
}

/// Parameters of the deployment that an exposure or override update causes. They are sent with it and never read back.
#[derive(KubeSchema, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentParameters {
    /// Parameters of AppConfig extensions: from extension#parameter to a value of 1 to 2048 characters, 1 to 10 entries.
    /// The extension has 1 to 96 characters, the parameter 1 to 64 without a slash. Sensitive: the operator never shows
    /// them. Absent: none are sent.
    //
    // As with overrides, a schema for values would have the API server show what is sensitive.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend(
        "minProperties" = 1,
        "maxProperties" = 10,
        "additionalProperties" = {"type": "string", "nullable": true}
    ))]
    #[x_kube(
        merge_strategy = MapMerge::Atomic,
        validation = (
            "self.all(name, name.matches('^[^#\\\\n]{1,96}#[^/#\\\\n]{1,64}$'))",
            "dynamicExtensionParameters must have keys such as extension#parameter: 1 to 96 characters, one #, and 1 to 64 \
             characters without a slash"
        ),
        validation = (
            "self.all(name, dyn(self[name]) != null && size(self[name]) >= 1 && size(self[name]) <= 2048)",
            "dynamicExtensionParameters must have values of 1 to 2048 characters"
        )
    )]
    pub dynamic_extension_parameters: BTreeMap<String, String>,
    /// Tags of the deployment, not of the run: from a key of 1 to 128 characters to a value of 0 to 256, 0 to 50 entries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50, "additionalProperties" = {"type": "string", "nullable": true}))]
    #[x_kube(
        merge_strategy = MapMerge::Atomic,
        validation = (
            "self.all(key, size(key) >= 1 && size(key) <= 128 && dyn(self[key]) != null && size(self[key]) <= 256)",
            "tags must have keys of 1 to 128 characters and values of 0 to 256"
        )
    )]
    pub tags: BTreeMap<String, String>,
}

impl fmt::Debug for DeploymentParameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parameters, tags) = (self.dynamic_extension_parameters.len(), self.tags.len());
        write!(formatter, "DeploymentParameters({parameters} parameters, {tags} tags)")
    }
}
