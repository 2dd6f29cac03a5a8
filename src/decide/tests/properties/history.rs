//! Histories: what may happen to one resource and its run, in any order, and a run that behaves as `AppConfig`'s does. What is
//! read is looked at by a whole pass.

mod strategies;

use std::{sync::Arc, time::Duration};

use crate::api::{ExperimentRunStatus, Exposure, Member, RunStatus};
use crate::clock::BootInstant;
use crate::decide::{
    Decision, EndedBy, Evidence, Outcome, Owner,
    desired::{Defaults, Desired},
    tests::support::{World, apply, done, failure, live, overrides, stored, touch, update_failure},
};
use crate::pass::{self, Answered, Claimed, Moment, Read, Send, ServiceClock, Step, Written, resource::StoredResource};
use crate::run::{ExperimentRunEvent, ExperimentRunEventType, Failure, FailureKind, LiveRun, Operation, TriggeredBy};

pub use strategies::{desired, history};

/// What must never be shown.
pub const CANARIES: [&str; 3] = ["canary-entity", "canary-parameter", "canary-value"];

/// One thing that happens: to the resource, its run or the process.
#[derive(Clone, Debug)]
pub enum Action {
    Edit(Box<Desired>),
    Outside(OutsideChange),
    Read {
        versions_behind: usize,
        replaced: bool,
        events: EndEvents,
        answers: Vec<UpdateAnswer>,
    },
    ReadFails(FailureKind),
    NoCall,
    Wait(u64),
    Owner(bool),
    Restart,
    StatusWiped,
}

/// What somebody else does to the run.
#[derive(Clone, Debug)]
pub enum OutsideChange {
    Raise(Exposure),
    Describe,
    Override,
    End,
}

/// What the run's events say of its end.
#[derive(Clone, Copy, Debug)]
pub enum EndEvents {
    User,
    Alarm,
    Nothing,
    Unreadable,
}

impl EndEvents {
    fn listed(self) -> Result<Vec<ExperimentRunEvent>, Failure> {
        let stopped = |triggered_by| ExperimentRunEvent {
            event_type: ExperimentRunEventType::RunStopped,
            occurred_at: None,
            triggered_by: Some(triggered_by),
            exposure: None,
        };
        match self {
            Self::User => Ok(vec![stopped(TriggeredBy::User)]),
            Self::Alarm => Ok(vec![stopped(TriggeredBy::CloudWatchAlarm)]),
            Self::Nothing => Ok(Vec::new()),
            Self::Unreadable => Err(failure(Operation::ListExperimentRunEvents, FailureKind::AccessDenied)),
        }
    }
}

/// What comes of an update.
#[derive(Clone, Copy, Debug)]
pub enum UpdateAnswer {
    Applied,
    Ineffective,
    Old,
    Refused(FailureKind),
    LostApplied,
    Lost,
    NotSent,
    Crash,
}

/// A resource, its run, and everything that the run ever was.
pub struct Simulation {
    pub world: World,
    pub run: LiveRun,
    past: Vec<LiveRun>,
}

impl Simulation {
    pub fn new(desired: Desired) -> Self {
        Self {
            world: World::new(desired),
            run: live(0.0),
            past: vec![live(0.0)],
        }
    }

    fn becomes(&mut self, run: LiveRun) {
        self.run = run;
        self.past.push(self.run.clone());
    }

    /// One action happens. `step` sees each decision before it is carried out, and what it rests on.
    pub fn play(&mut self, action: &Action, step: &mut impl FnMut(&World, &Evidence, &Decision)) {
        match action {
            Action::Edit(desired) => self.world.edit(|spec| *spec = (**desired).clone()),
            Action::Outside(change) => self.outside(change),
            Action::Read {
                versions_behind,
                replaced,
                events,
                answers,
            } => {
                let version = self.past.len().saturating_sub(1 + versions_behind);
                let mut seen = self.past[version].clone();
                if *replaced {
                    seen.key.experiment_definition_id = "zzzzzz1".to_owned();
                }
                self.pass(&Ok(seen), *events, answers, step);
            }
            Action::ReadFails(kind) => {
                let failed = Err(failure(Operation::GetExperimentRun, *kind));
                self.pass(&failed, EndEvents::Nothing, &[], step);
            }
            // One decision, which no pass over a spec that can be used comes to.
            Action::NoCall => {
                let decision = self.world.decide(&Evidence::Nothing);
                step(&self.world, &Evidence::Nothing, &decision);
                self.world.see(&Evidence::Nothing);
            }
            Action::Wait(seconds) => self.world.wait(*seconds),
            Action::Owner(itself) => {
                self.world.owner = if *itself {
                    Owner::Itself
                } else {
                    Owner::Other { name: None }
                };
            }
            // Status and memory both lost is a limit that people are told of.
            Action::Restart if self.world.status.region.is_some() => self.world.restart(),
            Action::StatusWiped if self.world.memory.pin.is_some() => {
                self.world.status = crate::api::ExperimentRunStatus::default();
            }
            Action::Restart | Action::StatusWiped => {}
        }
    }

    fn outside(&mut self, change: &OutsideChange) {
        let mut run = self.run.clone();
        if run.status == RunStatus::Done {
            return;
        }
        match change {
            OutsideChange::Raise(to) if *to > run.exposure => run.exposure = *to,
            OutsideChange::Raise(_) => return,
            OutsideChange::Describe => run.description = "somebody else's".to_owned(),
            OutsideChange::Override => run.overrides = overrides(&[("canary-entity", "c")]),
            OutsideChange::End => run = done(run),
        }
        touch(&mut run);
        self.becomes(run);
    }

