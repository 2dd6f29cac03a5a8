//! The loop that owns the state: it hears what changes, knows when each resource is due, and starts passes. Never two of
//! one object, and no more at a time than it may.

mod finished;
mod grants;
mod reads;

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::{Stream, StreamExt};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};

use crate::{
    api::Region,
    decide::{self, event::Event, memory::Memory, schedule},
    fleet::{Class, Demand, Lane, Queue},
    http::{Check, Heartbeat},
    metrics::Counted,
    pass::{
        End,
        resource::{ObjectKey, StoredResource},
    },
};

use super::{
    Error, Shared,
    cache::WatchEvent,
    call::CallError,
    claims::Age,
    resource::{Object, UnreadableObject},
    slots::{Slot, SlotRequest},
};

/// The loop shows that it is alive at least this often.
const BEAT: Duration = Duration::from_secs(10);

/// Everything the loop owns.
pub(super) struct Dispatcher {
    shared: Arc<Shared>,
    entries: HashMap<ObjectKey, Entry>,
    queue: Queue<ObjectKey, oneshot::Sender<Slot>>,
    passes: JoinSet<(Lane, Finished)>,
    requests: mpsc::UnboundedSender<SlotRequest>,
    requested: mpsc::UnboundedReceiver<SlotRequest>,
    /// How much of the read rate the regular reads need.
    demand: Demand,
    read_rate: f64,
    /// Whether this process holds the Lease, or needs none.
    acting: bool,
    /// Which of the watches have not listed what they have.
    unlisted: Vec<usize>,
    /// The namespaces of the watches, in order; none: there is one, of all.
    namespaces: Vec<String>,
    /// Resources that the list under way has shown to have gone back.
    restored: usize,
    synced: Check,
    heartbeat: Heartbeat,
}

/// What is known of one object.
struct Entry {
    object: Object,
    /// None until the object has been read once: then what its status tells is taken up.
    memory: Option<Memory>,
    /// What was to be said and could not be recorded.
    events: Vec<Event>,
    running: bool,
    woken: bool,
    /// The version that a list or the watch has told of last: own writes are ahead of it.
    heard: Option<u64>,
    /// The data of the API server were restored from a backup while a pass was under way.
    restored: bool,
    /// Passes in a row that the API server made fail.
    failures: u32,
    /// Why it could not be said of an object that it can't be read.
    complaint: Option<String>,
    /// Where, and how often, it is read when nothing changes, once this process acts.
    needs: Option<(Region, Duration)>,
    /// What it counts as among all, once this process acts.
    counted: Option<Counted>,
}

enum Finished {
    Pass(Box<End>, Duration),
    Unreadable(Arc<UnreadableObject>, Result<(), CallError>),
}

impl Dispatcher {
    pub(super) fn new(
        shared: Arc<Shared>,
        concurrency: usize,
        read_rate: f64,
        namespaces: Vec<String>,
        synced: Check,
        heartbeat: Heartbeat,
    ) -> Self {
        let (requests, requested) = mpsc::unbounded_channel();
        Self {
            shared,
            entries: HashMap::new(),
            queue: Queue::new(concurrency),
            passes: JoinSet::new(),
            requests,
            requested,
            demand: Demand::new(read_rate),
            read_rate,
            acting: false,
            unlisted: (0..super::cache::sources(&namespaces)).collect(),
            namespaces,
            restored: 0,
            synced,
            heartbeat,
        }
    }

