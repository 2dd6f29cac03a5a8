//! [`Connections`]: which are open, and which has to go when there are too many. Pure: time is given.

use std::collections::{BTreeSet, HashMap};

/// Open connections, by when each last had a complete request; one that had none yet, by when it was opened. `T` is a
/// time, and `H` ends a connection.
pub(super) struct Connections<T, H> {
    open: HashMap<u64, (T, H)>,
    order: BTreeSet<(T, u64)>,
    last: u64,
}

impl<T: Copy + Ord, H> Connections<T, H> {
    pub(super) fn new() -> Self {
        Self {
            open: HashMap::new(),
            order: BTreeSet::new(),
            last: 0,
        }
    }

    /// A new connection, and the name by which it is known from now on.
    pub(super) fn opened(&mut self, now: T, handle: impl FnOnce(u64) -> H) -> u64 {
        self.last += 1;
        self.open.insert(self.last, (now, handle(self.last)));
        self.order.insert((now, self.last));
        self.last
    }

    /// A request has come whole.
    pub(super) fn requested(&mut self, connection: u64, now: T) {
        if let Some((at, _)) = self.open.get_mut(&connection) {
            self.order.remove(&(*at, connection));
            *at = now;
            self.order.insert((now, connection));
        }
    }

    /// When a connection last had a complete request, or was opened.
    pub(super) fn last_request(&self, connection: u64) -> Option<T> {
        self.open.get(&connection).map(|(at, _)| *at)
    }

    /// Since when the one that is longest without a complete request has been.
    pub(super) fn longest(&self) -> Option<T> {
        self.order.first().map(|(at, _)| *at)
    }

    /// A connection is closed.
    pub(super) fn closed(&mut self, connection: u64) {
        if let Some((at, _)) = self.open.remove(&connection) {
            self.order.remove(&(at, connection));
        }
    }

    /// The connection that is longest without a complete request has to go.
    pub(super) fn longest_without_request(&mut self) -> Option<H> {
        let (_, connection) = self.order.pop_first()?;
        self.open.remove(&connection).map(|(_, handle)| handle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_longest_without_a_complete_request_goes_first() {
        let mut connections = Connections::new();
        let names: Vec<_> = (0..4).map(|now| connections.opened(now, |name| name)).collect();
        connections.requested(names[0], 7);
        connections.requested(names[2], 6);
        connections.closed(names[1]);
        connections.requested(names[1], 9);
        assert_eq!(connections.last_request(names[1]), None);
        assert_eq!(connections.last_request(names[0]), Some(7));
        assert_eq!(connections.longest(), Some(3));
        let gone: Vec<_> = std::iter::from_fn(|| connections.longest_without_request()).collect();
        assert_eq!(gone, [names[3], names[2], names[0]]);
        assert!(connections.open.is_empty() && connections.order.is_empty());
    }
}
