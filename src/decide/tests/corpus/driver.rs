//! One operator's process that decides on one resource: the only part of the corpus that knows the types of `decide`. When
//! these change, this file does, and no case.

use std::time::Duration;

use super::{
    decode::{failure, live, set_at, stopped_by},
    time::timestamp,
    wire::FailedReply,
};
use crate::api::{ExperimentRunSpec, ExperimentRunStatus, PendingUpdate, Region};
use crate::decide::{
    Decision, EndedBy, Evidence, Now, Outcome, Owner, Resource, asks_since_when, asks_who_ended_it, decide,
    desired::{Defaults, Desired, InvalidSpec},
    memory::{Memory, Pending},
    pinned_region,
    schedule::Next,
    service_time::{Dates, Untold},
};
use crate::{
    clock::BootInstant,
    pass::ServiceClock,
    run::{Change, Operation, Update, whole_seconds},
};

/// The resource as the API server has it.
#[derive(Clone, Debug)]
pub struct Stored {
    pub generation: i64,
    pub requested_at: Option<String>,
    /// Of the spec, as JSON.
    pub spec: String,
    /// Of the status, as JSON.
    pub status: String,
}

/// Which resource acts for the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acts {
    This,
    /// An older one of this name in the same namespace.
    Older(&'static str),
    /// An older one in another namespace.
    Elsewhere,
}

/// The time, by three clocks; in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct ClockReadings {
    /// Since the machine was booted.
    pub boot: u64,
    /// By this machine's clock, since the epoch.
    pub local: i64,
    /// By the `Date` of an answer that comes now, since the epoch. `None` when answers have none.
    pub date: Option<i64>,
}

/// What has come back.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Nothing was asked, since the spec can't be used.
    Nothing,
    /// The run, and its events if they were asked for.
    Run(String, Option<Result<String, FailedReply>>),
    ReadFailed(FailedReply),
    /// What came of the last update that was asked for, and the ID under which it was fenced.
    Update(Option<String>, UpdateResult),
}

/// What came of an update.
#[derive(Clone, Debug)]
pub enum UpdateResult {
    Applied(String),
    Refused(FailedReply),
    Unknown(FailedReply),
    NotSent(Option<FailedReply>),
}

/// What the operator makes of it.
#[derive(Clone, Debug)]
pub struct Given {
    /// The body of the `UpdateExperimentRun` that is to be sent.
    pub update: Option<String>,
    /// The status, as JSON. With an update, [`Operator::fence`] completes it.
    pub status: String,
    /// Events: type and reason, and note.
    pub events: Vec<(String, String)>,
    /// When it looks again, in words; and for how long at most it doesn't.
    pub next: (String, Duration),
    /// Whether it looks again within this pass.
    pub again: bool,
}

/// One process.
pub struct Operator {
    memory: Memory,
    /// When it was started, since boot.
    started: BootInstant,
    dates: Dates,
    service: Result<ServiceClock, Untold>,
    decision: Option<Decision>,
    parsed: Parsed,
}

/// What was parsed last, and of what: cases of thousands of steps have few specs.
#[derive(Default)]
struct Parsed {
    status: (String, ExperimentRunStatus),
    spec: Option<(String, Option<Region>, Result<Desired, InvalidSpec>)>,
}

fn boot(moment: &ClockReadings) -> BootInstant {
    BootInstant::after_boot(Duration::from_millis(moment.boot))
}

fn defaults() -> Defaults {
    Defaults {
        region: None,
        resync_interval: Duration::from_mins(10),
    }
}

fn status(resource: &Stored) -> ExperimentRunStatus {
    serde_json::from_str(&resource.status).unwrap()
}

fn json(status: &ExperimentRunStatus) -> String {
    serde_json::to_string(status).unwrap()
}

impl Operator {
    /// A process that sees the resource for the first time.
    pub fn started(resource: &Stored, moment: &ClockReadings) -> Self {
        let spec: ExperimentRunSpec = serde_json::from_str(&resource.spec).unwrap();
        Self {
            memory: Memory::from_status(&status(resource), spec.run, Duration::ZERO),
            started: boot(moment),
            dates: Dates::default(),
            service: Err(Untold::NoDate),
            decision: None,
            parsed: Parsed::default(),
        }
    }

    /// A pass begins.
    pub fn begins(&mut self) {
        self.service = Err(Untold::NoDate);
    }

