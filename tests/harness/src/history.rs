//! What happened in a scene, written down while it happens: every version of every resource, what became of every
//! operator, and what others did. At the end, the checker judges it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use appconfig_experiment_operator::api::ExperimentRun;
use futures::StreamExt;
use jiff::Timestamp;
use kube::{
    Api, ResourceExt,
    api::{ListParams, WatchEvent, WatchParams},
};
use promise_checker::{Context, History, OtherChange, ProcessChange, ProcessEvent, Version, check};
use tokio::{sync::watch, task::JoinHandle, time::sleep};

use crate::{Scene, built, stored::Stored};

/// What is written down of the resources. It is a watch of its own and not kube's `watcher`, which lists anew when its
/// watch fails and then tells of the newest version only: what a version recorded in between would be lost.
pub struct Recorder {
    log: Arc<Log>,
    changed: watch::Receiver<usize>,
    watching: JoinHandle<()>,
}

/// What became of a scene's operators.
#[derive(Clone, Debug, Default)]
pub struct Processes(Arc<Mutex<Vec<ProcessEvent>>>);

impl Processes {
    /// Writes down what became of a process.
    pub fn note(&self, process: &str, what: ProcessChange) {
        let (at, process) = (Timestamp::now(), process.to_owned());
        locked(&self.0).push(ProcessEvent { at, process, what });
    }
}

/// What the histories don't tell.
#[derive(Default)]
pub struct Circumstances(Mutex<Context>);

impl Scene {
    /// Writes down what is different in this scene from the operator's defaults, and what the histories don't tell.
    pub fn circumstances(&self, change: impl FnOnce(&mut Context)) {
        change(&mut locked(&self.circumstances.0));
    }

    /// Writes down that somebody else changes the run, and which members.
    pub fn other_change(&self, what: &str) {
        let change = OtherChange {
            at: Timestamp::now(),
            application_id: self.experiment.application_id.clone(),
            experiment_definition_id: self.experiment.definition_id.clone(),
            run: 1,
            what: what.to_owned(),
        };
        self.circumstances(|context| context.other_writers.push(change));
    }

    /// Forgets what came before a moment since which nothing has happened: of the versions, the newest of each resource
    /// that is there stay.
    pub fn forget_before(&self, moment: Timestamp) {
        self.emulator.forget_requests_before(moment);
        let mut versions = locked(&self.recorder.log.versions);
        let names: Vec<_> = versions.iter().map(|version| version.run.name_any()).collect();
        let newest: BTreeMap<_, _> = names
            .into_iter()
            .enumerate()
            .map(|(place, name)| (name, place))
            .collect();
        let newest: BTreeSet<_> = newest.into_values().collect();
        let mut place = 0..;
        versions.retain(|version| place.next().is_some_and(|place| newest.contains(&place)) && !version.deleted);
        drop(versions);
        self.circumstances(|context| {
            context.other_writers.retain(|change| change.at >= moment);
            context.edited_statuses.clear();
        });
    }

    /// Everything up to now, for the checker.
    pub fn history(&self) -> History {
        if let Some(missed) = locked(&self.recorder.log.missed).as_deref() {
            panic!("some versions are not recorded, so nothing can be judged: {missed}");
        }
        History {
            requests: self.emulator.requests(),
            versions: self.recorder.versions(),
            processes: locked(&self.processes.0).clone(),
            context: Context {
                recorded_until: Timestamp::now(),
                ..locked(&self.circumstances.0).clone()
            },
        }
    }

    /// Panics when what happened up to now breaks a promise, and leaves the history in a file for `promise-checker`.
    pub fn judge(&self) {
        let history = self.history();
        let violations = check(&history);
        if violations.is_empty() {
            return;
        }
        let file = built::folder().join(format!("{}.history.json", self.namespace));
        let json = serde_json::to_vec_pretty(&history).expect("a history is JSON");
        std::fs::write(&file, json).expect("a file");
        let told: Vec<_> = violations.iter().map(ToString::to_string).collect();
        panic!(
            "promises were broken; the history is in {}\n{}",
            file.display(),
            told.join("\n")
        );
    }
}

#[derive(Default)]
struct Log {
    versions: Mutex<Vec<Version>>,
    changes: watch::Sender<usize>,
    /// Why some versions are not there, if so.
    missed: Mutex<Option<String>>,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl Recorder {
    /// Starts with what is there now, and has every version from here on.
    pub async fn start(runs: Api<Stored>) -> Self {
        let log = Arc::new(Log::default());
        let changed = log.changes.subscribe();
        let from = log.list(&runs).await.expect("the resources can be listed");
        let watching = tokio::spawn(Arc::clone(&log).follow(runs, from));
        Self { log, changed, watching }
    }

    /// Every version so far, in the order in which the API server made them.
    pub fn versions(&self) -> Vec<Version> {
        locked(&self.log.versions).clone()
    }

    /// The newest version of a resource: of hundreds of resources, the others are not copied.
    pub fn newest(&self, name: &str) -> Option<ExperimentRun> {
        let versions = locked(&self.log.versions);
        let of_resource = |version: &&Version| !version.deleted && version.run.name_any() == name;
        versions
            .iter()
            .rev()
            .find(of_resource)
            .map(|version| version.run.clone())
    }

    /// Whether the last that was told of a resource is its deletion.
    pub fn is_gone(&self, name: &str) -> bool {
        let versions = locked(&self.log.versions);
        let last = versions.iter().rfind(|version| version.run.name_any() == name);
        last.is_none_or(|last| last.deleted)
    }

    /// Tells of each change of [`Self::versions`].
    pub fn changed(&self) -> watch::Receiver<usize> {
        self.changed.clone()
    }
}

impl Log {
    /// Takes down what is there, and gives the version from which to watch.
    async fn list(&self, runs: &Api<Stored>) -> kube::Result<String> {
        let list = runs.list(&ListParams::default()).await?;
        for run in list.items {
            self.note(run, false);
        }
        Ok(list.metadata.resource_version.unwrap_or_default())
    }

    async fn follow(self: Arc<Self>, runs: Api<Stored>, mut from: String) {
        loop {
            match self.watch(&runs, &mut from).await {
                Ok(()) => {}
                Err(error) if expired(&error) => {
                    *locked(&self.missed) = Some(error.to_string());
                    if let Ok(version) = self.list(&runs).await {
                        from = version;
                    }
                }
                // An API server that is away at the moment. Without a pause the task could not be stopped.
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// One watch, from the last version seen to where the API server ends it.
    async fn watch(&self, runs: &Api<Stored>, from: &mut String) -> kube::Result<()> {
        let events = runs.watch(&WatchParams::default(), from).await?;
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            let version = match event? {
                WatchEvent::Added(run) | WatchEvent::Modified(run) => self.note(run, false),
                WatchEvent::Deleted(run) => self.note(run, true),
                WatchEvent::Bookmark(bookmark) => Some(bookmark.metadata.resource_version),
                WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
            };
            if let Some(version) = version {
                *from = version;
            }
        }
        Ok(())
    }

    /// Takes down a version, and gives its number. One that can't be parsed is none that anybody could judge.
    fn note(&self, stored: Stored, deleted: bool) -> Option<String> {
        let version = stored.metadata.resource_version.clone();
        if let Some(run) = stored.run() {
            let seen_at = Timestamp::now();
            locked(&self.versions).push(Version { seen_at, deleted, run });
            self.changes.send_modify(|count| *count += 1);
        }
        version
    }
}

/// Whether the API server has forgotten the versions in between.
fn expired(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 410)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
