//! A ramp: which exposure comes next, how long the live one is held, and when a raise may leave (design: Ramps).
//!
//! In this room a ramp is a function of what is live and since when; nothing counts steps. [`Ramp`] is the spec's, parsed
//! once into types that can't be wrong; [`position`] is where it stands, and [`next_raise`] what comes next and which of
//! `decide/gates` holds it; [`search`] looks when [`windows`] are open; [`remarks`] is what `plan` says of windows beside a
//! timeline. What a pass makes of it is in `decide/advance.rs`.

mod calendar;
pub mod next_raise;
pub mod position;
pub mod remarks;
pub mod schedule;
pub mod search;
pub mod windows;

use jiff::SignedDuration;

use crate::api::{Exposure, Ramp as RampSpec};

use windows::Windows;

use super::text::{length, quoted};

/// The longest hold, and the longest that a window may be open: a leap year.
const LONGEST: SignedDuration = SignedDuration::from_hours(8784);
const HOLDS: (SignedDuration, SignedDuration) = (SignedDuration::from_secs(1), LONGEST);
/// How many steps a ramp may have.
pub const STEPS: usize = 50;
/// How many windows a ramp may have.
const WINDOWS: usize = 20;

/// A ramp that can be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Ramp {
    /// None: the spec lists none, which is something else than an empty list.
    steps: Option<Vec<RampStep>>,
    windows: Windows,
}

/// An exposure on the way, and how long it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RampStep {
    exposure: Exposure,
    hold: SignedDuration,
}

/// A ramp that can't be used, for a cause that admission could not see. Each message says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRamp {
    /// There is nothing that the ramp leads to.
    #[error("a ramp needs a target: set spec.exposurePercentage beside spec.ramp, or remove spec.ramp")]
    NoTarget,
    /// Neither steps nor windows.
    #[error("spec.ramp has neither steps nor windows: to go to the target at once, set ramp: {{steps: []}}")]
    Empty,
    /// More steps or windows than there may be.
    #[error("spec.ramp has more than {STEPS} steps or {WINDOWS} windows: remove some")]
    TooMany,
    /// Two steps of one exposure, or one below the step before it.
    #[error(
        "the step of {0} % in spec.ramp.steps is not above the one before it: sort the steps by exposurePercentage and give \
         each exposure once (as a 32-bit float)"
    )]
    NotRising(Exposure),
    /// The hold is no duration, or out of bounds.
    #[error("the hold {0} in spec.ramp.steps is not a duration from 1s to 8784h, such as 90s, 30m or 48h")]
    Hold(String),
    /// The duration of a window is none, or out of bounds.
    #[error("the duration {0} in spec.ramp.windows is not a duration from 1m to 8784h, such as 30m, 7h or 336h")]
    Duration(String),
    /// The schedule is no cron.
    #[error(
        "the schedule {0} in spec.ramp.windows is not cron with five fields (minute 0-59, hour 0-23, day of month 1-31, month \
         1-12 or JAN-DEC, day of week 0-7 or SUN-SAT): write it as 0 9 * * MON-THU"
    )]
    Schedule(String),
    /// A range of the schedule runs backwards.
    #[error("the range {range} of the schedule {schedule} in spec.ramp.windows runs backwards: write it as {instead}")]
    Backwards {
        /// The schedule.
        schedule: String,
        /// The range.
        range: String,
        /// What to write for it.
        instead: String,
    },
    /// The schedule describes no day.
    #[error(
        "the schedule {0} in spec.ramp.windows never occurs, or less than once in four years: correct its day of \
         month and month"
    )]
    NeverFires(String),
    /// The time zone is not known.
    #[error(
        "the timeZone {0} in spec.ramp.windows is not in the IANA time zone database: write it as Europe/Berlin or UTC"
    )]
    TimeZone(String),
}

impl Ramp {
    /// Parses the ramp of a spec.
    ///
    /// # Errors
    /// When it can't be used; the error says what to do.
    pub fn parse(ramp: &RampSpec) -> Result<Self, InvalidRamp> {
        if ramp.steps.is_none() && ramp.windows.is_empty() {
            return Err(InvalidRamp::Empty);
        }
        if ramp.steps.iter().flatten().count() > STEPS || ramp.windows.len() > WINDOWS {
            return Err(InvalidRamp::TooMany);
        }
        let steps = ramp.steps.as_ref().map(|steps| {
            let step = |step: &crate::api::RampStep| {
                let hold = length(&step.hold, HOLDS).ok_or_else(|| InvalidRamp::Hold(quoted(&step.hold)))?;
                Ok(RampStep {
                    exposure: step.exposure_percentage,
                    hold,
                })
            };
            steps.iter().map(step).collect::<Result<Vec<_>, InvalidRamp>>()
        });
        let steps = steps.transpose()?;
        let pairs = steps.iter().flat_map(|steps| steps.iter().zip(steps.iter().skip(1)));
        if let Some((_, falls)) = pairs.clone().find(|(one, next)| one.exposure >= next.exposure) {
            return Err(InvalidRamp::NotRising(falls.exposure));
        }
        Ok(Self {
            steps,
            windows: Windows::parse(&ramp.windows)?,
        })
    }

    /// The exposure that comes after the live one: the smallest step above it, cut at the target; after the last step, the
    /// target. None: live is at the target, or above it.
    #[must_use]
    pub fn next(&self, live: Exposure, target: Exposure) -> Option<Exposure> {
        let step = self.steps().iter().map(|step| step.exposure).find(|step| *step > live);
        Some(step.map_or(target, |step| step.min(target))).filter(|next| *next > live)
    }

    /// How long an exposure is held on the way to a target; steps above the target are none. `floor` is the hold that was
    /// in force when it was reached, or since: only a step at exactly this exposure, or the release of the ramp, makes it
    /// shorter.
    #[must_use]
    pub fn hold(&self, live: Exposure, target: Exposure, floor: SignedDuration) -> SignedDuration {
        if self.is_released() {
            return SignedDuration::ZERO;
        }
        let within = self.steps().iter().take_while(|step| step.exposure <= target);
        let steps = self.steps().get(..within.count()).unwrap_or_default();
        let above = match steps.binary_search_by_key(&live, |step| step.exposure) {
            Ok(at) => return steps.get(at).map_or(floor, |step| step.hold),
            Err(above) => above,
        };
        // Between two steps, the longer hold of the two; above the last, its own; below the first, none.
        let below = above.checked_sub(1).and_then(|below| steps.get(below));
        let neighbours = below.map(|below| steps.get(above).map_or(below.hold, |above| above.hold.max(below.hold)));
        neighbours.unwrap_or_default().max(floor)
    }

    /// Whether the spec lists steps and has none: to the target at once.
    fn is_released(&self) -> bool {
        self.steps.as_ref().is_some_and(Vec::is_empty)
    }

    fn steps(&self) -> &[RampStep] {
        self.steps.as_deref().unwrap_or_default()
    }

    /// When a raise may leave.
    #[must_use]
    pub const fn windows(&self) -> &Windows {
        &self.windows
    }

    /// Which step an exposure is, from 1, and how many there are.
    pub(super) fn step_of(&self, exposure: Exposure) -> Option<(usize, usize)> {
        let at = self.steps().iter().position(|step| step.exposure == exposure)?;
        Some((at + 1, self.steps().len()))
    }
}

#[cfg(test)]
mod tests;
