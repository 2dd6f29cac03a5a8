//! A resource as the API server has it, whatever is in it: what a test wants to see must not fail with what it doesn't.

use std::borrow::Cow;

use appconfig_experiment_operator::api::ExperimentRun;
use kube::{Resource, api::ObjectMeta};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// One resource. Its `managedFields` are read if they can be: anybody may write anything there.
#[derive(Clone, Debug)]
pub struct Stored {
    pub metadata: ObjectMeta,
    spec: Box<RawValue>,
    status: Option<Box<RawValue>>,
}

impl Stored {
    /// The resource, if all else of it can be parsed.
    pub fn run(self) -> Option<ExperimentRun> {
        Some(ExperimentRun {
            metadata: self.metadata,
            spec: serde_json::from_str(self.spec.get()).ok()?,
            status: match self.status {
                Some(status) => serde_json::from_str(status.get()).ok()?,
                None => None,
            },
        })
    }
}

impl<'de> Deserialize<'de> for Stored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Metadata {
            name: Option<String>,
            namespace: Option<String>,
            uid: Option<String>,
            resource_version: Option<String>,
            generation: Option<i64>,
            creation_timestamp: Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>,
            deletion_timestamp: Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>,
            labels: Option<std::collections::BTreeMap<String, String>>,
            annotations: Option<std::collections::BTreeMap<String, String>>,
            managed_fields: Option<Box<RawValue>>,
        }
        #[derive(Deserialize)]
        struct Wire {
            metadata: Metadata,
            spec: Box<RawValue>,
            status: Option<Box<RawValue>>,
        }
        let Wire { metadata, spec, status } = Wire::deserialize(deserializer)?;
        Ok(Self {
            metadata: ObjectMeta {
                name: metadata.name,
                namespace: metadata.namespace,
                uid: metadata.uid,
                resource_version: metadata.resource_version,
                generation: metadata.generation,
                creation_timestamp: metadata.creation_timestamp,
                deletion_timestamp: metadata.deletion_timestamp,
                labels: metadata.labels,
                annotations: metadata.annotations,
                managed_fields: metadata
                    .managed_fields
                    .and_then(|fields| serde_json::from_str(fields.get()).ok()),
                ..ObjectMeta::default()
            },
            spec,
            status,
        })
    }
}

impl Resource for Stored {
    type DynamicType = ();
    type Scope = k8s_openapi::NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        ExperimentRun::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        ExperimentRun::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        ExperimentRun::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        ExperimentRun::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
