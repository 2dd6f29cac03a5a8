//! When to look again, and what a spec may say of it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::support::*;
use crate::{
    api::{ExperimentRunSpec, Region},
    decide::{
        Outcome,
        desired::{Defaults, Desired, InvalidSpec},
        schedule::{backoff, conflict, interval, settled, slot},
    },
    run::FailureKind,
};

#[test]
fn back_off_doubles_from_1_second_to_5_minutes() {
    let seconds: Vec<u64> = (0..12).map(|attempt| backoff(attempt).as_secs()).collect();
    assert_eq!(seconds, [1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    assert_eq!((backoff(u32::MAX).as_secs(), conflict(u32::MAX).as_secs()), (300, 300));
}

#[test]
fn slots_are_ahead_fixed_by_uid_and_spread_over_the_interval() {
    let ten_minutes = Duration::from_mins(10);
    let mut tenths = [0_u32; 10];
    for resource in 0..1000 {
        let uid = format!("uid-{resource}");
        let now = Timestamp::from_second(START + resource).unwrap();
        let wait = slot(&uid, ten_minutes, now);
        assert!(wait > Duration::ZERO && wait <= ten_minutes);
        let at = now + wait;
        assert_eq!(
            slot(&uid, ten_minutes, at),
            ten_minutes,
            "at its slot, the next one is an interval away"
        );
        tenths[usize::try_from(at.as_second() % 600 / 60).unwrap()] += 1;
    }
    assert!(tenths.iter().all(|count| (60..140).contains(count)), "{tenths:?}");
    assert!(slot("uid", Duration::ZERO, Timestamp::UNIX_EPOCH) > Duration::ZERO);
}

#[test]
fn a_run_that_has_ended_is_read_at_the_longer_of_an_hour_and_the_resync() {
    assert_eq!(interval(Duration::from_mins(10), false), Duration::from_mins(10));
    assert_eq!(interval(Duration::from_mins(10), true), Duration::from_hours(1));
    assert_eq!(interval(Duration::from_hours(5), true), Duration::from_hours(5));
}

#[test]
fn only_what_is_settled_waits_for_its_slot_after_a_start() {
    let mut world = World::new(wants(25.0));
    assert!(!settled(&world.status, 1, None), "never looked at");
    world.read(&live(25.0));
    assert!(settled(&world.status, 1, None));
    assert!(!settled(&world.status, 2, None), "a new generation");
    assert!(!settled(&world.status, 1, Some("asked")), "a request not handled");
    world.requested_at = Some("asked".to_owned());
    world.read(&live(25.0));
    assert!(settled(&world.status, 1, Some("asked")));
    world.read_failed(FailureKind::Unavailable);
    assert!(!settled(&world.status, 1, Some("asked")), "Reconciling");

    let mut world = World::new(wants(5.0));
    world.read(&live(25.0));
    assert!(settled(&world.status, 1, None), "Stalled is settled");

    let mut world = World::new(wants(25.0));
    let decision = world.read(&live(10.0));
    world.send(&decision, Outcome::Unknown(update_failure(FailureKind::Unavailable)));
    assert!(!settled(&world.status, 1, None), "an unsettled update");
}

#[test]
fn a_ready_condition_that_tells_nothing_of_the_present_spec_is_not_settled() {
    let mut world = World::new(wants(5.0));
    world.read(&live(25.0));
    let with = |change: &dyn Fn(&mut Condition)| {
        let mut status = world.status.clone();
        let is_ready = |condition: &&mut Condition| condition.type_ == "Ready";
        change(status.conditions.iter_mut().find(is_ready).unwrap());
        status
    };
    assert!(settled(&with(&|_| {}), 1, None));
    let changes: [&dyn Fn(&mut Condition); 3] = [
        &|ready| ready.status = "Unknown".to_owned(),
        &|ready| ready.reason = "InvalidSpec".to_owned(),
        &|ready| ready.observed_generation = Some(0),
    ];
    for change in changes {
        assert!(!settled(&with(change), 1, None));
    }
}

fn spec() -> ExperimentRunSpec {
    let text = r#"{"applicationIdentifier": "shop", "experimentDefinitionIdentifier": "add-to-cart", "run": 1}"#;
    serde_json::from_str(text).unwrap()
}

fn parse(edit: impl FnOnce(&mut ExperimentRunSpec), pinned: Option<&str>) -> Result<Desired, InvalidSpec> {
    let defaults = Defaults {
        region: Some("us-east-1".parse().unwrap()),
        resync_interval: Duration::from_mins(10),
    };
    let mut spec = spec();
    edit(&mut spec);
    let pinned: Option<Region> = pinned.map(|region| region.parse().unwrap());
    Desired::parse(&spec, pinned.as_ref(), &defaults)
}

#[test]
fn the_ramp_of_a_spec_is_kept_and_needs_a_target() {
    let ramp: Option<crate::api::Ramp> = serde_json::from_str(r#"{"steps": []}"#).unwrap();
    let desired = parse(
        |spec| {
            spec.ramp.clone_from(&ramp);
            spec.exposure_percentage = Some(exposure(25.0));
        },
        None,
    );
    assert_eq!(desired.unwrap().ramp, Some(steps(&[])));
    let without_target = parse(|spec| spec.ramp.clone_from(&ramp), None).unwrap_err();
    assert!(
        without_target.to_string().starts_with("a ramp needs a target"),
        "{without_target}"
    );
}

#[test]
fn the_region_is_the_specs_else_the_pinned_else_the_operators() {
    let region = |asked: Option<&str>, pinned| {
        let asked = asked.map(str::to_owned);
        parse(|spec| spec.region = asked, pinned).map(|desired| desired.region.to_string())
    };
    assert_eq!(region(None, None).unwrap(), "us-east-1");
    assert_eq!(region(None, Some("eu-west-1")).unwrap(), "eu-west-1");
    assert_eq!(region(Some("eu-west-1"), Some("eu-west-1")).unwrap(), "eu-west-1");
    assert_eq!(region(Some("eu-west-1"), None).unwrap(), "eu-west-1");
    let changed = region(Some("eu-west-2"), Some("eu-west-1")).unwrap_err();
    assert!(
        changed
            .to_string()
            .ends_with("or create another resource for a run in eu-west-2")
    );
    assert!(
        region(Some("Ireland"), None)
            .unwrap_err()
            .to_string()
            .ends_with("correct spec.region")
    );
    let nowhere = Defaults {
        region: None,
        resync_interval: Duration::from_mins(10),
    };
    assert_eq!(Desired::parse(&spec(), None, &nowhere), Err(InvalidSpec::NoRegion));
}

#[test]
fn row_invalid_spec_holds_what_cel_cannot_see() {
    for text in ["29s", "24h1s", "1d", "ten", "", "-1m"] {
        let error = parse(|spec| spec.resync_interval = Some(text.to_owned()), None).unwrap_err();
        assert!(error.to_string().contains("such as 90s, 10m or 1h30m"), "{text}");
    }
    for (text, seconds) in [("30s", 30), ("1h30m", 5400), ("24h", 86_400)] {
        let desired = parse(|spec| spec.resync_interval = Some(text.to_owned()), None).unwrap();
        assert_eq!(desired.resync_interval.as_secs(), seconds);
    }
    for name in [".", "..", "", &"x".repeat(2049)] {
        assert!(parse(|spec| spec.application_identifier = name.to_owned(), None).is_err());
        let error = parse(|spec| spec.experiment_definition_identifier = name.to_owned(), None).unwrap_err();
        assert!(
            error.to_string().len() < 200,
            "a name of any length must not fill the status"
        );
    }
    assert!(parse(|spec| spec.application_identifier = "ü".repeat(2048), None).is_ok());
    assert_eq!(parse(|spec| spec.run = 0, None), Err(InvalidSpec::Run(0)));
}
