//! [`Calendar`]: the times that cron with five fields describes, on a calendar that has no zone.
//!
//! Own code, because no crate that goes with jiff finds the time *before* a time, says what a look-up costs or bounds it:
//! cronexpr, which the tests hold this against, steps from minute to minute and from day to day, and looks for 29 February
//! at a hundred times the price of the next minute. Here each field is a set of bits, so a look-up costs one step and one
//! more for each month that it passes over.

use jiff::civil::{Date, DateTime};

use crate::decide::text::quoted;

use super::InvalidRamp;

/// The minutes, hours and days that cron describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Calendar {
    minutes: u64,
    hours: u64,
    days_of_month: u64,
    months: u64,
    /// From Sunday, bit 0, to Saturday.
    days_of_week: u64,
    /// A day must be of both day fields: one of them starts with an asterisk. Else either is enough.
    both: bool,
}

/// A time, if there is one, and how many months were looked at.
pub(super) type Found = (Option<DateTime>, u32);

/// One of the five fields.
struct Field {
    least: u8,
    most: u8,
    /// The last value that is not another name of the first: Sunday is 0 and 7.
    last: u8,
    names: &'static [&'static str],
}

const MINUTE: Field = Field::of_numbers(0, 59);
const HOUR: Field = Field::of_numbers(0, 23);
const DAY_OF_MONTH: Field = Field::of_numbers(1, 31);
const MONTH: Field = Field {
    names: &[
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ],
    ..Field::of_numbers(1, 12)
};
const DAY_OF_WEEK: Field = Field {
    last: 6,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    ..Field::of_numbers(0, 7)
};

/// Why a field can't be used.
enum Unusable {
    /// It is no cron.
    Malformed,
    /// A range of it runs backwards.
    Backwards { range: String, instead: String },
}

impl Calendar {
    /// Parses five fields.
    ///
    /// # Errors
    /// When they are not cron; the error says what to do.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidRamp> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = *fields else {
            return Err(InvalidRamp::Schedule(quoted(text)));
        };
        let bits = |field: &Field, part: &str| {
            field.bits(part).map_err(|unusable| match unusable {
                Unusable::Malformed => InvalidRamp::Schedule(quoted(text)),
                Unusable::Backwards { range, instead } => InvalidRamp::Backwards {
                    schedule: quoted(text),
                    range,
                    instead,
                },
            })
        };
        let days_of_week = bits(&DAY_OF_WEEK, weekday)?;
        Ok(Self {
            minutes: bits(&MINUTE, minute)?,
            hours: bits(&HOUR, hour)?,
            days_of_month: bits(&DAY_OF_MONTH, day)?,
            months: bits(&MONTH, month)?,
            days_of_week: (days_of_week | days_of_week >> 7) & 0x7f,
            both: day.starts_with('*') || weekday.starts_with('*'),
        })
    }

    /// The first time from one on, that one included, that is not in a month after the limit's.
    pub(super) fn next(&self, from: DateTime, limit: DateTime) -> Found {
        let (mut year, mut month) = (from.year(), from.month());
        let today = self.days(year, month) >> from.day() & 1 == 1;
        let later_today = || self.next_in_day(bit(from.hour()), bit(from.minute()));
        if let Some((hour, minute)) = today.then(later_today).flatten() {
            return (time(from.date(), hour, minute), 1);
        }
        let mut days = above(self.days(year, month), bit(from.day()) + 1);
        let mut looked_at = 1;
        loop {
            if let (Some(day), Some((hour, minute))) = (lowest(days), self.next_in_day(0, 0)) {
                let date = Date::new(year, month, day).ok();
                return (date.and_then(|date| time(date, hour, minute)), looked_at);
            }
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            if (year, month) > (limit.year(), limit.month()) {
                return (None, looked_at);
            }
            days = self.days(year, month);
            looked_at += 1;
        }
    }

    /// The last time up to one, that one included, that is not in a month before the limit's.
    pub(super) fn previous(&self, until: DateTime, limit: DateTime) -> Found {
        let (mut year, mut month) = (until.year(), until.month());
        let today = self.days(year, month) >> until.day() & 1 == 1;
        let earlier_today = || self.previous_in_day(bit(until.hour()), bit(until.minute()));
        if let Some((hour, minute)) = today.then(earlier_today).flatten() {
            return (time(until.date(), hour, minute), 1);
        }
        let mut days = below(self.days(year, month), bit(until.day()));
        let mut looked_at = 1;
        loop {
            if let (Some(day), Some((hour, minute))) = (highest(days), self.previous_in_day(23, 59)) {
                let date = Date::new(year, month, day).ok();
                return (date.and_then(|date| time(date, hour, minute)), looked_at);
            }
            (year, month) = if month == 1 { (year - 1, 12) } else { (year, month - 1) };
            if (year, month) < (limit.year(), limit.month()) {
                return (None, looked_at);
            }
            days = self.days(year, month);
            looked_at += 1;
        }
    }

    /// The days of a month, each as the bit of its number. None where the calendar ends.
    fn days(&self, year: i16, month: i8) -> u64 {
        if self.months >> bit(month) & 1 == 0 {
            return 0;
        }
        let Ok(first) = Date::new(year, month, 1) else { return 0 };
        let weekday = bit(first.weekday().to_sunday_zero_offset());
        // One week that begins with the weekday of the first, five times over, from bit 1 on.
        let week = (self.days_of_week >> weekday | self.days_of_week << (7 - weekday)) & 0x7f;
        let of_week = (0..5).fold(0, |weeks, nth| weeks | week << (7 * nth + 1));
        let all = below(u64::MAX, bit(first.days_in_month()) + 1) & !1;
        let days = if self.both {
            self.days_of_month & of_week
        } else {
            self.days_of_month | of_week
        };
        days & all
    }

    fn next_in_day(&self, hour: u32, minute: u32) -> Option<(i8, i8)> {
        let this_hour = lowest(above(self.minutes, minute)).filter(|_| self.hours >> hour & 1 == 1);
        if let (Some(minute), Ok(hour)) = (this_hour, i8::try_from(hour)) {
            return Some((hour, minute));
        }
        Some((lowest(above(self.hours, hour + 1))?, lowest(self.minutes)?))
    }

    fn previous_in_day(&self, hour: u32, minute: u32) -> Option<(i8, i8)> {
        let this_hour = highest(below(self.minutes, minute + 1)).filter(|_| self.hours >> hour & 1 == 1);
        if let (Some(minute), Ok(hour)) = (this_hour, i8::try_from(hour)) {
            return Some((hour, minute));
        }
        Some((highest(below(self.hours, hour))?, highest(self.minutes)?))
    }
}