    /// Runs until the process is told to stop, or may not act any more.
    pub(super) async fn run(
        mut self,
        events: impl Stream<Item = WatchEvent>,
        mut wakes: mpsc::UnboundedReceiver<ObjectKey>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), Error> {
        let mut events = std::pin::pin!(events);
        let shared = Arc::clone(&self.shared);
        let mut schema = shared.schema.changes();
        let ended = loop {
            self.heartbeat.beat();
            schema.mark_unchanged();
            let state = shared.schema.state();
            let complete = state.is_complete();
            if complete {
                shared.leadership.seek();
                self.grant();
            } else if state.is_unusable() && self.passes.is_empty() {
                self.resign().await;
            }
            let wait = self.wait(complete);
            tokio::select! {
                _ = schema.changed() => {}
                Some(event) = events.next() => self.handle(event),
                Some(key) = wakes.recv() => self.wake(&key),
                Some(finished) = self.passes.join_next() => self.finished(finished)?,
                Some(request) = self.requested.recv() => self.requested(request),
                () = tokio::time::sleep(wait) => {}
                acquired = shared.leadership.acquired(), if !self.acting && complete && self.unlisted.is_empty() => match acquired {
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

    fn wait(&self, complete: bool) -> Duration {
        let due = self.queue.next_time().filter(|_| self.acting && complete);
        due.map_or(BEAT, |due| due.saturating_sub(self.shared.elapsed()).min(BEAT))
    }

    /// Another replica may be able to go on with the schema as it is. Without a Lease, there is none.
    async fn resign(&mut self) {
        if self.shared.leadership.resign().await && std::mem::take(&mut self.acting) {
            for (key, entry) in &mut self.entries {
                entry.counted = None;
                self.shared.metrics.forget(&key.namespace, &key.name);
            }
            self.shared.metrics.leading(false);
            self.shared.metrics.resync_read_share(0.0);
            self.show_queue();
            tracing::info!("released the Lease; this process acts again when the API server's schema has every field");
        }
    }

    /// From now on this process acts. What it saw as a standby was somebody else's work in progress, so it sees everything
    /// for the first time now.
    fn act(&mut self) {
        self.acting = true;
        self.demand = Demand::new(self.read_rate);
        self.shared.metrics.leading(true);
        tracing::info!(resources = self.entries.len(), "this process acts from now on");
        let objects: Vec<_> = self.entries.drain().map(|(key, entry)| (key, entry.object)).collect();
        for (key, object) in objects {
            self.added(key, object);
        }
    }

    fn handle(&mut self, event: WatchEvent) {
        match event {
            WatchEvent::Applied(object) | WatchEvent::Found(object) if object.identity().deleting => {
                self.remove(&object.identity().key);
            }
            WatchEvent::Applied(object) => self.applied(object),
            WatchEvent::Found(object) => self.found(object),
            WatchEvent::Deleted(key) => self.remove(&key),
            WatchEvent::Listed { source, present } => {
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
                let restored = std::mem::take(&mut self.restored);
                if restored > 0 {
                    tracing::warn!(
                        resources = restored,
                        "resources went back to an earlier version; the operator forgets what it remembered of later \
                         versions"
                    );
                }
                self.unlisted.retain(|unlisted| *unlisted != source);
                self.synced.set(self.unlisted.is_empty());
            }
            WatchEvent::Failed(error) => tracing::warn!("the watch of ExperimentRuns failed; retrying: {error}"),
        }
    }

    /// An object in a list. One that is older than what was heard before has gone back: the list is the newest by all that the
    /// API server knows.
    fn found(&mut self, object: Object) {
        let key = object.identity().key.clone();
        let entry = self
            .entries
            .get(&key)
            .filter(|entry| entry.object.uid() == object.uid());
        let versions = entry.and_then(|entry| object.identity().number().zip(entry.heard));
        if versions.is_some_and(|(listed, heard)| listed < heard) {
            self.went_back(&key, object);
        } else {
            self.applied(object);
        }
    }

    fn applied(&mut self, object: Object) {
        let key = object.identity().key.clone();
        match self.entries.get_mut(&key) {
            Some(entry) if entry.object.uid() == object.uid() => {
                entry.heard = object.identity().number().max(entry.heard);
                if object.is_older_than(&entry.object) {
                    return;
                }
                if object.goes_back_from(&entry.object) {
                    return self.went_back(&key, object);
                }
                let before = std::mem::replace(&mut entry.object, object);
                // A pass under way sees for itself, when it ends, whether it has seen this object.
                let wakes = entry.object.asks_more_than(&before) && !entry.running;
                self.take_up(&key);
                if wakes {
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

    /// The data of the API server were restored from a backup: the object is taken, however old, and what was remembered by
    /// generation speaks of other specs.
    fn went_back(&mut self, key: &ObjectKey, object: Object) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        if let (Some(memory), Object::Readable(run)) = (&mut entry.memory, &object) {
            memory.forget_generations(&run.status);
        }
        entry.heard = object.identity().number();
        entry.object = object;
        entry.restored = entry.running;
        entry.failures = 0;
        self.restored += 1;
        self.take_up(key);
        self.wake(key);
    }

    /// An object that this process sees for the first time: settled ones wait for their slot, all others come first.
    fn added(&mut self, key: ObjectKey, object: Object) {
        let slot = match &object {
            Object::Readable(run) => self.slot_of_settled(run),
            Object::Unreadable(_) => None,
        };
        let heard = object.identity().number();
        let entry = Entry {
            object,
            memory: None,
            events: Vec::new(),
            running: false,
            woken: false,
            heard,
            restored: false,
            failures: 0,
            complaint: None,
            needs: None,
            counted: None,
        };
        self.entries.insert(key.clone(), entry);
        self.take_up(&key);
        if self.acting {
            let now = self.shared.elapsed();
            let (wait, class) = slot.unwrap_or((Duration::ZERO, Class::Change));
            self.queue.schedule(key, now + wait, class);
        }
    }

    /// Takes up what an object tells: for people at once, and for passes what its status says when it is read for the first
    /// time. While it can't be read, what was known of it stands, and its claim too.
    fn take_up(&mut self, key: &ObjectKey) {
        let Some(entry) = self.entries.get_mut(key).filter(|_| self.acting) else {
            return;
        };
        entry.counted = Some(self.shared.count_object(&entry.object, entry.counted.take()));
        if let (Object::Readable(run), None) = (&entry.object, &entry.memory) {
            let now = self.shared.elapsed();
            let memory = Memory::from_status(&run.status, run.number(), now);
            if let Some(pin) = &memory.pin {
                let age = Age {
                    created: run.identity.created,
                    key: key.clone(),
                };
                let _ = self.shared.claims.claim(pin, &run.identity.uid, &age, now);
                self.shared
                    .claims
                    .leave(pin, &run.identity.uid, memory.pending.as_ref());
            }
            entry.memory = Some(memory);
        }
        self.count_reads(key);
    }

    /// How long a settled resource can wait, and as what it waits; none when it isn't settled.
    fn slot_of_settled(&self, run: &StoredResource) -> Option<(Duration, Class)> {
        let (identity, status) = (&run.identity, &run.status);
        let asked = identity.reconcile_requested_at.as_deref();
        if !schedule::settled(status, identity.generation, asked) {
            return None;
        }
        let pinned = decide::pinned_region(status, None);
        let (_, interval) = run.is_read(pinned.as_ref(), &self.shared.defaults)?;
        let done = status.status == Some(crate::api::RunStatus::Done);
        let interval = schedule::interval(interval, done);
        let now = jiff::Timestamp::now();
        let slot = schedule::slot(&identity.uid, interval, now);
        Some(schedule::slot_or_ramp(status, run.is_suspended(), slot, now))
    }

    fn remove(&mut self, key: &ObjectKey) {
        self.queue.forget(key);
        if let Some(entry) = self.entries.remove(key) {
            self.replace_reads(entry.needs, None);
            self.shared.claims.release(entry.object.uid());
            if let Some(counted) = &entry.counted {
                self.shared.metrics.uncount(counted);
            }
            self.shared.metrics.forget(&key.namespace, &key.name);
        }
    }

    fn wake(&mut self, key: &ObjectKey) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        if entry.running {
            entry.woken = true;
        } else if self.acting {
            self.queue.schedule(key.clone(), self.shared.elapsed(), Class::Change);
        }
    }
}
