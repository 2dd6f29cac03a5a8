//! [`Turns`]: who is served next. Pure: no time, no async.

use std::collections::VecDeque;

use super::Priority;

/// Waiters, in the order in which they are served: changes before resyncs, within each the namespaces in turn, within
/// each namespace in order of arrival.
pub struct Turns<W> {
    changes: Ring<W>,
    resyncs: Ring<W>,
    last_ticket: u64,
}

/// Namespaces that have a waiter, the next one first.
type Ring<W> = VecDeque<(String, VecDeque<(u64, W)>)>;

impl<W> Default for Turns<W> {
    fn default() -> Self {
        Self {
            changes: Ring::new(),
            resyncs: Ring::new(),
            last_ticket: 0,
        }
    }
}

impl<W> Turns<W> {
    /// A new waiter's ticket.
    pub fn enter(&mut self, namespace: &str, priority: Priority, waiter: W) -> u64 {
        self.last_ticket += 1;
        let ring = match priority {
            Priority::Change => &mut self.changes,
            Priority::Resync => &mut self.resyncs,
        };
        match ring.iter_mut().find(|(name, _)| name == namespace) {
            Some((_, waiters)) => waiters.push_back((self.last_ticket, waiter)),
            None => ring.push_back((namespace.to_owned(), VecDeque::from([(self.last_ticket, waiter)]))),
        }
        self.last_ticket
    }

    /// Whose turn it is.
    #[must_use]
    pub fn next(&self) -> Option<(u64, &W)> {
        let (_, waiters) = self.changes.front().or_else(|| self.resyncs.front())?;
        waiters.front().map(|(ticket, waiter)| (*ticket, waiter))
    }

    /// The waiter whose turn it is was served: it leaves, and its namespace goes to the end of the ring.
    pub fn serve_next(&mut self) {
        let ring = if self.changes.is_empty() {
            &mut self.resyncs
        } else {
            &mut self.changes
        };
        if let Some((namespace, mut waiters)) = ring.pop_front() {
            waiters.pop_front();
            if !waiters.is_empty() {
                ring.push_back((namespace, waiters));
            }
        }
    }

    /// A waiter leaves, served or not.
    pub fn leave(&mut self, ticket: u64) {
        for ring in [&mut self.changes, &mut self.resyncs] {
            for (_, waiters) in ring.iter_mut() {
                waiters.retain(|(known, _)| *known != ticket);
            }
            ring.retain(|(_, waiters)| !waiters.is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(turns: &mut Turns<()>) -> Vec<u64> {
        std::iter::from_fn(|| {
            let next = turns.next().map(|(ticket, ())| ticket);
            turns.serve_next();
            next
        })
        .collect()
    }

    #[test]
    fn changes_go_before_resyncs_and_namespaces_take_turns() {
        let mut turns = Turns::default();
        let resync = turns.enter("a", Priority::Resync, ());
        let (a1, a2, a3) = (
            turns.enter("a", Priority::Change, ()),
            turns.enter("a", Priority::Change, ()),
            turns.enter("a", Priority::Change, ()),
        );
        let (b1, b2) = (
            turns.enter("b", Priority::Change, ()),
            turns.enter("b", Priority::Change, ()),
        );
        assert_eq!(order(&mut turns), [a1, b1, a2, b2, a3, resync]);
    }

    #[test]
    fn who_leaves_is_passed_over_and_leaves_nothing_behind() {
        let mut turns = Turns::default();
        let (first, second) = (
            turns.enter("a", Priority::Change, ()),
            turns.enter("b", Priority::Change, ()),
        );
        turns.leave(first);
        assert_eq!(order(&mut turns), [second]);
        assert!(turns.changes.is_empty() && turns.resyncs.is_empty());
    }
}
