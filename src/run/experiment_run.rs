//! [`LiveRun`]: a run as `AppConfig` says it is; and [`RunKey`], which run that is.

use jiff::Timestamp;

use crate::api::{
    ExperimentDefinition, ExperimentRunStatus, Exposure, Region, RunResult, RunStatus, TreatmentOverrides,
};

/// The one run that a resource stands for: the IDs that the first successful read answered. Updates name it by them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunKey {
    /// The region that was asked.
    pub region: Region,
    /// The application's ID, as answered.
    pub application_id: String,
    /// The experiment definition's ID, as answered.
    pub experiment_definition_id: String,
    /// The run's number, 1 or more.
    pub run: i32,
}

impl RunKey {
    /// The run that a status has pinned. `None` when it has pinned none. One from before runs were pinned has the spec's
    /// number, `run`.
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

/// A run as `AppConfig` answers for it: the live state that a spec is compared with.
///
/// In the `AppConfig` API this is an `ExperimentRun`. Here that name is the Kubernetes resource's
/// ([`crate::api::ExperimentRun`]), which says what a run should be; this type says what it is.
///
/// Times are in whole seconds, since their precision varies from answer to answer. `Debug` shows how many overrides there
/// are and no entity ID.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveRun {
    /// Which run it is.
    pub key: RunKey,
    /// Whether it is running.
    pub status: RunStatus,
    /// The percentage of the audience that is exposed now.
    pub exposure: Exposure,
    /// When that exposure came about. `None` when the run's events were not asked for it, or do not tell.
    pub exposed_at: Option<Timestamp>,
    /// The description; empty when the run has none.
    pub description: String,
    /// The entities that are pinned to a treatment; empty when there are none.
    pub overrides: TreatmentOverrides,
    /// When it was started.
    pub started_at: Option<Timestamp>,
    /// When it was last changed.
    pub updated_at: Option<Timestamp>,
    /// When it ended. `None` while it is running, whatever the answer says.
    pub ended_at: Option<Timestamp>,
    /// What was recorded of its result.
    pub result: Option<RunResult>,
    /// Its experiment definition as it was at the start, the control first among its treatments. Empty when the answer has
    /// no snapshot.
    pub definition: ExperimentDefinition,
}

impl LiveRun {
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