impl Field {
    const fn of_numbers(least: u8, most: u8) -> Self {
        Self {
            least,
            most,
            last: most,
            names: &[],
        }
    }

    /// The values of a list of values, ranges and steps.
    fn bits(&self, list: &str) -> Result<u64, Unusable> {
        let mut bits = 0;
        for item in list.split(',') {
            let (range, step) = match item.split_once('/') {
                Some((range, step)) => (
                    range,
                    Some(number(step).filter(|step| *step > 0).ok_or(Unusable::Malformed)?),
                ),
                None => (item, None),
            };
            let (low, high) = match range.split_once('-') {
                Some((low, high)) => self.range(low, high, step)?,
                None if range == "*" => (self.least, self.most),
                // As cron has it: from there on in steps.
                None if step.is_some() => (self.value(range)?, self.most),
                None => (self.value(range)?, self.value(range)?),
            };
            // As in a CronJob of Kubernetes, a step that leads out of the range leaves its beginning.
            for value in (low..=high).step_by(usize::from(step.unwrap_or(1))) {
                bits |= 1 << value;
            }
        }
        Ok(bits)
    }

    fn range(&self, from: &str, to: &str, step: Option<u8>) -> Result<(u8, u8), Unusable> {
        let (low, high) = (self.value(from)?, self.value(to)?);
        if low <= high {
            return Ok((low, high));
        }
        let word = |value: u8| {
            let name = self.names.get(usize::from(value - self.least));
            name.filter(|_| number(from).is_none())
                .map_or_else(|| value.to_string(), |name| (*name).to_owned())
        };
        let part = |low: u8, high: u8| {
            if low == high {
                word(low)
            } else {
                format!("{}-{}", word(low), word(high))
            }
        };
        let around = (low..=self.last).chain(self.least..=high);
        let instead = match step {
            None => format!("{},{}", part(low, self.last), part(self.least, high)),
            Some(step) => around
                .step_by(usize::from(step))
                .map(word)
                .collect::<Vec<_>>()
                .join(","),
        };
        let range = format!("{from}-{to}");
        Err(Unusable::Backwards { range, instead })
    }

    /// A number or a name.
    fn value(&self, text: &str) -> Result<u8, Unusable> {
        let named = || {
            let at = self.names.iter().position(|name| name.eq_ignore_ascii_case(text))?;
            Some(u8::try_from(at).ok()? + self.least)
        };
        let value = number(text).or_else(named);
        value
            .filter(|value| (self.least..=self.most).contains(value))
            .ok_or(Unusable::Malformed)
    }
}

/// A number in digits. One that is too large for every field is as good as another.
fn number(text: &str) -> Option<u8> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u8::MAX))
}

/// What a clock shows on a day.
fn time(date: Date, hour: i8, minute: i8) -> Option<DateTime> {
    let time = jiff::civil::Time::new(hour, minute, 0, 0).ok()?;
    Some(date.to_datetime(time))
}

/// A part of a date or a time, none of which is negative, as the number of a bit.
fn bit(part: i8) -> u32 {
    u32::from(part.unsigned_abs())
}

/// The bits from this one on.
fn above(bits: u64, least: u32) -> u64 {
    bits & u64::MAX.checked_shl(least).unwrap_or_default()
}

/// The bits below this one.
fn below(bits: u64, end: u32) -> u64 {
    bits & !u64::MAX.checked_shl(end).unwrap_or_default()
}

fn lowest(bits: u64) -> Option<i8> {
    (bits != 0)
        .then_some(bits.trailing_zeros())
        .and_then(|at| i8::try_from(at).ok())
}

fn highest(bits: u64) -> Option<i8> {
    bits.checked_ilog2().and_then(|at| i8::try_from(at).ok())
}
