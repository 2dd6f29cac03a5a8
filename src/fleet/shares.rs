//! [`Shares`]: how much of what there is a class, a namespace or a region may have.

use std::collections::HashMap;

use super::{Class, Lane, Level};
use crate::api::Region;

/// How many passes are under way for each slot, those included that wait for something and hold none.
/// Each has its resource in memory.
const PASSES_PER_SLOT: usize = 3;

/// What there is a number of, and who has how many of them.
pub struct Shares {
    total: usize,
    of_region: usize,
    of_namespace: usize,
    of_retries: usize,
    used: usize,
    retries: usize,
    namespaces: HashMap<String, usize>,
    regions: HashMap<Region, usize>,
}

impl Shares {
    /// Slots, in which passes work: a region or namespace never has the last quarter, and retries have half at most.
    /// Everybody can have one.
    #[must_use]
    pub fn of_slots(slots: usize) -> Self {
        let all_but_a_quarter = slots - slots.div_ceil(4);
        Self::new(slots, all_but_a_quarter, all_but_a_quarter)
    }

    /// Passes under way, for so many slots. One namespace has half at most: its passes may wait long for each other, as
    /// when it has a hundred resources of one run, and others of the region must not wait with them.
    #[must_use]
    pub fn of_passes(slots: usize) -> Self {
        let passes = slots * PASSES_PER_SLOT;
        Self::new(passes, passes - passes.div_ceil(4), passes / 2)
    }

    fn new(total: usize, of_region: usize, of_namespace: usize) -> Self {
        Self {
            total,
            of_region: of_region.max(1),
            of_namespace: of_namespace.max(1),
            of_retries: (total / 2).max(1),
            used: 0,
            retries: 0,
            namespaces: HashMap::new(),
            regions: HashMap::new(),
        }
    }

    /// Whether none is left for anybody.
    #[must_use]
    pub const fn is_used_up(&self) -> bool {
        self.used >= self.total
    }

    /// How many are in use.
    #[must_use]
    pub const fn used(&self) -> usize {
        self.used
    }

    /// Whether one more is within this one's share.
    pub(super) fn has_room<W>(&self, level: &Level<'_, W>) -> bool {
        match level {
            Level::Class(class) => *class != Class::Retry || self.retries < self.of_retries,
            Level::Namespace(namespace) => self
                .namespaces
                .get(*namespace)
                .is_none_or(|has| *has < self.of_namespace),
            Level::Region(_, _, region, _) => {
                let has = region.and_then(|region| self.regions.get(region));
                has.is_none_or(|has| *has < self.of_region)
            }
        }
    }

    /// Somebody takes one.
    pub fn take(&mut self, lane: &Lane) {
        self.used += 1;
        self.retries += usize::from(lane.class == Class::Retry);
        *self.namespaces.entry(lane.namespace.clone()).or_default() += 1;
        if let Some(region) = &lane.region {
            *self.regions.entry(region.clone()).or_default() += 1;
        }
    }

    /// Somebody gives one back that it took.
    pub fn give_back(&mut self, lane: &Lane) {
        self.used = self.used.saturating_sub(1);
        if lane.class == Class::Retry {
            self.retries = self.retries.saturating_sub(1);
        }
        one_less(&mut self.namespaces, &lane.namespace);
        if let Some(region) = &lane.region {
            one_less(&mut self.regions, region);
        }
    }
}

fn one_less<K: Eq + std::hash::Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}
