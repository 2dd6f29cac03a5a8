//! Where a resource waits for its turn, and how many reads it needs when nothing changes.

use std::{collections::HashMap, time::Duration};

use super::{Dispatcher, Entry};
use crate::{
    api::{Region, RunStatus},
    controller::resource::Object,
    decide::{self, desired::Defaults, memory::Memory, schedule},
    fleet::{Class, Crossed, Lane},
    pass::resource::{ObjectKey, StoredResource},
};

impl Dispatcher {
    /// Counts what a resource needs now, in place of what it needed before.
    pub(super) fn count_reads(&mut self, key: &ObjectKey) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let needs = match &entry.object {
            Object::Readable(run) => is_read(run, entry.memory.as_ref(), &self.shared.defaults),
            Object::Unreadable(_) => None,
        };
        if entry.needs == needs {
            return;
        }
        let before = std::mem::replace(&mut entry.needs, needs.clone());
        self.replace_reads(before, needs);
    }

    pub(super) fn replace_reads(&mut self, before: Option<(Region, Duration)>, now: Option<(Region, Duration)>) {
        let added = now.and_then(|(region, interval)| self.demand.add(&region, interval));
        let removed = before.and_then(|(region, interval)| self.demand.remove(&region, interval));
        for crossed in added.into_iter().chain(removed) {
            match crossed {
                Crossed::Much(region, percent) => tracing::warn!(
                    %region,
                    percent,
                    "the regular reads of resources need most of the read rate, and leave little for changes and ramps: raise \
                     --read-rate or --resync-interval"
                ),
                Crossed::Enough(region) => {
                    tracing::info!(%region, "the regular reads of resources leave enough of the read rate again");
                }
            }
        }
        self.shared.metrics.resync_read_share(self.demand.highest_share());
    }
}

/// Where a resource waits for its turn.
pub(super) fn lane(entries: &HashMap<ObjectKey, Entry>, defaults: &Defaults, key: &ObjectKey, class: Class) -> Lane {
    let region = entries.get(key).and_then(|entry| match &entry.object {
        Object::Readable(run) => is_read(run, entry.memory.as_ref(), defaults),
        Object::Unreadable(_) => None,
    });
    Lane {
        class,
        namespace: key.namespace.clone(),
        region: region.map(|(region, _)| region),
    }
}

/// Where, and how often, a resource is read when nothing changes.
fn is_read(run: &StoredResource, memory: Option<&Memory>, defaults: &Defaults) -> Option<(Region, Duration)> {
    let pinned = decide::pinned_region(&run.status, memory);
    let (region, resync) = run.is_read(pinned.as_ref(), defaults)?;
    let done = run.status.status == Some(RunStatus::Done);
    Some((region, schedule::interval(resync, done)))
}
