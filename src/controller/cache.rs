//! The cache: every watched `ExperimentRun` as the API server last said, and what each change is worth.

use std::collections::HashSet;

use futures::{Stream, StreamExt, stream};
use kube::{
    Api, Client,
    runtime::{
        WatchStreamExt,
        watcher::{self, watcher},
    },
};

use super::{
    call,
    resource::{Object, Watched},
};
use crate::pass::resource::ObjectKey;

/// What the watch tells.
#[derive(Debug)]
pub(super) enum WatchEvent {
    /// An object is there, or has changed.
    Applied(Object),
    /// An object is in the list with which a watch has begun anew.
    Found(Object),
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
) -> impl Stream<Item = WatchEvent> + Send + use<> {
    let config = watcher::Config {
        label_selector: selector.map(str::to_owned),
        // A list is parsed a page at a time, and one object may have more than a megabyte.
        page_size: Some(25),
        ..watcher::Config::default()
    };
    let apis: Vec<Api<Watched>> = if namespaces.is_empty() {
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

/// A watch that begins anew, with a list, after every failure. kube's own would ask for the versions after the last that it
/// saw: for ever when HTTP 410 tells that they are gone, and in vain when the data of the API server were restored from a
/// backup, since it has no such versions yet and drops what is older.
fn relisting(
    api: Api<Watched>,
    config: watcher::Config,
) -> impl Stream<Item = watcher::Result<watcher::Event<Watched>>> + Send {
    stream::unfold(None, move |running| {
        let (api, config) = (api.clone(), config.clone());
        async move {
            let mut events = running.unwrap_or_else(|| watcher(api, config).boxed());
            let event = events.next().await?;
            let running = event.is_ok().then_some(events);
            Some((event, running))
        }
    })
}

/// How many watches there are for so many namespaces.
pub(super) fn sources(namespaces: &[String]) -> usize {
    namespaces.len().max(1)
}

fn changes(
    source: usize,
    present: &mut HashSet<ObjectKey>,
    event: Result<watcher::Event<Watched>, watcher::Error>,
) -> Vec<WatchEvent> {
    match event {
        Ok(watcher::Event::Init) => {
            present.clear();
            vec![]
        }
        Ok(watcher::Event::InitApply(object)) => {
            present.insert(object.object.identity().key.clone());
            vec![WatchEvent::Found(object.object)]
        }
        Ok(watcher::Event::InitDone) => vec![WatchEvent::Listed {
            source,
            present: std::mem::take(present),
        }],
        Ok(watcher::Event::Apply(object)) => vec![WatchEvent::Applied(object.object)],
        Ok(watcher::Event::Delete(object)) => vec![WatchEvent::Deleted(object.object.identity().key.clone())],
        Err(error) => vec![WatchEvent::Failed(describe(&error))],
    }
}

/// A watch's error without the body that it may quote.
fn describe(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error) => format!("listing failed: {}", call::describe(error)),
        watcher::Error::WatchStartFailed(error) => format!("watching failed to start: {}", call::describe(error)),
        watcher::Error::WatchFailed(error) => format!("watching failed: {}", call::describe(error)),
        watcher::Error::WatchError(status) => format!("watching ended: {} {}", status.code, status.reason),
        watcher::Error::NoResourceVersion => error.to_string(),
    }
}
