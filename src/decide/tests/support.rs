//! One resource, its status as the API server keeps it, and the process that decides on it.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;

use crate::api::{
    ConditionType, DeploymentParameters, ExperimentDefinition, ExperimentRunSpec, ExperimentRunStatus, Exposure,
    Member, RunStatus, Treatment, TreatmentOverrides,
};
use crate::decide::{
    Decision, EndedBy, Evidence, Now, Outcome, Owner, Resource, conditions, decide,
    desired::{Defaults, Desired},
    memory::Memory,
    ramp::Ramp,
    service_time::ServiceTime,
};
use crate::pass::resource::{Identity, ObjectKey, Spec, StoredResource};
use crate::run::{Failure, FailureKind, LiveRun, Operation, RunKey, Update};

/// 2026-09-01T00:00:00Z.
pub const START: i64 = 1_788_220_800;

#[derive(Clone)]
pub struct World {
    pub generation: i64,
    pub desired: Desired,
    pub status: ExperimentRunStatus,
    pub memory: Memory,
    pub owner: Owner,
    pub elapsed: Duration,
    pub requested_at: Option<String>,
    ids: u32,
}

impl World {
    pub fn new(desired: Desired) -> Self {
        Self {
            generation: 1,
            desired,
            status: ExperimentRunStatus::default(),
            memory: Memory::default(),
            owner: Owner::Itself,
            elapsed: Duration::ZERO,
            requested_at: None,
            ids: 0,
        }
    }

    pub fn now(&self) -> Now {
        let local = Timestamp::from_second(START + i64::try_from(self.elapsed.as_secs()).unwrap()).unwrap();
        Now {
            elapsed: self.elapsed,
            local,
            service: Ok(ServiceTime::exactly(local)),
        }
    }

    pub fn wait(&mut self, seconds: u64) {
        self.elapsed += Duration::from_secs(seconds);
    }

    /// The spec changes.
    pub fn edit(&mut self, edit: impl FnOnce(&mut Desired)) {
        edit(&mut self.desired);
        self.generation += 1;
    }

    /// Another process takes over: it has the status only, and a clock of its own.
    pub fn restart(&mut self) {
        self.memory = Memory::from_status(&self.status, self.desired.run, self.elapsed);
    }

    pub fn decide(&self, seen: &Evidence) -> Decision {
        self.decide_at(seen, &self.now())
    }

    pub fn decide_at(&self, seen: &Evidence, now: &Now) -> Decision {
        let defaults = Defaults {
            region: None,
            resync_interval: Duration::from_mins(10),
        };
        let resource = Resource {
            uid: "uid-1",
            generation: self.generation,
            reconcile_requested_at: self.requested_at.as_deref(),
            desired: Ok(&self.desired),
            status: &self.status,
            defaults: &defaults,
        };
        decide(&resource, &self.memory, &self.owner, seen, now)
    }

    /// One step of a pass. The status is recorded, unless there is an update to be fenced.
    pub fn see(&mut self, seen: &Evidence) -> Decision {
        let decision = self.decide(seen);
        self.memory = decision.memory.clone();
        if decision.update.is_none() {
            self.status = stored(&decision.status);
            self.memory.recorded();
        }
        decision
    }

    pub fn read(&mut self, live: &LiveRun) -> Decision {
        self.see(&Evidence::Read(live.clone(), EndedBy::NotAsked))
    }

    pub fn read_failed(&mut self, kind: FailureKind) -> Decision {
        self.see(&Evidence::ReadFailed(failure(Operation::GetExperimentRun, kind)))
    }

    /// An ID that no update has had.
    pub fn update_id(&mut self) -> String {
        self.ids += 1;
        format!("update-{}", self.ids)
    }

    /// The resource as passes take it. It has no ramp.
    pub fn stored_resource(&self) -> StoredResource {
        let desired = self.desired.clone();
        let spec = ExperimentRunSpec {
            application_identifier: desired.application_identifier,
            experiment_definition_identifier: desired.experiment_definition_identifier,
            run: desired.run,
            region: Some(desired.region.to_string()),
            description: desired.description,
            exposure_percentage: desired.exposure,
            treatment_overrides: desired.overrides,
            deployment_parameters: Some(desired.parameters),
            suspend: Some(desired.suspend),
            ..spec(0.0)
        };
        StoredResource {
            identity: Identity {
                key: ObjectKey {
                    namespace: "shop".to_owned(),
                    name: "add-to-cart".to_owned(),
                },
                uid: "uid-1".to_owned(),
                version: String::new(),
                generation: self.generation,
                created: None,
                deleting: false,
                reconcile_requested_at: self.requested_at.clone(),
                brake_reason: None,
            },
            spec: Spec::new(spec, BTreeSet::new(), 0).unwrap(),
            status: self.status.clone(),
        }
    }

