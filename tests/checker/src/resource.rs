//! One resource and its states, in order.

use std::{collections::BTreeSet, sync::LazyLock};

use appconfig_experiment_operator::api::{ExperimentRun, ExperimentRunStatus, PendingUpdate};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::{answer::RunKey, history::Version, sent::Request};

static NO_STATUS: LazyLock<ExperimentRunStatus> = LazyLock::new(ExperimentRunStatus::default);

/// A watch that lags more than this is no watch.
const WATCH_LAG: SignedDuration = SignedDuration::from_secs(30);

/// One resource from its creation, or the begin of the recording, to its deletion, or the end.
pub(crate) struct Resource<'a> {
    pub(crate) uid: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) states: Vec<State<'a>>,
    /// When the recorder was told that it is gone, and the place of that in the history of versions.
    pub(crate) deleted: Option<(Timestamp, usize)>,
    /// The places of the requests that were sent on its behalf, as far as that can be told: reads go by the spec's names.
    pub(crate) requests: Vec<usize>,
    /// Whether requests on behalf of another resource look the same, or go to the same run.
    pub(crate) shares_its_run: bool,
}

/// One version of a resource.
pub(crate) struct State<'a> {
    /// Its place in the history of versions.
    pub(crate) index: usize,
    pub(crate) seen_at: Timestamp,
    pub(crate) run: &'a ExperimentRun,
    pub(crate) status: &'a ExperimentRunStatus,
    /// Whether the operator wrote its status: it differs from the one before, and nobody else is known to have.
    pub(crate) written_by_operator: bool,
    /// Whether somebody else wrote this status.
    pub(crate) edited: bool,
}

impl<'a> Resource<'a> {
    /// A resource that this version is the first of.
    pub(crate) fn new(version: &'a Version) -> Self {
        let metadata = &version.run.metadata;
        Self {
            uid: metadata.uid.as_deref().unwrap_or_default(),
            namespace: metadata.namespace.as_deref().unwrap_or_default(),
            name: metadata.name.as_deref().unwrap_or_default(),
            states: Vec::new(),
            deleted: None,
            requests: Vec::new(),
            shares_its_run: false,
        }
    }

    /// Takes in the next version.
    pub(crate) fn see(&mut self, index: usize, version: &'a Version, by_somebody: bool) {
        if version.deleted {
            self.deleted = Some((version.seen_at, index));
            return;
        }
        let run = &version.run;
        let status = run.status.as_ref().unwrap_or(&NO_STATUS);
        let before = self.states.last();
        let differs = before.is_some_and(|before| before.status != status);
        self.states.push(State {
            index,
            seen_at: version.seen_at,
            run,
            status,
            written_by_operator: differs && !by_somebody,
            edited: by_somebody || (!differs && before.is_some_and(|before| before.edited)),
        });
    }

    /// The first state of a generation, which asked for it first.
    pub(crate) fn first_of(&self, generation: i64) -> Option<&State<'a>> {
        self.states.iter().find(|state| state.generation() == generation)
    }

    /// Each status that the operator wrote, and the state before it.
    pub(crate) fn written(&self) -> impl Iterator<Item = (&State<'a>, &State<'a>)> {
        let pairs = self.states.windows(2).map(|pair| (&pair[0], &pair[1]));
        pairs.filter(|(_, state)| state.written_by_operator)
    }

    /// The run that it has pinned first, other than by somebody's edit.
    pub(crate) fn run(&self) -> Option<RunKey> {
        let unedited = self.states.iter().filter(|state| !state.edited).find_map(State::pinned);
        unedited.or_else(|| self.states.iter().find_map(State::pinned))
    }

    /// Whether a request has the names of its spec, as they are in the end.
    pub(crate) fn is_named_by(&self, request: &Request<'_>) -> bool {
        let record = request.record;
        self.states.last().is_some_and(|last| {
            let spec = &last.run.spec;
            record.application.as_ref() == Some(&spec.application_identifier)
                && record.definition.as_ref() == Some(&spec.experiment_definition_identifier)
                && record.run.map(i64::from) == Some(i64::from(spec.run))
        })
    }

    /// What its reads name: application, definition, run and region, which can be corrected until the run is found.
    pub(crate) fn addresses(&self, default_region: &str) -> BTreeSet<(&'a str, &'a str, u32, String)> {
        let pinned = self.run().map(|run| run.region);
        let address = |state: &State<'a>| {
            let spec = &state.run.spec;
            let region = spec.region.clone().or(pinned.clone());
            let region = region.unwrap_or_else(|| default_region.to_owned());
            let run = u32::try_from(spec.run).ok()?;
            let names = (&spec.application_identifier, &spec.experiment_definition_identifier);
            Some((names.0.as_str(), names.1.as_str(), run, region))
        };
        self.states.iter().filter_map(address).collect()
    }
}

impl<'a> State<'a> {
    pub(crate) fn generation(&self) -> i64 {
        self.run.metadata.generation.unwrap_or_default()
    }

    pub(crate) fn pending(&self) -> Option<&'a PendingUpdate> {
        self.status.pending_update.as_ref()
    }

    pub(crate) fn condition(&self, kind: &str) -> Option<&'a Condition> {
        self.status.conditions.iter().find(|condition| condition.type_ == kind)
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.condition("Ready").is_some_and(|ready| ready.status == "True")
    }

    /// Whether a tool would take it for settled: this generation was looked at, and nothing is under way.
    pub(crate) fn is_settled(&self) -> bool {
        let ready = self.condition("Ready");
        ready
            .is_some_and(|ready| ready.status != "Unknown" && ready.observed_generation == self.run.metadata.generation)
            && self.status.observed_generation == self.run.metadata.generation
            && self.condition("Reconciling").is_none()
            && self.pending().is_none()
    }

    /// The run that its status has pinned.
    pub(crate) fn pinned(&self) -> Option<RunKey> {
        Some(RunKey {
            region: self.status.region.clone()?,
            application_id: self.status.application_id.clone()?,
            experiment_definition_id: self.status.experiment_definition_id.clone()?,
            run: i64::from(self.status.run.unwrap_or(self.run.spec.run)),
        })
    }

    /// Whether its spec names a run of this number, and in this region if it names one.
    pub(crate) fn names(&self, run: &RunKey) -> bool {
        let spec = &self.run.spec;
        i64::from(spec.run) == run.run && spec.region.as_ref().is_none_or(|region| *region == run.region)
    }

    /// A moment before which it was not written: the API server's own note of its last change, in whole seconds.
    pub(crate) fn written_from(&self) -> Timestamp {
        let latest = self.seen_at - WATCH_LAG;
        let fields = self.run.metadata.managed_fields.iter().flatten();
        let noted = fields.filter_map(|entry| entry.time.as_ref().map(|time| time.0)).max();
        let created = self.run.metadata.creation_timestamp.as_ref().map(|time| time.0);
        noted.max(created).map_or(latest, |noted| noted.max(latest))
    }
}
