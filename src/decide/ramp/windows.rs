//! [`Windows`]: when exposure may be raised: while one Allow window is open, if any is listed, and no Deny window is.
//!
//! Everything is found as the next instant at which it changes; nothing is looked at minute by minute. The search is
//! bounded: windows can be written that never let anything through, and ones that take long to tell.

use jiff::{SignedDuration, Timestamp};

use crate::api::{RampWindow, WindowKind};

use super::{InvalidRamp, schedule::Schedule};
use crate::decide::desired::length;

/// How long before its end an opening ends for a raise: an update may leave 3 s after its fence was sent, and arrives at
/// most 5 s later (P1).
pub const CLOSES_EARLY: SignedDuration = SignedDuration::from_secs(8);
/// The shortest and the longest that a window may be open.
const DURATIONS: (SignedDuration, SignedDuration) = (SignedDuration::from_mins(1), super::LONGEST);
/// How far ahead an opening is looked for: every day of every year comes within it.
const HORIZON: SignedDuration = SignedDuration::from_hours(24 * 366 * 5);
/// How far ahead the end of an opening is looked for: nobody waits for one that is later, and some never end.
const CLOSING_HORIZON: SignedDuration = SignedDuration::from_hours(24);
/// How many openings and ends are looked at in one search: each day of a year that has one of each, and some.
const PATIENCE: u32 = 1_000;

/// The windows of a ramp, parsed.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Windows {
    allow: Vec<Window>,
    deny: Vec<Window>,
}

/// One window.
#[derive(Clone, Debug, PartialEq)]
struct Window {
    schedule: Schedule,
    duration: SignedDuration,
}

/// A time in which a raise may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// From when on.
    pub from: Timestamp,
    /// The instant from which on none may leave, as far as is looked; none: it does not end.
    pub until: Option<Timestamp>,
}

/// No opening was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoneBefore(
    /// As far as was looked.
    pub Timestamp,
);

/// A bounded search.
struct Search {
    left: u32,
    horizon: Timestamp,
}

impl Search {
    fn from(at: Timestamp, ahead: SignedDuration) -> Self {
        Self {
            left: PATIENCE,
            horizon: at.checked_add(ahead).unwrap_or(Timestamp::MAX),
        }
    }

    /// Whether to go on from this instant.
    fn goes_on(&mut self, at: Timestamp) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0 && at < self.horizon
    }
}

impl Windows {
    /// Parses the windows of a spec.
    ///
    /// # Errors
    /// When one can't be used; the error says what to do.
    pub fn parse(windows: &[RampWindow]) -> Result<Self, InvalidRamp> {
        let mut parsed = Self::default();
        for window in windows {
            let schedule = Schedule::parse(&window.schedule, &window.time_zone)?;
            let invalid = || InvalidRamp::Duration(super::quoted(&window.duration));
            let duration = length(&window.duration, DURATIONS).ok_or_else(invalid)?;
            let of_kind = match window.kind {
                WindowKind::Allow => &mut parsed.allow,
                WindowKind::Deny => &mut parsed.deny,
            };
            of_kind.push(Window { schedule, duration });
        }
        Ok(parsed)
    }

    /// The opening at an instant, or the next one after it.
    ///
    /// # Errors
    /// When none is found, with how far was looked.
    pub fn opening(&self, at: Timestamp) -> Result<Opening, NoneBefore> {
        if self.allow.is_empty() && self.deny.is_empty() {
            return Ok(Opening { from: at, until: None });
        }
        let mut search = Search::from(at, HORIZON);
        let mut from = at;
        loop {
            from = self.opens(from, &mut search)?;
            let Some(end) = self.closes(from) else {
                return Ok(Opening { from, until: None });
            };
            let until = end.checked_sub(CLOSES_EARLY).unwrap_or(from);
            if until > from {
                return Ok(Opening {
                    from,
                    until: Some(until),
                });
            }
            // Too short for a raise, or about to end.
            from = end;
        }
    }

    /// The first instant, from this one on, at which an Allow is open and no Deny is.
    fn opens(&self, from: Timestamp, search: &mut Search) -> Result<Timestamp, NoneBefore> {
        let mut at = from;
        while search.goes_on(at) {
            if let Some(end) = covered_until(&self.deny, at, search) {
                at = end;
            } else if self.allow.is_empty() || self.allow.iter().any(|window| window.is_open(at)) {
                return Ok(at);
            } else {
                at = first_after(&self.allow, at).ok_or(NoneBefore(search.horizon))?;
            }
        }
        Err(NoneBefore(at))
    }

    /// Until when what is open at an instant is open at least; none: it does not close.
    fn closes(&self, at: Timestamp) -> Option<Timestamp> {
        let denied = first_after(&self.deny, at);
        let allowed = if self.allow.is_empty() {
            None
        } else {
            covered_until(&self.allow, at, &mut Search::from(at, CLOSING_HORIZON))
        };
        [denied, allowed].into_iter().flatten().min()
    }
}

impl Window {
    fn is_open(&self, at: Timestamp) -> bool {
        self.open_until(at).is_some()
    }

    /// When the last of this window's openings that are open at an instant ends.
    fn open_until(&self, at: Timestamp) -> Option<Timestamp> {
        let opened = self.schedule.last_within(self.duration, at)?;
        opened.checked_add(self.duration).ok()
    }
}

/// Until when at least one of the windows is open without a break; none: none is open.
fn covered_until(windows: &[Window], at: Timestamp, search: &mut Search) -> Option<Timestamp> {
    let mut end = None;
    let mut reached = at;
    while let Some(later) = windows.iter().filter_map(|window| window.open_until(reached)).max() {
        end = Some(later);
        reached = later;
        if !search.goes_on(reached) {
            break;
        }
    }
    end
}

fn first_after(windows: &[Window], at: Timestamp) -> Option<Timestamp> {
    windows
        .iter()
        .filter_map(|window| window.schedule.first_after(at))
        .min()
}
