//! The three histories of a finished run, and what is known of its circumstances. All that the checker ever sees.

use appconfig_emulator::RequestRecord;
use appconfig_experiment_operator::api::ExperimentRun;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What was recorded while a run went on. Times are the host's.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// The emulator's request log, in the order of arrival.
    pub requests: Vec<RequestRecord>,
    /// Every version of every resource from the first resourceVersion on, in the order in which the API server made them.
    pub versions: Vec<Version>,
    /// What became of the operator's processes, in order.
    pub processes: Vec<ProcessEvent>,
    /// What the histories don't tell.
    pub context: Context,
}

/// One version of a resource.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// When a watch of the recorder's own told of it: at or after it was written.
    pub seen_at: Timestamp,
    /// Whether the resource was deleted: then this is its last state.
    #[serde(default)]
    pub deleted: bool,
    /// The resource.
    pub run: ExperimentRun,
}

/// Something that became of a process of the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessEvent {
    /// When.
    pub at: Timestamp,
    /// Which one.
    pub process: String,
    /// What.
    pub what: ProcessChange,
}

/// What became of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProcessChange {
    /// It was started.
    Started,
    /// SIGKILL was sent.
    Killed,
    /// SIGSTOP was sent.
    Paused,
    /// SIGCONT was sent.
    Continued,
    /// SIGTERM was sent.
    Terminated,
    /// It ended.
    Exited {
        /// Its exit status; none when a signal ended it.
        code: Option<i32>,
    },
}

/// What the histories don't tell: how the operator was configured, and what others did.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Context {
    /// `--write-rate`: updates a second and region.
    pub write_rate: f64,
    /// `--read-rate`: reads a second and region.
    pub read_rate: f64,
    /// The operator's own region.
    pub default_region: String,
    /// `--resync-interval`.
    pub resync_interval: SignedDuration,
    /// When the last fault ended; absent when there was none.
    pub faults_ended_at: Option<Timestamp>,
    /// When the recording ended.
    pub recorded_until: Timestamp,
    /// Whether the recording went on until everything had settled, so that its end has to be a good one (P12).
    pub is_final: bool,
    /// Changes of runs by others than the operator.
    pub other_writers: Vec<OtherChange>,
    /// The resourceVersions whose status somebody else than the operator wrote.
    pub edited_statuses: Vec<String>,
    /// How far `AppConfig`'s clock was ahead of the host's, in order; before the first entry, not at all.
    pub clock_changes: Vec<ClockChange>,
}

/// `AppConfig`'s clock was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClockChange {
    /// When, by the host's clock.
    pub at: Timestamp,
    /// How far ahead of the host's it is since.
    pub ahead: SignedDuration,
}

impl Context {
    /// What `AppConfig`'s clock showed at a moment.
    pub(crate) fn appconfig_time(&self, at: Timestamp) -> Timestamp {
        let set = self.clock_changes.iter().rfind(|change| change.at <= at);
        set.map_or(at, |set| at + set.ahead)
    }
}

/// A change of a run that the operator did not make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherChange {
    /// When.
    pub at: Timestamp,
    /// The application's ID.
    pub application_id: String,
    /// The experiment definition's ID.
    pub experiment_definition_id: String,
    /// The run's number.
    pub run: i32,
    /// What was done, in words.
    pub what: String,
}

impl Default for Context {
    /// The operator's own defaults.
    fn default() -> Self {
        Self {
            write_rate: 5.0,
            read_rate: 20.0,
            default_region: "eu-west-1".to_owned(),
            resync_interval: SignedDuration::from_mins(10),
            faults_ended_at: None,
            recorded_until: Timestamp::MAX,
            is_final: false,
            other_writers: Vec::new(),
            edited_statuses: Vec::new(),
            clock_changes: Vec::new(),
        }
    }
}