    /// One pass, in which updates are answered so, until there is no answer any more or the process crashes. Everything that
    /// is decided is checked against what was known before.
    fn pass(
        &mut self,
        read: &Result<LiveRun, Failure>,
        events: EndEvents,
        answers: &[UpdateAnswer],
        check: &mut impl FnMut(&World, &Evidence, &Decision),
    ) {
        let (mut answers, mut seen) = (answers.iter(), Evidence::Nothing);
        let moment = self.moment();
        let mut step = self.begin(&moment);
        loop {
            self.world.memory = step.memory().clone();
            self.world.status = step.resource().status.clone();
            step = match step {
                Step::Claim(claim) => claim.answered(self.claimed(), &moment),
                Step::Get(get) => {
                    seen = match read.clone() {
                        Ok(live) => Evidence::Read(live, EndedBy::NotAsked),
                        Err(failure) => Evidence::ReadFailed(failure),
                    };
                    let service = Ok(self.clock(&moment));
                    get.answered(read.clone().map(|live| Read { live, service }), &moment)
                }
                Step::ListEvents(list) => {
                    let events = events.listed();
                    if let Evidence::Read(_, ended_by) = &mut seen {
                        *ended_by = match &events {
                            Ok(events) => EndedBy::of(events),
                            Err(failure) => EndedBy::Unreadable(failure.clone()),
                        };
                    }
                    list.answered(events, &moment)
                }
                Step::Prepare(prepare) => match answers.next() {
                    Some(answer) => {
                        let id = self.world.update_id();
                        prepare.answered(Ok((*answer, id)), &moment)
                    }
                    None => return,
                },
                Step::Fence(fence) => {
                    let written = written(fence.resource(), fence.status());
                    fence.answered(written, &moment)
                }
                Step::Send(update) => match self.send(update, &mut seen, &moment) {
                    Some(step) => step,
                    None => return self.world.restart(),
                },
                Step::Record(record) => {
                    let written = written(record.resource(), record.status());
                    record.answered(written, &moment)
                }
                Step::Refresh(_) => unreachable!("nothing else writes"),
                Step::End(_) => return,
            };
            if let Some(decision) = step.decision() {
                check(&self.world, &seen, decision);
            }
        }
    }

    /// `None` when the process crashes.
    fn send(&mut self, update: Send<UpdateAnswer>, seen: &mut Evidence, moment: &Moment) -> Option<Step<UpdateAnswer>> {
        let (answer, sent) = update.departs();
        let outcome = self.carry_out(sent.update(), answer)?;
        *seen = Evidence::Updated {
            update: sent.update().clone(),
            id: Some(sent.id().to_owned()),
            outcome: outcome.clone(),
        };
        let service = Ok(self.clock(moment));
        Some(sent.answered(Answered { outcome, service }, moment))
    }

    fn begin(&self, moment: &Moment) -> Step<UpdateAnswer> {
        let defaults = Defaults {
            region: None,
            resync_interval: Duration::from_mins(10),
        };
        let (resource, memory) = (Arc::new(self.world.stored_resource()), self.world.memory.clone());
        pass::begin(Arc::new(defaults), resource, memory, Vec::new(), moment)
    }

    fn moment(&self) -> Moment {
        let now = self.world.now();
        Moment {
            boot: BootInstant::after_boot(now.elapsed),
            elapsed: now.elapsed,
            local: now.local,
            acts_until: BootInstant::NEVER,
            schema_is_complete: true,
        }
    }

    fn clock(&self, moment: &Moment) -> ServiceClock {
        ServiceClock::exactly(self.world.now().local, moment.boot)
    }

    fn claimed(&self) -> Claimed {
        Claimed {
            owner: self.world.owner.clone(),
            inherited: None,
            waited: false,
        }
    }

    fn carry_out(&mut self, update: &crate::run::Update, answer: UpdateAnswer) -> Option<Outcome> {
        let changes = matches!(
            answer,
            UpdateAnswer::Applied | UpdateAnswer::Old | UpdateAnswer::LostApplied | UpdateAnswer::Crash
        );
        let old = self.run.clone();
        if changes && self.run.status == RunStatus::Running {
            let mut run = self.run.clone();
            apply(update, &mut run);
            self.becomes(run);
        }
        Some(match answer {
            UpdateAnswer::Applied => Outcome::Applied(Box::new(self.run.clone())),
            UpdateAnswer::Ineffective => {
                let mut run = old;
                touch(&mut run);
                self.becomes(run.clone());
                Outcome::Applied(Box::new(run))
            }
            UpdateAnswer::Old => Outcome::Applied(Box::new(self.past[self.past.len().saturating_sub(3)].clone())),
            UpdateAnswer::Refused(kind) => Outcome::Refused(update_failure(kind)),
            UpdateAnswer::LostApplied | UpdateAnswer::Lost => {
                Outcome::Unknown(update_failure(FailureKind::Unavailable))
            }
            UpdateAnswer::NotSent => Outcome::NotSent(None),
            UpdateAnswer::Crash => return None,
        })
    }
}

/// The API server takes a status.
fn written(resource: &StoredResource, status: &ExperimentRunStatus) -> Written {
    Written::Written(Arc::new(StoredResource {
        status: stored(status),
        ..resource.clone()
    }))
}

/// The live state that a step rests on, if it brought one.
pub fn answer_of(seen: &Evidence) -> Option<&LiveRun> {
    match seen {
        Evidence::Read(live, _) => Some(live),
        Evidence::Updated {
            outcome: Outcome::Applied(live),
            ..
        } => Some(live),
        _ => None,
    }
}

/// The members that a spec manages.
pub fn managed(desired: &Desired) -> Vec<Member> {
    desired.managed().collect()
}
