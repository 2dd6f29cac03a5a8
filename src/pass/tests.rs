//! The order of steps: what each answer leads to.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    api::{ExperimentRunSpec, ExperimentRunStatus, RunStatus},
    clock::BootInstant,
    decide::{
        Outcome,
        tests::support::{START, apply, exposure, failure, live, update_failure},
    },
    pass::resource::{Identity, ObjectKey, Spec},
    run::{FailureKind, LiveRun, Operation},
};

/// What a test tells a pass: a resource that asks for 5 %, a run that has 0 %, and the time.
struct Stage {
    spec: ExperimentRunSpec,
    live: LiveRun,
    moment: Moment,
    versions: u32,
    ids: u32,
}

impl Stage {
    fn new() -> Self {
        Self {
            spec: ExperimentRunSpec {
                application_identifier: "shop".to_owned(),
                experiment_definition_identifier: "add-to-cart".to_owned(),
                run: 1,
                region: None,
                description: None,
                exposure_percentage: Some(exposure(5.0)),
                treatment_overrides: None,
                deployment_parameters: None,
                ramp: None,
                suspend: None,
                resync_interval: None,
            },
            live: live(0.0),
            moment: Moment {
                boot: BootInstant::after_boot(Duration::from_secs(1_000)),
                elapsed: Duration::ZERO,
                local: Timestamp::from_second(START).unwrap(),
                acts_until: BootInstant::NEVER,
                schema_is_complete: true,
            },
            versions: 0,
            ids: 0,
        }
    }

    fn wait(&mut self, milliseconds: u64) {
        let time = Duration::from_millis(milliseconds);
        self.moment.boot = self.moment.boot + time;
        self.moment.elapsed += time;
        self.moment.local += SignedDuration::try_from(time).unwrap();
    }

    /// A version of the resource with this status.
    fn stored(&mut self, generation: i64, status: ExperimentRunStatus) -> Arc<StoredResource> {
        self.versions += 1;
        let identity = Identity {
            key: ObjectKey {
                namespace: "shop".to_owned(),
                name: "add-to-cart".to_owned(),
            },
            uid: "uid-1".to_owned(),
            version: self.versions.to_string(),
            generation,
            created: Timestamp::from_second(START).ok(),
            deleting: false,
            reconcile_requested_at: None,
        };
        let spec = Spec::new(self.spec.clone(), BTreeSet::new(), 100).unwrap();
        Arc::new(StoredResource { identity, spec, status })
    }

    fn begin(&mut self) -> Step<()> {
        let resource = self.stored(1, ExperimentRunStatus::default());
        let defaults = Defaults {
            region: "eu-west-1".parse().ok(),
            resync_interval: Duration::from_mins(10),
        };
        super::begin(
            Arc::new(defaults),
            resource,
            Memory::default(),
            Vec::new(),
            &self.moment,
        )
    }

    fn read(&self) -> Read {
        Read {
            live: self.live.clone(),
            service: Err(Untold::NoDate),
        }
    }

    /// The usual answer, which takes no time.
    fn answer(&mut self, step: Step<()>) -> Step<()> {
        match step {
            Step::Claim(claim) => claim.answered(claimed(false), &self.moment),
            Step::Get(get) => get.answered(Ok(self.read()), &self.moment),
            Step::ListEvents(list) => list.answered(Ok(Vec::new()), &self.moment),
            Step::Prepare(prepare) => {
                self.ids += 1;
                prepare.answered(Ok(((), format!("update-{}", self.ids))), &self.moment)
            }
            Step::Fence(fence) => {
                let written = self.stored(fence.resource().identity.generation, fence.status().clone());
                fence.answered(Written::Written(written), &self.moment)
            }
            Step::Send(update) => {
                let ((), sent) = update.departs();
                apply(sent.update(), &mut self.live);
                self.came_of(sent, Outcome::Applied(Box::new(self.live.clone())))
            }
            Step::Record(record) => {
                let written = self.stored(record.resource().identity.generation, record.status().clone());
                record.answered(Written::Written(written), &self.moment)
            }
            Step::Refresh(refresh) => {
                let newest = self.stored(
                    refresh.resource().identity.generation,
                    refresh.resource().status.clone(),
                );
                refresh.answered(Ok(newest), &self.moment)
            }
            Step::End(end) => Step::End(end),
        }
    }

    fn came_of(&self, sent: Sent<()>, outcome: Outcome) -> Step<()> {
        let answer = Answered {
            outcome,
            service: Err(Untold::NoDate),
        };
        sent.answered(answer, &self.moment)
    }

    /// Answers in the usual way until a step of this name, and tells which there were.
    fn until(&mut self, mut step: Step<()>, name: &str) -> (Step<()>, Vec<&'static str>) {
        let mut steps = vec![step.name()];
        while step.name() != name {
            assert!(!matches!(step, Step::End(_)), "no {name} in {steps:?}");
            step = self.answer(step);
            steps.push(step.name());
        }
        (step, steps)
    }
}

impl Step<()> {
    const fn name(&self) -> &'static str {
        match self {
            Self::Claim(_) => "claim",
            Self::Get(_) => "get",
            Self::ListEvents(_) => "list events",
            Self::Prepare(_) => "prepare",
            Self::Fence(_) => "fence",
            Self::Send(_) => "send",
            Self::Record(_) => "record",
            Self::Refresh(_) => "refresh",
            Self::End(_) => "end",
        }
    }
}

fn claimed(waited: bool) -> Claimed {
    Claimed {
        owner: Owner::Itself,
        inherited: None,
        waited,
    }
}

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
    let left = ended(record.clone().answered(Written::Failed(lost), &stage.moment)).notices;
    let mut step = stage.answer(Step::Record(record));
    let published = step.take_effects().publish;
    assert_eq!(published, left);
    assert!(
        published.iter().any(|notice| notice.reason == "ExposureRaised"),
        "{published:?}"
    );
    assert!(ended(step).notices.is_empty());
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
