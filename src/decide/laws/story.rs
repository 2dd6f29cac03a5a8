//! Stories: what may happen to one resource and its run, in any order, and a run that behaves as `AppConfig`'s does.

use proptest::prelude::*;

use crate::api::{Exposure, Member, RunStatus};
use crate::decide::{
    Decision, EndedBy, Outcome, Owner, Seen,
    desired::Desired,
    tests::support::{World, apply, done, exposure, failure, live, observing, overrides, touch, update_failure},
};
use crate::run::{FailureKind, LiveRun, Operation};

/// What must never be shown.
pub const CANARIES: [&str; 3] = ["canary-entity", "canary-parameter", "canary-value"];

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Event {
    Edit(Box<Desired>),
    Outside(Outside),
    Read {
        versions_behind: usize,
        replaced: bool,
        events: Events,
        answers: Vec<Answer>,
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
pub enum Outside {
    Raise(Exposure),
    Describe,
    Override,
    End,
}

/// What the run's events say of its end.
#[derive(Clone, Copy, Debug)]
pub enum Events {
    User,
    Alarm,
    Nothing,
    Unreadable,
}

/// What comes of an update.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    Applied,
    Ineffective,
    Old,
    Refused(FailureKind),
    LostApplied,
    Lost,
    NotSent,
    Crash,
}

pub fn story() -> impl Strategy<Value = Vec<Event>> {
    proptest::collection::vec(event(), 1..24)
}

pub fn desired() -> impl Strategy<Value = Desired> {
    let exposures = prop_oneof![Just(None), percentage().prop_map(Some), percentage().prop_map(Some)];
    let descriptions = proptest::sample::select(vec![None, Some("ours"), Some("")]);
    let maps: Vec<Option<&[(&str, &str)]>> = vec![
        None,
        Some(&[]),
        Some(&[("canary-entity", "t1")]),
        Some(&[("canary-entity", "t9")]),
    ];
    let maps = proptest::sample::select(maps);
    (exposures, descriptions, maps, 0..6_u8).prop_map(|(exposure, description, map, brake)| {
        let mut desired = Desired {
            exposure,
            overrides: map.map(overrides),
            suspend: brake == 0,
            ..observing()
        };
        desired.description = description.map(str::to_owned);
        let parameters = &mut desired.parameters.dynamic_extension_parameters;
        parameters.insert("ext#canary-parameter".to_owned(), "canary-value".to_owned());
        desired
    })
}

fn percentage() -> impl Strategy<Value = Exposure> {
    proptest::sample::select(vec![0.0, 0.1, 5.0, 25.0, 33.3, 99.99, 100.0]).prop_map(exposure)
}

fn kind() -> impl Strategy<Value = FailureKind> {
    proptest::sample::select(FailureKind::ALL.to_vec())
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        4 => Just(Answer::Applied),
        2 => kind().prop_map(Answer::Refused),
        1 => proptest::sample::select(vec![Answer::Ineffective, Answer::Old, Answer::NotSent, Answer::Crash]),
        2 => proptest::sample::select(vec![Answer::LostApplied, Answer::Lost]),
    ]
}

fn read() -> impl Strategy<Value = Event> {
    let behind = prop_oneof![5 => Just(0_usize), 1 => 1..3_usize];
    let events = proptest::sample::select(vec![Events::User, Events::Alarm, Events::Nothing, Events::Unreadable]);
    let answers = proptest::collection::vec(answer(), 4);
    (behind, 0..12_u8, events, answers).prop_map(|(versions_behind, other, events, answers)| Event::Read {
        versions_behind,
        replaced: other == 0,
        events,
        answers,
    })
}

fn event() -> impl Strategy<Value = Event> {
    let outside = prop_oneof![
        3 => percentage().prop_map(Outside::Raise),
        2 => Just(Outside::Describe),
        2 => Just(Outside::Override),
        1 => Just(Outside::End),
    ];
    prop_oneof![
        10 => read(),
        3 => desired().prop_map(|desired| Event::Edit(Box::new(desired))),
        2 => outside.prop_map(Event::Outside),
        2 => kind().prop_map(Event::ReadFails),
        3 => proptest::sample::select(vec![1, 30, 60, 300, 3600, 86_400]).prop_map(Event::Wait),
        1 => (0..3_u8).prop_map(|other| Event::Owner(other != 0)),
        1 => proptest::sample::select(vec![Event::NoCall, Event::Restart, Event::StatusWiped]),
    ]
}

/// A resource, its run, and everything that the run ever was.
pub struct Stage {
    pub world: World,
    pub run: LiveRun,
    past: Vec<LiveRun>,
}

