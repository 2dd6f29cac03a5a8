//! A timeline is what passes then do, for any ramp, and at any time.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Instant;

use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    decide::{
        schedule::Next,
        tests::properties::{
            calendar::edges,
            cases,
            ramps::numbers::{DAY, numbers},
        },
        tests::support::{START, exposure, live, overrides, spec, spec_with_ramp},
    },
    pass::tests::Stage,
};

fn defaults() -> Defaults {
    Defaults {
        region: None,
        resync_interval: Duration::from_mins(10),
    }
}

fn start() -> Timestamp {
    Timestamp::from_second(START).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn timeline(spec: &ExperimentRunSpec, live: Exposure, since: Timestamp, at: Timestamp) -> Timeline {
    super::timeline(spec, &defaults(), live, since, at).unwrap()
}

fn timeline_of_run(spec: &ExperimentRunSpec, live: &LiveRun, at: Timestamp) -> Timeline {
    super::timeline_of_run(spec, &defaults(), live, &[], at).unwrap()
}

/// The raises, without why each comes then.
fn exposures(raises: &[Raised]) -> Vec<(Timestamp, Exposure, Exposure)> {
    raises.iter().map(|raise| (raise.at, raise.from, raise.to)).collect()
}

fn window(kind: &str, schedule: &str, duration: &str, zone: &str) -> Value {
    json!({"kind": kind, "schedule": schedule, "duration": duration, "timeZone": zone})
}

/// A world whose answers tell the time, with this spec and a run at this exposure.
fn stage(spec: &ExperimentRunSpec, from: Exposure) -> Stage {
    let mut stage = Stage::new();
    (stage.spec, stage.live, stage.answers_tell_time) = (spec.clone(), live(from.percentage()), true);
    stage
}

/// What passes do, each woken as the one before asks to be, until there is nothing more to wait for.
fn run_by_itself(spec: &ExperimentRunSpec, from: Exposure) -> Vec<(Timestamp, Exposure, Exposure)> {
    let mut stage = stage(spec, from);
    let (mut raises, mut before) = (Vec::new(), None);
    for _ in 0..2_000 {
        let (end, sent) = stage.whole_pass(before.take());
        raises.extend(sent.into_iter().map(|(from, to)| (stage.moment.local, from, to)));
        let ramp = end.resource.status.ramp.as_ref();
        if ramp.and_then(|ramp| ramp.next.as_ref()?.not_before.as_ref()).is_none() {
            break;
        }
        match end.result {
            Ok((Next::After(wait), _)) => stage.time_passes(wait),
            ref other => unreachable!("{other:?}"),
        }
        before = Some(end);
    }
    raises
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn with_time_running_every_ramp_with_an_open_future_reaches_its_target_as_its_timeline_says(numbers in numbers()) {
        let spec = numbers.spec();
        let line = timeline(&spec, Exposure::ZERO, start(), start());
        prop_assert_eq!(run_by_itself(&spec, Exposure::ZERO), exposures(&line.raises));
        let shut = line.message.contains("no window was found to open");
        prop_assert_eq!(line.completes_at.is_some(), !shut, "{}", line.message);
        // Every minute of a week from some week on, since windows repeat by then.
        let week = || (0..7 * 1440).map(|minute| START + 4 * 7 * DAY + minute * 60);
        let open = week().any(|second| (0..=5).all(|more| numbers.is_open(second + more)));
        prop_assert_eq!(open, !shut);
    }

    #[test]
    fn what_the_status_says_of_the_end_is_when_the_timeline_ends(numbers in numbers()) {
        let spec = numbers.spec();
        let (end, _) = stage(&spec, Exposure::ZERO).whole_pass(None);
        let line = timeline(&spec, Exposure::ZERO, start(), start());
        let status = end.resource.status.ramp.clone().unwrap();
        if status.waiting_for.is_some() {
            prop_assert_eq!(status.completes_at.map(|at| at.0), line.completes_at);
        }
    }
}

#[test]
fn a_two_week_ramp_in_working_hours_is_simulated_in_under_a_second() {
    let steps = json!([
        {"exposurePercentage": 0.1, "hold": "24h"}, {"exposurePercentage": 1, "hold": "24h"},
        {"exposurePercentage": 5, "hold": "48h"}, {"exposurePercentage": 20, "hold": "48h"},
        {"exposurePercentage": 50, "hold": "72h"},
    ]);
    let windows = [
        window("Allow", "0 9 * * 1-4", "7h", "Europe/Berlin"),
        window("Deny", "0 0 20 12 *", "336h", "Europe/Berlin"),
    ];
    let mut spec = spec_with_ramp(100.0, &json!({"steps": steps, "windows": windows}));
    spec.resync_interval = Some("24h".to_owned());
    let began = Instant::now();
    let line = timeline(&spec, Exposure::ZERO, start(), start());
    let took = began.elapsed();
    let days: Vec<String> = line
        .raises
        .iter()
        .map(|raise| raise.at.strftime("%a %d %H:%M").to_string())
        .collect();
    assert_eq!(
        days,
        [
            "Tue 01 07:00",
            "Wed 02 07:00",
            "Thu 03 07:00",
            "Mon 07 07:00",
            "Wed 09 07:00",
            "Mon 14 07:00"
        ]
    );
    assert_eq!(run_by_itself(&spec, Exposure::ZERO), exposures(&line.raises));
    assert!(took < Duration::from_secs(1), "{took:?}");
}

/// The specs that the calendar is tested with.
fn specs() -> Vec<ExperimentRunSpec> {
    let steps = json!([{"exposurePercentage": 5, "hold": "8784h"}, {"exposurePercentage": 50, "hold": "1s"}]);
    let allows = [
        window("Allow", "0 9 * * 1-5", "7h", "Europe/Berlin"),
        window("Allow", "0 0 29 2 *", "8784h", "UTC"),
    ];
    let denies = [
        window("Deny", "0 0 1 1 *", "8784h", "Pacific/Apia"),
        window("Deny", "30 12 * * *", "1m", "America/New_York"),
    ];
    vec![
        spec(50.0),
        spec_with_ramp(50.0, &json!({"steps": [{"exposurePercentage": 5, "hold": "24h"}]})),
        spec_with_ramp(50.0, &json!({"steps": []})),
        spec_with_ramp(100.0, &json!({"steps": steps, "windows": allows})),
        spec_with_ramp(100.0, &json!({"steps": steps, "windows": denies})),
    ]
}

#[test]
fn a_timeline_may_begin_at_any_time_and_ends() {
    let mut cases = 0;
    for spec in specs() {
        for at in edges() {
            for since in edges() {
                let line = timeline(&spec, exposure(5.0), since, at);
                assert!(line.raises.len() <= 3, "{line:?}");
                cases += 1;
            }
            let mut run = live(5.0);
            run.updated_at = Some(at);
            let _ = timeline_of_run(&spec, &run, at);
        }
    }
    println!("{cases} timelines");
    assert_eq!(cases, 5 * 31 * 31);
}

#[test]
fn a_timeline_offline_is_of_the_exposure_alone() {
    let spec = ExperimentRunSpec {
        description: Some("text".to_owned()),
        treatment_overrides: Some(overrides(&[("alice", "t1")])),
        ..spec(25.0)
    };
    let line = timeline(&spec, exposure(5.0), start(), start());
    assert_eq!((line.sends, line.raises.len()), (vec![Member::ExposurePercentage], 1));

    // Of a run that was read, also for a time before its last change, it is of every member.
    let mut run = live(5.0);
    run.updated_at = Some(start() + SignedDuration::from_hours(1));
    let line = timeline_of_run(&spec, &run, start());
    let all = [
        Member::Description,
        Member::TreatmentOverrides,
        Member::ExposurePercentage,
    ];
    assert_eq!((line.sends, line.raises.len()), (all.to_vec(), 1));
}

#[test]
fn the_timeline_of_the_longest_ramp_ends_at_its_target() {
    let fifty = (1..=50_u8).map(|step| json!({"exposurePercentage": step, "hold": "1h"}));
    let spec = spec_with_ramp(100.0, &json!({"steps": fifty.collect::<Vec<_>>()}));
    let line = timeline(&spec, exposure(0.0), start(), start());
    assert_eq!(line.raises.len(), 51);
    assert_eq!(line.completes_at, Some(start() + SignedDuration::from_hours(50)));
}

#[test]
fn a_timeline_says_each_raise_and_why_then() {
    let steps = json!([{"exposurePercentage": 1, "hold": "10m"}, {"exposurePercentage": 5, "hold": "4h"}]);
    let windows = [
        window("Allow", "0 9 * * 1-5", "7h", "UTC"),
        window("Deny", "0 12 * * *", "1h", "UTC"),
    ];
    let in_working_hours = spec_with_ramp(100.0, &json!({"steps": steps, "windows": windows}));
    let line = timeline(&in_working_hours, exposure(0.0), start(), start());
    let raises: Vec<_> = line
        .raises
        .iter()
        .map(|raise| {
            (
                raise.at.to_string(),
                raise.from.percentage(),
                raise.to.percentage(),
                raise.waits_for,
            )
        })
        .collect();
    assert_eq!(
        raises,
        [
            ("2026-09-01T09:00:00Z".to_owned(), 0.0, 1.0, Some(WaitingFor::Window)),
            ("2026-09-01T09:10:00Z".to_owned(), 1.0, 5.0, Some(WaitingFor::Hold)),
            ("2026-09-01T13:10:00Z".to_owned(), 5.0, 100.0, Some(WaitingFor::Hold)),
        ]
    );
    assert_eq!(line.completes_at, Some(at("2026-09-01T13:10:00Z")));
    for (word, gate) in [("Hold", WaitingFor::Hold), ("Window", WaitingFor::Window)] {
        assert_eq!(gate.as_str(), word);
        assert_eq!(serde_json::to_value(gate).unwrap(), word);
    }

    let at_once = timeline(&spec(25.0), exposure(5.0), start(), start());
    assert_eq!(
        at_once.raises.iter().map(|raise| raise.waits_for).collect::<Vec<_>>(),
        [None]
    );
    let nothing = timeline(&spec(25.0), exposure(50.0), start(), start());
    assert_eq!(
        (nothing.raises.len(), nothing.completes_at, nothing.reason.as_str()),
        (0, None, "ExposureAboveDesired")
    );
    let reached = timeline(&spec(25.0), exposure(25.0), start(), start());
    assert_eq!(
        (reached.raises.len(), reached.completes_at, reached.reason.as_str()),
        (0, None, "InSync")
    );
}
