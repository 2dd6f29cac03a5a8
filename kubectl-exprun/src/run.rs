//! One resource as it was read, and what is asked of it more than once.

use appconfig_experiment_operator::{
    api::{BRAKE_REASON, ConditionType, ExperimentRun, ExperimentRunStatus, Exposure},
    decide::findings::Reason,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{ResourceExt as _, api::DynamicObject};

use crate::terminal::harmless;

/// A resource that can be read.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) resource: ExperimentRun,
    pub(crate) status: ExperimentRunStatus,
}

impl Run {
    /// Reads a bare object. `None` when this version of the plugin can't: what stands in it is shown to nobody.
    pub(crate) fn read(object: DynamicObject) -> Option<Self> {
        object.try_parse().ok().map(Self::of)
    }

    pub(crate) fn of(resource: ExperimentRun) -> Self {
        let status = resource.status.clone().unwrap_or_default();
        Self { resource, status }
    }

    pub(crate) fn namespace(&self) -> String {
        self.resource.namespace().unwrap_or_default()
    }

    pub(crate) fn name(&self) -> String {
        self.resource.name_any()
    }

    /// `namespace/name`.
    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.namespace(), self.name())
    }

    pub(crate) fn condition(&self, kind: ConditionType) -> Option<&Condition> {
        let mut conditions = self.status.conditions.iter();
        conditions.find(|condition| condition.type_ == kind.as_str())
    }

    pub(crate) fn ready(&self) -> Option<&Condition> {
        self.condition(ConditionType::Ready)
    }

    /// Ready's reason. `None` when there is none that this version knows.
    pub(crate) fn reason(&self) -> Option<Reason> {
        Reason::named(&self.ready()?.reason)
    }

    /// Whether the conditions speak of the spec as it is.
    pub(crate) fn is_seen(&self) -> bool {
        self.status.observed_generation >= self.resource.metadata.generation
    }

    pub(crate) fn is_braked(&self) -> bool {
        self.resource.spec.suspend == Some(true)
    }

    /// Why the brake was pulled, if somebody said.
    pub(crate) fn brake_reason(&self) -> Option<String> {
        let reason = self.resource.annotations().get(BRAKE_REASON);
        reason
            .map(|reason| harmless(reason))
            .filter(|reason| !reason.is_empty())
    }

    /// The target. `None` when exposure is not managed.
    pub(crate) fn target(&self) -> Option<Exposure> {
        self.resource.spec.exposure_percentage
    }
}
