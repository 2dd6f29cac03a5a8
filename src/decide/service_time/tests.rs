//! Which `Date` counts, against the words of P6.
#![allow(clippy::unwrap_used, reason = "tests: what is not as expected ends them")]

use proptest::prelude::*;

use super::*;
use crate::decide::tests::properties::cases;

const START: i64 = 1_788_220_800;
const DAY: i64 = 86_400;

/// A region's answers, in seconds: what the `Date` says and this machine's clock from one beginning on, and since boot.
#[derive(Default)]
struct Region(Dates);

impl Region {
    fn hears(&mut self, date: i64, local: i64, boot: u64) -> Result<(), Skew> {
        self.0.accept(second(date), second(local), Duration::from_secs(boot))
    }

    fn accepts(&mut self, date: i64, local: i64, boot: u64) -> bool {
        self.hears(date, local, boot).is_ok()
    }
}

fn second(offset: i64) -> Timestamp {
    Timestamp::from_second(START + offset).unwrap()
}

#[test]
fn a_date_that_jumps_after_a_right_one_does_not_count_and_the_next_right_one_does() {
    let mut region = Region::default();
    assert!(region.accepts(0, 0, 100));
    for jump in [2 * DAY, 301, 300, 120, 32, -32, -300, -2 * DAY] {
        assert!(!region.accepts(1 + jump, 1, 101), "{jump}");
        assert!(region.accepts(1, 1, 101), "after {jump}");
    }
    for step in [30, -30] {
        assert!(Region::default().accepts(0, 0, 100));
        assert!(region.accepts(1 + step, 1, 101), "{step}");
        region = Region::default();
        region.hears(0, 0, 100).unwrap();
    }
}

#[test]
fn a_date_far_from_this_machines_clock_never_counts_however_long_it_stands() {
    let mut region = Region::default();
    assert!(region.accepts(300, 0, 10) && Region::default().accepts(-300, 0, 10));
    for hour in 1..100_u64 {
        let passed = i64::try_from(hour * 3600).unwrap();
        let skew = region.hears(passed + 301, passed, 10 + hour * 3600).unwrap_err();
        assert_eq!(
            (skew.by, skew.date, skew.other),
            (Witness::LocalClock, second(passed + 301), second(passed))
        );
    }
}

#[test]
fn a_date_that_agrees_with_this_machines_clock_alone_is_believed_after_five_minutes() {
    // The machine was paused for an hour: its clock was set right, and the time since boot knows nothing of it.
    let mut region = Region::default();
    region.hears(0, 0, 100).unwrap();
    let skew = region.hears(3600, 3600, 100).unwrap_err();
    assert_eq!((skew.by, skew.other), (Witness::EarlierAnswers, second(0)));
    assert!(!region.accepts(3600 + 299, 3600 + 299, 399));
    assert!(region.accepts(3600 + 300, 3600 + 300, 400));
    assert!(region.accepts(3600 + 301, 3600 + 301, 401));
}

#[test]
fn what_does_not_stand_for_five_minutes_is_not_believed() {
    // Between its two dates, the region goes on as before.
    let mut interrupted = Region::default();
    interrupted.hears(0, 0, 0).unwrap();
    assert!(!interrupted.accepts(200 + 10, 10, 10));
    assert!(interrupted.accepts(200, 200, 200));
    assert!(!interrupted.accepts(200 + 320, 320, 320));

    // Its dates don't follow one from the other.
    let mut restless = Region::default();
    restless.hears(0, 0, 0).unwrap();
    for (times, boot) in (0..100_i64).zip((0..).step_by(60)) {
        let ahead = if times % 2 == 0 { 100 } else { 200 };
        let now = i64::try_from(boot).unwrap();
        assert!(!restless.accepts(now + ahead, now, boot), "{times}");
    }

    // One far off breaks the row.
    let mut broken = Region::default();
    broken.hears(0, 0, 0).unwrap();
    assert!(!broken.accepts(100, 0, 0) && !broken.accepts(2 * DAY, 299, 299) && !broken.accepts(400, 300, 300));
}

