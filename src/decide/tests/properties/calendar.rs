//! No time may end a process or keep it busy: whatever times a status, an answer or a clock brings, up to both ends of the
//! calendar.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use serde_json::json;

use crate::{
    api::{ExperimentRunStatus, HeldUpdate, LastError, Member, PendingUpdate, RampNext, WaitingFor},
    decide::{
        EndedBy, Evidence, Now, Outcome,
        desired::Desired,
        findings::Reason,
        memory::Memory,
        schedule,
        service_time::{ServiceTime, Skew, Untold, Witness},
        tests::support::{START, World, exposure, live, ramp, ramped, steps, update_failure, wants},
    },
    run::LiveRun,
};

/// How many times there are in a history.
const TIMES: usize = 18;

/// All times of a history, each of which may be any.
#[derive(Clone, Copy, Debug)]
struct Times([Timestamp; TIMES]);

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Both ends of the calendar, and what lies near them and between.
pub fn edges() -> Vec<Timestamp> {
    let beginnings = [
        -9999, -9998, 0, 1, 1969, 1970, 2261, 2262, 8999, 9000, 9990, 9994, 9995, 9996, 9997, 9998, 9999,
    ];
    let years = beginnings.into_iter().map(|year: i16| {
        let first = jiff::civil::date(year, 1, 3).at(0, 0, 0, 0);
        first.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()
    });
    let near = [0, 1, 59, 3600, 86_400, 31_622_400];
    let from_below = near.map(|after| Timestamp::MIN.checked_add(SignedDuration::from_secs(after)).unwrap());
    let from_above = near.map(|before| Timestamp::MAX.checked_sub(SignedDuration::from_secs(before)).unwrap());
    years
        .chain(from_below)
        .chain(from_above)
        .chain([second(START), second(START + 1)])
        .collect()
}

fn specs() -> Vec<Desired> {
    let window = |kind: &str, schedule: &str, duration: &str, zone: &str| json!({"kind": kind, "schedule": schedule, "duration": duration, "timeZone": zone});
    let steps_ = json!([{"exposurePercentage": 5, "hold": "8784h"}, {"exposurePercentage": 50, "hold": "1s"}]);
    let allows = json!([
        window("Allow", "0 9 * * 1-5", "7h", "Europe/Berlin"),
        window("Allow", "0 0 29 2 *", "8784h", "UTC")
    ]);
    let denies = json!([
        window("Deny", "0 0 1 1 *", "8784h", "Pacific/Apia"),
        window("Deny", "30 12 * * *", "1m", "America/New_York")
    ]);
    vec![
        wants(50.0),
        ramped(50.0, steps(&[(5.0, "24h")])),
        ramped(50.0, steps(&[])),
        ramped(100.0, ramp(json!({"steps": steps_, "windows": allows}))),
        ramped(100.0, ramp(json!({"steps": steps_, "windows": denies}))),
    ]
}

impl Times {
    fn usual() -> Self {
        Self([second(START); TIMES])
    }

    fn status(&self) -> ExperimentRunStatus {
        let [
            started,
            updated,
            ended,
            reached,
            recorded,
            held,
            held_updated,
            failed,
            turned,
            not_before,
            completes,
            ..,
        ] = self.0.map(Time);
        let mut world = World::new(ramped(50.0, steps(&[(5.0, "24h")])));
        world.read(&live(5.0));
        let mut status = world.status;
        status.started_at = Some(started);
        status.updated_at = Some(updated.clone());
        status.ended_at = Some(ended);
        let ramp = status.ramp.as_mut().unwrap();
        ramp.reached.at = reached;
        ramp.next = Some(RampNext {
            exposure_percentage: exposure(50.0),
            not_before: Some(not_before),
        });
        ramp.waiting_for = Some(WaitingFor::Hold);
        ramp.completes_at = Some(completes);
        status.pending_update = Some(PendingUpdate {
            id: "id".to_owned(),
            generation: 1,
            member: Member::Description,
            exposure_percentage: None,
            recorded_at: recorded,
        });
        status.held_updates = vec![HeldUpdate {
            member: Member::ExposurePercentage,
            reason: Reason::UpdateRejected.to_string(),
            generation: 1,
            updated_at: Some(held_updated),
            at: held,
        }];
        status.last_error = Some(LastError {
            operation: "UpdateExperimentRun".to_owned(),
            code: None,
            status_code: None,
            message: None,
            request_id: None,
            at: failed,
        });
        for condition in &mut status.conditions {
            condition.last_transition_time = turned.clone();
        }
        status
    }

