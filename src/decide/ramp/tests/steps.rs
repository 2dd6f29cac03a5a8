//! Which exposure comes next, and how long the live one is held.

use jiff::SignedDuration;

use super::{exposure, ramp, steps};
use crate::{api::Exposure, decide::text::words};

const FULL: Exposure = Exposure::FULL;
const NO_FLOOR: SignedDuration = SignedDuration::ZERO;

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

#[test]
fn the_next_exposure_is_the_smallest_step_above_live_cut_at_the_target() {
    let ramp = ramp(steps(&[(0.0, "1h"), (0.5, "1h"), (10.0, "24h"), (50.0, "48h")]));
    let next = |live, target| ramp.next(exposure(live), exposure(target)).map(Exposure::percentage);
    assert_eq!(next(0.0, 100.0), Some(0.5));
    assert_eq!(next(0.4, 100.0), Some(0.5), "below a step");
    assert_eq!(next(0.5, 100.0), Some(10.0));
    assert_eq!(next(33.3, 100.0), Some(50.0), "between two");
    assert_eq!(next(50.0, 100.0), Some(100.0), "after the last, the target");
    assert_eq!(next(10.0, 30.0), Some(30.0), "cut at the target");
    assert_eq!(next(10.0, 10.0), None);
    assert_eq!(next(50.0, 10.0), None, "above the target");
    assert_eq!(next(100.0, 100.0), None);
}

#[test]
fn the_hold_is_the_steps_or_the_longer_neighbours() {
    let ramp = ramp(steps(&[(1.0, "3h"), (10.0, "24h"), (50.0, "2h")]));
    let hold = |live| ramp.hold(exposure(live), FULL, NO_FLOOR);
    assert_eq!(hold(0.0), NO_FLOOR, "below the first, none");
    assert_eq!(hold(1.0), hours(3));
    assert_eq!(hold(5.0), hours(24), "the next one's is longer");
    assert_eq!(hold(10.0), hours(24));
    assert_eq!(hold(20.0), hours(24), "the one before is longer");
    assert_eq!(hold(50.0), hours(2));
    assert_eq!(hold(70.0), hours(2), "above the last, the last one's");
    let below_target = |live, target| ramp.hold(exposure(live), exposure(target), NO_FLOOR);
    assert_eq!(below_target(5.0, 8.0), hours(3), "a step above the target is none");
    assert_eq!(below_target(20.0, 30.0), hours(24));
}

#[test]
fn the_hold_in_force_is_a_floor_unless_a_step_at_exactly_that_exposure_says_otherwise() {
    let (long, live) = (hours(48), exposure(10.0));
    assert_eq!(
        ramp(steps(&[(10.0, "1h"), (50.0, "1h")])).hold(live, FULL, long),
        hours(1)
    );
    assert_eq!(
        ramp(steps(&[(5.0, "1h"), (50.0, "1h")])).hold(live, FULL, long),
        long,
        "its step is gone"
    );
    assert_eq!(ramp(steps(&[(5.0, "72h")])).hold(live, FULL, long), hours(72));
    assert_eq!(
        ramp(steps(&[(50.0, "1h")])).hold(live, FULL, long),
        long,
        "below the first"
    );
    assert_eq!(
        ramp(steps(&[])).hold(live, FULL, long),
        NO_FLOOR,
        "an empty list is the release"
    );
    let only_windows = serde_json::json!({"windows": [{"kind": "Deny", "schedule": "0 0 * * *", "duration": "1h", "timeZone": "UTC"}]});
    assert_eq!(ramp(only_windows).hold(live, FULL, long), long, "no list is no release");
}

#[test]
fn durations_are_told_in_the_words_of_the_spec() {
    for (seconds, text) in [
        (0, "0s"),
        (90, "1m30s"),
        (3600, "1h"),
        (86_400, "24h"),
        (3661, "1h1m1s"),
    ] {
        let duration = SignedDuration::from_secs(seconds);
        assert_eq!(words(duration), text);
        assert_eq!(text.parse::<SignedDuration>().unwrap(), duration);
    }
}
