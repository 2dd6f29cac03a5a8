//! [`timeline()`]: what the operator will do, by passes over a simulated run. `plan` prints it.
//!
//! The world of these passes answers at once. The API server takes each status, `AppConfig` applies each update, no claim has
//! to be waited for, and between two passes the time is moved to when the ramp may raise again.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    Answered, Claimed, End, Moment, Read, ServiceClock, Step, Written, begin,
    resource::{Identity, ObjectKey, Spec, StoredResource},
};
use crate::{
    api::{
        ConditionType, ExperimentDefinition, ExperimentRunSpec, ExperimentRunStatus, Exposure, Member, RampReached,
        RampStatus, RunStatus, TreatmentOverrides, WaitingFor,
    },
    clock::BootInstant,
    decide::{
        Outcome, Owner, conditions,
        desired::{Defaults, Desired, InvalidSpec},
        memory::Memory,
        ramp::STEPS,
    },
    run::{Change, ExperimentRunEvent, LiveRun, RunKey, Update},
};

/// More passes than a spec can come to: those are hardly more than two for each step.
const PASSES: usize = 4 * STEPS;

/// The raises that are to come, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// The members that are sent at once, in order.
    pub sends: Vec<Member>,
    /// Each raise.
    pub raises: Vec<Raised>,
    /// When the target is reached. `None` when it is not, and [`Timeline::message`] says why.
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
    /// What it waits for until then. `None` when nothing keeps it waiting.
    pub waits_for: Option<WaitingFor>,
}

/// What happens from `at` on to a run whose exposure has been live `since` then. Of the spec, only what moves exposure
/// counts: whether other members match is not known, and they hold nothing.
///
/// # Errors
/// When the spec can't be used.
pub fn timeline(
    spec: &ExperimentRunSpec,
    defaults: &Defaults,
    live: Exposure,
    since: Timestamp,
    at: Timestamp,
) -> Result<Timeline, InvalidSpec> {
    let spec = ExperimentRunSpec {
        description: None,
        treatment_overrides: None,
        ..spec.clone()
    };
    let desired = Desired::parse(&spec, None, defaults)?;
    // What `since` tells is what the status of a resource remembers of a ramp.
    let status = ExperimentRunStatus {
        ramp: desired.ramp.as_ref().map(|_| reached(live, since.min(at))),
        ..ExperimentRunStatus::default()
    };
    let mut world = World::new(unread(&desired, live), &[], at);
    Ok(world.run(stored(spec, status)?, defaults))
}

/// What happens from `at` on to a run that was read, and whose events are these.
///
/// # Errors
/// When the spec can't be used.
pub fn timeline_of_run(
    spec: &ExperimentRunSpec,
    defaults: &Defaults,
    live: &LiveRun,
    events: &[ExperimentRunEvent],
    at: Timestamp,
) -> Result<Timeline, InvalidSpec> {
    Desired::parse(spec, None, defaults)?;
    let mut world = World::new(live.clone(), events, at);
    Ok(world.run(stored(spec.clone(), ExperimentRunStatus::default())?, defaults))
}

/// A ramp of which only is known what is live, and since when.
fn reached(exposure_percentage: Exposure, since: Timestamp) -> RampStatus {
    RampStatus {
        reached: RampReached {
            exposure_percentage,
            at: Time(since),
            hold: None,
        },
        next: None,
        waiting_for: None,
        completes_at: None,
        summary: String::new(),
    }
}

/// A run of which nothing but the exposure is known.
fn unread(desired: &Desired, exposure: Exposure) -> LiveRun {
    LiveRun {
        key: RunKey {
            region: desired.region.clone(),
            application_id: desired.application_identifier.clone(),
            experiment_definition_id: desired.experiment_definition_identifier.clone(),
            run: desired.run,
        },
        status: RunStatus::Running,
        exposure,
        exposed_at: None,
        description: String::new(),
        overrides: TreatmentOverrides::default(),
        started_at: None,
        updated_at: None,
        ended_at: None,
        result: None,
        definition: ExperimentDefinition::default(),
    }
}

/// A resource with this spec, as the API server would tell it.
fn stored(spec: ExperimentRunSpec, status: ExperimentRunStatus) -> Result<Arc<StoredResource>, InvalidSpec> {
    let unreadable = || InvalidSpec::Unreadable("spec".to_owned());
    Ok(Arc::new(StoredResource {
        identity: Identity {
            key: ObjectKey {
                namespace: String::new(),
                name: String::new(),
            },
            uid: String::new(),
            version: String::new(),
            generation: 1,
            created: None,
            deleting: false,
            reconcile_requested_at: None,
            brake_reason: None,
        },
        spec: Spec::new(spec, BTreeSet::new(), 0).ok_or_else(unreadable)?,
        status,
    }))
}

