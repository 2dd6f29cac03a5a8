//! [`NextRaise`]: to which exposure a ramp rises next, when that may leave, and which gate holds it until then.

use jiff::{SignedDuration, Timestamp};

use crate::{
    api::{Exposure, WaitingFor},
    decide::{
        gates::{self, Hold, OpenWindows, Opening, TimedGate},
        service_time::Untold,
    },
};

use super::{Ramp, position::RampPosition, search::Search};

/// The next raise. Each case says one thing, and is all that is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextRaise {
    /// No raise is left to a ramp: live is at the target or above it, the run has ended, or there is no ramp.
    NoneLeft,
    /// It may leave now.
    Due {
        /// The exposure to raise to.
        to: Exposure,
        /// From when on it may not leave any more. `None` when no gate closes.
        until: Option<Timestamp>,
    },
    /// It may leave at a time that is known.
    Waiting {
        /// The exposure to raise to.
        to: Exposure,
        /// That time.
        at: Timestamp,
        /// What holds it until then.
        gate: WaitingFor,
    },
    /// It may not leave, and no time is known at which it may.
    Shut {
        /// The exposure to raise to.
        to: Exposure,
        /// What holds it.
        gate: WaitingFor,
        /// When to look again.
        recheck: Timestamp,
    },
    /// It may not leave: that takes `AppConfig`'s time, which is not known.
    NoClock {
        /// The exposure to raise to.
        to: Exposure,
        /// Why it is not known.
        untold: Untold,
    },
    /// It never leaves: the ramp was removed before it reached its target.
    Removed {
        /// The exposure that the spec asks for.
        target: Exposure,
    },
}

impl NextRaise {
    /// The exposure to raise to. `None` when no ramp leads to one.
    #[must_use]
    pub const fn to(&self) -> Option<Exposure> {
        match *self {
            Self::Due { to, .. } | Self::Waiting { to, .. } | Self::Shut { to, .. } | Self::NoClock { to, .. } => {
                Some(to)
            }
            Self::NoneLeft | Self::Removed { .. } => None,
        }
    }

    /// The gate that holds it. `None` when none does.
    #[must_use]
    pub const fn waiting_for(&self) -> Option<WaitingFor> {
        match *self {
            Self::Waiting { gate, .. } | Self::Shut { gate, .. } => Some(gate),
            Self::NoneLeft | Self::Due { .. } | Self::NoClock { .. } | Self::Removed { .. } => None,
        }
    }

    /// From when on it may not leave any more that may leave now. `None` when it is not due, or no gate closes.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        match *self {
            Self::Due { until, .. } => until,
            _ => None,
        }
    }

    /// When this may change by itself. `None` when it does not.
    #[must_use]
    pub const fn changes_at(&self) -> Option<Timestamp> {
        match *self {
            Self::Due { until, .. } => until,
            Self::Waiting { at, .. } => Some(at),
            Self::Shut { recheck, .. } => Some(recheck),
            Self::NoneLeft | Self::NoClock { .. } | Self::Removed { .. } => None,
        }
    }
}

impl Ramp {
    /// The next raise, as it looks now.
    #[must_use]
    pub fn next_raise(
        &self,
        position: &RampPosition,
        target: Exposure,
        now: Timestamp,
        search: &mut Search<'_>,
    ) -> NextRaise {
        let Some(to) = self.next(position.live, target) else {
            return NextRaise::NoneLeft;
        };
        let mut gates = gates(position, search);
        match gates::opens(&mut gates, now) {
            Opening::Now => NextRaise::Due {
                to,
                until: gates::closes(&mut gates, now),
            },
            Opening::At { at, gate } => NextRaise::Waiting { to, at, gate },
            Opening::NotKnown { gate, seen } => NextRaise::Shut {
                to,
                gate,
                recheck: seen,
            },
        }
    }

    /// The next raise while `AppConfig`'s time is not known. `floor` is the hold that was in force when live was reached;
    /// `local` is this machine's time, which opens nothing.
    #[must_use]
    pub fn next_raise_without_time(
        &self,
        (live, floor): (Exposure, SignedDuration),
        target: Exposure,
        local: Timestamp,
        untold: Untold,
    ) -> NextRaise {
        let Some(to) = self.next(live, target) else {
            return NextRaise::NoneLeft;
        };
        let position = RampPosition {
            live,
            since: local,
            hold: self.hold(live, target, floor),
        };
        if gates::need_time(&gates(&position, &mut self.windows().search(local))) {
            NextRaise::NoClock { to, untold }
        } else {
            NextRaise::Due { to, until: None }
        }
    }

    /// When the target is reached at the earliest, if the next raise leaves at this time. `None` when no such time is found
    /// with what the search has left to look up.
    #[must_use]
    pub fn completes_at(
        &self,
        next: Exposure,
        at: Timestamp,
        target: Exposure,
        search: &mut Search<'_>,
    ) -> Option<Timestamp> {
        let mut position = self.position(next, target, at);
        while let Some(to) = self.next(position.live, target) {
            let leaves = match gates::opens(&mut gates(&position, search), position.since) {
                Opening::Now => position.since,
                Opening::At { at, .. } => at,
                Opening::NotKnown { .. } => return None,
            };
            position = self.position(to, target, leaves);
        }
        Some(position.since)
    }
}

/// The gates that a raise from this position has to pass.
const fn gates<'s, 'w>(position: &RampPosition, search: &'s mut Search<'w>) -> [TimedGate<'s, 'w>; 2] {
    [
        TimedGate::Hold(Hold {
            since: position.since,
            length: position.hold,
        }),
        TimedGate::Windows(OpenWindows(search)),
    ]
}
