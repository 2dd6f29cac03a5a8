//! [`Windows`]: when exposure may be raised: while one Allow window is open, if any is listed, and no Deny window is.
//!
//! Everything is found as the next instant at which it changes; nothing is looked at minute by minute. How they are
//! searched, and how much of that one decision may do, is in [`super::search`].

use jiff::{SignedDuration, Timestamp};

use crate::api::{RampWindow, WindowKind};

use super::{
    InvalidRamp,
    schedule::Schedule,
    search::{DECISION, Search},
};
use crate::decide::text::{length, quoted};

/// How long before its end an opening ends for a raise: an update may leave 2 s after its fence was sent, and is given up
/// 3 s later (P1).
pub const CLOSES_EARLY: SignedDuration = SignedDuration::from_secs(5);
/// The shortest and the longest that a window may be open.
const DURATIONS: (SignedDuration, SignedDuration) = (SignedDuration::from_mins(1), super::LONGEST);

/// The windows of a ramp, parsed.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Windows {
    allow: Vec<Window>,
    deny: Vec<Window>,
}

/// One window.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Window {
    schedule: Schedule,
    duration: SignedDuration,
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
            let invalid = || InvalidRamp::Duration(quoted(&window.duration));
            let duration = length(&window.duration, DURATIONS).ok_or_else(invalid)?;
            let of_kind = match window.kind {
                WindowKind::Allow => &mut parsed.allow,
                WindowKind::Deny => &mut parsed.deny,
            };
            of_kind.push(Window { schedule, duration });
        }
        Ok(parsed)
    }

    /// A search among them with the budget of one decision, which begins about this instant.
    #[must_use]
    pub fn search(&self, about: Timestamp) -> Search<'_> {
        self.search_within(DECISION, about)
    }

    /// A search that may look up so much.
    #[must_use]
    pub fn search_within(&self, budget: u32, about: Timestamp) -> Search<'_> {
        Search::new(self, budget, about)
    }

    pub(super) fn allow(&self) -> &[Window] {
        &self.allow
    }

    pub(super) fn deny(&self) -> &[Window] {
        &self.deny
    }
}

impl Window {
    pub(super) const fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    pub(super) const fn duration(&self) -> SignedDuration {
        self.duration
    }
}
