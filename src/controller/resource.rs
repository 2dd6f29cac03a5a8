//! The resource as the API server sends it, in lists, watches and answers: what deciding needs of it, and nothing else.
//!
//! Reading one never fails, for a list or a watch would fail with it, and one odd object must not blind the operator for all
//! others (P12). Each part is read by itself. One that is there and can't be read is not taken for one that is absent, since
//! an empty status would drop an unsettled update and the guard of a removed ramp (P6): such an object is
//! [`Object::Unreadable`], and names the place and never the value, which may be an entity ID (P11).

mod brake_reason;
mod object;
mod part;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _, sync::Arc};

use k8s_openapi::NamespaceResourceScope;
use kube::{
    Resource,
    api::ObjectMeta,
    core::{Selector, SelectorExt},
};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::{
    api::{BRAKE_REASON, ExperimentRun, RECONCILE_REQUESTED_AT},
    pass::resource::{Identity, ObjectKey, StoredResource},
};

use super::call::CallError;
use brake_reason::brake_reason;
pub(super) use object::{Object, UnreadableObject};
pub(super) use part::FaultyPart;
use part::{fields, own_status, part};

/// The longest value of the annotation, in bytes, that is echoed as it is: as long as the longest name.
const LONGEST_ECHO: usize = 253;

/// What a call returns: all of it.
pub(super) type Returned = Received<true>;
/// What a list or a watch tells of: without the spec where that is large.
pub(super) type Watched = Received<false>;

/// A resource as one message of the API server holds it.
#[derive(Clone, Debug)]
pub(super) struct Received<const WHOLE: bool> {
    pub(super) object: Object,
    labels: BTreeMap<String, String>,
    /// For kube's watch, which asks it for the version. Nothing more is in it.
    metadata: ObjectMeta,
}

impl Returned {
    /// The answer to a call. What a pass goes on with is read whole, still there, and selected still.
    ///
    /// # Errors
    /// When it is not.
    pub(super) fn answered(self, selector: Option<&Selector>) -> Result<Arc<StoredResource>, CallError> {
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

impl<const WHOLE: bool> Resource for Received<WHOLE> {
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

impl<'de, const WHOLE: bool> Deserialize<'de> for Received<WHOLE> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Wire::deserialize(deserializer).map(|wire| Self::read(&wire))
    }
}

impl<const WHOLE: bool> Received<WHOLE> {
    fn read(wire: &Wire<'_>) -> Self {
        let mut faults = Vec::new();
        let metadata: Metadata<'_> = part("metadata", wire.metadata, &mut faults).unwrap_or_default();
        let identity = identity(&metadata, &mut faults);
        let labels = part("metadata.labels", metadata.labels, &mut faults).unwrap_or_default();
        let status = fields("status", wire.status, &mut faults).unwrap_or_default();
        let spec = wire.spec.and_then(|raw| object::spec(raw, &mut faults));
        if spec.is_none() && faults.is_empty() {
            faults.push(FaultyPart::at("spec"));
        }
        let metadata = ObjectMeta {
            name: Some(identity.key.name.clone()),
            namespace: Some(identity.key.namespace.clone()),
            resource_version: Some(identity.version.clone()),
            ..ObjectMeta::default()
        };
        let object = match (spec, faults.into_iter().next()) {
            (Some(spec), None) => {
                let run = Arc::new(StoredResource { identity, spec, status });
                Object::Readable(if WHOLE { run } else { run.kept() })
            }
            (_, fault) => Object::Unreadable(Arc::new(UnreadableObject {
                identity,
                fault: fault.unwrap_or_else(|| FaultyPart::at("spec")),
                status: own_status(wire.status),
            })),
        };
        Self {
            object,
            labels,
            metadata,
        }
    }
}

fn identity(metadata: &Metadata<'_>, faults: &mut Vec<FaultyPart>) -> Identity {
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
        faults.push(FaultyPart::at("metadata.creationTimestamp"));
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
        reconcile_requested_at: part::<Cow<'_, str>>(annotations, requested_at, faults).map(as_remembered),
        brake_reason: brake_reason(values.get(BRAKE_REASON).copied()),
    }
}

/// The annotation's value. A long one counts and is echoed as its SHA-256: annotations are nobody's memory.
fn as_remembered(value: Cow<'_, str>) -> String {
    if value.len() <= LONGEST_ECHO {
        return value.into_owned();
    }
    let mut echo = String::new();
    for byte in Sha256::digest(value.as_bytes()) {
        // A String takes whatever is written.
        let _ = write!(echo, "{byte:02x}");
    }
    echo
}

/// What every stored object has.
fn required<T: Default>(place: &'static str, part: Option<T>, faults: &mut Vec<FaultyPart>) -> T {
    part.unwrap_or_else(|| {
        faults.push(FaultyPart::at(place));
        T::default()
    })
}
