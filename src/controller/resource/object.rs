//! One object, as the cache keeps it: a resource that can be worked with, or one that can't be read.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;
use serde_json::value::RawValue;

use super::part::{FaultyPart, fields, unknown_fields};
use crate::{
    api::{ExperimentRun, ExperimentRunSpec, ExperimentRunStatus},
    pass::resource::{Identity, Spec, StoredResource},
};

impl Identity {
    /// The object as Events name it.
    pub(in crate::controller) fn reference(&self) -> ObjectReference {
        ObjectReference {
            api_version: Some(ExperimentRun::api_version(&()).into_owned()),
            kind: Some(ExperimentRun::kind(&()).into_owned()),
            namespace: Some(self.key.namespace.clone()),
            name: Some(self.key.name.clone()),
            uid: Some(self.uid.clone()),
            ..ObjectReference::default()
        }
    }
}

/// The spec, read from JSON.
pub(super) fn spec(raw: &RawValue, faults: &mut Vec<FaultyPart>) -> Option<Spec> {
    let parts: ExperimentRunSpec = fields("spec", Some(raw), faults)?;
    let unknown = unknown_fields::<ExperimentRunSpec>("spec", Some(raw));
    Spec::new(parts, unknown, raw.get().len())
}

/// One of which a part can't be read. No pass is made for it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::controller) struct UnreadableObject {
    /// As far as it can be read.
    pub(in crate::controller) identity: Identity,
    /// The first part that can't be read.
    pub(in crate::controller) fault: FaultyPart,
    /// What the operator itself has said of the object, as far as that can be read.
    pub(in crate::controller) status: ExperimentRunStatus,
}

/// A resource as the API server last said.
#[derive(Clone, Debug)]
pub(in crate::controller) enum Object {
    Readable(Arc<StoredResource>),
    Unreadable(Arc<UnreadableObject>),
}

impl Object {
    pub(in crate::controller) fn identity(&self) -> &Identity {
        match self {
            Self::Readable(run) => &run.identity,
            Self::Unreadable(unreadable) => &unreadable.identity,
        }
    }

    pub(in crate::controller) fn uid(&self) -> &str {
        &self.identity().uid
    }

    pub(in crate::controller) const fn is_readable(&self) -> bool {
        matches!(self, Self::Readable(_))
    }

    /// Whether this object is older than another of the same uid. A version that is no number is taken for new.
    pub(in crate::controller) fn is_older_than(&self, other: &Self) -> bool {
        let (this, other) = (self.identity().number(), other.identity().number());
        matches!((this, other), (Some(this), Some(other)) if this < other)
    }

    /// Whether a generation has come back, or means another spec, in this later state of the same object.
    pub(in crate::controller) fn goes_back_from(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::Readable(this), Self::Readable(before)) => this.goes_back_from(before),
            _ => self.identity().generation < before.identity().generation,
        }
    }

    /// Whether somebody asks for a pass with this object that they didn't ask for with the one before: own status writes
    /// change neither generation nor annotation.
    pub(in crate::controller) fn asks_more_than(&self, before: &Self) -> bool {
        self.identity().requested() != before.identity().requested() || self.is_readable() != before.is_readable()
    }
}