/// A run, the time, and what has been sent.
struct World<'a> {
    live: LiveRun,
    events: &'a [ExperimentRunEvent],
    began: Timestamp,
    at: Timestamp,
    /// What the next raise has waited for.
    waits_for: Option<WaitingFor>,
    sends: Vec<Member>,
    raises: Vec<Raised>,
}

impl<'a> World<'a> {
    const fn new(live: LiveRun, events: &'a [ExperimentRunEvent], at: Timestamp) -> Self {
        Self {
            live,
            events,
            began: at,
            at,
            waits_for: None,
            sends: Vec::new(),
            raises: Vec::new(),
        }
    }

    /// Pass after pass, until nothing is to be waited for.
    fn run(&mut self, resource: Arc<StoredResource>, defaults: &Defaults) -> Timeline {
        let defaults = Arc::new(defaults.clone());
        let (mut resource, mut memory) = (resource, Memory::default());
        for _ in 0..PASSES {
            let end = self.pass(begin(
                Arc::clone(&defaults),
                resource,
                memory,
                Vec::new(),
                &self.moment(),
            ));
            (resource, memory) = (end.resource, end.memory);
            if !self.wait(&resource.status) {
                break;
            }
        }
        self.sends.dedup();
        let target = resource.exposure();
        let reached = target.is_none_or(|target| target == self.live.exposure);
        let ready = conditions::find(&resource.status.conditions, ConditionType::Ready);
        Timeline {
            sends: std::mem::take(&mut self.sends),
            completes_at: self.raises.last().map(|raise| raise.at).filter(|_| reached),
            raises: std::mem::take(&mut self.raises),
            reason: ready.map(|ready| ready.reason.clone()).unwrap_or_default(),
            message: ready.map(|ready| ready.message.clone()).unwrap_or_default(),
        }
    }

    fn pass(&mut self, mut step: Step<()>) -> End {
        loop {
            let moment = self.moment();
            step = match step {
                Step::Claim(claim) => claim.answered(UNCONTESTED, &moment),
                Step::Get(get) => {
                    let read = Read {
                        live: self.live.clone(),
                        service: Ok(self.clock()),
                    };
                    get.answered(Ok(read), &moment)
                }
                Step::ListEvents(list) => list.answered(Ok(self.events.to_vec()), &moment),
                Step::Prepare(prepare) => {
                    let id = format!("simulated-{}", self.sends.len() + self.raises.len());
                    prepare.answered(Ok(((), id)), &moment)
                }
                Step::Fence(fence) => {
                    let written = with_status(fence.resource(), fence.status());
                    fence.answered(written, &moment)
                }
                Step::Send(update) => {
                    let ((), sent) = update.departs();
                    self.apply(sent.update());
                    let answer = Answered {
                        outcome: Outcome::Applied(Box::new(self.live.clone())),
                        service: Ok(self.clock()),
                    };
                    sent.answered(answer, &moment)
                }
                Step::Record(record) => {
                    let written = with_status(record.resource(), record.status());
                    record.answered(written, &moment)
                }
                Step::Refresh(refresh) => {
                    let newest = Arc::new(refresh.resource().clone());
                    refresh.answered(Ok(newest), &moment)
                }
                Step::End(end) => return *end,
            }
        }
    }

    /// An update is carried out.
    fn apply(&mut self, update: &Update) {
        if self.at == self.began {
            self.sends.push(update.member());
        }
        self.raises.extend(update.exposure().map(|to| Raised {
            at: self.at,
            from: self.live.exposure,
            to,
            waits_for: self.waits_for,
        }));
        self.waits_for = None;
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
    }

    /// Waits for the next raise. False when there is none to wait for.
    fn wait(&mut self, status: &ExperimentRunStatus) -> bool {
        let ramp = status.ramp.as_ref();
        let waits = ramp.and_then(|ramp| Some((ramp.waiting_for?, ramp.next.as_ref()?.not_before.as_ref()?.0)));
        let Some((waiting_for, not_before)) = waits else {
            return false;
        };
        self.waits_for = Some(waiting_for);
        let later = not_before > self.at;
        self.at = self.at.max(not_before);
        later
    }

    fn moment(&self) -> Moment {
        let elapsed = Duration::try_from(self.at.duration_since(self.began)).unwrap_or_default();
        Moment {
            boot: BootInstant::after_boot(elapsed),
            elapsed,
            local: self.at,
            acts_until: BootInstant::NEVER,
            schema_is_complete: true,
        }
    }

    fn clock(&self) -> ServiceClock {
        ServiceClock::exactly(self.at, self.moment().boot)
    }
}

/// Nobody else has the run.
const UNCONTESTED: Claimed = Claimed {
    owner: Owner::Itself,
    inherited: None,
    waited: false,
};

fn with_status(resource: &StoredResource, status: &ExperimentRunStatus) -> Written {
    Written::Written(Arc::new(StoredResource {
        status: status.clone(),
        ..resource.clone()
    }))
}

#[cfg(test)]
mod tests;
