//! [`Known`]: what is remembered of a live run, to tell an old answer from a new one.

use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;

use crate::{
    api::{ExperimentRunStatus, Exposure, Member, RunStatus},
    run::LiveRun,
};

/// What is remembered of the last answer that was believed: the floor under which a later answer is stale.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Known {
    /// Whether it was running.
    pub status: RunStatus,
    /// Its exposure.
    pub exposure: Exposure,
    description: u64,
    overrides: KnownOverrides,
    updated_at: Option<Timestamp>,
}

/// Overrides are remembered without the entity IDs in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum KnownOverrides {
    Digest(u64),
    /// All that a status tells.
    Count(i32),
}

impl Known {
    /// What there is to remember of an answer.
    #[must_use]
    pub fn of(live: &LiveRun) -> Self {
        Self {
            status: live.status,
            exposure: live.exposure,
            description: digest(&live.description),
            overrides: KnownOverrides::Digest(digest(&live.overrides.inline)),
            updated_at: live.updated_at,
        }
    }

    /// What a status tells of the last answer.
    #[must_use]
    pub fn from_status(status: &ExperimentRunStatus) -> Option<Self> {
        Some(Self {
            status: status.status?,
            exposure: status.exposure_percentage?,
            description: digest(status.description.as_deref().unwrap_or_default()),
            overrides: KnownOverrides::Count(status.treatment_override_count.unwrap_or_default()),
            updated_at: status.updated_at.as_ref().map(|time| time.0),
        })
    }

    /// When the run was last changed, as far as is known.
    #[must_use]
    pub const fn updated_at(&self) -> Option<Timestamp> {
        self.updated_at
    }

    /// Whether an answer of the same run is older than what is known. `sent` is the member that it shows as an update with
    /// an unknown outcome asked for: that may have come about within the second of what is known.
    #[must_use]
    pub fn outdates(&self, live: &LiveRun, sent: Option<Member>) -> bool {
        let newer = self
            .updated_at
            .zip(live.updated_at)
            .is_some_and(|(known, it)| it > known);
        let description = sent != Some(Member::Description) && self.other_description(live);
        let overrides = sent != Some(Member::TreatmentOverrides) && self.other_overrides(live);
        self.precedes(live) || (!newer && (description || overrides))
    }

    /// Whether an answer is older than what is known although an update may just have changed the run: what never goes
    /// back has gone back.
    #[must_use]
    pub fn precedes(&self, live: &LiveRun) -> bool {
        let earlier = self
            .updated_at
            .zip(live.updated_at)
            .is_some_and(|(known, it)| it < known);
        let revived = self.status == RunStatus::Done && live.status == RunStatus::Running;
        earlier || revived || live.exposure < self.exposure
    }

    /// Whether this is what a status told, and what another status has recorded tells no less of the run.
    pub(super) fn is_recorded_later(&self, recorded: &Self) -> bool {
        let age = |known: &Self| (known.updated_at, known.exposure, known.status == RunStatus::Done);
        matches!(self.overrides, KnownOverrides::Count(_)) && age(recorded) >= age(self)
    }

    fn other_description(&self, live: &LiveRun) -> bool {
        self.description != digest(&live.description)
    }

    fn other_overrides(&self, live: &LiveRun) -> bool {
        match self.overrides {
            KnownOverrides::Digest(known) => known != digest(&live.overrides.inline),
            KnownOverrides::Count(known) => known != live.override_count(),
        }
    }
}

/// The words for a member in a sentence.
#[must_use]
pub const fn words(member: Member) -> &'static str {
    match member {
        Member::Description => "description",
        Member::TreatmentOverrides => "treatment overrides",
        Member::ExposurePercentage => "exposure",
    }
}

fn digest<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