    /// Fences the update of a decision, which there must be.
    pub fn fence(&mut self, decision: &Decision) -> (Update, String) {
        let (id, update) = (self.update_id(), decision.update.clone().unwrap());
        self.status = stored(&decision.fence(&update, &id, self.generation, &self.now()));
        self.memory.recorded();
        (update, id)
    }

    /// Fences the update of a decision, and this comes of it.
    pub fn send(&mut self, decision: &Decision, outcome: Outcome) -> Decision {
        let (update, id) = self.fence(decision);
        self.see(&Evidence::Updated {
            update,
            id: Some(id),
            outcome,
        })
    }

    /// Reads, sends and applies until nothing more is to be sent.
    pub fn converge(&mut self, live: &mut LiveRun) -> Decision {
        let mut decision = self.read(live);
        for _ in 0..3 {
            let Some(update) = decision.update.clone() else { break };
            apply(&update, live);
            decision = self.send(&decision, Outcome::Applied(Box::new(live.clone())));
        }
        assert_eq!(decision.update, None);
        decision
    }
}

/// A status as the API server gives it back.
pub fn stored(status: &ExperimentRunStatus) -> ExperimentRunStatus {
    serde_json::from_str(&serde_json::to_string(status).unwrap()).unwrap()
}

/// A spec that asks for a percentage.
pub fn spec(percentage: f32) -> ExperimentRunSpec {
    ExperimentRunSpec {
        application_identifier: "shop".to_owned(),
        experiment_definition_identifier: "add-to-cart".to_owned(),
        run: 1,
        region: Some("eu-west-1".to_owned()),
        description: None,
        exposure_percentage: Some(exposure(percentage)),
        treatment_overrides: None,
        deployment_parameters: None,
        ramp: None,
        suspend: None,
        resync_interval: None,
    }
}

/// A spec that asks for a percentage, by a ramp of these members.
pub fn spec_with_ramp(percentage: f32, ramp: &serde_json::Value) -> ExperimentRunSpec {
    ExperimentRunSpec {
        ramp: Some(serde_json::from_value(ramp.clone()).unwrap()),
        ..spec(percentage)
    }
}

/// Asks for nothing.
pub fn observing() -> Desired {
    Desired {
        application_identifier: "shop".to_owned(),
        experiment_definition_identifier: "add-to-cart".to_owned(),
        run: 1,
        region: "eu-west-1".parse().unwrap(),
        description: None,
        exposure: None,
        ramp: None,
        overrides: None,
        parameters: DeploymentParameters::default(),
        suspend: false,
        resync_interval: Duration::from_mins(10),
    }
}

pub fn wants(percentage: f32) -> Desired {
    Desired {
        exposure: Some(exposure(percentage)),
        ..observing()
    }
}

pub fn exposure(percentage: f32) -> Exposure {
    Exposure::new(percentage).unwrap()
}

pub fn overrides(pairs: &[(&str, &str)]) -> TreatmentOverrides {
    let inline = pairs
        .iter()
        .map(|(entity, key)| ((*entity).to_owned(), (*key).to_owned()));
    TreatmentOverrides {
        inline: inline.collect(),
    }
}

pub fn live(percentage: f32) -> LiveRun {
    let treatment = |key: &str| Treatment {
        key: key.to_owned(),
        weight: Some(50.0),
    };
    LiveRun {
        key: RunKey {
            region: "eu-west-1".parse().unwrap(),
            application_id: "abc1234".to_owned(),
            experiment_definition_id: "bsxyd7k".to_owned(),
            run: 1,
        },
        status: RunStatus::Running,
        exposure: exposure(percentage),
        exposed_at: None,
        description: String::new(),
        overrides: TreatmentOverrides::default(),
        started_at: Some(Timestamp::from_second(START - 60).unwrap()),
        updated_at: Some(Timestamp::from_second(START - 60).unwrap()),
        ended_at: None,
        result: None,
        definition: ExperimentDefinition {
            treatments: vec![treatment("c"), treatment("t1")],
            ..ExperimentDefinition::default()
        },
    }
}

/// Time passes on the run: something changed it.
pub fn touch(live: &mut LiveRun) {
    live.updated_at = live.updated_at.map(|at| at + jiff::SignedDuration::from_secs(1));
}

