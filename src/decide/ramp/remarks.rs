//! [`remarks()`]: what people may not expect of the windows that they wrote, for `plan` to say beside the timeline.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::decide::text::words;

use super::{
    schedule::{Schedule, Stretch},
    windows::{Window, Windows},
};

/// How many openings are looked at to tell whether they run into each other, and for how long.
const OPENINGS: u32 = 500;
/// How many nights in which clocks are changed are told of each window.
const NIGHTS: usize = 4;
const INSTANT: SignedDuration = SignedDuration::from_nanos(1);

/// Something about one window.
#[derive(Clone, Debug, PartialEq)]
pub struct Remark {
    /// `Allow` or `Deny`.
    pub kind: &'static str,
    /// Its schedule.
    pub schedule: String,
    /// Its duration, in words.
    pub duration: String,
    /// Its zone.
    pub zone: TimeZone,
    /// From when on it is open.
    pub from: Timestamp,
    /// What is to be said.
    pub what: What,
}

/// What is to be said of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// One opening has not ended when the next begins, so that it stays open until then; none: as far as is looked.
    RunsOn(Option<Timestamp>),
    /// Clocks are changed while it is open, so that it ends at this instant at another time of the day.
    ClocksChange(Timestamp),
}

/// What is to be said of windows between two instants, each in the order of its kind.
#[must_use]
pub fn remarks(windows: &Windows, from: Timestamp, until: Timestamp) -> Vec<Remark> {
    let of_kind = |kind: &'static str, windows: &[Window]| -> Vec<Remark> {
        windows
            .iter()
            .flat_map(|window| of_window(kind, window, from, until))
            .collect()
    };
    let mut remarks = of_kind("Allow", windows.allow());
    remarks.extend(of_kind("Deny", windows.deny()));
    remarks
}

fn of_window(kind: &'static str, window: &Window, from: Timestamp, until: Timestamp) -> Vec<Remark> {
    let mut openings = Openings {
        schedule: window.schedule(),
        duration: window.duration(),
        stretch: window.schedule().stretch(from),
    };
    let mut found: Vec<(Timestamp, What)> = openings.run(from).into_iter().collect();
    found.extend(openings.through_changes(from, until).into_iter().take(NIGHTS));
    let remark = |(from, what)| Remark {
        kind,
        schedule: window.schedule().text().to_owned(),
        duration: words(window.duration()),
        zone: window.schedule().zone().clone(),
        from,
        what,
    };
    found.into_iter().map(remark).collect()
}

/// The openings of one window.
struct Openings<'a> {
    schedule: &'a Schedule,
    duration: SignedDuration,
    stretch: Stretch,
}

impl Openings<'_> {
    fn after(&mut self, at: Timestamp) -> Option<Timestamp> {
        self.schedule.first_after(at, &mut self.stretch).found
    }

    /// The opening that has begun by an instant and has not ended.
    fn open_at(&mut self, at: Timestamp) -> Option<Timestamp> {
        let after = at.checked_sub(self.duration).unwrap_or(Timestamp::MIN);
        self.schedule.last_until(at, after, &mut self.stretch).found
    }

    fn end(&self, opened: Timestamp) -> Timestamp {
        opened.checked_add(self.duration).unwrap_or(Timestamp::MAX)
    }

    /// The first run of openings, about an instant or after it, of which one begins before the one before it has ended.
    fn run(&mut self, at: Timestamp) -> Option<(Timestamp, What)> {
        let mut first = self.open_at(at).or_else(|| self.after(at))?;
        // The beginning of it.
        for _ in 0..OPENINGS {
            let Some(earlier) = self.open_at(before(first)) else {
                break;
            };
            first = earlier;
        }
        let (mut last, mut overlap) = (first, false);
        for _ in 0..OPENINGS {
            let next = self.after(last)?;
            if next < self.end(last) {
                overlap = true;
            } else if next > self.end(last) {
                if overlap {
                    return Some((first, What::RunsOn(Some(self.end(last)))));
                }
                first = next;
            }
            last = next;
        }
        overlap.then_some((first, What::RunsOn(None)))
    }

    /// The openings between two instants in which clocks are changed, if it is open no longer when they end.
    fn through_changes(&mut self, from: Timestamp, until: Timestamp) -> Vec<(Timestamp, What)> {
        let zone = self.schedule.zone();
        let begin = from.checked_sub(self.duration).unwrap_or(Timestamp::MIN);
        let changes = zone.following(begin).map(|change| change.timestamp());
        let mut found: Vec<(Timestamp, What)> = Vec::new();
        for change in changes.take_while(|change| *change <= until) {
            let Some(opened) = self.open_at(before(change)) else {
                continue;
            };
            let end = self.end(opened);
            let shifted = zone.to_offset(opened) != zone.to_offset(end);
            let known = found.iter().any(|(known, _)| *known == opened);
            if end >= from.max(change) && shifted && !known && self.open_at(end).is_none_or(|last| last <= opened) {
                found.push((opened, What::ClocksChange(end)));
            }
        }
        found
    }
}

fn before(at: Timestamp) -> Timestamp {
    at.checked_sub(INSTANT).unwrap_or(Timestamp::MIN)
}