    fn live(&self) -> LiveRun {
        let [.., started, updated, ended, exposed, _, _, _] = self.0;
        LiveRun {
            started_at: Some(started),
            updated_at: Some(updated),
            ended_at: Some(ended),
            exposed_at: Some(exposed),
            ..live(5.0)
        }
    }

    fn now(&self, kind: usize) -> Now {
        let [.., local, service, answered] = self.0;
        let skew = Skew {
            date: service,
            other: local,
            by: Witness::LocalClock,
        };
        let known = Ok(ServiceTime { now: service, answered });
        Now {
            elapsed: Duration::from_secs(100),
            local,
            service: [known, Err(Untold::NoDate), Err(Untold::Skewed(skew))][kind % 3],
        }
    }

    /// Plays it, and gives how many decisions that took.
    fn play(&self, desired: &Desired, kind: usize) -> u32 {
        let (status, run, now) = (self.status(), self.live(), self.now(kind));
        let mut unsettled = status.clone();
        unsettled.pending_update = None;
        let read = Evidence::Read(run.clone(), EndedBy::Event(None));
        let mut decisions = 0;
        for status in [&status, &unsettled, &ExperimentRunStatus::default()] {
            let mut world = World::new(desired.clone());
            world.status = status.clone();
            world.memory = Memory::from_status(status, 1, Duration::ZERO);
            let decision = world.decide_at(&read, &now);
            decisions += 1;
            world.memory = decision.memory.clone();
            if let Some(update) = decision.update.clone() {
                let fence = decision.fence(&update, "id", 1, &now);
                assert!(!serde_json::to_string(&fence).unwrap().is_empty());
                let outcomes = [
                    Outcome::Applied(Box::new(run.clone())),
                    Outcome::Unknown(update_failure(crate::run::FailureKind::Unavailable)),
                ];
                for outcome in outcomes {
                    let (update, id) = (update.clone(), Some("id".to_owned()));
                    let _ = world.decide_at(&Evidence::Updated { update, id, outcome }, &now);
                    decisions += 1;
                }
            }
            let _ = schedule::slot_or_ramp(status, false, Duration::from_mins(10), now.local);
            let _ = schedule::slot("uid", Duration::from_mins(10), now.local);
        }
        decisions
    }
}

#[test]
fn every_time_may_be_any_alone() {
    let (mut decisions, mut cases) = (0, 0);
    for desired in specs() {
        for edge in edges() {
            for which in 0..TIMES {
                let mut times = Times::usual();
                times.0[which] = edge;
                decisions += times.play(&desired, cases);
                cases += 1;
            }
        }
    }
    println!("{cases} cases of one time, {decisions} decisions");
    assert_eq!(cases, 5 * 31 * TIMES);
}

#[test]
fn every_time_may_be_any_together() {
    const CASES: u32 = 1_000;
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let config = ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let any = prop_oneof![
        4 => proptest::sample::select(edges()),
        1 => (Timestamp::MIN.as_second()..Timestamp::MAX.as_second(), 0..1_000_000_000)
            .prop_map(|(second, nanosecond)| Timestamp::new(second, nanosecond).unwrap()),
    ];
    let histories = (
        proptest::collection::vec(any, TIMES),
        proptest::sample::select(specs()),
        0..3_usize,
    );
    let decisions = std::cell::Cell::new(0);
    TestRunner::new_with_rng(config, rng)
        .run(&histories, |(times, desired, kind)| {
            let times = Times(times.try_into().unwrap());
            decisions.set(decisions.get() + times.play(&desired, kind));
            Ok(())
        })
        .unwrap();
    println!("{CASES} cases of {TIMES} times each, {} decisions", decisions.get());
    assert!(decisions.get() >= 3 * CASES);
}
