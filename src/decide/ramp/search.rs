//! [`Search`]: when windows let a raise through, found by sweeping over their openings, within a budget.
//!
//! Of each window a `Cursor` knows the opening before an instant and the one after it, so that nothing is looked up twice
//! and a window that opens once in four years is looked up once. What a search costs is counted in look-ups, weighed by how
//! far each went, and never in time: the same spec gives the same answer on every machine. One decision has one budget, for
//! everything that it asks of its windows. **Spent means denied and closed**: what could not be looked up is not open.

use jiff::{SignedDuration, Timestamp};

use super::{
    schedule::{Look, Stretch},
    windows::{CLOSES_EARLY, Window, Windows},
};

/// What one decision may look up: 2.4 ms of one core, by `cargo run --release -p costliest-decision`. The costliest windows
/// that can be written are seen days ahead with it, and everyday ones five years.
pub const DECISION: u32 = 20_000;
/// How far ahead an opening is looked for: every day of every year comes within it.
const HORIZON: SignedDuration = SignedDuration::from_hours(24 * 366 * 5);
/// How far ahead the end of an opening is looked for: nobody waits for one that is later, and some never end.
const CLOSING_HORIZON: SignedDuration = SignedDuration::from_hours(24);
/// A search that ended is not begun again sooner, however little it saw.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);
const NEXT_INSTANT: SignedDuration = SignedDuration::from_nanos(1);

/// No opening was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoneBefore(
    /// As far as was looked: from there on is to be looked again.
    pub Timestamp,
);

/// The budget was spent on the way to the end of an opening, which is open so far.
struct ProvenUntil(Timestamp);

/// The budget is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spent;

/// Looks for openings. It goes on from where the last look-up ended, in whatever order it is asked.
#[derive(Debug)]
pub struct Search<'a> {
    allow: Vec<Cursor<'a>>,
    deny: Vec<Cursor<'a>>,
    budget: Budget,
}

/// What is left to look up.
#[derive(Clone, Copy, Debug)]
struct Budget(u32);

/// What is known of one window: from `last` (or `from`, if that is none) on until `next`, no opening begins.
#[derive(Debug)]
struct Cursor<'a> {
    window: &'a Window,
    known: Option<Known>,
    stretch: Stretch,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    from: Timestamp,
    last: Option<Timestamp>,
    next: Option<Timestamp>,
}

/// How far windows of one kind cover the time without a break.
#[derive(Clone, Copy, Debug)]
struct Cover {
    /// So far they do.
    until: Timestamp,
    /// Beyond that, it could not be looked up.
    spent: bool,
}

impl Budget {
    fn spend(&mut self, weight: u32) -> Result<(), Spent> {
        let left = self.0.checked_sub(weight);
        self.0 = left.unwrap_or_default();
        left.map(|_| ()).ok_or(Spent)
    }
}

impl<'a> Search<'a> {
    /// A search that may look up so much. `about` is about where it will begin.
    pub(super) fn new(windows: &'a Windows, budget: u32, about: Timestamp) -> Self {
        let cursors = |windows: &'a [Window]| {
            let mut cursors: Vec<_> = windows.iter().map(|window| Cursor::new(window, about)).collect();
            // The longest first, for they lead furthest.
            cursors.sort_by_key(|cursor| std::cmp::Reverse(cursor.window.duration()));
            cursors
        };
        Self {
            allow: cursors(windows.allow()),
            deny: cursors(windows.deny()),
            budget: Budget(budget),
        }
    }

    /// How much of the budget is left.
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.budget.0
    }

    /// Whether there is a window at all.
    pub(in crate::decide) const fn has_windows(&self) -> bool {
        !self.allow.is_empty() || !self.deny.is_empty()
    }

    /// The first instant, from this one on, at which a raise may leave.
    ///
    /// # Errors
    /// When none is found, with how far was looked: as far as there is to look, or until the budget was spent.
    pub fn opens(&mut self, from: Timestamp) -> Result<Timestamp, NoneBefore> {
        let horizon = later(from, HORIZON);
        let mut at = from;
        while at < horizon {
            match self.shut(at, horizon) {
                Ok(None) => return Ok(at),
                Ok(Some(until)) => at = until,
                Err(NoneBefore(seen)) => {
                    at = seen.max(later(from, AGAIN));
                    break;
                }
            }
        }
        Err(NoneBefore(at))
    }

    /// The instant from which on a raise may not leave any more that may leave at this one, as far as is looked. None: it
    /// may leave for ever.
    pub fn closes(&mut self, at: Timestamp) -> Option<Timestamp> {
        let end = match self.end(at, later(at, CLOSING_HORIZON)) {
            Ok(end) => end?,
            Err(ProvenUntil(proven)) => proven,
        };
        Some(end.checked_sub(CLOSES_EARLY).unwrap_or(at).max(at))
    }

    /// Until when, from an instant on, a raise may certainly not leave. None: at this instant it may.
    fn shut(&mut self, at: Timestamp, horizon: Timestamp) -> Result<Option<Timestamp>, NoneBefore> {
        let denied = cover(&mut self.deny, at, horizon, &mut self.budget);
        if denied.spent {
            // What may go on denying does.
            return Err(NoneBefore(denied.until));
        }
        if denied.until > at {
            return Ok(Some(denied.until));
        }
        if !self.allow.is_empty() {
            let allowed = cover(&mut self.allow, at, later(at, NEXT_INSTANT), &mut self.budget);
            if allowed.until <= at {
                let next = first_after(&mut self.allow, at, &mut self.budget).map_err(|Spent| NoneBefore(at))?;
                return Ok(Some(next.unwrap_or(horizon)));
            }
        }
        let enough = later(at, CLOSES_EARLY + NEXT_INSTANT);
        let end = self.end(at, enough).map_err(|_| NoneBefore(at))?;
        // Too short for a raise, or about to end.
        Ok(end.filter(|end| *end < enough))
    }

    /// Until when what is open at an instant is open at least, looked for until that is enough. None: it does not end.
    fn end(&mut self, at: Timestamp, enough: Timestamp) -> Result<Option<Timestamp>, ProvenUntil> {
        let denied = first_after(&mut self.deny, at, &mut self.budget).map_err(|Spent| ProvenUntil(at))?;
        if self.allow.is_empty() {
            return Ok(denied);
        }
        let most = denied.map_or(enough, |denied| denied.min(enough));
        let allowed = cover(&mut self.allow, at, most, &mut self.budget);
        if allowed.spent && allowed.until < most {
            return Err(ProvenUntil(allowed.until));
        }
        Ok(Some(denied.map_or(allowed.until, |denied| denied.min(allowed.until))))
    }
}

