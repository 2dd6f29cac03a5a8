//! The loop that owns the state: it hears what changes, knows when each resource is due, and starts passes. Never two of
//! one object, and no more at a time than it may.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::{Stream, StreamExt};
use kube::{Api, api::DynamicObject};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, JoinSet},
    time::Instant,
};
use tracing::Instrument;

use crate::{
    api::{ExperimentRun, RECONCILE_REQUESTED_AT},
    appconfig::Priority,
    decide::{self, Owner, Resource, Seen, desired::InvalidSpec, memory::Memory, notice::Notice, schedule},
    http::{Check, Heartbeat},
    metrics::Reconciled,
};

use super::{
    Error, Shared,
    cache::{Change, Object, ObjectKey},
    claims::Age,
    pass::{Ended, Interrupted, Pass},
    queue::Queue,
    status,
};

/// The loop shows that it is alive at least this often.
const BEAT: Duration = Duration::from_secs(10);

/// Everything the loop owns.
pub(super) struct Dispatcher {
    shared: Arc<Shared>,
    entries: HashMap<ObjectKey, Entry>,
    queue: Queue,
    passes: JoinSet<Finished>,
    concurrency: usize,
    /// Whether this process holds the Lease, or needs none.
    acting: bool,
    /// Which of the watches have not listed what they have.
    unlisted: Vec<usize>,
    /// The namespaces of the watches, in order; none: there is one, of all.
    namespaces: Vec<String>,
    synced: Check,
    heartbeat: Heartbeat,
}

/// What is known of one object.
struct Entry {
    object: Object,
    memory: Memory,
    /// What was to be said and could not be recorded.
    notices: Vec<Notice>,
    running: bool,
    woken: bool,
    /// Passes in a row that the API server made fail.
    failures: u32,
}

enum Finished {
    Pass(Box<Ended>, Duration),
    Told(ObjectKey, Result<(), String>),
}

impl Dispatcher {
    pub(super) fn new(
        shared: Arc<Shared>,
        concurrency: usize,
        namespaces: Vec<String>,
        synced: Check,
        heartbeat: Heartbeat,
    ) -> Self {
        Self {
            shared,
            entries: HashMap::new(),
            queue: Queue::default(),
            passes: JoinSet::new(),
            concurrency,
            acting: false,
            unlisted: (0..super::cache::sources(&namespaces)).collect(),
            namespaces,
            synced,
            heartbeat,
        }
    }

    /// Runs until the process is told to stop, or may not act any more.
    pub(super) async fn run(
        mut self,
        changes: impl Stream<Item = Change>,
        mut wakes: mpsc::UnboundedReceiver<ObjectKey>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), Error> {
        let mut changes = std::pin::pin!(changes);
        let shared = Arc::clone(&self.shared);
        let ended = loop {
            self.heartbeat.beat();
            if self.acting {
                self.start_passes();
            }
            let wait = self.wait();
            tokio::select! {
                Some(change) = changes.next() => self.heard(change),
                Some(key) = wakes.recv() => self.wake(&key),
                Some(finished) = self.passes.join_next() => self.finished(finished)?,
                () = tokio::time::sleep(wait) => {}
                acquired = shared.leadership.acquired(), if !self.acting && self.unlisted.is_empty() => match acquired {
                    Ok(()) => self.act(),
                    Err(loss) => break Err(loss.into()),
                },
                loss = shared.leadership.lost() => break Err(loss.into()),
                _ = stop.wait_for(|stop| *stop) => break Ok(()),
            }
        };
        self.shared.stop.send_replace(true);
        while let Some(finished) = self.passes.join_next().await {
            self.finished(finished)?;
        }
        ended
    }

    fn wait(&self) -> Duration {
        let due = self
            .queue
            .next_time()
            .filter(|_| self.acting && self.passes.len() < self.concurrency);
        due.map_or(BEAT, |due| due.saturating_sub(self.shared.elapsed()).min(BEAT))
    }

    /// From now on this process acts. What it saw as a standby was somebody else's work in progress, so it sees everything
    /// for the first time now.
    fn act(&mut self) {
        self.acting = true;
        self.shared.metrics.leading(true);
        tracing::info!(resources = self.entries.len(), "this process acts from now on");
        let objects: Vec<_> = self.entries.drain().map(|(key, entry)| (key, entry.object)).collect();
        for (key, object) in objects {
            self.added(key, object);
        }
    }

    fn heard(&mut self, change: Change) {
        match change {
            Change::Applied(object) if object.metadata().deletion_timestamp.is_some() => self.remove(&object.key()),
            Change::Applied(object) => self.applied(object),
            Change::Deleted(key) => self.remove(&key),
            Change::Listed { source, present } => {
                let namespace = self.namespaces.get(source);
                let of_source = |key: &&ObjectKey| namespace.is_none_or(|namespace| key.namespace == *namespace);
                let gone: Vec<ObjectKey> = self
                    .entries
                    .keys()
                    .filter(of_source)
                    .filter(|key| !present.contains(*key))
                    .cloned()
                    .collect();
                for key in &gone {
                    self.remove(key);
                }
                self.unlisted.retain(|unlisted| *unlisted != source);
                self.synced.set(self.unlisted.is_empty());
            }
            Change::Failed(error) => tracing::warn!("the watch of ExperimentRuns failed and is tried again: {error}"),
        }
    }

