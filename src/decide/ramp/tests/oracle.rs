//! Windows against an oracle that is slow and simple: every minute that every clock shows is asked whether a window opens
//! at it, and every five seconds whether a raise may leave. Over weeks about the nights in which clocks change.

use cronexpr::Crontab;
use jiff::{
    SignedDuration, Timestamp, ToSpan,
    tz::{AmbiguousOffset, TimeZone},
};
use proptest::prelude::*;

use super::{at, schedules::fields};
use crate::decide::{
    ramp::{
        remarks::remarks,
        schedule::time_zone,
        search::{DECISION, NoneBefore},
        windows::{CLOSES_EARLY, Windows},
    },
    tests::properties::cases,
};

/// About which time the weeks lie, and the zone whose clocks are changed then.
const NIGHTS: [(&str, &str); 12] = [
    ("Europe/Berlin", "2026-03-29T01:00:00Z"),
    ("Europe/Berlin", "2026-10-25T01:00:00Z"),
    ("America/New_York", "2026-03-08T07:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
    ("Asia/Beirut", "2026-03-28T22:00:00Z"),
    ("America/Santiago", "2026-09-06T04:00:00Z"),
    ("Africa/Casablanca", "2026-02-15T02:00:00Z"),
    // A whole day was left out.
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),
    ("Europe/Berlin", "2040-10-28T01:00:00Z"),
    ("UTC", "2028-02-29T00:00:00Z"),
];
const DURATIONS: [i64; 11] = [60, 65, 70, 115, 1800, 3600, 32_400, 86_400, 93_600, 172_800, 604_800];
const WEEKS: i64 = 3 * 7 * 86_400;
/// What is looked at: no duration has anything smaller.
const SLOT: i64 = 5;

/// One window in numbers.
#[derive(Clone, Debug)]
struct Numbers {
    allows: bool,
    schedule: String,
    seconds: i64,
    zone: &'static str,
}

impl Numbers {
    fn spec(&self) -> [String; 4] {
        let kind = if self.allows { "Allow" } else { "Deny" };
        [
            kind.to_owned(),
            self.schedule.clone(),
            format!("{}s", self.seconds),
            self.zone.to_owned(),
        ]
    }

    /// Every second at which it opens, from so much before the weeks on that it may still be open in them.
    fn openings(&self, begin: i64) -> Vec<i64> {
        let times = cronexpr::parse_crontab(&format!("{} UTC", self.schedule)).unwrap();
        let zone = time_zone(self.zone).unwrap();
        let first = (begin - self.seconds).div_euclid(60) - 2 * 1440;
        let last = (begin + WEEKS).div_euclid(60) + 2 * 1440;
        (first..last)
            .flat_map(|minute| instants(&times, &zone, minute * 60))
            .collect()
    }
}

/// At which instants a zone's clock shows this second of the calendar, if cron has it.
fn instants(times: &Crontab, zone: &TimeZone, second: i64) -> Vec<i64> {
    let shown = Timestamp::from_second(second).unwrap();
    if !times.matches(shown).unwrap() {
        return Vec::new();
    }
    match zone.to_ambiguous_timestamp(TimeZone::UTC.to_datetime(shown)).offset() {
        AmbiguousOffset::Unambiguous { offset } => vec![second - i64::from(offset.seconds())],
        AmbiguousOffset::Fold { before, after } => {
            vec![
                second - i64::from(before.seconds()),
                second - i64::from(after.seconds()),
            ]
        }
        AmbiguousOffset::Gap { before, after } => {
            // The first second that is shown after the gap.
            let mut end = second - i64::from(after.seconds());
            while zone.to_offset(Timestamp::from_second(end).unwrap()) == before {
                end += 60;
            }
            vec![end]
        }
    }
}

/// The times within the weeks in which a raise may leave, as first second and the one after the last.
fn open(family: &[Numbers], begin: i64) -> Vec<(i64, i64)> {
    let slots = usize::try_from(WEEKS / SLOT).unwrap();
    let covered = |allows: bool| {
        let mut edges = vec![0_i32; slots + 1];
        for window in family.iter().filter(|window| window.allows == allows) {
            for opening in window.openings(begin) {
                let slot = |second: i64| usize::try_from(((second - begin) / SLOT).clamp(0, WEEKS / SLOT)).unwrap();
                edges[slot(opening)] += 1;
                edges[slot(opening + window.seconds)] -= 1;
            }
        }
        edges
            .iter()
            .scan(0, |open, edge| {
                Some({
                    *open += edge;
                    *open > 0
                })
            })
            .take(slots)
            .collect::<Vec<bool>>()
    };
    let (allowed, denied) = (covered(true), covered(false));
    let any_allow = family.iter().any(|window| window.allows);
    let mut times: Vec<(i64, i64)> = Vec::new();
    for (second, (allowed, denied)) in (begin..).step_by(5).zip(allowed.iter().zip(&denied)) {
        if (any_allow && !allowed) || *denied {
            continue;
        }
        match times.last_mut() {
            Some(last) if last.1 == second => last.1 += SLOT,
            _ => times.push((second, second + SLOT)),
        }
    }
    times
}

