//! The operator's own passes, as the model drives them. They are pure, so each question is asked once and its answer kept: a
//! search comes back to the same question thousands of times.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use appconfig_experiment_operator::{
    api::{self, ExperimentRunSpec, ExperimentRunStatus, Exposure, RunStatus},
    clock::BootInstant,
    decide::{Outcome, Owner, desired::Defaults, memory::Memory, service_time::Untold},
    pass::{
        self, Answered, Claimed, End, Interruption, Moment, Read, Sent, Step, Written,
        resource::{Identity, ObjectKey, Spec, StoredResource},
    },
    run::{Failure, FailureKind, LiveRun, Operation, RunKey},
};
use jiff::Timestamp;

use crate::{
    kept::Kept,
    state::{Object, Shown, instant},
};

/// 2026-09-01T00:00:00Z, the model's beginning. Only the clocks of the process go on from there: no decision of the model's
/// depends on how late it is, and times in a status would make equal states differ.
const START: i64 = 1_788_220_800;

/// What comes next in a pass, as far as others have a part in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// A step.
    Step(Kept<Step<()>>),
    /// An update is on its way.
    Sent(Kept<Sent<()>>),
    /// Nothing: the pass is over, and this is what it remembers.
    Over(Kept<Memory>),
}

/// When an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct When {
    /// In seconds.
    pub clock: u16,
    /// The same by the process's own clock, which may stand still.
    pub elapsed: u16,
    /// Whether the process may act then.
    pub may_act: bool,
}

/// What a step is answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// `GetExperimentRun` answered this, or nothing.
    Read(Option<Shown>),
    /// What an update needs is there, and its ID is of this number.
    Prepared(u8),
    /// The status is written, and this came of it.
    Written(Object),
    /// Somebody else has written meanwhile, and this is the newest object.
    Conflict(Object),
    /// No answer came.
    Lost,
    /// What came of the update.
    Update(Became),
}

/// What came of an update, as its sender sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Became {
    /// It was applied, and the answer shows this.
    Applied(Shown),
    /// It was refused.
    Refused,
    /// No answer came.
    Unknown,
    /// It was not sent.
    NotSent,
}

#[derive(PartialEq, Eq, Hash)]
enum Question {
    Begin(Object, Kept<Memory>, When),
    Answer(Next, Answer, When),
}

/// Every question that was asked, and what came of it.
#[derive(Default)]
pub struct Passes(Mutex<HashMap<Question, Next>>);

impl Passes {
    /// How a pass over an object begins.
    pub fn begin(&self, object: &Object, memory: &Kept<Memory>, when: When) -> Next {
        let question = Question::Begin(unversioned(object), memory.clone(), when);
        self.kept(
            question,
            || {
                let resource = Arc::new(stored(object));
                pass::begin(
                    DEFAULTS.clone(),
                    resource,
                    (**memory).clone(),
                    Vec::new(),
                    &moment(when),
                )
            },
            when,
        )
    }

    /// What an answer leads to.
    pub fn answered(&self, at: &Next, answer: Answer, when: When) -> Next {
        let answer = match answer {
            Answer::Written(object) => Answer::Written(unversioned(&object)),
            Answer::Conflict(object) => Answer::Conflict(unversioned(&object)),
            other => other,
        };
        let question = Question::Answer(at.clone(), answer.clone(), when);
        self.kept(question, || ask(at, answer, when), when)
    }

    fn kept(&self, question: Question, ask: impl FnOnce() -> Step<()>, when: When) -> Next {
        if let Some(next) = self.0.lock().unwrap().get(&question) {
            return next.clone();
        }
        let next = settled(ask(), when);
        self.0.lock().unwrap().insert(question, next.clone());
        next
    }

