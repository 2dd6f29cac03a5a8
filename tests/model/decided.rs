//! The operator's own `decide`, as the model calls it. It is pure, so each question is asked once and its answer kept:
//! a search comes back to the same question thousands of times.

use std::{
    collections::HashMap,
    fmt::{self, Debug, Write},
    hash::{DefaultHasher, Hash, Hasher},
    ops::Deref,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use appconfig_experiment_operator::{
    api::{self, ExperimentRunSpec, ExperimentRunStatus, Exposure, RunStatus},
    decide::{
        self, Decision, EndedBy, Now, Outcome, Owner, Resource, Seen,
        desired::{Defaults, Desired},
        failure::{Failure, FailureKind, Operation},
        live::{Live, RunKey},
        memory::Memory,
        schedule::Next,
        service_time::ServiceTime,
    },
};
use jiff::Timestamp;

use crate::state::{Object, Shown};

/// 2026-09-01T00:00:00Z, the model's beginning. Only `elapsed` goes on from there: no decision of the model's depends on
/// how late it is, and times in a status would make equal states differ.
const START: i64 = 1_788_220_800;

/// A value and a digest of it, by which it is compared: states are compared millions of times.
pub struct Kept<T> {
    value: Arc<T>,
    digest: u64,
}

impl<T: Debug> Kept<T> {
    /// Keeps a value whose `Debug` tells all of it.
    pub fn new(value: T) -> Self {
        let digest = digest(&value);
        Self::with(value, digest)
    }
}

impl<T> Kept<T> {
    fn with(value: T, digest: u64) -> Self {
        let value = Arc::new(value);
        Self { value, digest }
    }
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        let value = Arc::clone(&self.value);
        Self { value, ..*self }
    }
}

impl<T> PartialEq for Kept<T> {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl<T> Eq for Kept<T> {}

impl<T> Hash for Kept<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.digest);
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Debug> Debug for Kept<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(formatter)
    }
}

fn digest(value: &impl Debug) -> u64 {
    struct Digest(DefaultHasher);
    impl Write for Digest {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    let mut digest = Digest(DefaultHasher::new());
    write!(digest, "{value:?}").unwrap();
    digest.0.finish()
}

/// What `decide` answered.
#[derive(Debug)]
pub struct Decided {
    /// Its answer.
    pub decision: Decision,
    /// The answer's status.
    pub status: Kept<ExperimentRunStatus>,
    /// The answer's memory. How long to wait between attempts is not modelled, so their numbers are left out.
    pub memory: Kept<Memory>,
}

impl Decided {
    fn keep(decision: Decision) -> Kept<Self> {
        let mut memory = decision.memory.clone();
        (memory.attempts, memory.conflicts) = (0, 0);
        let (status, memory) = (Kept::new(decision.status.clone()), Kept::new(memory));
        let next = decision.next == Next::Now;
        let digest = digest(&(status.digest, memory.digest, &decision.update, next));
        let decided = Self {
            decision,
            status,
            memory,
        };
        Kept::with(decided, digest)
    }
}

/// What a pass saw, in the model's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sight {
    /// `GetExperimentRun` answered this.
    Read(Shown),
    /// `GetExperimentRun` brought no answer.
    ReadFailed,
    /// The update that was decided upon was applied, and the answer shows this.
    Applied(Shown),
    /// It was refused.
    Refused,
    /// No answer came.
    Unknown,
    /// It was not sent.
    NotSent,
}

#[derive(PartialEq, Eq, Hash)]
struct Question {
    resource: (u8, i64, Exposure, u64),
    memory: u64,
    sent: Option<(u64, u8)>,
    sight: Sight,
    elapsed: u16,
}

/// Every question that was asked, and its answer.
#[derive(Default)]
pub struct Decisions {
    answers: Mutex<HashMap<Question, Kept<Decided>>>,
    fences: Mutex<HashMap<(u64, i64, u8), Kept<ExperimentRunStatus>>>,
}

impl Decisions {
    /// What is decided for an object. `sent` is the decision and the ID that an update came of, where that is what was seen.
    pub fn decide(
        &self,
        object: &Object,
        memory: &Kept<Memory>,
        sent: Option<(&Kept<Decided>, u8)>,
        sight: Sight,
        elapsed: u16,
    ) -> Kept<Decided> {
        let question = Question {
            resource: (object.uid, object.generation, object.exposure, object.status.digest),
            memory: memory.digest,
            sent: sent.map(|(decided, id)| (decided.digest, id)),
            sight,
            elapsed,
        };
        if let Some(kept) = self.answers.lock().unwrap().get(&question) {
            return kept.clone();
        }
        let seen = seen(sent, sight);
        let decided = Decided::keep(ask(object, memory, &seen, elapsed));
        self.answers.lock().unwrap().insert(question, decided.clone());
        decided
    }

    /// The status that fences a decision's update.
    pub fn fence(&self, decided: &Kept<Decided>, id: u8, generation: i64, elapsed: u16) -> Kept<ExperimentRunStatus> {
        let question = (decided.digest, generation, id);
        if let Some(kept) = self.fences.lock().unwrap().get(&question) {
            return kept.clone();
        }
        let update = decided.decision.update.as_ref().unwrap();
        let status = decided.decision.fence(update, &name(id), generation, &now(elapsed));
        let status = Kept::new(status);
        self.fences.lock().unwrap().insert(question, status.clone());
        status
    }

