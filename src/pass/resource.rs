//! [`StoredResource`]: one resource, as passes work with it and as the cache keeps it.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::{
    api::{ExperimentRunSpec, ExperimentRunStatus, Exposure, Region},
    decide::{
        desired::{self, Defaults, Desired, InvalidSpec},
        names::Names,
    },
};

/// The longest spec, in bytes of JSON, that the cache keeps. A longer one is read again before each pass: a thousand of the
/// largest that admission takes are half a gigabyte.
const LONGEST_KEPT: usize = 8 * 1024;

/// A resource's namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

/// What there is to know of an object before anybody looks at its spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its namespace and name.
    pub key: ObjectKey,
    /// Its uid: another object of the same name has another.
    pub uid: String,
    /// Its `resourceVersion`.
    pub version: String,
    /// The generation of its spec.
    pub generation: i64,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Whether somebody has deleted it: only its finalizers keep it.
    pub deleting: bool,
    /// The value of the annotation, as it is echoed.
    pub reconcile_requested_at: Option<String>,
    /// Why the brake was pulled, if somebody said: up to 253 bytes. Its Event quotes it.
    pub brake_reason: Option<String>,
}

impl Identity {
    /// What a person asks for anew: another spec, or a pass.
    #[must_use]
    pub fn requested(&self) -> (i64, Option<&str>) {
        (self.generation, self.reconcile_requested_at.as_deref())
    }

    /// Its version as a number. Since Kubernetes 1.35 versions are numbers that grow (KEP-5504); before that they were so in
    /// practice.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.version.parse().ok()
    }
}

/// One version of a resource that can be worked with, as the API server told it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredResource {
    /// Which object it is, and which version of it.
    pub identity: Identity,
    /// Its spec, which shows what is in it by way of [`StoredResource::desired`] and [`StoredResource::names`] only.
    pub spec: Spec,
    /// Its status.
    pub status: ExperimentRunStatus,
}

impl StoredResource {
    /// What is asked for. `pinned` is the region in which the run was first found.
    ///
    /// # Errors
    /// When the spec can't be used.
    pub fn desired(&self, pinned: Option<&Region>, defaults: &Defaults) -> Result<Desired, InvalidSpec> {
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
    #[must_use]
    pub fn names(&self, defaults: &Defaults) -> Names {
        Names::of(&self.spec.parts, defaults)
    }

    /// Where the run is read, and how often when nothing changes. `None` when that part of the spec can't be used.
    #[must_use]
    pub fn is_read(&self, pinned: Option<&Region>, defaults: &Defaults) -> Option<(Region, Duration)> {
        if !self.spec.unknown.is_empty() {
            return None;
        }
        let region = desired::region(&self.spec.parts, pinned, defaults).ok()?;
        let interval = desired::resync_interval(&self.spec.parts, defaults).ok()?;
        Some((region, interval))
    }

    /// Whether its spec was left out, and has to be read again before a pass.
    #[must_use]
    pub const fn is_abridged(&self) -> bool {
        !self.spec.is_whole
    }

    /// As the cache keeps it.
    #[must_use]
    pub fn kept(self: Arc<Self>) -> Arc<Self> {
        if self.spec.length <= LONGEST_KEPT || self.is_abridged() {
            return self;
        }
        let mut run = Arc::unwrap_or_clone(self);
        run.spec.abridge();
        Arc::new(run)
    }

    /// Whether this can't come after another state of the same resource, unless the data of the API server were restored from
    /// a backup: a generation has come back, or means another spec.
    #[must_use]
    pub fn goes_back_from(&self, before: &Self) -> bool {
        let (this, other) = (self.identity.generation, before.identity.generation);
        this < other || (this == other && !self.has_spec_of(before))
    }

    /// Whether it asks for the very same as another state of the same resource.
    #[must_use]
    pub fn has_spec_of(&self, other: &Self) -> bool {
        self.spec.digest == other.spec.digest
    }

    /// The same of an answer that is the newest by all that the API server knows: then its version tells too.
    #[must_use]
    pub fn was_restored_since(&self, before: &Self) -> bool {
        let older =
            matches!((self.identity.number(), before.identity.number()), (Some(this), Some(other)) if this < other);
        older || self.goes_back_from(before)
    }

    /// Whether `spec.suspend` holds it.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.spec.parts.suspend.unwrap_or_default()
    }

    /// The run's number.
    #[must_use]
    pub const fn number(&self) -> i32 {
        self.spec.parts.run
    }

    /// The exposure that is asked for, for metrics.
    #[must_use]
    pub const fn exposure(&self) -> Option<Exposure> {
        self.spec.parts.exposure_percentage
    }
}

/// A spec, and what tells it from another even when most of it is left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    parts: ExperimentRunSpec,
    is_whole: bool,
    /// Fields that this operator does not know: a newer CRD has them, and they may forbid what the rest allows.
    unknown: BTreeSet<String>,
    length: usize,
    digest: [u8; 32],
}

impl Spec {
    /// A spec as it was read. `None` when it can't be written as JSON. `unknown` are the paths of fields that this operator does
    /// not know, and `length` is that of the JSON, in bytes.
    #[must_use]
    pub fn new(parts: ExperimentRunSpec, unknown: BTreeSet<String>, length: usize) -> Option<Self> {
        // Not of the text: one value can be written in several ways.
        let value = serde_json::to_vec(&(&parts, &unknown)).ok()?;
        Some(Self {
            parts,
            is_whole: true,
            unknown,
            length,
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
