//! [`Queue`]: which resource is looked at next, and when; and who may go on with a pass that has begun.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    time::Duration,
};

use super::{Class, FairQueue, Lane, Level, Place, Shares};

/// Resources that wait, each at most once: for their time, and then for a slot. Times are since the start of the process.
///
/// `K` names a resource, and `R` a pass that has given its slot back while it waited for something else and wants one
/// again. At most three passes are under way for each slot.
pub struct Queue<K, R> {
    waiting: HashMap<K, Waiting>,
    timers: BTreeSet<(Duration, K)>,
    for_slot: FairQueue<Waiter<K, R>>,
    slots: Shares,
    passes: Shares,
    /// How many resources wait for a slot, by class.
    due: [usize; Class::ALL.len()],
}

enum Waiting {
    ForTime(Duration, Class),
    ForSlot(Place),
}

enum Waiter<K, R> {
    /// A resource, and since when it is due.
    Begins(K, Duration),
    GoesOn(R),
}

/// Who has got a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Granted<K, R> {
    /// A resource, of which a pass begins, and how long it has been due.
    Begin(K, Lane, Duration),
    /// A pass that has begun, and goes on.
    GoOn(R, Lane),
}

impl<K: Clone + Eq + Hash + Ord, R> Queue<K, R> {
    /// Nobody waits, for so many slots.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self {
            waiting: HashMap::new(),
            timers: BTreeSet::new(),
            for_slot: FairQueue::default(),
            slots: Shares::of_slots(slots),
            passes: Shares::of_passes(slots),
            due: [0; Class::ALL.len()],
        }
    }

    /// A resource is due at a time. One that waits already is moved, unless it waits for a slot as the same or as something
    /// more pressing.
    pub fn schedule(&mut self, key: K, at: Duration, class: Class) {
        match self.waiting.get(&key) {
            Some(Waiting::ForSlot(place)) if place.lane().class <= class => return,
            Some(Waiting::ForSlot(place)) => {
                self.due[place.lane().class as usize] -= 1;
                drop(self.for_slot.leave(place));
            }
            Some(Waiting::ForTime(before, _)) => drop(self.timers.remove(&(*before, key.clone()))),
            None => {}
        }
        self.timers.insert((at, key.clone()));
        self.waiting.insert(key, Waiting::ForTime(at, class));
    }

    /// A resource is not to be looked at any more.
    pub fn forget(&mut self, key: &K) {
        match self.waiting.remove(key) {
            Some(Waiting::ForTime(at, _)) => drop(self.timers.remove(&(at, key.clone()))),
            Some(Waiting::ForSlot(place)) => {
                self.due[place.lane().class as usize] -= 1;
                drop(self.for_slot.leave(&place));
            }
            None => {}
        }
    }

    /// A pass that has begun, and holds no slot, wants one.
    pub fn go_on(&mut self, lane: &Lane, pass: R) {
        self.for_slot.enter_again(lane, Waiter::GoesOn(pass));
    }

    /// A pass has given its slot back, for now or for good.
    pub fn give_back(&mut self, lane: &Lane) {
        self.slots.give_back(lane);
    }

    /// A pass has ended. Its slot is given back for itself.
    pub fn ended(&mut self, lane: &Lane) {
        self.passes.give_back(lane);
    }

    /// Who gets a slot now, if there is one and somebody may have it. Where a resource waits is asked when its time has come.
    pub fn next(&mut self, now: Duration, lane: impl Fn(&K, Class) -> Lane) -> Option<Granted<K, R>> {
        self.move_on(now, lane);
        if self.slots.is_used_up() {
            return None;
        }
        let (slots, passes) = (&self.slots, &self.passes);
        let turn = self.for_slot.next(|level| {
            let begins = matches!(level, Level::Region(_, _, _, Waiter::Begins(..)));
            slots.has_room(&level) && (!begins || may_begin(passes, &level))
        })?;
        let lane = turn.place().lane().clone();
        let served = self.for_slot.serve(&turn)?;
        self.slots.take(&lane);
        Some(match served {
            Waiter::GoesOn(pass) => Granted::GoOn(pass, lane),
            Waiter::Begins(key, since) => {
                self.waiting.remove(&key);
                self.passes.take(&lane);
                self.due[lane.class as usize] -= 1;
                Granted::Begin(key, lane, now.saturating_sub(since))
            }
        })
    }

    /// Those whose time has come wait for a slot from now on.
    fn move_on(&mut self, now: Duration, lane: impl Fn(&K, Class) -> Lane) {
        while let Some((at, _)) = self.timers.first()
            && *at <= now
            && let Some((at, key)) = self.timers.pop_first()
        {
            if let Some(waiting) = self.waiting.get_mut(&key)
                && let Waiting::ForTime(_, class) = *waiting
            {
                let place = self.for_slot.enter(&lane(&key, class), Waiter::Begins(key, at));
                self.due[place.lane().class as usize] += 1;
                *waiting = Waiting::ForSlot(place);
            }
        }
    }

    /// Whether nobody waits and nobody has anything.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.for_slot.is_empty() && self.slots.used() + self.passes.used() == 0
    }

    /// How many resources of a class are due and wait for a slot.
    #[must_use]
    pub const fn due(&self, class: Class) -> usize {
        self.due[class as usize]
    }

    /// When a resource's time comes next.
    #[must_use]
    pub fn next_time(&self) -> Option<Duration> {
        self.timers.first().map(|(at, _)| *at)
    }
}

/// Whether one more pass may be under way.
fn may_begin<W>(passes: &Shares, level: &Level<'_, W>) -> bool {
    let Level::Region(class, namespace, ..) = level else {
        return true;
    };
    let levels = [Level::Class(*class), Level::Namespace(namespace)];
    !passes.is_used_up() && levels.iter().all(|above: &Level<'_, W>| passes.has_room(above)) && passes.has_room(level)
}
