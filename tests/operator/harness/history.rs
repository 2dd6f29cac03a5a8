//! What happened in a scene, written down while it happens: every version of every resource, and what became of every
//! operator.
#![allow(dead_code, reason = "several test targets share it")]

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use appconfig_experiment_operator::api::ExperimentRun;
use futures::StreamExt;
use jiff::Timestamp;
use kube::{
    Api, Resource,
    api::{ListParams, WatchEvent, WatchParams},
    core::DeserializeGuard,
};
use tokio::{sync::watch, task::JoinHandle, time::sleep};

/// What is written down of the resources. It is a watch of its own and not kube's `watcher`, which lists anew when its
/// watch fails and then tells of the newest version only: what a version recorded in between would be lost.
pub struct Recorder {
    log: Arc<Log>,
    changed: watch::Receiver<usize>,
    watching: JoinHandle<()>,
}

/// One version of a resource.
#[derive(Clone, Debug)]
pub struct Version {
    pub seen_at: Timestamp,
    pub deleted: bool,
    pub run: ExperimentRun,
}

/// What became of a scene's operators.
#[derive(Clone, Debug, Default)]
pub struct Processes(Arc<Mutex<Vec<ProcessEvent>>>);

/// Something that became of an operator.
#[derive(Clone, Debug)]
pub struct ProcessEvent {
    pub at: Timestamp,
    pub process: String,
    pub what: ProcessChange,
}

/// What became of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessChange {
    Started,
    Killed,
    Paused,
    Continued,
    Terminated,
    Exited { code: Option<i32> },
}

impl Processes {
    /// Writes down what became of a process.
    pub fn note(&self, process: &str, what: ProcessChange) {
        let (at, process) = (Timestamp::now(), process.to_owned());
        locked(&self.0).push(ProcessEvent { at, process, what });
    }

    /// All that was written down, in order.
    pub fn events(&self) -> Vec<ProcessEvent> {
        locked(&self.0).clone()
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
    pub async fn start(runs: Api<DeserializeGuard<ExperimentRun>>) -> Self {
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

    /// Tells of each change of [`Self::versions`].
    pub fn changed(&self) -> watch::Receiver<usize> {
        self.changed.clone()
    }

    /// Why some versions are not there, if so.
    pub fn missed(&self) -> Option<String> {
        locked(&self.log.missed).clone()
    }
}

impl Log {
    /// Takes down what is there, and gives the version from which to watch.
    async fn list(&self, runs: &Api<DeserializeGuard<ExperimentRun>>) -> kube::Result<String> {
        let list = runs.list(&ListParams::default()).await?;
        for run in list.items {
            self.note(run, false);
        }
        Ok(list.metadata.resource_version.unwrap_or_default())
    }

    async fn follow(self: Arc<Self>, runs: Api<DeserializeGuard<ExperimentRun>>, mut from: String) {
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
    async fn watch(&self, runs: &Api<DeserializeGuard<ExperimentRun>>, from: &mut String) -> kube::Result<()> {
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
    fn note(&self, run: DeserializeGuard<ExperimentRun>, deleted: bool) -> Option<String> {
        let version = run.meta().resource_version.clone();
        if let Ok(run) = run.0 {
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
