//! [`Queue`]: which resource is looked at next, and when. Pure: time is given.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use crate::appconfig::{Priority, Turns};

use super::ObjectKey;

/// Resources that wait: for their time, and then for their turn (changes before resyncs, namespaces in turn). Each waits
/// at most once. Times are since the start of the process.
#[derive(Default)]
pub(super) struct Queue {
    waiting: HashMap<ObjectKey, Waiting>,
    timers: BTreeSet<(Duration, ObjectKey)>,
    turns: Turns<ObjectKey>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    ForTime(Duration, Priority),
    ForTurn(Priority),
}

impl Queue {
    /// A resource is due at a time; one that waits already is moved, unless its turn is coming with the same priority.
    pub(super) fn schedule(&mut self, key: ObjectKey, at: Duration, priority: Priority) {
        match self.waiting.get(&key) {
            Some(Waiting::ForTurn(already)) if *already <= priority => return,
            Some(Waiting::ForTime(before, _)) => {
                self.timers.remove(&(*before, key.clone()));
            }
            // Its place among the resyncs stays behind, and is passed over when its turn comes.
            Some(Waiting::ForTurn(_)) | None => {}
        }
        self.waiting.insert(key.clone(), Waiting::ForTime(at, priority));
        self.timers.insert((at, key));
    }

    /// A resource is not to be looked at any more.
    pub(super) fn forget(&mut self, key: &ObjectKey) {
        if let Some(Waiting::ForTime(at, _)) = self.waiting.remove(key) {
            self.timers.remove(&(at, key.clone()));
        }
    }

    /// The resource whose turn it is, if there is one.
    pub(super) fn next(&mut self, now: Duration) -> Option<(ObjectKey, Priority)> {
        while let Some((at, _)) = self.timers.first()
            && *at <= now
            && let Some((_, key)) = self.timers.pop_first()
        {
            if let Some(waiting) = self.waiting.get_mut(&key)
                && let Waiting::ForTime(_, priority) = *waiting
            {
                *waiting = Waiting::ForTurn(priority);
                self.turns.enter(&key.namespace.clone(), priority, key);
            }
        }
        while let Some((_, key)) = self.turns.next() {
            let key = key.clone();
            self.turns.serve_next();
            if let Some(Waiting::ForTurn(priority)) = self.waiting.get(&key).copied() {
                self.waiting.remove(&key);
                return Some((key, priority));
            }
        }
        None
    }

    /// When a resource's time comes next.
    pub(super) fn next_time(&self) -> Option<Duration> {
        self.timers.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(namespace: &str, name: &str) -> ObjectKey {
        ObjectKey {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    fn drain(queue: &mut Queue, now: Duration) -> Vec<String> {
        std::iter::from_fn(|| queue.next(now))
            .map(|(key, _)| key.to_string())
            .collect()
    }

    #[test]
    fn a_namespace_with_many_changes_does_not_hold_up_another() {
        let mut queue = Queue::default();
        for name in ["1", "2", "3"] {
            queue.schedule(key("many", name), Duration::ZERO, Priority::Change);
        }
        queue.schedule(key("one", "1"), Duration::ZERO, Priority::Change);
        queue.schedule(key("a", "resync"), Duration::ZERO, Priority::Resync);
        let order = drain(&mut queue, Duration::ZERO);
        assert_eq!(order, ["many/1", "one/1", "many/2", "many/3", "a/resync"]);
    }

    #[test]
    fn nothing_comes_before_its_time_and_a_change_overtakes_a_resync() {
        let mut queue = Queue::default();
        queue.schedule(key("a", "1"), Duration::from_secs(10), Priority::Resync);
        assert_eq!(drain(&mut queue, Duration::from_secs(9)), [""; 0]);
        assert_eq!(queue.next_time(), Some(Duration::from_secs(10)));
        queue.schedule(key("a", "1"), Duration::from_secs(2), Priority::Change);
        assert_eq!(drain(&mut queue, Duration::from_secs(2)), ["a/1"]);
        assert_eq!(queue.next_time(), None);
    }

    #[test]
    fn each_waits_once_however_often_it_is_scheduled() {
        let mut queue = Queue::default();
        for priority in [Priority::Resync, Priority::Change, Priority::Resync, Priority::Change] {
            queue.schedule(key("a", "1"), Duration::ZERO, priority);
            queue.schedule(key("a", "2"), Duration::from_secs(9), priority);
        }
        queue.forget(&key("a", "2"));
        assert_eq!(drain(&mut queue, Duration::from_secs(20)), ["a/1"]);
    }
}