    fn applied(&mut self, object: Object) {
        let key = object.key();
        match self.entries.get_mut(&key) {
            Some(entry) if entry.object.is_same_as(&object) => {
                if object.is_older_than(&entry.object) {
                    return;
                }
                if self.acting {
                    self.shared.count_object(&object);
                }
                let before = std::mem::replace(&mut entry.object, object);
                // A pass under way sees for itself, when it ends, whether it has seen this object.
                if entry.object.asks_more_than(&before) && !entry.running {
                    self.wake(&key);
                }
            }
            Some(_) => {
                self.remove(&key);
                self.added(key, object);
            }
            None => self.added(key, object),
        }
    }

    /// An object that this process sees for the first time: settled ones wait for their slot, all others come first.
    fn added(&mut self, key: ObjectKey, object: Object) {
        let now = self.shared.elapsed();
        let mut memory = Memory::default();
        let (mut due, mut priority) = (now, Priority::Change);
        if let Object::Readable(run) = &object
            && self.acting
        {
            let status = run.status.as_ref().unwrap_or(&self.shared.no_status);
            memory = Memory::from_status(status, run.spec.run, now);
            if let Some(pin) = &memory.pin {
                let created = object.metadata().creation_timestamp.as_ref().map(|time| time.0);
                let _ = self.shared.claims.claim(
                    pin,
                    object.uid(),
                    &Age {
                        created,
                        key: key.clone(),
                    },
                    now,
                );
                self.shared.claims.leave(object.uid(), memory.pending.as_ref());
            }
            if let Some(slot) = self.slot_of_settled(run) {
                (due, priority) = (now + slot, Priority::Resync);
            }
        }
        if self.acting {
            self.shared.count_object(&object);
            self.queue.schedule(key.clone(), due, priority);
        }
        let entry = Entry {
            object,
            memory,
            notices: Vec::new(),
            running: false,
            woken: false,
            failures: 0,
        };
        self.entries.insert(key, entry);
    }

    /// How long a settled resource can wait; none when it isn't settled.
    fn slot_of_settled(&self, run: &ExperimentRun) -> Option<Duration> {
        let status = run.status.as_ref()?;
        let annotations = run.metadata.annotations.as_ref();
        let asked = annotations
            .and_then(|annotations| annotations.get(RECONCILE_REQUESTED_AT))
            .map(String::as_str);
        if !schedule::settled(status, run.metadata.generation?, asked) {
            return None;
        }
        let pinned = decide::pinned_region(status, None);
        let desired = decide::desired::Desired::parse(&run.spec, pinned.as_ref(), &self.shared.defaults).ok()?;
        let done = status.status == Some(crate::api::RunStatus::Done);
        let interval = schedule::interval(desired.resync_interval, done);
        Some(schedule::slot(
            run.metadata.uid.as_deref()?,
            interval,
            jiff::Timestamp::now(),
        ))
    }

    fn remove(&mut self, key: &ObjectKey) {
        self.queue.forget(key);
        if let Some(entry) = self.entries.remove(key) {
            self.shared.claims.release(entry.object.uid());
            self.shared.metrics.forget(&key.namespace, &key.name);
        }
    }