    /// How many questions were asked.
    pub fn asked(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Goes on over everything that nobody else has a part in, and that time makes no difference to.
fn settled(mut step: Step<()>, when: When) -> Next {
    let moment = moment(when);
    loop {
        step.take_effects();
        step = match step {
            Step::Claim(claim) => claim.answered(
                Claimed {
                    owner: Owner::Itself,
                    inherited: None,
                    waited: false,
                },
                &moment,
            ),
            // Nothing is written, so nothing can come in between.
            Step::Record(record) if record.resource().status == *record.status() => {
                record.answered(Written::Unchanged, &moment)
            }
            // The fence's answer has come, and nothing comes before its update.
            Step::Send(send) => return Next::Sent(Kept::new(send.departs().1)),
            Step::End(end) => return Next::Over(remembered(*end)),
            step => return Next::Step(Kept::new(step)),
        };
    }
}

/// How long to wait between attempts is not modelled, so their numbers are left out.
fn remembered(end: End) -> Kept<Memory> {
    let mut memory = end.memory;
    (memory.attempts, memory.conflicts) = (0, 0);
    Kept::new(memory)
}

fn ask(at: &Next, answer: Answer, when: When) -> Step<()> {
    let moment = moment(when);
    let lost = || Interruption::ApiServer("no answer".to_owned());
    let written = |answer| match answer {
        Answer::Written(object) => Written::Written(Arc::new(stored(&object))),
        Answer::Conflict(_) => Written::Conflict,
        _ => Written::Failed(lost()),
    };
    let newest = match &answer {
        Answer::Conflict(object) => Some(Arc::new(stored(object))),
        _ => None,
    };
    let step = match at {
        Next::Over(_) => panic!("nothing is asked any more"),
        Next::Sent(sent) => {
            let Answer::Update(became) = answer else {
                panic!("{answer:?} to an update")
            };
            return (**sent).clone().answered(update_answer(became), &moment);
        }
        Next::Step(step) => (**step).clone(),
    };
    let next = match step {
        Step::Get(get) => {
            let Answer::Read(shown) = answer else {
                panic!("{answer:?} to a read")
            };
            let failed = failure(Operation::GetExperimentRun, FailureKind::Unavailable, 503);
            get.answered(shown.map(read).ok_or(failed), &moment)
        }
        Step::Prepare(prepare) => {
            let Answer::Prepared(id) = answer else {
                panic!("{answer:?} to what prepares")
            };
            prepare.answered(Ok(((), name(id))), &moment)
        }
        Step::Fence(fence) => fence.answered(written(answer), &moment),
        Step::Record(record) => record.answered(written(answer), &moment),
        step => panic!("{step:?} is not modelled"),
    };
    match (next, newest) {
        (Step::Refresh(refresh), Some(newest)) => refresh.answered(Ok(newest), &moment),
        (next, _) => next,
    }
}

fn update_answer(became: Became) -> Answered {
    let failed = |kind, status| failure(Operation::UpdateExperimentRun, kind, status);
    let outcome = match became {
        Became::Applied(shown) => Outcome::Applied(Box::new(live(shown))),
        Became::Refused => Outcome::Refused(failed(FailureKind::Refused, 400)),
        Became::Unknown => Outcome::Unknown(failed(FailureKind::Unavailable, 503)),
        Became::NotSent => Outcome::NotSent(None),
    };
    Answered {
        outcome,
        service: Err(Untold::NoDate),
    }
}

/// The object as the operator reads it. Its version is for the API server alone, which is the model's: renumbering it makes
/// states equal that differ in nothing else.
fn stored(object: &Object) -> StoredResource {
    let key = ObjectKey {
        namespace: "shop".to_owned(),
        name: "add-to-cart".to_owned(),
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
    StoredResource {
        identity: Identity {
            key,
            uid: format!("uid-{}", object.uid),
            version: String::new(),
            generation: object.generation,
            created: Timestamp::from_second(START).ok(),
            deleting: false,
            reconcile_requested_at: None,
            brake_reason: None,
        },
        spec: Spec::new(spec, BTreeSet::new(), 0).unwrap(),
        status: (*object.status).clone(),
    }
}

fn unversioned(object: &Object) -> Object {
    Object {
        version: 0,
        ..object.clone()
    }
}

static DEFAULTS: LazyLock<Arc<Defaults>> = LazyLock::new(|| {
    Arc::new(Defaults {
        region: "eu-west-1".parse().ok(),
        resync_interval: Duration::from_mins(10),
    })
});

fn moment(when: When) -> Moment {
    Moment {
        boot: instant(when.clock),
        elapsed: seconds(when.elapsed),
        local: Timestamp::from_second(START).unwrap(),
        acts_until: if when.may_act {
            BootInstant::NEVER
        } else {
            BootInstant::BOOT
        },
        schema_is_complete: true,
    }
}

/// The memory of a process that sees an object for the first time.
pub fn first_sight(status: &ExperimentRunStatus, elapsed: u16) -> Kept<Memory> {
    Kept::new(Memory::from_status(status, 1, seconds(elapsed)))
}

/// Which run an update goes to, and to which exposure.
pub fn sent_to(sent: &Sent<()>, named: usize) -> (usize, Exposure) {
    let run = (0..2).find(|run| *sent.run() == run_key(*run));
    // What does not go by the IDs that were read goes by the spec's names.
    (run.unwrap_or(named), sent.update().exposure().unwrap())
}

fn read(shown: Shown) -> Read {
    Read {
        live: live(shown),
        service: Err(Untold::NoDate),
    }
}

fn run_key(run: usize) -> RunKey {
    RunKey {
        region: "eu-west-1".parse().unwrap(),
        application_id: "abc1234".to_owned(),
        experiment_definition_id: definition_id(run),
        run: 1,
    }
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

fn live(shown: Shown) -> LiveRun {
    LiveRun {
        key: run_key(shown.run),
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
        date: None,
        advice: None,
    }
}

fn seconds(clock: u16) -> Duration {
    Duration::from_secs(clock.into())
}
