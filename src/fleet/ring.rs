//! [`Ring`]: keys that take turns.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

/// Keys in the order in which their turns come, each with what it has. Nothing here searches: a namespace editor can make
/// up any number of regions, and a cluster has any number of namespaces.
pub(super) struct Ring<K, V> {
    entries: HashMap<K, (u64, V)>,
    order: BTreeMap<u64, K>,
    last: u64,
}

impl<K, V> Default for Ring<K, V> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            order: BTreeMap::new(),
            last: 0,
        }
    }
}

impl<K: Clone + Eq + Hash, V> Ring<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(_, value)| value)
    }

    /// The key's value; a key that is new comes last.
    pub(super) fn entry(&mut self, key: &K) -> &mut V
    where
        V: Default,
    {
        let (order, last) = (&mut self.order, &mut self.last);
        let (_, value) = self.entries.entry(key.clone()).or_insert_with_key(|key| {
            *last += 1;
            order.insert(*last, key.clone());
            (*last, V::default())
        });
        value
    }

    /// The key has had its turn, and comes last.
    pub(super) fn had_its_turn(&mut self, key: &K) {
        if let Some((turn, _)) = self.entries.get_mut(key)
            && let Some(key) = self.order.remove(turn)
        {
            self.last += 1;
            *turn = self.last;
            self.order.insert(self.last, key);
        }
    }

    pub(super) fn remove(&mut self, key: &K) {
        if let Some((turn, _)) = self.entries.remove(key) {
            self.order.remove(&turn);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All of them, the next one first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.order.values().filter_map(|key| Some((key, self.get(key)?)))
    }
}
