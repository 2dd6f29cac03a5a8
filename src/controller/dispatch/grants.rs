//! Hands out slots, and begins the passes that get one.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::Instrument;

use super::{Dispatcher, Finished, reads};
use crate::{
    controller::{
        execute::Executor,
        resource::Object,
        slots::{Slot, SlotRequest},
        unreadable::tell_unreadable,
    },
    fleet::{Class, Granted, Lane},
    pass::resource::ObjectKey,
};

impl Dispatcher {
    /// Hands out the slots that are free.
    pub(super) fn grant(&mut self) {
        if !self.acting {
            return;
        }
        let now = self.shared.elapsed();
        while let Some(granted) = {
            let (entries, defaults) = (&self.entries, &self.shared.defaults);
            self.queue
                .next(now, |key, class| reads::lane(entries, defaults, key, class))
        } {
            match granted {
                // One that has given up meanwhile gives the slot back by dropping it.
                Granted::GoOn(pass, lane) => drop(pass.send(Slot::granted(lane, &self.requests))),
                Granted::Begin(key, lane, wait) => {
                    self.shared.metrics.queue_wait(lane.class, wait);
                    self.begin(key, lane);
                }
            }
        }
        self.show_queue();
    }

    /// Shows how many wait for a slot; none while this process does not act.
    pub(super) fn show_queue(&self) {
        for class in Class::ALL {
            let due = if self.acting { self.queue.due(class) } else { 0 };
            self.shared.metrics.queue_depth(class, due);
        }
    }

    /// A pass needs its slot no longer for a while, or again.
    pub(super) fn requested(&mut self, request: SlotRequest) {
        match request {
            SlotRequest::GivenBack(lane) => self.queue.give_back(&lane),
            SlotRequest::Wanted(lane, pass) => self.queue.go_on(&lane, pass),
        }
    }

    fn begin(&mut self, key: ObjectKey, lane: Lane) {
        let slot = Slot::granted(lane.clone(), &self.requests);
        let Some(entry) = self.entries.get_mut(&key) else {
            return self.queue.ended(&lane);
        };
        entry.running = true;
        let span = tracing::info_span!(
            "pass",
            namespace = key.namespace,
            name = key.name,
            generation = entry.object.identity().generation
        );
        let shared = Arc::clone(&self.shared);
        match &entry.object {
            Object::Readable(run) => {
                let memory = entry.memory.clone().unwrap_or_default();
                let events = std::mem::take(&mut entry.events);
                let pass = Executor::new(shared, key, slot).run(Arc::clone(run), memory, events);
                let began = Instant::now();
                let ended = async move { (lane, Finished::Pass(Box::new(pass.await), began.elapsed())) };
                self.passes.spawn(ended.instrument(span));
            }
            Object::Unreadable(object) => {
                let object = Arc::clone(object);
                let reported = async move {
                    let written = tell_unreadable(&shared, &object).await;
                    drop(slot);
                    (lane, Finished::Unreadable(object, written))
                };
                self.passes.spawn(reported.instrument(span));
            }
        }
    }
}
