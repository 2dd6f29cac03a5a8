//! The resource as the API server sends it, in lists, watches and answers: what deciding needs of it, and nothing else.
//!
//! Reading one never fails, for a list or a watch would fail with it, and one odd object must not blind the operator for all
//! others (P12). Each part is read by itself. One that is there and can't be read is not taken for one that is absent, since
//! an empty status would drop an unsettled update and the guard of a removed ramp (P6): such an object is
//! [`Object::Unreadable`], and names the place and never the value, which may be an entity ID (P11).

mod part;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use k8s_openapi::{NamespaceResourceScope, api::core::v1::ObjectReference};
use kube::{
    Resource,
    api::ObjectMeta,
    core::{Selector, SelectorExt},
};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::{
    api::{ExperimentRun, ExperimentRunSpec, ExperimentRunStatus, Exposure, RECONCILE_REQUESTED_AT, Region},
    decide::{
        desired::{Defaults, Desired, InvalidSpec},
        names::Names,
    },
};

use super::{cache::ObjectKey, call::CallError};
pub(super) use part::Fault;
use part::{fields, part, told_before, unknown_fields};

/// What there is to know of an object before anybody looks at its spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) key: ObjectKey,
    pub(super) uid: String,
    /// Its `resourceVersion`.
    pub(super) version: String,
    pub(super) generation: i64,
    pub(super) created: Option<Timestamp>,
    pub(super) deleting: bool,
    /// The value of the annotation.
    pub(super) reconcile_requested_at: Option<String>,
}

impl Identity {
    /// What a person asks for anew: another spec, or a pass.
    pub(super) fn asked(&self) -> (i64, Option<&str>) {
        (self.generation, self.reconcile_requested_at.as_deref())
    }

    /// Its version as a number. Since Kubernetes 1.35 versions are numbers that grow (KEP-5504); before that they were so in
    /// practice.
    pub(super) fn number(&self) -> Option<u64> {
        self.version.parse().ok()
    }

    /// The object as Events name it.
    pub(super) fn reference(&self) -> ObjectReference {
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

/// One that can be worked with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) identity: Identity,
    /// Reached by way of [`Run::desired`] and [`Run::names`] only.
    spec: ExperimentRunSpec,
    /// Fields of the spec that this operator does not know: a newer CRD has them, and they may forbid what the rest allows.
    unknown: BTreeSet<String>,
    pub(super) status: ExperimentRunStatus,
}

impl Run {
    /// What is asked for. `pinned` is the region in which the run was first found.
    ///
    /// # Errors
    /// When the spec can't be used.
    pub(super) fn desired(&self, pinned: Option<&Region>, defaults: &Defaults) -> Result<Desired, InvalidSpec> {
        if !self.unknown.is_empty() {
            return Err(InvalidSpec::UnknownFields(self.unknown.clone()));
        }
        Desired::parse(&self.spec, pinned, defaults)
    }

    /// Which run is meant, whether or not the rest of the spec can be used.
    pub(super) fn names(&self, defaults: &Defaults) -> Names {
        Names::of(&self.spec, defaults)
    }

    /// Whether this can't come after another state of the same resource, unless the data of the API server were restored from
    /// a backup: a generation has come back, or means another spec.
    fn goes_back_from(&self, before: &Self) -> bool {
        let (this, other) = (self.identity.generation, before.identity.generation);
        this < other || (this == other && !self.has_spec_of(before))
    }

    /// Whether it asks for the very same as another state of the same resource.
    pub(super) fn has_spec_of(&self, other: &Self) -> bool {
        (&self.spec, &self.unknown) == (&other.spec, &other.unknown)
    }

    /// The same of an answer that is the newest by all that the API server knows: then its version tells too.
    pub(super) fn was_restored_since(&self, before: &Self) -> bool {
        let older =
            matches!((self.identity.number(), before.identity.number()), (Some(this), Some(other)) if this < other);
        older || self.goes_back_from(before)
    }

    /// The run's number.
    pub(super) const fn number(&self) -> i32 {
        self.spec.run
    }

    /// The exposure that is asked for, for metrics.
    pub(super) const fn exposure(&self) -> Option<Exposure> {
        self.spec.exposure_percentage
    }
}

/// One of which a part can't be read. No pass is made for it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unreadable {
    /// As far as it can be read.
    pub(super) identity: Identity,
    /// The first part that can't be read.
    pub(super) fault: Fault,
    /// What the operator itself has said of the object, as far as that can be read.
    pub(super) told: ExperimentRunStatus,
}

/// A resource as the API server last said.
#[derive(Clone, Debug)]
pub(super) enum Object {
    Readable(Arc<Run>),
    Unreadable(Arc<Unreadable>),
}

impl Object {
    pub(super) fn identity(&self) -> &Identity {
        match self {
            Self::Readable(run) => &run.identity,
            Self::Unreadable(unreadable) => &unreadable.identity,
        }
    }

    pub(super) fn uid(&self) -> &str {
        &self.identity().uid
    }

    pub(super) const fn is_readable(&self) -> bool {
        matches!(self, Self::Readable(_))
    }

    /// Whether this object is older than another of the same uid. A version that is no number is taken for new.
    pub(super) fn is_older_than(&self, other: &Self) -> bool {
        let (this, other) = (self.identity().number(), other.identity().number());
        matches!((this, other), (Some(this), Some(other)) if this < other)
    }