    /// The spec and the status, parsed.
    fn parse(&mut self, resource: &Stored) -> (&Result<Desired, InvalidSpec>, &ExperimentRunStatus) {
        let Parsed {
            status: of_status,
            spec,
        } = &mut self.parsed;
        if of_status.0 != resource.status {
            *of_status = (resource.status.clone(), status(resource));
        }
        let pinned = pinned_region(&of_status.1, Some(&self.memory));
        if spec.as_ref().is_none_or(|of| of.0 != resource.spec || of.1 != pinned) {
            let parts = serde_json::from_str(&resource.spec).unwrap();
            let desired = Desired::parse(&parts, pinned.as_ref(), &defaults());
            *spec = Some((resource.spec.clone(), pinned, desired));
        }
        (&spec.as_ref().unwrap().2, &of_status.1)
    }

    pub fn can_ask(&mut self, resource: &Stored) -> bool {
        self.parse(resource).0.is_ok()
    }

    /// Whether this answer has it ask for the run's events too.
    pub fn asks_for_events(&mut self, resource: &Stored, answer: &str) -> bool {
        let memory = self.memory.clone();
        let (desired, status) = self.parse(resource);
        let desired = desired.as_ref().unwrap();
        let live = live(&desired.region, answer);
        asks_who_ended_it(&live, status) || asks_since_when(desired, &live, status, &memory)
    }

    /// An answer has come, with its `Date`.
    pub fn hears(&mut self, moment: &ClockReadings, of_update: bool) {
        let dated = moment.date.map(timestamp).map(whole_seconds).ok_or(Untold::NoDate);
        let came = boot(moment);
        let clock = dated.and_then(|date| {
            let accepted = self.dates.accept(date, timestamp(moment.local), came.since_boot());
            accepted.map_err(Untold::Skewed)?;
            Ok(ServiceClock::new(date, came, came))
        });
        self.service = match (clock, self.service) {
            (Err(_), Ok(before)) if of_update => Ok(before.answered_anew(came)),
            (clock, _) => clock,
        };
    }

    fn now(&self, moment: &ClockReadings) -> Now {
        let boot = boot(moment);
        let service = self.service.map(|clock| clock.time(boot));
        Now {
            elapsed: boot - self.started,
            local: timestamp(moment.local),
            service,
        }
    }

    /// The one step that everything is about.
    pub fn decide(&mut self, resource: &Stored, acts: Acts, evidence: &Reply, moment: &ClockReadings) -> Given {
        let (desired, status) = self.parse(resource);
        let (desired, status, defaults) = (desired.clone(), status.clone(), defaults());
        let owner = match acts {
            Acts::This => Owner::Itself,
            Acts::Older(name) => Owner::Other {
                name: Some(name.to_owned()),
            },
            Acts::Elsewhere => Owner::Other { name: None },
        };
        let input = Resource {
            uid: "8c9e6679-7425-40de-944b-e07fc1f90ae7",
            generation: resource.generation,
            reconcile_requested_at: resource.requested_at.as_deref(),
            desired: desired.as_ref(),
            status: &status,
            defaults: &defaults,
        };
        let seen = self.seen(desired.as_ref().ok(), &status, evidence);
        let decision = decide(&input, &self.memory, &owner, &seen, &self.now(moment));
        self.memory = decision.memory.clone();
        let kind = |warning| if warning { "Warning" } else { "Normal" };
        let events = decision.events.iter().map(|event| {
            let head = format!("{} {}", kind(event.warning), event.reason);
            (head, event.note.clone())
        });
        let (when, at_most) = match decision.next {
            Next::Now => ("now".to_owned(), Duration::ZERO),
            Next::After(wait) => (format!("after {} ms", wait.as_millis()), wait),
            Next::Backoff(most) => (format!("within {} ms", most.as_millis()), most),
            Next::OnChange => ("when the spec changes".to_owned(), Duration::from_mins(10)),
        };
        let given = Given {
            update: decision.update.as_ref().map(body),
            status: json(&decision.status),
            events: events.collect(),
            next: (format!("{when}, as {:?}", decision.class), at_most),
            again: decision.next == Next::Now,
        };
        self.decision = Some(decision);
        given
    }

