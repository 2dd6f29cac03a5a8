//! [`ServiceTime`]: `AppConfig`'s own time, and [`Dates`]: which `Date` counts as it (P6). Exposure can only rise, so a
//! wrong time must not end a hold or open a window: one `Date` alone is no evidence of the time.
//!
//! The controller keeps one [`Dates`] per region, which accepts the `Date` of an answer or not; what a pass then knows of the
//! time is in [`super::Now`]. What is left: a service whose clock is wrong by less than 5 minutes is believed.

use std::{fmt, time::Duration};

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};

use super::Now;

/// How far a `Date` may be from this machine's clock. `SigV4` asks for no less.
pub const AGREES_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// How far a `Date` may be from what the last accepted one of its region has become since.
pub const FOLLOWS_WITHIN: SignedDuration = SignedDuration::from_secs(30);
/// How long Dates that agree with this machine's clock alone have to stand to be believed: a machine that was paused knows
/// nothing of the time that went by.
pub const BELIEVED_AFTER: Duration = Duration::from_mins(5);

/// `AppConfig`'s own time, within the bounds that an answer leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceTime {
    /// It is this, or a little later: what must not come too early goes by it.
    pub now: Timestamp,
    /// The answer of this pass was given before this: a hold of what it confirms begins here. The whole second of a `Date`
    /// must not be taken off a hold.
    pub answered: Timestamp,
}

impl ServiceTime {
    /// A time that is known exactly: of a simulated run.
    #[must_use]
    pub const fn exactly(now: Timestamp) -> Self {
        Self { now, answered: now }
    }
}

/// Why `AppConfig`'s time is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untold {
    /// No answer carried a `Date`.
    NoDate,
    /// The answer's `Date` does not count.
    Skewed(Skew),
}

/// A `Date` that does not count, and the time that speaks against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Skew {
    /// The answer's `Date`.
    pub date: Timestamp,
    /// The other time.
    pub other: Timestamp,
    /// Whose that is.
    pub by: Witness,
}

/// What speaks against a `Date`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Witness {
    /// This machine's clock.
    LocalClock,
    /// The last accepted `Date` of the region, and the time since.
    EarlierAnswers,
}

impl fmt::Display for Skew {
    /// True for one bad answer as for a wrong clock: it can't be told which of the two is wrong.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, other, by } = self;
        write!(formatter, "AppConfig's answer is dated {date}, but ")?;
        match by {
            Witness::LocalClock => write!(
                formatter,
                "this machine's clock says {other}; exposure is not raised until the two agree: if this machine's \
                 clock is wrong, correct it"
            ),
            Witness::EarlierAnswers => write!(
                formatter,
                "by earlier answers the time is {other}; exposure is not raised until the two agree, or until answers \
                 have carried such dates for 5 minutes"
            ),
        }
    }
}

/// What one region's answers were dated, as far as that tells which `Date` counts. Times beside them are since boot, on a
/// clock that no change of the wall clock moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Dates {
    /// The last one that was accepted.
    accepted: Option<Dated>,
    /// The first one of those that agree with this machine's clock and with one another, and not with the accepted one.
    candidate: Option<Dated>,
}

/// A `Date`, and when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dated {
    date: Timestamp,
    came: Duration,
}

impl Dated {
    /// What the service's clock shows by now, if this was right.
    fn by(self, now: Duration) -> Timestamp {
        let since = SignedDuration::try_from(now.saturating_sub(self.came)).unwrap_or(SignedDuration::MAX);
        self.date.checked_add(since).unwrap_or(Timestamp::MAX)
    }
}

impl Dates {
    /// Accepts the `Date` of an answer that came now, unless this machine's clock or the `Date`s before it speak against it.
    ///
    /// # Errors
    /// When it does not count: nothing may be taken from it.
    pub fn accept(&mut self, date: Timestamp, local: Timestamp, since_boot: Duration) -> Result<(), Skew> {
        let skew = |other: Timestamp, by| Skew {
            date: whole_second(date),
            other: whole_second(other),
            by,
        };
        if !within(AGREES_WITHIN, date, local) {
            self.candidate = None;
            return Err(skew(local, Witness::LocalClock));
        }
        let dated = Dated { date, came: since_boot };
        if let Some(accepted) = self.accepted {
            let expected = accepted.by(since_boot);
            if !within(FOLLOWS_WITHIN, date, expected) {
                let consistent = |first: &Dated| within(FOLLOWS_WITHIN, date, first.by(since_boot));
                let first = self.candidate.filter(consistent).unwrap_or(dated);
                self.candidate = Some(first);
                if since_boot.saturating_sub(first.came) < BELIEVED_AFTER {
                    return Err(skew(expected, Witness::EarlierAnswers));
                }
            }
        }
        (self.accepted, self.candidate) = (Some(dated), None);
        Ok(())
    }
}

fn within(bound: SignedDuration, one: Timestamp, other: Timestamp) -> bool {
    one.duration_since(other).abs() <= bound
}

fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// A time, but the later one of the two clocks when it lies further ahead of both than clocks differ: a hold that begins
/// then was begun by a clock that was wrong, and would never end. Without `AppConfig`'s time nothing tells.
pub(super) fn believable(at: Timestamp, now: &Now) -> Timestamp {
    let Ok(service) = now.service else { return at };
    let up = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil);
    let later = service.answered.max(now.local.round(up).unwrap_or(now.local));
    if at.duration_since(later) > AGREES_WITHIN {
        later
    } else {
        at
    }
}

#[cfg(test)]
mod tests;
