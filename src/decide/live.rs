//! What is live: one run as `AppConfig` answered, and what is remembered of it to tell an old answer from a new one.

use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;

use crate::api::{
    ExperimentDefinition, ExperimentRunStatus, Exposure, Member, Region, RunResult, RunStatus, TreatmentOverrides,
};

/// The one run that a resource stands for: the IDs that the first successful read answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunKey {
    /// The region that was asked.
    pub region: Region,
    /// The application's ID, as answered.
    pub application_id: String,
    /// The experiment definition's ID, as answered.
    pub experiment_definition_id: String,
    /// The run's number.
    pub run: i32,
}

impl RunKey {
    /// The run that a status has pinned, if it has. One from before runs were pinned has the spec's.
    #[must_use]
    pub fn pinned(status: &ExperimentRunStatus, run: i32) -> Option<Self> {
        Some(Self {
            region: status.region.as_deref()?.parse().ok()?,
            application_id: status.application_id.clone()?,
            experiment_definition_id: status.experiment_definition_id.clone()?,
            run: status.run.unwrap_or(run),
        })
    }
}

/// A run as `AppConfig` answered. Timestamps are in whole seconds, since their precision varies from answer to answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// Which run it is.
    pub key: RunKey,
    /// Whether it is running.
    pub status: RunStatus,
    /// The exposure now.
    pub exposure: Exposure,
    /// When that exposure came about, if the run's events were asked for it and tell.
    pub exposed_at: Option<Timestamp>,
    /// The description; empty when there is none.
    pub description: String,
    /// The overrides; empty when there are none.
    pub overrides: TreatmentOverrides,
    /// When it was started.
    pub started_at: Option<Timestamp>,
    /// When it was last changed.
    pub updated_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What was recorded of its result.
    pub result: Option<RunResult>,
    /// Its experiment definition as it was at the start.
    pub definition: ExperimentDefinition,
}

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
    pub fn of(live: &Live) -> Self {
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
    pub fn outdates(&self, live: &Live, sent: Option<Member>) -> bool {
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
    pub fn precedes(&self, live: &Live) -> bool {
        let earlier = self
            .updated_at
            .zip(live.updated_at)
            .is_some_and(|(known, it)| it < known);
        let revived = self.status == RunStatus::Done && live.status == RunStatus::Running;
        earlier || revived || live.exposure < self.exposure
    }

    /// Whether this is what a status told, and another status tells no less of the run.
    pub(super) fn is_told_later(&self, told: &Self) -> bool {
        let age = |known: &Self| (known.updated_at, known.exposure, known.status == RunStatus::Done);
        matches!(self.overrides, KnownOverrides::Count(_)) && age(told) >= age(self)
    }

    fn other_description(&self, live: &Live) -> bool {
        self.description != digest(&live.description)
    }

    fn other_overrides(&self, live: &Live) -> bool {
        match self.overrides {
            KnownOverrides::Digest(known) => known != digest(&live.overrides.inline),
            KnownOverrides::Count(known) => known != live.override_count(),
        }
    }
}

impl Live {
    /// How many entities are pinned to a treatment.
    #[must_use]
    pub fn override_count(&self) -> i32 {
        i32::try_from(self.overrides.inline.len()).unwrap_or(i32::MAX)
    }

    /// The treatment keys that an override may name.
    pub fn treatment_keys(&self) -> impl Iterator<Item = &str> {
        self.definition
            .treatments
            .iter()
            .map(|treatment| treatment.key.as_str())
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
