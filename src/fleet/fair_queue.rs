//! [`FairQueue`]: who is served next.

use std::collections::BTreeMap;

use super::{Class, Lane, ring::Ring};
use crate::api::Region;

/// The classes in the order in which their turns come, over and over; one that doesn't wait is passed over. A class stands
/// here as often as it weighs, so each that waits gets at least one turn in eight, whatever the others do.
const CYCLE: [Class; 8] = [
    Class::Change,
    Class::Raise,
    Class::Change,
    Class::Raise,
    Class::Resync,
    Class::Change,
    Class::Raise,
    Class::Retry,
];

/// Waiters, in the order in which they are served: the classes by weight, within each the namespaces in turn, within each
/// namespace its regions in turn, and there in order of arrival.
pub struct FairQueue<W> {
    classes: [Ring<String, Regions<W>>; Class::ALL.len()],
    /// Where in the cycle the next turn is looked for.
    position: usize,
    arrivals: u64,
}

type Regions<W> = Ring<Option<Region>, BTreeMap<Arrival, W>>;

/// The order within a lane: those who have begun go before those who have not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Arrival {
    is_new: bool,
    number: u64,
}

/// Where somebody waits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    lane: Lane,
    arrival: Arrival,
}

impl Place {
    /// As what it waits.
    #[must_use]
    pub const fn lane(&self) -> &Lane {
        &self.lane
    }
}

/// A turn that has come, as long as nobody comes or goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    place: Place,
    position: usize,
}

impl Turn {
    /// The place of whose turn it is.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }
}

/// Who may be out of bounds for now: a whole class, a namespace, or one waiter, who is the first of its lane.
pub enum Level<'a, W> {
    /// All of this class.
    Class(Class),
    /// All of this namespace.
    Namespace(&'a str),
    /// All of this region in a namespace, the first of whom is this one.
    Region(Class, &'a str, Option<&'a Region>, &'a W),
}

impl<W> Default for FairQueue<W> {
    fn default() -> Self {
        Self {
            classes: Default::default(),
            position: 0,
            arrivals: 0,
        }
    }
}

impl<W> FairQueue<W> {
    /// Somebody waits from now on.
    pub fn enter(&mut self, lane: &Lane, waiter: W) -> Place {
        self.enter_as(lane, waiter, true)
    }

    /// Somebody who has begun waits from now on: before all of its lane who have not, else these would keep it for ever
    /// from what it has begun.
    pub fn enter_again(&mut self, lane: &Lane, waiter: W) -> Place {
        self.enter_as(lane, waiter, false)
    }

    fn enter_as(&mut self, lane: &Lane, waiter: W, is_new: bool) -> Place {
        self.arrivals += 1;
        let arrival = Arrival {
            is_new,
            number: self.arrivals,
        };
        let regions = self.classes[lane.class as usize].entry(&lane.namespace);
        regions.entry(&lane.region).insert(arrival, waiter);
        Place {
            lane: lane.clone(),
            arrival,
        }
    }

    /// Whose turn it is, of those who are within bounds.
    #[must_use]
    pub fn next(&self, is_open: impl Fn(Level<'_, W>) -> bool) -> Option<Turn> {
        let mut looked_at = [false; Class::ALL.len()];
        for step in 0..CYCLE.len() {
            let position = (self.position + step) % CYCLE.len();
            let class = CYCLE[position];
            if std::mem::replace(&mut looked_at[class as usize], true) || !is_open(Level::Class(class)) {
                continue;
            }
            if let Some(place) = self.next_of(class, &is_open) {
                return Some(Turn { place, position });
            }
        }
        None
    }

    fn next_of(&self, class: Class, is_open: &impl Fn(Level<'_, W>) -> bool) -> Option<Place> {
        let namespaces = self.classes[class as usize].iter();
        let mut lanes = namespaces
            .filter(|(namespace, _)| is_open(Level::Namespace(namespace)))
            .flat_map(|(namespace, regions)| regions.iter().map(move |(region, lane)| (namespace, region, lane)));
        lanes.find_map(|(namespace, region, lane)| {
            let (arrival, first) = lane.first_key_value()?;
            is_open(Level::Region(class, namespace, region.as_ref(), first)).then(|| Place {
                lane: Lane {
                    class,
                    namespace: namespace.clone(),
                    region: region.clone(),
                },
                arrival: *arrival,
            })
        })
    }

    /// The one whose turn it is, is served: it leaves, and its region, namespace and class come last.
    pub fn serve(&mut self, turn: &Turn) -> Option<W> {
        self.position = (turn.position + 1) % CYCLE.len();
        let lane = &turn.place.lane;
        let namespaces = &mut self.classes[lane.class as usize];
        namespaces.had_its_turn(&lane.namespace);
        if let Some(regions) = namespaces.get_mut(&lane.namespace) {
            regions.had_its_turn(&lane.region);
        }
        self.leave(&turn.place)
    }

    /// Somebody doesn't wait any more.
    pub fn leave(&mut self, place: &Place) -> Option<W> {
        let lane = &place.lane;
        let namespaces = &mut self.classes[lane.class as usize];
        let regions = namespaces.get_mut(&lane.namespace)?;
        let waiters = regions.get_mut(&lane.region)?;
        let left = waiters.remove(&place.arrival);
        if waiters.is_empty() {
            regions.remove(&lane.region);
        }
        if regions.is_empty() {
            namespaces.remove(&lane.namespace);
        }
        left
    }

    /// Somebody who waits.
    #[must_use]
    pub fn get(&self, place: &Place) -> Option<&W> {
        let lane = &place.lane;
        let regions = self.classes[lane.class as usize].get(&lane.namespace)?;
        regions.get(&lane.region)?.get(&place.arrival)
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.classes.iter().all(Ring::is_empty)
    }
}
