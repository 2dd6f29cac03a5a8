//! What the loop does with what a pass leaves behind: when the resource is looked at next, and what is counted.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinError;

use super::{Dispatcher, Entry, Finished};
use crate::{
    controller::{
        Error,
        call::CallError,
        resource::{Object, UnreadableObject},
    },
    decide::schedule,
    fleet::{Class, Lane},
    metrics::Reconciled,
    pass::{End, Interruption, resource::ObjectKey},
};

impl Dispatcher {
    /// A pass that panicked ends the process: what it knew is lost, and a new process finds it in the status.
    pub(super) fn finished(&mut self, finished: Result<(Lane, Finished), JoinError>) -> Result<(), Error> {
        let (lane, finished) = finished.map_err(|_| Error::Panicked)?;
        self.queue.ended(&lane);
        match finished {
            Finished::Pass(ended, took) => self.ended(*ended, took),
            Finished::Unreadable(object, written) => self.unreadable(&object, &written),
        }
        Ok(())
    }

    /// It was said, or could not be said, of an object that it can't be read.
    fn unreadable(&mut self, object: &Arc<UnreadableObject>, written: &Result<(), CallError>) {
        let key = &object.identity.key;
        let same = |entry: &&mut Entry| entry.object.uid() == object.identity.uid;
        let Some(entry) = self.entries.get_mut(key).filter(same) else {
            return;
        };
        entry.running = false;
        let now = self.shared.elapsed();
        let said_of = Object::Unreadable(Arc::clone(object));
        let woken = std::mem::take(&mut entry.woken) || entry.object.asks_more_than(&said_of);
        if woken || written.is_ok() {
            (entry.failures, entry.complaint) = (0, None);
        }
        match written {
            _ if woken => self.queue.schedule(key.clone(), now, Class::Change),
            Err(error) => {
                let complaint = error.to_string();
                if entry.complaint.as_ref() != Some(&complaint) {
                    tracing::warn!(
                        namespace = key.namespace,
                        name = key.name,
                        "{} can't be read, and the status could not be updated to say so: {complaint}",
                        object.fault
                    );
                    entry.complaint = Some(complaint);
                }
                entry.failures = entry.failures.saturating_add(1);
                let wait = schedule::backoff(entry.failures).mul_f64(fastrand::f64());
                self.queue.schedule(key.clone(), now + wait, Class::Retry);
            }
            Ok(()) => {}
        }
    }

    fn ended(&mut self, ended: End, took: Duration) {
        let End {
            resource: object,
            mut memory,
            events,
            restored,
            result,
            ..
        } = ended;
        let key = object.identity.key.clone();
        self.count(&key, &result, took);
        let Some(entry) = self
            .entries
            .get_mut(&key)
            .filter(|entry| entry.object.uid() == object.identity.uid)
        else {
            // It went while the pass was under way, which may have claimed the run after the deletion was heard of.
            self.shared.claims.release(&object.identity.uid);
            return;
        };
        entry.running = false;
        entry.events = events;
        let seen = Object::Readable(object.kept());
        let newer_requests_more = !entry.object.is_older_than(&seen) && entry.object.asks_more_than(&seen);
        if std::mem::take(&mut entry.restored) {
            // A list has told meanwhile what there is. What the pass has seen may be what there was.
            if let Object::Readable(run) = &entry.object {
                memory.forget_generations(&run.status);
            }
        } else if restored || !seen.is_older_than(&entry.object) {
            entry.heard.take_if(|_| restored);
            entry.object = seen;
        }
        entry.memory = Some(memory);
        let now = self.shared.elapsed();
        let woken = std::mem::take(&mut entry.woken) || newer_requests_more;
        let next = match result {
            Err(Interruption::MayNotAct) => None,
            // The next pass is not made before the schema is read.
            Err(Interruption::SchemaUnproven) => Some((now, Class::Change)),
            _ if woken => Some((now, Class::Change)),
            Ok((next, class)) => {
                entry.failures = 0;
                wait(next).map(|wait| (now + wait, class))
            }
            Err(Interruption::Gone) => None,
            Err(Interruption::Deadline(_) | Interruption::ApiServer(_)) => {
                entry.failures = entry.failures.saturating_add(1);
                let ceiling = schedule::backoff(entry.failures);
                Some((now + ceiling.mul_f64(fastrand::f64()), Class::Retry))
            }
        };
        self.count_reads(&key);
        if let Some((due, class)) = next {
            self.queue.schedule(key, due, class);
        }
    }

    fn count(&self, key: &ObjectKey, result: &Result<(schedule::Next, Class), Interruption>, took: Duration) {
        let result = match result.as_ref().map(|(next, _)| *next) {
            Ok(schedule::Next::OnChange) | Err(Interruption::Gone) => Reconciled::Success,
            Ok(schedule::Next::After(_)) => Reconciled::RequeueAfter,
            Ok(schedule::Next::Now | schedule::Next::Backoff(_)) => Reconciled::Requeue,
            Err(Interruption::MayNotAct | Interruption::SchemaUnproven) => return,
            Err(error @ (Interruption::Deadline(_) | Interruption::ApiServer(_))) => {
                tracing::warn!(namespace = key.namespace, name = key.name, "{error}; retrying");
                Reconciled::Error
            }
        };
        self.shared.metrics.reconciled(result, took);
    }
}

/// How long a resource is not looked at; none: until it changes.
fn wait(next: schedule::Next) -> Option<Duration> {
    match next {
        schedule::Next::Now => Some(Duration::ZERO),
        schedule::Next::After(wait) => Some(wait),
        schedule::Next::Backoff(ceiling) => Some(ceiling.mul_f64(fastrand::f64())),
        schedule::Next::OnChange => None,
    }
}