pub fn apply(update: &Update, live: &mut LiveRun) {
    use crate::run::Change;
    match update.change() {
        Change::Description(text) => live.description.clone_from(text),
        Change::TreatmentOverrides(overrides) => live.overrides = overrides.clone(),
        Change::ExposurePercentage(raise) => {
            live.exposure = raise.to();
            live.exposed_at = None;
        }
    }
    touch(live);
}

pub fn done(mut live: LiveRun) -> LiveRun {
    live.status = RunStatus::Done;
    live.ended_at = live.updated_at;
    touch(&mut live);
    live
}

/// A failure as the client makes it.
pub fn failure(operation: Operation, kind: FailureKind) -> Failure {
    let (code, status) = match kind {
        FailureKind::Throttled => (Some("ThrottlingException"), Some(400)),
        FailureKind::ClockSkew | FailureKind::WrongSecret => (Some("InvalidSignatureException"), Some(403)),
        FailureKind::CredentialsExpired => (Some("ExpiredTokenException"), Some(403)),
        FailureKind::UnknownAccessKey => (Some("UnrecognizedClientException"), Some(403)),
        FailureKind::CredentialsUnavailable | FailureKind::Unreachable => (None, None),
        FailureKind::AccessDenied => (Some("AccessDeniedException"), Some(403)),
        FailureKind::RunNotFound => (Some("ResourceNotFoundException"), Some(404)),
        FailureKind::ExperimentsUnsupported => (Some("UnknownOperationException"), Some(404)),
        FailureKind::Conflict => (Some("ConflictException"), Some(409)),
        FailureKind::Refused => (Some("BadRequestException"), Some(400)),
        FailureKind::Unavailable => (Some("InternalServerException"), Some(500)),
        FailureKind::UnusableAnswer => (None, Some(200)),
    };
    Failure {
        kind,
        operation,
        code: code.map(str::to_owned),
        status,
        message: Some("what AWS said.".to_owned()),
        request_id: Some("request-1".to_owned()),
        date: None,
        advice: Some("what to do in AWS"),
    }
}

pub fn update_failure(kind: FailureKind) -> Failure {
    failure(Operation::UpdateExperimentRun, kind)
}

/// The member of the decision's update, if it has one.
pub fn sends(decision: &Decision) -> Option<Member> {
    decision.update.as_ref().map(Update::member)
}

/// Ready, its reason, and the condition beside it, in one line.
pub fn summarize(status: &ExperimentRunStatus) -> String {
    let ready = conditions::find(&status.conditions, ConditionType::Ready).unwrap();
    let beside = |kind: ConditionType| conditions::find(&status.conditions, kind).map(|it| it.type_.clone());
    let third = beside(ConditionType::Stalled).or(beside(ConditionType::Reconciling));
    format!(
        "{} {} {}",
        ready.status,
        ready.reason,
        third.unwrap_or_else(|| "-".to_owned())
    )
}

/// `TargetReached`, and its reason.
pub fn target(status: &ExperimentRunStatus) -> String {
    let target = conditions::find(&status.conditions, ConditionType::TargetReached).unwrap();
    format!("{} {}", target.status, target.reason)
}

pub fn message(status: &ExperimentRunStatus) -> &str {
    &conditions::find(&status.conditions, ConditionType::Ready)
        .unwrap()
        .message
}

pub fn held(world: &World) -> Vec<(Member, &str)> {
    world
        .status
        .held_updates
        .iter()
        .map(|held| (held.member, held.reason.as_str()))
        .collect()
}

/// The reasons of a decision's Events.
pub fn event_reasons(decision: &Decision) -> Vec<&'static str> {
    decision.events.iter().map(|event| event.reason).collect()
}

/// A ramp of these members.
pub fn ramp(members: serde_json::Value) -> Ramp {
    Ramp::parse(&serde_json::from_value(members).unwrap()).unwrap()
}

/// A ramp of steps, each with its hold.
pub fn steps(steps: &[(f32, &str)]) -> Ramp {
    let steps = steps
        .iter()
        .map(|(exposure, hold)| serde_json::json!({"exposurePercentage": exposure, "hold": hold}));
    ramp(serde_json::json!({ "steps": steps.collect::<Vec<_>>() }))
}

/// Asks for a percentage, by a ramp.
pub fn ramped(percentage: f32, ramp: Ramp) -> Desired {
    Desired {
        ramp: Some(ramp),
        ..wants(percentage)
    }
}