    /// How many questions were asked.
    pub fn asked(&self) -> usize {
        self.answers.lock().unwrap().len()
    }
}

/// The memory of a process that sees an object for the first time.
pub fn first_sight(status: &ExperimentRunStatus, elapsed: u16) -> Kept<Memory> {
    Kept::new(Memory::from_status(status, 1, seconds(elapsed)))
}

/// The memory once a status that was decided upon is written.
pub fn recorded(memory: &Kept<Memory>) -> Kept<Memory> {
    let mut memory = (**memory).clone();
    memory.recorded();
    Kept::new(memory)
}

/// The memory once it is known that nothing was sent under an ID.
pub fn resolved(memory: &Kept<Memory>, id: u8) -> Kept<Memory> {
    let mut memory = (**memory).clone();
    memory.resolve(&name(id));
    Kept::new(memory)
}

/// The status that the API server gives a new object.
pub fn new_status() -> Kept<ExperimentRunStatus> {
    static DEFAULT: LazyLock<Kept<ExperimentRunStatus>> = LazyLock::new(|| {
        let crd = api::custom_resource_definition();
        let schema = crd.spec.versions[0].schema.as_ref().unwrap();
        let properties = schema.open_api_v3_schema.as_ref().unwrap().properties.as_ref();
        let default = properties.unwrap()["status"].default.clone().unwrap().0;
        Kept::new(serde_json::from_value(default).unwrap())
    });
    DEFAULT.clone()
}

fn ask(object: &Object, memory: &Memory, seen: &Seen, elapsed: u16) -> Decision {
    let defaults = Defaults {
        region: "eu-west-1".parse().ok(),
        resync_interval: Duration::from_mins(10),
    };
    let spec = ExperimentRunSpec {
        application_identifier: "shop".to_owned(),
        experiment_definition_identifier: "add-to-cart".to_owned(),
        run: 1,
        region: None,
        description: None,
        exposure_percentage: Some(object.exposure),
        treatment_overrides: None,
        deployment_parameters: None,
        ramp: None,
        suspend: None,
        resync_interval: None,
    };
    let pinned = decide::pinned_region(&object.status, Some(memory));
    let desired = Desired::parse(&spec, pinned.as_ref(), &defaults).unwrap();
    let uid = format!("uid-{}", object.uid);
    let resource = Resource {
        uid: &uid,
        generation: object.generation,
        reconcile_requested_at: None,
        desired: Ok(&desired),
        status: &object.status,
        defaults: &defaults,
    };
    decide::decide(&resource, memory, &Owner::Itself, seen, &now(elapsed))
}

fn seen(sent: Option<(&Kept<Decided>, u8)>, sight: Sight) -> Seen {
    let outcome = match sight {
        Sight::Read(shown) => return Seen::Read(live(shown), EndedBy::NotAsked),
        Sight::ReadFailed => {
            return Seen::ReadFailed(failure(Operation::GetExperimentRun, FailureKind::Unavailable, 503));
        }
        Sight::Applied(shown) => Outcome::Applied(Box::new(live(shown))),
        Sight::Refused => Outcome::Refused(failure(Operation::UpdateExperimentRun, FailureKind::Refused, 400)),
        Sight::Unknown => Outcome::Unknown(failure(Operation::UpdateExperimentRun, FailureKind::Unavailable, 503)),
        Sight::NotSent => Outcome::NotSent(None),
    };
    let (decided, id) = sent.unwrap();
    Seen::Updated {
        update: decided.decision.update.clone().unwrap(),
        id: Some(name(id)),
        outcome,
    }
}

fn live(shown: Shown) -> Live {
    Live {
        key: RunKey {
            region: "eu-west-1".parse().unwrap(),
            application_id: "abc1234".to_owned(),
            experiment_definition_id: definition_id(shown.run),
            run: 1,
        },
        status: RunStatus::Running,
        exposure: shown.exposure,
        exposed_at: None,
        description: String::new(),
        overrides: api::TreatmentOverrides::default(),
        started_at: None,
        updated_at: Timestamp::from_second(START + i64::from(shown.updated)).ok(),
        ended_at: None,
        result: None,
        definition: api::ExperimentDefinition::default(),
    }
}

/// The ID of the experiment definition that a run is of.
pub fn definition_id(run: usize) -> String {
    format!("bsxyd7{run}")
}

fn name(id: u8) -> String {
    format!("update-{id}")
}

fn failure(operation: Operation, kind: FailureKind, status: u16) -> Failure {
    Failure {
        kind,
        operation,
        code: None,
        status: Some(status),
        message: None,
        request_id: None,
        advice: None,
    }
}

fn seconds(clock: u16) -> Duration {
    Duration::from_secs(clock.into())
}

fn now(elapsed: u16) -> Now {
    let wall = Timestamp::from_second(START).unwrap();
    Now {
        elapsed: seconds(elapsed),
        local: wall,
        service: Ok(ServiceTime::exactly(wall)),
    }
}
