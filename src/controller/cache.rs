//! The cache: every watched `ExperimentRun` as the API server last said, and what each change is worth.

use std::{collections::HashSet, fmt, sync::Arc};

use futures::{Stream, StreamExt, stream};
use kube::{
    Api, Client, ResourceExt,
    api::ObjectMeta,
    core::DeserializeGuard,
    runtime::{
        WatchStreamExt,
        watcher::{self, watcher},
    },
};

use crate::api::{ExperimentRun, RECONCILE_REQUESTED_AT};

use super::call;

/// A resource's namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ObjectKey {
    pub(super) namespace: String,
    pub(super) name: String,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

/// A resource as the API server last said.
#[derive(Clone, Debug)]
pub(super) enum Object {
    /// One that can be worked with.
    Readable(Arc<ExperimentRun>),
    /// One that isn't of the CRD's shape: an older schema stored it.
    Unreadable(Arc<ObjectMeta>),
}

impl Object {
    pub(super) fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Readable(object) => &object.metadata,
            Self::Unreadable(metadata) => metadata,
        }
    }

    pub(super) fn uid(&self) -> &str {
        self.metadata().uid.as_deref().unwrap_or_default()
    }

    pub(super) fn key(&self) -> ObjectKey {
        let metadata = self.metadata();
        ObjectKey {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        }
    }

    /// Whether this is a later or earlier state of another object, and can be worked with in the same way.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.uid() == other.uid() && matches!(self, Self::Readable(_)) == matches!(other, Self::Readable(_))
    }

    /// Whether this object is older than another of the same uid. Since Kubernetes 1.35 resource versions are numbers that
    /// grow (KEP-5504); before that they were so in practice. One that is no number is taken for new.
    pub(super) fn is_older_than(&self, other: &Self) -> bool {
        let version = |object: &Self| object.metadata().resource_version.as_deref()?.parse::<u64>().ok();
        matches!((version(self), version(other)), (Some(this), Some(other)) if this < other)
    }

    /// Whether somebody asks for a pass with this object that they didn't ask for with the one before: own status writes
    /// change neither generation nor annotation.
    pub(super) fn asks_more_than(&self, before: &Self) -> bool {
        asked(self.metadata()) != asked(before.metadata())
    }
}

/// What a person asks for anew: another spec, or a pass.
pub(super) fn asked(metadata: &ObjectMeta) -> (Option<i64>, Option<String>) {
    let annotations = metadata.annotations.as_ref();
    let requested_at = annotations.and_then(|annotations| annotations.get(RECONCILE_REQUESTED_AT));
    (metadata.generation, requested_at.cloned())
}

/// What the watch tells.
#[derive(Debug)]
pub(super) enum Change {
    /// An object is there, or has changed.
    Applied(Object),
    /// An object is gone.
    Deleted(ObjectKey),
    /// The watch of this source has begun anew, and these are all the objects that it has.
    Listed {
        /// Which of the watches.
        source: usize,
        /// What there is.
        present: HashSet<ObjectKey>,
    },
    /// The watch failed; it is tried again with a back-off.
    Failed(String),
}

/// Watches the namespaces, or all when none is given. The stream never ends.
pub(super) fn watch(
    client: &Client,
    namespaces: &[String],
    selector: Option<&str>,
) -> impl Stream<Item = Change> + Send + use<> {
    let config = watcher::Config {
        label_selector: selector.map(str::to_owned),
        // A list is parsed a page at a time: smaller pages keep the memory that a start needs small.
        page_size: Some(100),
        ..watcher::Config::default()
    };
    let apis: Vec<Api<DeserializeGuard<ExperimentRun>>> = if namespaces.is_empty() {
        vec![Api::all(client.clone())]
    } else {
        namespaces
            .iter()
            .map(|namespace| Api::namespaced(client.clone(), namespace))
            .collect()
    };
    let sources = apis.into_iter().enumerate().map(move |(source, api)| {
        let mut present = HashSet::new();
        let events = relisting(api, config.clone()).default_backoff();
        events
            .flat_map(move |event| stream::iter(changes(source, &mut present, event)))
            .boxed()
    });
    stream::select_all(sources)
}

/// A watch that begins anew, with a list, when the versions that it asks for are gone. kube's own does so when an event in
/// the stream tells; told by HTTP 410, it would ask for the same versions for ever.
fn relisting(
    api: Api<DeserializeGuard<ExperimentRun>>,
    config: watcher::Config,
) -> impl Stream<Item = watcher::Result<watcher::Event<DeserializeGuard<ExperimentRun>>>> + Send {
    stream::unfold(None, move |running| {
        let (api, config) = (api.clone(), config.clone());
        async move {
            let mut events = running.unwrap_or_else(|| watcher(api, config).boxed());
            let event = events.next().await?;
            let running = (!is_gone(&event)).then_some(events);
            Some((event, running))
        }
    })
}

fn is_gone<T>(event: &watcher::Result<T>) -> bool {
    matches!(event, Err(watcher::Error::WatchStartFailed(kube::Error::Api(status))) if status.code == 410)
}

/// How many watches there are for so many namespaces.
pub(super) fn sources(namespaces: &[String]) -> usize {
    namespaces.len().max(1)
}

fn changes(
    source: usize,
    present: &mut HashSet<ObjectKey>,
    event: Result<watcher::Event<DeserializeGuard<ExperimentRun>>, watcher::Error>,
) -> Vec<Change> {
    match event {
        Ok(watcher::Event::Init) => {
            present.clear();
            vec![]
        }
        Ok(watcher::Event::InitApply(object)) => {
            let object = object_of(object);
            present.insert(object.key());
            vec![Change::Applied(object)]
        }
        Ok(watcher::Event::InitDone) => vec![Change::Listed {
            source,
            present: std::mem::take(present),
        }],
        Ok(watcher::Event::Apply(object)) => vec![Change::Applied(object_of(object))],
        Ok(watcher::Event::Delete(object)) => vec![Change::Deleted(object_of(object).key())],
        Err(error) => vec![Change::Failed(told(&error))],
    }
}

fn object_of(guarded: DeserializeGuard<ExperimentRun>) -> Object {
    match guarded.0 {
        Ok(mut object) => {
            prune(&mut object);
            Object::Readable(Arc::new(object))
        }
        // Its error names what it found in the spec, which may be an entity ID.
        Err(invalid) => Object::Unreadable(Arc::new(ObjectMeta {
            managed_fields: None,
            ..invalid.metadata
        })),
    }
}

/// Drops what is large and that nobody here reads.
pub(super) fn prune(object: &mut ExperimentRun) {
    object.metadata.managed_fields = None;
    let annotations = object.annotations_mut();
    annotations.retain(|name, _| name == RECONCILE_REQUESTED_AT);
}

/// A watch's error without the body that it may quote.
fn told(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error) => format!("listing failed: {}", call::told(error)),
        watcher::Error::WatchStartFailed(error) => format!("watching failed to start: {}", call::told(error)),
        watcher::Error::WatchFailed(error) => format!("watching failed: {}", call::told(error)),
        watcher::Error::WatchError(status) => format!("watching ended: {} {}", status.code, status.reason),
        watcher::Error::NoResourceVersion => error.to_string(),
    }
}