    fn seen(&self, desired: Option<&Desired>, status: &ExperimentRunStatus, evidence: &Reply) -> Evidence {
        let region = || &desired.unwrap().region;
        match evidence {
            Reply::Nothing => Evidence::Nothing,
            Reply::ReadFailed(failed) => Evidence::ReadFailed(failure(Operation::GetExperimentRun, failed)),
            Reply::Run(answer, events) => {
                let mut live = live(region(), answer);
                let mut ended_by = EndedBy::NotAsked;
                if asks_who_ended_it(&live, status) {
                    ended_by = match events.as_ref().unwrap() {
                        Ok(events) => EndedBy::Event(stopped_by(events)),
                        Err(failed) => EndedBy::Unreadable(failure(Operation::ListExperimentRunEvents, failed)),
                    };
                } else if let Some(Ok(events)) = events {
                    live.exposed_at = set_at(events, live.exposure);
                }
                Evidence::Read(live, ended_by)
            }
            Reply::Update(id, sent) => {
                let failure = |failed| failure(Operation::UpdateExperimentRun, failed);
                let outcome = match sent {
                    UpdateResult::Applied(answer) => Outcome::Applied(Box::new(live(region(), answer))),
                    UpdateResult::Refused(failed) => Outcome::Refused(failure(failed)),
                    UpdateResult::Unknown(failed) => Outcome::Unknown(failure(failed)),
                    UpdateResult::NotSent(failed) => Outcome::NotSent(failed.as_ref().map(failure)),
                };
                Evidence::Updated {
                    update: self.decision.as_ref().and_then(|last| last.update.clone()).unwrap(),
                    id: id.clone(),
                    outcome,
                }
            }
        }
    }

    /// The status that fences the update of the last decision.
    pub fn fence(&self, resource: &Stored, id: &str, moment: &ClockReadings) -> String {
        let decision = self.decision.as_ref().unwrap();
        let update = decision.update.as_ref().unwrap();
        json(&decision.fence(update, id, resource.generation, &self.now(moment)))
    }

    /// Whether a window of the ramp lets the update of the last decision leave now.
    pub fn may_send(&self, moment: &ClockReadings) -> bool {
        let Some(until) = self.decision.as_ref().and_then(|decision| decision.until) else {
            return true;
        };
        // The answer with that `Date` was given within the second that it names.
        self.service.is_ok_and(|clock| boot(moment) < clock.reaches(until))
    }

    /// A status that was decided upon is written.
    pub fn recorded(&mut self) {
        self.memory.recorded();
    }

    /// Nothing was sent under this ID.
    pub fn sent_nothing(&mut self, id: &str) {
        self.memory.resolve(id);
    }

    /// Whether no status has told yet of the run that was found.
    pub fn keeps_a_pin(&self) -> bool {
        self.memory.found_by.is_some()
    }

    /// The API server's data were restored from a backup.
    pub fn restored(&mut self, resource: &Stored) {
        self.memory.forget_generations(&status(resource));
    }

    /// It takes over the unsettled update of another resource, as that one's status records it.
    pub fn inherits(&mut self, record: &str, moment: &ClockReadings) {
        let record: PendingUpdate = serde_json::from_str(record).unwrap();
        let first_seen = boot(moment) - self.started;
        self.memory.inherit(Pending { record, first_seen });
    }
}

/// The body of the request that sends an update.
fn body(update: &Update) -> String {
    let parameters = update.parameters();
    let map = |map| serde_json::to_string(map).unwrap();
    let mut parts = Vec::new();
    if !parameters.dynamic_extension_parameters.is_empty() {
        let parameters = map(&parameters.dynamic_extension_parameters);
        parts.push(format!("\"DynamicExtensionParameters\":{parameters}"));
    }
    if !parameters.tags.is_empty() {
        parts.push(format!("\"Tags\":{}", map(&parameters.tags)));
    }
    let mut members = vec![match update.change() {
        Change::Description(description) => {
            format!("\"Description\":{}", serde_json::to_string(description).unwrap())
        }
        Change::TreatmentOverrides(overrides) => {
            format!("\"TreatmentOverrides\":{{\"Inline\":{}}}", map(&overrides.inline))
        }
        Change::ExposurePercentage(raise) => {
            format!("\"ExposurePercentage\":{}", serde_json::to_string(&raise.to()).unwrap())
        }
    }];
    if !parts.is_empty() {
        members.push(format!("\"DeploymentParameters\":{{{}}}", parts.join(",")));
    }
    format!("{{{}}}", members.join(","))
}
