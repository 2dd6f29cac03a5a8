//! What may hold a raise. Each gate has a file of its own here and a variant in [`TimedGate`].
//!
//! A timed gate is asked when it opens, from an instant on. It answers a time, or that none is known. [`opens`] goes from gate
//! to gate until all of them are open at one time; the last one that put it off is the one that the status names. Gates that
//! look something up share the budget of one decision, and one that has none left is closed.
//!
//! Which gates a raise has to pass is in [`next_raise`](super::ramp::next_raise), and what follows from their answers is
//! [`NextRaise`](super::ramp::next_raise::NextRaise).

mod hold;
mod windows;

pub use hold::Hold;
pub use windows::OpenWindows;

use jiff::Timestamp;

use crate::api::{Exposure, WaitingFor};

use super::{
    findings::Finding,
    ramp::{position::RampPosition, search::NoneBefore},
};

/// A gate that opens and closes with time.
#[derive(Debug)]
pub enum TimedGate<'s, 'w> {
    /// The hold of the live exposure.
    Hold(Hold),
    /// The windows of the ramp.
    Windows(OpenWindows<'s, 'w>),
}

/// When timed gates are all open for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// They are open at the instant that was asked about.
    Now,
    /// They are open at a later instant.
    At {
        /// That instant.
        at: Timestamp,
        /// The gate that is closed until then.
        gate: WaitingFor,
    },
    /// No time is known at which they are.
    NotKnown {
        /// The gate for which none is known.
        gate: WaitingFor,
        /// As far as was looked: from there on is to be looked again.
        seen: Timestamp,
    },
}

impl TimedGate<'_, '_> {
    /// What the status names when this gate holds a raise.
    #[must_use]
    pub const fn waiting_for(&self) -> WaitingFor {
        match self {
            Self::Hold(_) => WaitingFor::Hold,
            Self::Windows(_) => WaitingFor::Window,
        }
    }

    /// The first instant, from this one on, at which it is open. Asked about its own answer, it gives it again.
    ///
    /// # Errors
    /// When no such time is known, with how far was looked.
    pub fn opens(&mut self, from: Timestamp) -> Result<Timestamp, NoneBefore> {
        match self {
            Self::Hold(hold) => Ok(hold.opens(from)),
            Self::Windows(windows) => windows.opens(from),
        }
    }

    /// The instant from which on it is closed again, when it is open at this one. `None` when it stays open.
    pub fn closes(&mut self, at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Hold(_) => None,
            Self::Windows(windows) => windows.closes(at),
        }
    }

    /// Whether it takes the time to tell that it is open.
    #[must_use]
    pub fn needs_time(&self) -> bool {
        match self {
            Self::Hold(hold) => hold.needs_time(),
            Self::Windows(windows) => windows.needs_time(),
        }
    }
}

impl WaitingFor {
    /// What has to come about for a raise to leave: the end of a sentence.
    #[must_use]
    pub const fn opens_when(self) -> &'static str {
        match self {
            Self::Hold => "the hold is over",
            Self::Window => "a window opens",
        }
    }
}

/// What the conditions tell while this gate holds the raise of a ramp. `opens` is `None` when no time is known.
#[must_use]
pub fn finding(gate: WaitingFor, position: &RampPosition, next: Exposure, opens: Option<Timestamp>) -> Finding {
    let live = position.live;
    match (gate, opens) {
        (WaitingFor::Hold, Some(until)) => Finding::RampHolding {
            live,
            next,
            until,
            hold: position.hold,
        },
        // A hold has an end, so only a window can have none.
        (WaitingFor::Hold | WaitingFor::Window, opens) => Finding::RampWaiting { live, next, opens },
    }
}

/// The first instant, from this one on, at which all of these are open. Of gates that open at the same time, the earlier in
/// the list is named.
#[must_use]
pub fn opens(gates: &mut [TimedGate<'_, '_>], from: Timestamp) -> Opening {
    let mut at = from;
    let mut last_moved = None;
    loop {
        for (place, gate) in gates.iter_mut().enumerate() {
            if let Some((moved, gate)) = last_moved
                && moved == place
            {
                // All others have been asked since, and are open. To ask this one again would spend look-ups.
                return Opening::At { at, gate };
            }
            let named = gate.waiting_for();
            match gate.opens(at) {
                Ok(opens) if opens > at => {
                    at = opens;
                    last_moved = Some((place, named));
                }
                Ok(_) => {}
                Err(NoneBefore(seen)) => return Opening::NotKnown { gate: named, seen },
            }
        }
        if last_moved.is_none() {
            return Opening::Now;
        }
    }
}

/// The first instant at which one of these closes that are all open at this one. `None` when they stay open.
#[must_use]
pub fn closes(gates: &mut [TimedGate<'_, '_>], at: Timestamp) -> Option<Timestamp> {
    gates.iter_mut().filter_map(|gate| gate.closes(at)).min()
}

/// Whether it takes the time to tell that all of these are open.
#[must_use]
pub fn need_time(gates: &[TimedGate<'_, '_>]) -> bool {
    gates.iter().any(TimedGate::needs_time)
}

#[cfg(test)]
mod tests;
