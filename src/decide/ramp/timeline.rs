//! [`timeline()`]: what the operator will do, by running `decide` itself against a simulated run. `plan` prints it.

use std::time::Duration;

use jiff::Timestamp;

use super::STEPS;
use crate::api::{
    ConditionType, ExperimentDefinition, ExperimentRunStatus, Exposure, Member, RunStatus, TreatmentOverrides,
    WaitingFor,
};
use crate::decide::{
    Decision, EndedBy, Now, Outcome, Owner, Resource, Seen, conditions, decide,
    desired::{Defaults, Desired},
    memory::Memory,
    service_time::ServiceTime,
};
use crate::run::{Change, LiveRun, RunKey, Update};

/// More updates and waits than a spec can come to: those are hardly more than two for each step.
const MOST: usize = 4 * STEPS;

/// The raises that are to come, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// The members that are sent at once, in order.
    pub sends: Vec<Member>,
    /// Each raise.
    pub raises: Vec<Raised>,
    /// When the target is reached. None: it isn't, and [`Timeline::message`] says why.
    pub completes_at: Option<Timestamp>,
    /// The reason of Ready after the last raise.
    pub reason: String,
    /// Its message.
    pub message: String,
}

/// One raise of a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raised {
    /// When it is sent at the earliest.
    pub at: Timestamp,
    /// From which exposure.
    pub from: Exposure,
    /// To which exposure.
    pub to: Exposure,
    /// Why then.
    pub because: Because,
}

/// Why a raise comes when it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Because {
    /// Nothing keeps it waiting.
    Now,
    /// The hold is over.
    Hold,
    /// A window opens.
    Window,
}

impl Because {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Now => "Now",
            Self::Hold => "Hold",
            Self::Window => "Window",
        }
    }
}

/// What happens from `at` on to a run whose exposure has been live `since` then. Of the spec, only what moves exposure
/// counts: whether other members match is not known, and they hold nothing.
#[must_use]
pub fn timeline(desired: &Desired, live: Exposure, since: Timestamp, at: Timestamp) -> Timeline {
    let desired = Desired {
        description: None,
        overrides: None,
        ..desired.clone()
    };
    timeline_of_run(&desired, &unread(&desired, live, since), &EndedBy::NotAsked, at)
}

/// What happens from `at` on to a run that was read.
#[must_use]
pub fn timeline_of_run(desired: &Desired, live: &LiveRun, ended_by: &EndedBy, at: Timestamp) -> Timeline {
    let mut run = Simulation::new(desired, live, ended_by, at);
    let (mut sends, mut raises) = (Vec::new(), Vec::new());
    let mut because = Because::Now;
    let mut decision = run.read();
    for _ in 0..MOST {
        if let Some(update) = decision.update.clone() {
            if run.at == run.began {
                sends.push(update.member());
            }
            raises.extend(update.exposure().map(|to| Raised {
                at: run.at,
                from: run.live.exposure,
                to,
                because,
            }));
            decision = run.apply(update);
            because = Because::Now;
            continue;
        }
        let ramp = decision.status.ramp.as_ref();
        let Some(next) = ramp.and_then(|ramp| Some((ramp.waiting_for?, ramp.next.as_ref()?.not_before.as_ref()?.0)))
        else {
            break;
        };
        because = match next.0 {
            WaitingFor::Hold => Because::Hold,
            WaitingFor::Window => Because::Window,
        };
        if next.1 <= run.at {
            break;
        }
        run.at = next.1;
        decision = run.read();
    }
    sends.dedup();
    let reached = run.desired.exposure.is_none_or(|target| target == run.live.exposure);
    let ready = conditions::find(&decision.status.conditions, ConditionType::Ready);
    Timeline {
        sends,
        completes_at: raises.last().map(|raise| raise.at).filter(|_| reached),
        raises,
        reason: ready.map(|ready| ready.reason.clone()).unwrap_or_default(),
        message: ready.map(|ready| ready.message.clone()).unwrap_or_default(),
    }
}

/// A run of which nothing but the exposure is known.
fn unread(desired: &Desired, exposure: Exposure, since: Timestamp) -> LiveRun {
    LiveRun {
        key: RunKey {
            region: desired.region.clone(),
            application_id: desired.application_identifier.clone(),
            experiment_definition_id: desired.experiment_definition_identifier.clone(),
            run: desired.run,
        },
        status: RunStatus::Running,
        exposure,
        exposed_at: Some(since),
        description: String::new(),
        overrides: TreatmentOverrides::default(),
        started_at: None,
        updated_at: None,
        ended_at: None,
        result: None,
        definition: ExperimentDefinition::default(),
    }
}

/// A run, its resource and the time.
struct Simulation {
    desired: Desired,
    defaults: Defaults,
    live: LiveRun,
    ended_by: EndedBy,
    status: ExperimentRunStatus,
    memory: Memory,
    began: Timestamp,
    at: Timestamp,
}

impl Simulation {
    fn new(desired: &Desired, live: &LiveRun, ended_by: &EndedBy, at: Timestamp) -> Self {
        Self {
            defaults: Defaults {
                region: Some(desired.region.clone()),
                resync_interval: desired.resync_interval,
            },
            desired: desired.clone(),
            live: live.clone(),
            ended_by: ended_by.clone(),
            status: ExperimentRunStatus::default(),
            memory: Memory::default(),
            began: at,
            at,
        }
    }

    fn now(&self) -> Now {
        Now {
            elapsed: Duration::try_from(self.at.duration_since(self.began)).unwrap_or_default(),
            local: self.at,
            service: Ok(ServiceTime::exactly(self.at)),
        }
    }

    fn decide(&mut self, seen: &Seen) -> Decision {
        let resource = Resource {
            uid: "",
            generation: 1,
            reconcile_requested_at: None,
            desired: Ok(&self.desired),
            status: &self.status,
            defaults: &self.defaults,
        };
        let decision = decide(&resource, &self.memory, &Owner::Itself, seen, &self.now());
        self.memory = decision.memory.clone();
        self.status = decision.status.clone();
        decision
    }

    fn read(&mut self) -> Decision {
        let seen = Seen::Read(self.live.clone(), self.ended_by.clone());
        self.decide(&seen)
    }

    /// An update is carried out.
    fn apply(&mut self, update: Update) -> Decision {
        match update.change() {
            Change::Description(description) => self.live.description.clone_from(description),
            Change::TreatmentOverrides(overrides) => self.live.overrides = overrides.clone(),
            Change::ExposurePercentage(raise) => {
                self.live.exposure = raise.to();
                self.live.exposed_at = None;
            }
        }
        // AppConfig's answer would be newer than the last one, also when the plan is for a time before that.
        let newer = self
            .live
            .updated_at
            .and_then(|last| last.checked_add(Duration::from_secs(1)).ok());
        self.live.updated_at = newer.max(Some(self.at));
        self.decide(&Seen::Updated {
            update,
            id: None,
            outcome: Outcome::Applied(Box::new(self.live.clone())),
        })
    }
}