    fn wake(&mut self, key: &ObjectKey) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        if entry.running {
            entry.woken = true;
        } else if self.acting {
            self.queue
                .schedule(key.clone(), self.shared.elapsed(), Priority::Change);
        }
    }

    fn start_passes(&mut self) {
        while self.passes.len() < self.concurrency
            && let Some((key, priority)) = self.queue.next(self.shared.elapsed())
        {
            let Some(entry) = self.entries.get_mut(&key) else {
                continue;
            };
            entry.running = true;
            let span = tracing::info_span!(
                "pass",
                namespace = key.namespace,
                name = key.name,
                generation = entry.object.metadata().generation
            );
            let shared = Arc::clone(&self.shared);
            match &entry.object {
                Object::Readable(run) => {
                    let (memory, notices) = (entry.memory.clone(), std::mem::take(&mut entry.notices));
                    let pass = Pass::new(shared, key, run, memory, notices, priority);
                    let began = Instant::now();
                    let ended = async move { Finished::Pass(Box::new(pass.run().await), began.elapsed()) };
                    self.passes.spawn(ended.instrument(span));
                }
                Object::Unreadable(metadata) => {
                    let metadata = Arc::clone(metadata);
                    self.passes
                        .spawn(async move { tell_unreadable(&shared, key, &metadata).await }.instrument(span));
                }
            }
        }
    }

    /// A pass that panicked ends the process: what it knew is lost, and a new process finds it in the status.
    fn finished(&mut self, finished: Result<Finished, JoinError>) -> Result<(), Error> {
        match finished.map_err(|_| Error::Panicked)? {
            Finished::Pass(ended, took) => self.ended(*ended, took),
            Finished::Told(key, told) => {
                if let Some(entry) = self.entries.get_mut(&key) {
                    entry.running = false;
                    let woken = std::mem::take(&mut entry.woken);
                    match told {
                        Err(error) => {
                            tracing::warn!(namespace = key.namespace, name = key.name, "{error}");
                            self.queue.schedule(key, self.shared.elapsed() + BEAT, Priority::Resync);
                        }
                        Ok(()) if woken => self.queue.schedule(key, self.shared.elapsed(), Priority::Change),
                        Ok(()) => {}
                    }
                }
            }
        }
        Ok(())
    }

    fn ended(&mut self, ended: Ended, took: Duration) {
        let Ended {
            key,
            object,
            memory,
            notices,
            result,
        } = ended;
        self.count(&key, &result, took);
        let Some(entry) = self
            .entries
            .get_mut(&key)
            .filter(|entry| Some(entry.object.uid()) == object.metadata.uid.as_deref())
        else {
            return;
        };
        entry.running = false;
        entry.memory = memory;
        entry.notices = notices;
        let seen = Object::Readable(object);
        let newer_asked = !entry.object.is_older_than(&seen) && entry.object.asks_more_than(&seen);
        if !seen.is_older_than(&entry.object) {
            entry.object = seen;
        }
        let now = self.shared.elapsed();
        let woken = std::mem::take(&mut entry.woken) || newer_asked;
        let next = match result {
            Err(Interrupted::MayNotAct) => None,
            _ if woken => Some((now, Priority::Change)),
            Ok(next) => {
                entry.failures = 0;
                self.due(&key, next)
            }
            Err(Interrupted::Gone) => None,
            Err(Interrupted::Deadline | Interrupted::ApiServer(_)) => {
                entry.failures = entry.failures.saturating_add(1);
                let ceiling = schedule::backoff(entry.failures);
                Some((now + ceiling.mul_f64(fastrand::f64()), Priority::Change))
            }
        };
        if let Some((due, priority)) = next {
            self.queue.schedule(key, due, priority);
        }
    }

    /// When and how urgently a resource is looked at again.
    fn due(&self, key: &ObjectKey, next: schedule::Next) -> Option<(Duration, Priority)> {
        let now = self.shared.elapsed();
        let settled = match self.entries.get(key).map(|entry| &entry.object) {
            Some(Object::Readable(run)) => self.slot_of_settled(run).is_some(),
            _ => true,
        };
        let priority = if settled { Priority::Resync } else { Priority::Change };
        match next {
            schedule::Next::Now => Some((now, priority)),
            schedule::Next::After(wait) => Some((now + wait, priority)),
            schedule::Next::Backoff(ceiling) => Some((now + ceiling.mul_f64(fastrand::f64()), priority)),
            schedule::Next::OnChange => None,
        }
    }

    fn count(&self, key: &ObjectKey, result: &Result<schedule::Next, Interrupted>, took: Duration) {
        let result = match result {
            Ok(schedule::Next::OnChange) | Err(Interrupted::Gone) => Reconciled::Success,
            Ok(schedule::Next::After(_)) => Reconciled::RequeueAfter,
            Ok(schedule::Next::Now | schedule::Next::Backoff(_)) => Reconciled::Requeue,
            Err(Interrupted::MayNotAct) => return,
            Err(error @ (Interrupted::Deadline | Interrupted::ApiServer(_))) => {
                tracing::warn!(
                    namespace = key.namespace,
                    name = key.name,
                    "a pass came to no end and is repeated: {error}"
                );
                Reconciled::Error
            }
        };
        self.shared.metrics.reconciled(result, took);
    }
}

/// Says of an object that can't be parsed that it can't.
async fn tell_unreadable(shared: &Shared, key: ObjectKey, metadata: &kube::api::ObjectMeta) -> Finished {
    let invalid = InvalidSpec::Unreadable("it is not of the shape that the CRD describes".to_owned());
    let resource = Resource {
        uid: metadata.uid.as_deref().unwrap_or_default(),
        generation: metadata.generation.unwrap_or_default(),
        reconcile_requested_at: None,
        desired: Err(&invalid),
        status: &shared.no_status,
        defaults: &shared.defaults,
    };
    let now = decide::Now {
        elapsed: shared.elapsed(),
        local: jiff::Timestamp::now(),
        service: None,
    };
    let decision = decide::decide(&resource, &Memory::default(), &Owner::Itself, &Seen::Nothing, &now);
    let kind = kube::api::ApiResource::erase::<ExperimentRun>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(shared.client.clone(), &key.namespace, &kind);
    let told = status::write_unreadable(&api, metadata, &decision.status).await;
    Finished::Told(key, told.map_err(|error| error.to_string()))
}
