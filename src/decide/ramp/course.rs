//! Where a ramp stands, and what comes next: which raise, not before when, and what it waits for.

use jiff::{SignedDuration, Timestamp};

use crate::api::{Exposure, WaitingFor};

use super::{
    Ramp,
    search::{NoneBefore, Search},
};

/// What is live, since when, and for how long it is held at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stand {
    /// The live exposure.
    pub live: Exposure,
    /// When `AppConfig` confirmed it.
    pub since: Timestamp,
    /// The hold in force.
    pub hold: SignedDuration,
}

/// The next raise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coming {
    /// The exposure to raise to.
    pub to: Exposure,
    /// When it may leave at the earliest. None: no window opens as far as was looked.
    pub not_before: Option<Timestamp>,
    /// From when on it may not leave any more; none: no window closes.
    pub until: Option<Timestamp>,
    /// What it waits for; none: it may leave now.
    pub waiting_for: Option<WaitingFor>,
    /// When this may change by itself.
    pub changes_at: Option<Timestamp>,
}

impl Ramp {
    /// The next raise, as it looks now. None: live is at the target, or above it.
    #[must_use]
    pub fn coming(&self, stand: &Stand, target: Exposure, now: Timestamp, search: &mut Search<'_>) -> Option<Coming> {
        let to = self.next(stand.live, target)?;
        // What is not held waits for no second of a clock either.
        let held_until = if stand.hold.is_zero() {
            stand.since.min(now)
        } else {
            stand.since.checked_add(stand.hold).unwrap_or(Timestamp::MAX)
        };
        let coming = |not_before, until, waiting_for, changes_at| Coming {
            to,
            not_before,
            until,
            waiting_for,
            changes_at,
        };
        Some(match search.opens(held_until.max(now)) {
            Ok(from) if from <= now => {
                let until = search.closes(from);
                coming(Some(held_until), until, None, until)
            }
            Ok(from) if from == held_until => coming(Some(from), None, Some(WaitingFor::Hold), Some(from)),
            Ok(from) => coming(Some(from), None, Some(WaitingFor::Window), Some(from)),
            Err(NoneBefore(seen)) => coming(None, None, Some(WaitingFor::Window), Some(seen)),
        })
    }

    /// When the target is reached at the earliest, if the next raise leaves at this time. None: no window opens as far as is
    /// looked, with what the search has left to look up.
    #[must_use]
    pub fn completes_at(
        &self,
        next: Exposure,
        at: Timestamp,
        target: Exposure,
        search: &mut Search<'_>,
    ) -> Option<Timestamp> {
        let mut stand = self.stand(next, target, at);
        while let Some(to) = self.next(stand.live, target) {
            let held_until = stand.since.checked_add(stand.hold).unwrap_or(Timestamp::MAX);
            stand = self.stand(to, target, search.opens(held_until).ok()?);
        }
        Some(stand.since)
    }

    /// An exposure as a ramp has just reached it.
    #[must_use]
    pub fn stand(&self, live: Exposure, target: Exposure, since: Timestamp) -> Stand {
        Stand {
            live,
            since,
            hold: self.hold(live, target, SignedDuration::ZERO),
        }
    }
}