impl Stage {
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

    /// One event happens. `step` sees each decision before it is carried out, and what it rests on.
    pub fn play(&mut self, event: &Event, step: &mut impl FnMut(&World, &Seen, &Decision)) {
        match event {
            Event::Edit(desired) => self.world.edit(|spec| *spec = (**desired).clone()),
            Event::Outside(change) => self.outside(change),
            Event::Read {
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
                let ended_by = self.ended_by(&seen, *events);
                self.steps(&Seen::Read(seen, ended_by), answers, step);
            }
            Event::ReadFails(kind) => {
                self.steps(
                    &Seen::ReadFailed(failure(Operation::GetExperimentRun, *kind)),
                    &[],
                    step,
                );
            }
            Event::NoCall => self.steps(&Seen::Nothing, &[], step),
            Event::Wait(seconds) => self.world.wait(*seconds),
            Event::Owner(itself) => {
                self.world.owner = if *itself {
                    Owner::Itself
                } else {
                    Owner::Other { name: None }
                };
            }
            // Status and memory both lost is a limit that people are told of.
            Event::Restart if self.world.status.region.is_some() => self.world.restart(),
            Event::StatusWiped if self.world.memory.pin.is_some() => {
                self.world.status = crate::api::ExperimentRunStatus::default();
            }
            Event::Restart | Event::StatusWiped => {}
        }
    }

    fn ended_by(&self, seen: &LiveRun, events: Events) -> EndedBy {
        if !crate::decide::asks_who_ended_it(seen, &self.world.status) {
            return EndedBy::NotAsked;
        }
        match events {
            Events::User => EndedBy::Event(Some("USER".to_owned())),
            Events::Alarm => EndedBy::Event(Some("CLOUDWATCH_ALARM".to_owned())),
            Events::Nothing => EndedBy::Event(None),
            Events::Unreadable => {
                EndedBy::Unreadable(failure(Operation::ListExperimentRunEvents, FailureKind::AccessDenied))
            }
        }
    }

    fn outside(&mut self, change: &Outside) {
        let mut run = self.run.clone();
        if run.status == RunStatus::Done {
            return;
        }
        match change {
            Outside::Raise(to) if *to > run.exposure => run.exposure = *to,
            Outside::Raise(_) => return,
            Outside::Describe => run.description = "somebody else's".to_owned(),
            Outside::Override => run.overrides = overrides(&[("canary-entity", "c")]),
            Outside::End => run = done(run),
        }
        touch(&mut run);
        self.becomes(run);
    }

    fn steps(&mut self, seen: &Seen, answers: &[Answer], step: &mut impl FnMut(&World, &Seen, &Decision)) {
        let mut decision = self.world.decide(seen);
        step(&self.world, seen, &decision);
        self.world.see(seen);
        for answer in answers {
            if decision.update.is_none() {
                return;
            }
            let (update, id) = self.world.fence(&decision);
            let Some(outcome) = self.carry_out(&update, *answer) else {
                return self.world.restart();
            };
            let seen = Seen::Updated {
                update,
                id: Some(id),
                outcome,
            };
            decision = self.world.decide(&seen);
            step(&self.world, &seen, &decision);
            self.world.see(&seen);
        }
    }

    fn carry_out(&mut self, update: &crate::run::Update, answer: Answer) -> Option<Outcome> {
        let changes = matches!(
            answer,
            Answer::Applied | Answer::Old | Answer::LostApplied | Answer::Crash
        );
        let old = self.run.clone();
        if changes && self.run.status == RunStatus::Running {
            let mut run = self.run.clone();
            apply(update, &mut run);
            self.becomes(run);
        }
        Some(match answer {
            Answer::Applied => Outcome::Applied(Box::new(self.run.clone())),
            Answer::Ineffective => {
                let mut run = old;
                touch(&mut run);
                self.becomes(run.clone());
                Outcome::Applied(Box::new(run))
            }
            Answer::Old => Outcome::Applied(Box::new(self.past[self.past.len().saturating_sub(3)].clone())),
            Answer::Refused(kind) => Outcome::Refused(update_failure(kind)),
            Answer::LostApplied | Answer::Lost => Outcome::Unknown(update_failure(FailureKind::Unavailable)),
            Answer::NotSent => Outcome::NotSent(None),
            Answer::Crash => return None,
        })
    }
}

/// The live state that a step rests on, if it brought one.
pub fn answer_of(seen: &Seen) -> Option<&LiveRun> {
    match seen {
        Seen::Read(live, _) => Some(live),
        Seen::Updated {
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