impl<'a> Cursor<'a> {
    fn new(window: &'a Window, about: Timestamp) -> Self {
        Self {
            window,
            known: None,
            stretch: window.schedule().stretch(about),
        }
    }

    /// Looks up what is not known yet about an instant.
    fn seek(&mut self, at: Timestamp, budget: &mut Budget) -> Result<Known, Spent> {
        if let Some(known) = self.known.filter(|known| known.covers(at)) {
            return Ok(known);
        }
        let (schedule, duration) = (self.window.schedule(), self.window.duration());
        let not_before = at.checked_sub(duration).unwrap_or(Timestamp::MIN);
        let mut look = |look: Look| budget.spend(look.weight).map(|()| look.found);
        let last = look(schedule.last_until(at, not_before, &mut self.stretch))?;
        let next = look(schedule.first_after(at, &mut self.stretch))?;
        Ok(*self.known.insert(Known { from: at, last, next }))
    }

    /// Until when an opening lasts that has begun at an instant and has not ended. None: there is none.
    fn open_until(&mut self, at: Timestamp, budget: &mut Budget) -> Result<Option<Timestamp>, Spent> {
        let known = self.seek(at, budget)?;
        Ok(self.lasts_beyond(known, at))
    }

    /// The same by what is known already, which may be less than there is to know.
    fn surely_open_until(&self, at: Timestamp) -> Option<Timestamp> {
        self.lasts_beyond(self.known?, at)
    }

    fn lasts_beyond(&self, known: Known, at: Timestamp) -> Option<Timestamp> {
        let opened = known.last.filter(|opened| *opened <= at)?;
        Some(later(opened, self.window.duration())).filter(|end| *end > at)
    }
}

impl Known {
    fn covers(&self, at: Timestamp) -> bool {
        self.last.unwrap_or(self.from) <= at && self.next.is_none_or(|next| at < next)
    }
}

/// How long, from an instant on, one after the other of these windows is open, looked for until that is enough.
fn cover(windows: &mut [Cursor<'_>], at: Timestamp, enough: Timestamp, budget: &mut Budget) -> Cover {
    let mut until = at;
    while until < enough {
        match link(windows, until, budget) {
            Ok(Some(further)) => until = further,
            Ok(None) => return Cover { until, spent: false },
            Err(Spent) => return Cover { until, spent: true },
        }
    }
    Cover { until, spent: false }
}

/// How far a window leads that is open at an instant; what is known already is asked first.
fn link(windows: &mut [Cursor<'_>], at: Timestamp, budget: &mut Budget) -> Result<Option<Timestamp>, Spent> {
    if let Some(known) = windows.iter().filter_map(|window| window.surely_open_until(at)).max() {
        return Ok(Some(known));
    }
    for window in windows {
        if let Some(until) = window.open_until(at, budget)? {
            return Ok(Some(until));
        }
    }
    Ok(None)
}

/// The first opening of any of these windows after an instant.
fn first_after(windows: &mut [Cursor<'_>], at: Timestamp, budget: &mut Budget) -> Result<Option<Timestamp>, Spent> {
    let mut first: Option<Timestamp> = None;
    for window in windows {
        let next = window.seek(at, budget)?.next;
        first = [first, next].into_iter().flatten().min();
    }
    Ok(first)
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
