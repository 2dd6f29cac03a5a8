//! [`Schedule`]: the instants at which a window opens, by cron in a time zone.
//!
//! The cron library finds the times on a calendar without a zone, and the zone turns each into an instant here: so what
//! happens in the two nights a year in which clocks are put forward or back is decided in one place, and no time that a
//! calendar shows is lost. A time in the gap is the end of the gap; a time that comes twice is both.

use std::sync::LazyLock;

use cronexpr::Crontab;
use jiff::{
    SignedDuration, Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase},
};

use super::InvalidRamp;

/// The time zones as they were when this was built: an image has none, and every replica and `plan` must agree.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The cron library's last-day, weekday and hash extensions are no part of cron with five fields, and neither is its own
/// field for the zone.
const FIELDS: usize = 5;

/// When a window opens.
#[derive(Clone, Debug)]
pub struct Schedule {
    text: String,
    /// On a calendar that has no zone: read as UTC.
    times: Crontab,
    zone: TimeZone,
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.zone == other.zone
    }
}

impl Schedule {
    /// Parses five fields of cron in the zone of this name.
    ///
    /// # Errors
    /// When they can't be used, or describe no day of any year; the error says what to do.
    pub fn parse(text: &str, zone: &str) -> Result<Self, InvalidRamp> {
        let zone = time_zone(zone)?;
        let invalid = || InvalidRamp::Schedule(super::quoted(text));
        if text.split_ascii_whitespace().count() != FIELDS || !text.split_ascii_whitespace().all(standard) {
            return Err(invalid());
        }
        let times = cronexpr::parse_crontab(&format!("{text} UTC")).map_err(|_| invalid())?;
        // Four years have every day that there is; which four does not matter, if 29 February is in them.
        if times.find_next(Timestamp::UNIX_EPOCH).is_err() {
            return Err(InvalidRamp::NeverFires(super::quoted(text)));
        }
        Ok(Self {
            text: text.to_owned(),
            times,
            zone,
        })
    }

    /// The first opening after an instant. None: not within about four years.
    pub(super) fn first_after(&self, after: Timestamp) -> Option<Timestamp> {
        let mut civil = self.search_from(after);
        let mut second: Option<Timestamp> = None;
        loop {
            civil = self.next_time(civil)?;
            let (first, again) = self.instants(civil)?;
            let sooner =
                |known: Option<Timestamp>, found: Timestamp| Some(known.map_or(found, |known| known.min(found)));
            if let Some(again) = again.filter(|again| *again > after) {
                second = sooner(second, again);
            }
            if first > after {
                return sooner(second, first);
            }
        }
    }

    /// The last opening in the time before an instant, that instant included.
    pub(super) fn last_within(&self, before: SignedDuration, until: Timestamp) -> Option<Timestamp> {
        let mut back = before.min(SignedDuration::from_hours(1));
        loop {
            let found = self.last_between(until.checked_sub(back).ok()?, until);
            if found.is_some() || back >= before {
                return found;
            }
            back = before.min(back.saturating_mul(8));
        }
    }

    fn last_between(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let within = |at: Timestamp| self.first_after(at).filter(|found| *found <= until);
        std::iter::successors(within(after), |found| within(*found)).last()
    }

    /// From which time on the calendar to look for openings after an instant: what comes before it may come again, in the
    /// night in which clocks are put back.
    fn search_from(&self, after: Timestamp) -> DateTime {
        let civil = self.zone.to_datetime(after);
        match self.zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Fold { before, after } => civil.checked_sub(length(after, before)).unwrap_or(civil),
            _ => civil,
        }
    }

    fn next_time(&self, civil: DateTime) -> Option<DateTime> {
        let utc = TimeZone::UTC.to_timestamp(civil).ok()?;
        self.times.find_next(utc).ok().map(|found| found.datetime())
    }

    /// The instant of a time on the calendar, and the second one if it comes twice.
    fn instants(&self, civil: DateTime) -> Option<(Timestamp, Option<Timestamp>)> {
        let at = |offset: Offset| offset.to_timestamp(civil).ok();
        match self.zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => Some((at(offset)?, None)),
            AmbiguousOffset::Fold { before, after } => Some((at(before)?, at(after))),
            AmbiguousOffset::Gap { after, .. } => {
                // The offset after the gap leads to an instant before it; what follows is the gap's end.
                let end = self.zone.following(at(after)?).next()?;
                Some((end.timestamp(), None))
            }
        }
    }
}

/// The IANA time zone of a name.
///
/// # Errors
/// When there is none.
pub fn time_zone(name: &str) -> Result<TimeZone, InvalidRamp> {
    let known = ZONES.get(name);
    known.map_err(|_| InvalidRamp::TimeZone(super::quoted(name)))
}

/// How long a time that comes twice lasts.
fn length(put_back: Offset, before: Offset) -> SignedDuration {
    SignedDuration::from_secs(i64::from(before.seconds()) - i64::from(put_back.seconds()))
}

/// Whether a field has numbers, names and the signs of cron only.
fn standard(field: &str) -> bool {
    field.split([',', '-', '/']).all(|part| {
        let number = !part.is_empty() && part.len() <= 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        let name = part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_alphabetic());
        part == "*" || number || name
    })
}