    /// Whether a generation has come back, or means another spec, in this later state of the same object.
    pub(super) fn goes_back_from(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::Readable(this), Self::Readable(before)) => this.goes_back_from(before),
            _ => self.identity().generation < before.identity().generation,
        }
    }

    /// Whether somebody asks for a pass with this object that they didn't ask for with the one before: own status writes
    /// change neither generation nor annotation.
    pub(super) fn asks_more_than(&self, before: &Self) -> bool {
        self.identity().asked() != before.identity().asked() || self.is_readable() != before.is_readable()
    }
}

/// A resource as one message of the API server holds it.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) object: Object,
    labels: BTreeMap<String, String>,
    /// For kube's watch, which asks it for the version. Nothing more is in it.
    metadata: ObjectMeta,
}

impl Received {
    /// The answer to a call. What a pass goes on with is read whole, still there, and selected still.
    ///
    /// # Errors
    /// When it is not.
    pub(super) fn answered(self, selector: Option<&Selector>) -> Result<Arc<Run>, CallError> {
        match self.object {
            Object::Unreadable(unreadable) => Err(CallError::Unreadable(unreadable.fault.clone())),
            Object::Readable(run) if run.identity.deleting => Err(CallError::Gone),
            Object::Readable(_) if selector.is_some_and(|selector| !selector.matches(&self.labels)) => {
                Err(CallError::Gone)
            }
            Object::Readable(run) => Ok(run),
        }
    }
}

impl Resource for Received {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

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

/// What is skipped is skipped without recursion, however deep it is nested: `managedFields` is anybody's.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow, default)]
    spec: Option<&'a RawValue>,
    #[serde(borrow, default)]
    status: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    namespace: Option<&'a RawValue>,
    #[serde(borrow)]
    uid: Option<&'a RawValue>,
    #[serde(borrow)]
    resource_version: Option<&'a RawValue>,
    #[serde(borrow)]
    generation: Option<&'a RawValue>,
    #[serde(borrow)]
    creation_timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    deletion_timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    labels: Option<&'a RawValue>,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for Received {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Wire::deserialize(deserializer).map(|wire| Self::read(&wire))
    }
}

impl Received {
    fn read(wire: &Wire<'_>) -> Self {
        let mut faults = Vec::new();
        let metadata: Metadata<'_> = part("metadata", wire.metadata, &mut faults).unwrap_or_default();
        let identity = identity(&metadata, &mut faults);
        let labels = part("metadata.labels", metadata.labels, &mut faults).unwrap_or_default();
        let status = fields("status", wire.status, &mut faults).unwrap_or_default();
        let spec = fields("spec", wire.spec, &mut faults);
        let unknown = unknown_fields::<ExperimentRunSpec>("spec", wire.spec);
        if spec.is_none() && faults.is_empty() {
            faults.push(Fault::at("spec"));
        }
        let metadata = ObjectMeta {
            name: Some(identity.key.name.clone()),
            namespace: Some(identity.key.namespace.clone()),
            resource_version: Some(identity.version.clone()),
            ..ObjectMeta::default()
        };
        let object = match (spec, faults.into_iter().next()) {
            (Some(spec), None) => Object::Readable(Arc::new(Run {
                identity,
                spec,
                unknown,
                status,
            })),
            (_, fault) => Object::Unreadable(Arc::new(Unreadable {
                identity,
                fault: fault.unwrap_or_else(|| Fault::at("spec")),
                told: told_before(wire.status),
            })),
        };
        Self {
            object,
            labels,
            metadata,
        }
    }
}

fn identity(metadata: &Metadata<'_>, faults: &mut Vec<Fault>) -> Identity {
    let mut text = |place, raw| {
        let text = part::<String>(place, raw, faults).filter(|text| !text.is_empty());
        required(place, text, faults)
    };
    let name = text("metadata.name", metadata.name);
    let namespace = text("metadata.namespace", metadata.namespace);
    let uid = text("metadata.uid", metadata.uid);
    let version = text("metadata.resourceVersion", metadata.resource_version);
    let generation = part("metadata.generation", metadata.generation, faults);
    let created = part("metadata.creationTimestamp", metadata.creation_timestamp, faults);
    if created.is_none() {
        // The oldest acts: one of no age is not the oldest.
        faults.push(Fault::at("metadata.creationTimestamp"));
    }
    let annotations = "metadata.annotations";
    let values: BTreeMap<Cow<'_, str>, &RawValue> = part(annotations, metadata.annotations, faults).unwrap_or_default();
    let requested_at = values.get(RECONCILE_REQUESTED_AT).copied();
    Identity {
        key: ObjectKey { namespace, name },
        uid,
        version,
        generation: required("metadata.generation", generation, faults),
        created,
        deleting: metadata.deletion_timestamp.is_some(),
        reconcile_requested_at: part(annotations, requested_at, faults),
    }
}

/// What every stored object has.
fn required<T: Default>(place: &'static str, part: Option<T>, faults: &mut Vec<Fault>) -> T {
    part.unwrap_or_else(|| {
        faults.push(Fault::at(place));
        T::default()
    })
}