#[test]
fn both_times_are_told_and_what_to_do() {
    let skew = |by| Skew {
        date: second(2 * DAY),
        other: second(0),
        by,
    };
    let local = skew(Witness::LocalClock).to_string();
    let earlier = skew(Witness::EarlierAnswers).to_string();
    for message in [&local, &earlier] {
        assert!(
            message.contains("2026-09-03T00:00:00Z") && message.contains("2026-09-01T00:00:00Z"),
            "{message}"
        );
    }
    assert!(local.contains("if this machine's clock is wrong, correct it") && earlier.contains("5 minutes"));
}

#[test]
fn times_at_the_edges_of_the_calendar_are_judged_like_any_other() {
    let edges = [Timestamp::MIN, Timestamp::UNIX_EPOCH, second(0), Timestamp::MAX];
    let boots = [Duration::ZERO, Duration::from_secs(1), Duration::MAX];
    let mut count = 0;
    for first in edges {
        for date in edges {
            for local in edges {
                for (came, now) in boots.iter().flat_map(|came| boots.map(|now| (*came, now))) {
                    let mut dates = Dates::default();
                    let _ = dates.accept(first, first, came);
                    let far = date != local;
                    assert!(!(far && dates.accept(date, local, now).is_ok()), "{date} {local}");
                    count += 1;
                }
            }
        }
    }
    assert_eq!(count, 576);
}

/// A `Date` by how far it is from this machine's clock, how many seconds after the one before, of which the machine's boot
/// clock sees `seen`.
fn answers() -> impl Strategy<Value = Vec<(i64, u64, u64)>> {
    let ahead = prop_oneof![
        6 => Just(0),
        3 => proptest::sample::select(vec![-29, 29, 100, 110, 250]),
        1 => -400..400_i64,
        1 => proptest::sample::select(vec![2 * DAY, -2 * DAY, 301]),
    ];
    let wait = prop_oneof![3 => 0..20_u64, 3 => Just(60), 1 => Just(300), 1 => 0..4000_u64];
    let paused = prop_oneof![9 => Just(0), 1 => proptest::sample::select(vec![25, 100, 4000])];
    proptest::collection::vec((ahead, wait, paused), 1..60)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn p6_each_date_that_counts_is_near_this_clock_and_follows_from_the_last_or_has_stood(answers in answers()) {
        let mut region = Region::default();
        // Each answer, and whether it counted.
        let mut heard: Vec<(i64, u64, bool)> = Vec::new();
        let (mut local, mut boot) = (0_i64, 50_u64);
        for (ahead, wait, paused) in answers {
            local += i64::try_from(wait + paused).unwrap();
            boot += wait;
            let date = local + ahead;
            let counts = region.accepts(date, local, boot);
            let follows = |(from, at, _): &(i64, u64, bool)| (date - from - i64::try_from(boot - at).unwrap()).abs() <= 30;
            let last = heard.iter().rposition(|(_, _, counted)| *counted);
            if counts {
                prop_assert!(ahead.abs() <= 300);
                let since = last.map_or(0, |last| last + 1);
                let stood = heard[since..].iter().any(|first| follows(first) && boot - first.1 >= 300);
                prop_assert!(last.is_none_or(|last| follows(&heard[last])) || stood);
            } else {
                let free = last.is_none_or(|last| follows(&heard[last]));
                prop_assert!(ahead.abs() > 300 || !free, "refused without a reason");
            }
            heard.push((date, boot, counts));
        }
    }

    #[test]
    fn p12_right_dates_count_again_five_minutes_after_whatever_came_before(
        answers in answers(), waits in proptest::collection::vec(1..200_u64, 12)
    ) {
        let mut region = Region::default();
        let (mut local, mut boot) = (0_i64, 50_u64);
        for (ahead, wait, paused) in answers {
            local += i64::try_from(wait + paused).unwrap();
            boot += wait;
            region.accepts(local + ahead, local, boot);
        }
        let (began, mut counts) = (boot, false);
        for wait in waits {
            local += i64::try_from(wait).unwrap();
            boot += wait;
            counts = region.accepts(local, local, boot);
            prop_assert!(counts || boot - began < 300 + 200, "{} s on", boot - began);
        }
        prop_assert!(counts || boot - began < 500);
    }
}