/// The first of them from a second on that is long enough for a raise.
fn first_from(open: &[(i64, i64)], at: i64) -> Option<(i64, i64)> {
    let rest = open
        .iter()
        .map(|(from, until)| ((*from).max(at), until - CLOSES_EARLY.as_secs()));
    rest.filter(|(from, until)| from < until).min()
}

fn family() -> impl Strategy<Value = (Vec<Numbers>, i64)> {
    let window = |night: &'static str| {
        let zone = prop_oneof![3 => Just(night), 1 => proptest::sample::select(NIGHTS.map(|night| night.0).to_vec())];
        (
            any::<bool>(),
            fields(),
            proptest::sample::select(DURATIONS.to_vec()),
            zone,
        )
            .prop_map(|(allows, schedule, seconds, zone)| Numbers {
                allows,
                schedule,
                seconds,
                zone,
            })
    };
    proptest::sample::select(NIGHTS.to_vec()).prop_flat_map(move |(zone, night)| {
        let begin = at(night).as_second() - WEEKS / 2;
        (
            proptest::collection::vec(window(zone), 1..5),
            Just(begin - begin.rem_euclid(60)),
        )
    })
}

fn parsed(family: &[Numbers]) -> Option<Windows> {
    let specs: Vec<[String; 4]> = family.iter().map(Numbers::spec).collect();
    let specs = specs
        .iter()
        .map(|[a, b, c, d]| [a.as_str(), b, c, d])
        .collect::<Vec<_>>();
    super::try_windows(&specs).ok()
}

fn second(at: Timestamp) -> i64 {
    at.as_second()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_raise_may_leave_exactly_when_every_minute_of_the_clock_says_so(
        (family, begin) in family(), waits in proptest::collection::vec(0..WEEKS, 12), one in any::<bool>(),
    ) {
        let Some(windows) = parsed(&family) else { return Ok(()) };
        let open = open(&family, begin);
        let end = begin + WEEKS;
        // One search that is asked in any order, or one for each.
        let mut shared = windows.search_within(u32::MAX, Timestamp::from_second(begin).unwrap());
        for wait in waits {
            let now = Timestamp::from_second(begin + wait).unwrap();
            let mut fresh = windows.search_within(u32::MAX, now);
            let search = if one { &mut shared } else { &mut fresh };
            let found = search.opens(now);
            // Long enough, or cut by the end of the weeks.
            match first_from(&open, begin + wait).filter(|(from, _)| from + 60 < end) {
                Some((from, until)) => {
                    prop_assert_eq!(found.map(second), Ok(from), "from {}", now);
                    let closes = search.closes(Timestamp::from_second(from).unwrap()).map(second);
                    if until + 8 >= end || until + 8 >= from + 86_400 {
                        prop_assert!(closes.is_none_or(|closes| closes + 8 >= end.min(from + 86_400)), "{:?} {}", closes, until);
                    } else {
                        prop_assert_eq!(closes, Some(until));
                    }
                }
                None => prop_assert!(found.map_or_else(|none| second(none.0), second) + 60 >= end, "{:?}", found),
            }
        }
    }

    #[test]
    fn however_little_may_be_looked_up_nothing_is_open_that_is_shut(
        (family, begin) in family(), wait in 0..WEEKS / 2, budget in prop_oneof![0..24_u32, 0..400_u32],
    ) {
        let Some(windows) = parsed(&family) else { return Ok(()) };
        let open = open(&family, begin);
        let now = Timestamp::from_second(begin + wait).unwrap();
        let mut search = windows.search_within(budget, now);
        let (end, truth) = (begin + WEEKS, first_from(&open, begin + wait));
        match search.opens(now) {
            Ok(from) if second(from) + 60 < end => {
                let (began, until) = truth.unwrap();
                prop_assert_eq!(second(from), began);
                // Never later than it closes, however early that is found.
                if let Some(closes) = search.closes(from) && until + 8 < end {
                    prop_assert!(second(closes) <= until && closes >= from);
                }
            }
            Ok(_) => {}
            Err(NoneBefore(seen)) => {
                prop_assert!(seen >= now + 1.minute());
                let looked = seen > now + SignedDuration::from_mins(1);
                prop_assert!(!looked || truth.is_none_or(|(from, _)| from >= second(seen)), "{} {:?}", seen, truth);
            }
        }
    }

    #[test]
    fn at_any_instant_that_there_is_a_search_ends_and_does_not_begin_before_it(
        (family, _) in family(), begin in prop_oneof![
            second(Timestamp::MIN)..=second(Timestamp::MAX),
            (0..100_000_000_i64).prop_map(|before| second(Timestamp::MAX) - before),
            (0..100_000_000_i64).prop_map(|after| second(Timestamp::MIN) + after),
        ],
    ) {
        let Some(windows) = parsed(&family) else { return Ok(()) };
        for now in [Timestamp::from_second(begin).unwrap(), Timestamp::MIN, Timestamp::MAX] {
            let mut search = windows.search(now);
            match search.opens(now) {
                Ok(from) => prop_assert!(from >= now && search.closes(from).is_none_or(|until| until >= from)),
                Err(NoneBefore(seen)) => prop_assert!(seen > now || now == Timestamp::MAX),
            }
            prop_assert!(search.left() <= DECISION);
            let _ = remarks(&windows, now, now.checked_add(SignedDuration::from_hours(24 * 400)).unwrap_or(now));
        }
    }
}
