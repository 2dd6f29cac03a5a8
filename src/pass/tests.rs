//! The order of steps: what each answer leads to.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod stage;

use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    api::{ExperimentRunStatus, RunStatus},
    decide::{
        Outcome,
        tests::support::{exposure, failure, live, update_failure},
    },
    run::{FailureKind, Operation},
};
pub(super) use stage::Stage;
use stage::claimed;

fn ended(step: Step<()>) -> End {
    match step {
        Step::End(end) => *end,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_raise_is_one_read_one_fence_one_update_and_one_record() {
    let mut stage = Stage::new();
    let step = stage.begin();
    let (step, steps) = stage.until(step, "end");
    let order = ["claim", "get", "claim", "prepare", "fence", "send", "record", "end"];
    assert_eq!(steps, order);
    let end = ended(step);
    assert_eq!(stage.live.exposure, exposure(5.0));
    assert!(
        matches!(end.result, Ok((Next::After(_), Class::Resync))),
        "{:?}",
        end.result
    );
    assert_eq!(end.resource.status.pending_update, None);
}

#[test]
fn p1_an_update_leaves_within_2_seconds_of_its_fence_and_while_this_process_acts() {
    type Change = fn(&mut Stage);
    let cases: [(Change, &str); 5] = [
        (|stage| stage.wait(1_999), "send"),
        (|stage| stage.wait(2_000), "record"),
        (|stage| stage.moment.acts_until = stage.moment.boot, "record"),
        (
            |stage| stage.moment.acts_until = stage.moment.boot + Duration::from_millis(1),
            "send",
        ),
        (|stage| stage.moment.schema_is_complete = false, "record"),
    ];
    for (number, (change, then)) in cases.into_iter().enumerate() {
        let mut stage = Stage::new();
        let step = stage.begin();
        let (fence, _) = stage.until(step, "fence");
        change(&mut stage);
        assert_eq!(stage.answer(fence).name(), then, "case {number}");
    }
}

#[test]
fn p1_what_was_observed_more_than_2_seconds_before_the_fence_is_observed_anew_with_what_was_prepared() {
    let mut stage = Stage::new();
    let step = stage.begin();
    let (prepare, _) = stage.until(step, "prepare");
    stage.wait(2_001);
    let step = stage.answer(prepare);
    let (step, steps) = stage.until(step, "prepare");
    assert_eq!(steps, ["claim", "get", "claim", "prepare"]);
    let Step::Prepare(mut prepare) = step else {
        unreachable!()
    };
    assert_eq!(prepare.take_kept(), Some(()));
    assert_eq!(stage.answer(Step::Prepare(prepare)).name(), "fence");
}

#[test]
fn p1_a_fence_that_meets_another_spec_is_followed_by_nothing() {
    // A conflict, and a write whose answer holds another spec of the same generation.
    let mut stage = Stage::new();
    let step = stage.begin();
    let (step, _) = stage.until(step, "fence");
    let Step::Fence(fence) = step else { unreachable!() };
    let conflict = fence.clone().answered(Written::Conflict, &stage.moment);
    assert_eq!(stage.until(conflict, "get").1, ["refresh", "claim", "get"]);

    stage.spec.exposure_percentage = Some(exposure(1.0));
    let other = stage.stored(1, fence.status().clone());
    let mut step = fence.answered(Written::Written(other), &stage.moment);
    assert!(step.take_effects().contradiction);
    let (step, steps) = stage.until(step, "fence");
    assert_eq!(steps, ["claim", "get", "claim", "prepare", "fence"]);
    let Step::Fence(fence) = step else { unreachable!() };
    let pending = fence.status().pending_update.as_ref().unwrap();
    assert_eq!(
        (pending.id.as_str(), pending.exposure_percentage),
        ("update-2", Some(exposure(1.0)))
    );
}

#[test]
fn p6_another_spec_is_a_contradiction_only_in_the_generation_that_is_known() {
    let mut stage = Stage::new();
    let step = stage.begin();
    let (step, _) = stage.until(step, "fence");
    let Step::Fence(fence) = step else { unreachable!() };
    let same = stage.stored(1, fence.status().clone());
    let mut sent = fence.clone().answered(Written::Written(same), &stage.moment);
    assert!(!sent.take_effects().contradiction);

    stage.spec.exposure_percentage = Some(exposure(1.0));
    let later = stage.stored(2, fence.status().clone());
    let mut observed = fence.answered(Written::Written(later), &stage.moment);
    assert!(!observed.take_effects().contradiction);
}

#[test]
fn p4_an_update_whose_outcome_is_unknown_is_recorded_and_not_sent_again() {
    let mut stage = Stage::new();
    let step = stage.begin();
    let (step, _) = stage.until(step, "send");
    let Step::Send(update) = step else { unreachable!() };
    let ((), sent) = update.departs();
    let step = stage.came_of(sent, Outcome::Unknown(update_failure(FailureKind::Unavailable)));
    let (step, steps) = stage.until(step, "end");
    assert!(!steps.contains(&"send"), "{steps:?}");
    let end = ended(step);
    assert_eq!(end.resource.status.pending_update.as_ref().unwrap().id, "update-1");
    assert!(end.memory.pending.is_some());
}

#[test]
fn p4_a_status_is_not_written_over_what_somebody_else_wrote() {
    let mut stage = Stage::new();
    stage.live = live(5.0);
    let step = stage.begin();
    let (step, _) = stage.until(step, "record");
    let Step::Record(record) = step else { unreachable!() };
    let before = record.resource().status.clone();
    let Step::Refresh(refresh) = record.answered(Written::Conflict, &stage.moment) else {
        unreachable!()
    };
    // Onto a newer object with the same status it is written again, four times in all.
    let newest = stage.stored(1, before.clone());
    let mut step = refresh.clone().answered(Ok(newest), &stage.moment);
    let mut writes = 1;
    while let Step::Record(record) = step {
        writes += 1;
        step = record.answered(Written::Conflict, &stage.moment);
        if let Step::Refresh(refresh) = step {
            let newest = stage.stored(1, before.clone());
            step = refresh.answered(Ok(newest), &stage.moment);
        }
    }
    assert_eq!(writes, 4);
    assert!(matches!(ended(step).result, Err(Interruption::ApiServer(_))));

    let others = ExperimentRunStatus {
        status: Some(RunStatus::Running),
        ..before
    };
    let newest = stage.stored(1, others);
    assert_eq!(refresh.answered(Ok(newest), &stage.moment).name(), "claim");
}

#[test]
fn p5_of_a_namesake_nothing_is_written() {
    let mut stage = Stage::new();
    let step = stage.begin();
    let (step, _) = stage.until(step, "fence");
    let Step::Fence(fence) = step else { unreachable!() };
    let Step::Refresh(refresh) = fence.answered(Written::Conflict, &stage.moment) else {
        unreachable!()
    };
    let mut other = (*stage.stored(1, ExperimentRunStatus::default())).clone();
    other.identity.uid = "uid-2".to_owned();
    let end = ended(refresh.answered(Ok(Arc::new(other)), &stage.moment));
    assert_eq!(end.result, Err(Interruption::Gone));
    assert_eq!(end.resource.identity.uid, "uid-1");
}

#[test]
fn what_was_read_before_another_pass_over_the_run_ended_is_read_again() {
    let mut stage = Stage::new();
    let step = stage.begin();
    let (get, _) = stage.until(step, "get");
    let Step::Claim(claim) = stage.answer(get) else {
        unreachable!()
    };
    assert_eq!(claim.run(), Some(&stage.live.key));
    assert_eq!(claim.clone().answered(claimed(true), &stage.moment).name(), "get");
    assert_eq!(claim.answered(claimed(false), &stage.moment).name(), "prepare");
}

#[test]
fn events_are_read_once_when_the_run_has_ended() {
    let mut stage = Stage::new();
    stage.live = crate::decide::tests::support::done(live(5.0));
    let step = stage.begin();
    let (step, steps) = stage.until(step, "end");
    assert_eq!(steps, ["claim", "get", "claim", "list events", "record", "end"]);
    assert_eq!(ended(step).resource.status.status, Some(RunStatus::Done));
}

#[test]
fn a_pass_decides_12_times_at_most() {
    let mut stage = Stage::new();
    let mut step = stage.begin();
    let mut prepared = 0;
    // Each time what was observed is too old when the update is prepared.
    while !matches!(step, Step::End(_)) {
        if matches!(step, Step::Prepare(_)) {
            prepared += 1;
            stage.wait(2_001);
        }
        step = stage.answer(step);
    }
    assert_eq!(prepared, 12);
    assert!(matches!(ended(step).result, Ok((Next::Backoff(_), Class::Retry))));
}

#[test]
fn events_go_out_when_a_status_is_written_and_are_left_when_none_is() {
    let mut stage = Stage::new();
    let step = stage.begin();
    let (step, _) = stage.until(step, "record");
    let Step::Record(record) = step else { unreachable!() };
    let lost = Interruption::ApiServer("no answer".to_owned());
    let left = ended(record.clone().answered(Written::Failed(lost), &stage.moment)).events;
    let mut step = stage.answer(Step::Record(record));
    let published = step.take_effects().publish;
    assert_eq!(published, left);
    assert!(
        published.iter().any(|event| event.reason == "ExposureRaised"),
        "{published:?}"
    );
    assert!(ended(step).events.is_empty());
}

#[test]
fn without_the_right_to_act_nothing_is_asked_for() {
    let mut stage = Stage::new();
    stage.moment.acts_until = stage.moment.boot;
    assert_eq!(ended(stage.begin()).result, Err(Interruption::MayNotAct));
    stage.moment.schema_is_complete = false;
    assert_eq!(ended(stage.begin()).result, Err(Interruption::SchemaUnproven));
}

#[test]
fn a_read_that_fails_is_told_and_ends_the_pass() {
    let mut stage = Stage::new();
    let step = stage.begin();
    let (step, _) = stage.until(step, "get");
    let Step::Get(get) = step else { unreachable!() };
    let failed = Err(failure(Operation::GetExperimentRun, FailureKind::Unavailable));
    let step = get.answered(failed, &stage.moment);
    let (step, steps) = stage.until(step, "end");
    assert_eq!(steps, ["record", "end"]);
    assert!(matches!(ended(step).result, Ok((Next::Backoff(_), Class::Retry))));
}
