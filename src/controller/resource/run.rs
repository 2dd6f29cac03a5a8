//! One resource, as passes work with it and as the cache keeps it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::part::{Fault, fields, unknown_fields};
use crate::{
    api::{ExperimentRun, ExperimentRunSpec, ExperimentRunStatus, Exposure, Region},
    controller::cache::ObjectKey,
    decide::{
        desired::{self, Defaults, Desired, InvalidSpec},
        names::Names,
    },
};

/// The longest spec, in bytes of JSON, that the cache keeps. A longer one is read again before each pass: a thousand of the
/// largest that admission takes are half a gigabyte.
const LONGEST_KEPT: usize = 8 * 1024;

/// What there is to know of an object before anybody looks at its spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::controller) struct Identity {
    pub(in crate::controller) key: ObjectKey,
    pub(in crate::controller) uid: String,
    /// Its `resourceVersion`.
    pub(in crate::controller) version: String,
    pub(in crate::controller) generation: i64,
    pub(in crate::controller) created: Option<Timestamp>,
    pub(in crate::controller) deleting: bool,
    /// The value of the annotation, as it is echoed.
    pub(in crate::controller) reconcile_requested_at: Option<String>,
}

impl Identity {
    /// What a person asks for anew: another spec, or a pass.
    pub(in crate::controller) fn asked(&self) -> (i64, Option<&str>) {
        (self.generation, self.reconcile_requested_at.as_deref())
    }

    /// Its version as a number. Since Kubernetes 1.35 versions are numbers that grow (KEP-5504); before that they were so in
    /// practice.
    pub(in crate::controller) fn number(&self) -> Option<u64> {
        self.version.parse().ok()
    }

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

/// One that can be worked with.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::controller) struct Run {
    pub(in crate::controller) identity: Identity,
    /// Reached by way of [`Run::desired`] and [`Run::names`] only.
    pub(super) spec: Spec,
    pub(in crate::controller) status: ExperimentRunStatus,
}

impl Run {
    /// What is asked for. `pinned` is the region in which the run was first found.
    ///
    /// # Errors
    /// When the spec can't be used.
    pub(in crate::controller) fn desired(
        &self,
        pinned: Option<&Region>,
        defaults: &Defaults,
    ) -> Result<Desired, InvalidSpec> {
        if !self.spec.unknown.is_empty() {
            return Err(InvalidSpec::UnknownFields(self.spec.unknown.clone()));
        }
        if !self.spec.is_whole {
            return Err(InvalidSpec::Unreadable(
                "spec, which was left out of the cache".to_owned(),
            ));
        }
        Desired::parse(&self.spec.parts, pinned, defaults)
    }

    /// Which run is meant, whether or not the rest of the spec can be used.
    pub(in crate::controller) fn names(&self, defaults: &Defaults) -> Names {
        Names::of(&self.spec.parts, defaults)
    }

    /// Where the run is read, and how often when nothing changes. `None` when that part of the spec can't be used.
    pub(in crate::controller) fn is_read(
        &self,
        pinned: Option<&Region>,
        defaults: &Defaults,
    ) -> Option<(Region, Duration)> {
        if !self.spec.unknown.is_empty() {
            return None;
        }
        let region = desired::region(&self.spec.parts, pinned, defaults).ok()?;
        let interval = desired::resync_interval(&self.spec.parts, defaults).ok()?;
        Some((region, interval))
    }

    /// Whether its spec was left out, and has to be read again before a pass.
    pub(in crate::controller) const fn is_abridged(&self) -> bool {
        !self.spec.is_whole
    }

    /// As the cache keeps it.
    pub(in crate::controller) fn kept(self: Arc<Self>) -> Arc<Self> {
        if self.spec.length <= LONGEST_KEPT || self.is_abridged() {
            return self;
        }
        let mut run = Arc::unwrap_or_clone(self);
        run.spec.abridge();
        Arc::new(run)
    }

    /// Whether this can't come after another state of the same resource, unless the data of the API server were restored from
    /// a backup: a generation has come back, or means another spec.
    fn goes_back_from(&self, before: &Self) -> bool {
        let (this, other) = (self.identity.generation, before.identity.generation);
        this < other || (this == other && !self.has_spec_of(before))
    }

    /// Whether it asks for the very same as another state of the same resource.
    pub(in crate::controller) fn has_spec_of(&self, other: &Self) -> bool {
        self.spec.digest == other.spec.digest
    }

    /// The same of an answer that is the newest by all that the API server knows: then its version tells too.
    pub(in crate::controller) fn was_restored_since(&self, before: &Self) -> bool {
        let older =
            matches!((self.identity.number(), before.identity.number()), (Some(this), Some(other)) if this < other);
        older || self.goes_back_from(before)
    }

    /// Whether `spec.suspend` holds it.
    pub(in crate::controller) fn is_suspended(&self) -> bool {
        self.spec.parts.suspend.unwrap_or_default()
    }

    /// The run's number.
    pub(in crate::controller) const fn number(&self) -> i32 {
        self.spec.parts.run
    }

    /// The exposure that is asked for, for metrics.
    pub(in crate::controller) const fn exposure(&self) -> Option<Exposure> {
        self.spec.parts.exposure_percentage
    }
}

/// A spec, and what tells it from another even when most of it is left out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spec {
    parts: ExperimentRunSpec,
    is_whole: bool,
    /// Fields that this operator does not know: a newer CRD has them, and they may forbid what the rest allows.
    unknown: BTreeSet<String>,
    length: usize,
    digest: [u8; 32],
}

impl Spec {
    pub(super) fn read(raw: &RawValue, faults: &mut Vec<Fault>) -> Option<Self> {
        let parts: ExperimentRunSpec = fields("spec", Some(raw), faults)?;
        let unknown = unknown_fields::<ExperimentRunSpec>("spec", Some(raw));
        // Not of the text: one value can be written in several ways.
        let value = serde_json::to_vec(&(&parts, &unknown)).ok()?;
        Some(Self {
            parts,
            is_whole: true,
            unknown,
            length: raw.get().len(),
            digest: Sha256::digest(value).into(),
        })
    }

    /// Leaves out what can be large and tells nothing of when the resource is due.
    fn abridge(&mut self) {
        self.is_whole = false;
        self.parts.description = None;
        self.parts.ramp = None;
        self.parts.treatment_overrides = None;
        self.parts.deployment_parameters = None;
    }
}

/// One of which a part can't be read. No pass is made for it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::controller) struct Unreadable {
    /// As far as it can be read.
    pub(in crate::controller) identity: Identity,
    /// The first part that can't be read.
    pub(in crate::controller) fault: Fault,
    /// What the operator itself has said of the object, as far as that can be read.
    pub(in crate::controller) told: ExperimentRunStatus,
}

/// A resource as the API server last said.
#[derive(Clone, Debug)]
pub(in crate::controller) enum Object {
    Readable(Arc<Run>),
    Unreadable(Arc<Unreadable>),
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
        self.identity().asked() != before.identity().asked() || self.is_readable() != before.is_readable()
    }
}
