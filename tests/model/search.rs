//! The search: which things can happen in a state, and what each leads to.

use std::{
    collections::{BTreeMap, HashMap},
    io::Write as _,
    sync::Mutex,
    time::Instant,
};

use appconfig_experiment_operator::{api::Exposure, pass::Step};
use stateright::{Checker, HasDiscoveries, Model, Property};

use crate::{
    bounds::{Bounds, LONG, Left, Lie},
    exchange::Done,
    passes::{Passes, new_status},
    promises::{Broken, Promise},
    state::{Asked, At, Candidate, Object, Replica, Run, State},
};

/// The operator within bounds, and the lie that it is told, if any.
pub struct Operator {
    bounds: Bounds,
    /// The lie.
    pub lie: Option<Lie>,
    /// What passes were asked.
    pub passes: Passes,
    /// The states at rest from which P12 was looked at, and whether it holds.
    pub converging: Mutex<HashMap<State, bool>>,
}

/// One thing that happens. The first number is the replica.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "their names are the words of State's methods")]
pub enum Action {
    Edit(Exposure),
    Recreate,
    Rename,
    Wait(u16),
    LongWait,
    Commit(usize),
    Vanish(usize),
    Elect(usize),
    WriteLease(usize, bool),
    Act(usize, usize),
    Start(usize, usize, Option<bool>),
    Observe(usize, Option<bool>),
    Fence(usize, bool, bool),
    Send(usize),
    Answer(usize, bool, Done),
    Record(usize, bool, bool),
    Crash(usize),
    Restart(usize),
}

impl Operator {
    /// The operator in a world as it is, or in one that lies.
    pub fn new(bounds: Bounds, lie: Option<Lie>) -> Self {
        Self {
            bounds,
            lie,
            passes: Passes::default(),
            converging: Mutex::default(),
        }
    }

    /// Searches all of it, prints what was searched, and gives the promises that are broken and how it comes to that.
    ///
    /// It stops when it has found the promise that is named, or else any.
    pub fn search(self, promise: Option<&'static str>) -> BTreeMap<&'static str, Vec<Action>> {
        let began = Instant::now();
        let (name, left, lie) = (self.bounds.name, self.bounds.left, self.lie);
        let stop = promise.map_or(HasDiscoveries::AnyFailures, |promise| {
            HasDiscoveries::AnyOf([promise].into())
        });
        let checker = self.checker().threads(2).finish_when(stop).spawn_bfs().join();
        // Also of a test that succeeds: how much was searched is worth knowing then, too.
        writeln!(
            std::io::stdout(),
            "model: {name}{}: {} states ({} visits), depth {}, {} steps, {:.1} s; bounds {left:?}",
            lie.map_or_else(String::new, |lie| format!(" with a lie ({lie:?})")),
            checker.unique_state_count(),
            checker.state_count(),
            checker.max_depth(),
            checker.model().passes.asked(),
            began.elapsed().as_secs_f64(),
        )
        .expect("standard output");
        let found = checker.discoveries().into_iter();
        found.map(|(promise, path)| (promise, path.into_actions())).collect()
    }

    fn replica(process: u8, elections: bool, clock: u16) -> Replica {
        Replica {
            process,
            up: true,
            candidate: elections.then(|| Candidate::new(clock)),
            work: None,
        }
    }

    fn beginning(&self, first: Exposure) -> State {
        let elections = self.bounds.replicas > 1;
        let object = Object {
            version: 1,
            uid: 1,
            generation: 1,
            exposure: first,
            status: new_status(),
        };
        let asked = Asked {
            uid: 1,
            exposure: first,
            withdrawn: None,
        };
        let run = Run {
            exposure: Exposure::ZERO,
            updated: 0,
            before: None,
        };
        let processes = u8::try_from(self.bounds.replicas).unwrap();
        let mut state = State {
            clock: 0,
            objects: vec![object],
            asked: vec![asked],
            runs: [run; 2],
            named: 0,
            pinned: None,
            requests: Vec::new(),
            replicas: (1..=processes)
                .map(|process| Self::replica(process, elections, 0))
                .collect(),
            processes,
            lease: None,
            fences: 0,
            left: self.bounds.left,
            broken: Broken::default(),
        };
        // The first replica holds the Lease, and the others have just seen so.
        for replica in 0..self.bounds.replicas {
            self.apply(&mut state, Action::Elect(replica));
            self.apply(&mut state, Action::WriteLease(replica, true));
        }
        self.apply(&mut state, Action::Act(0, 0));
        state.left = self.bounds.left;
        state
    }

    /// What an action leads to.
    pub fn apply(&self, state: &mut State, action: Action) {
        spend(&mut state.left, &action);
        match action {
            Action::Edit(exposure) => state.edit(exposure),
            Action::Recreate => state.recreate(),
            Action::Rename => state.named = 1 - state.named,
            Action::Wait(seconds) => {
                state.wait(seconds);
                state.stand_by();
            }
            Action::LongWait => state.wait(LONG),
            Action::Commit(request) => {
                let request = state.requests.remove(request);
                state.commit(&request);
            }
            Action::Vanish(request) => drop(state.requests.remove(request)),
            Action::Elect(replica) => state.elect(replica),
            Action::WriteLease(replica, answered) => state.write_lease(replica, answered),
            Action::Act(replica, behind) => {
                let object = state.objects[state.objects.len() - 1 - behind].clone();
                state.replicas[replica].work = Some(self.first_sight(&object, state.clock));
            }
            Action::Start(replica, behind, lagging) => {
                let object = state.objects[state.objects.len() - 1 - behind].clone();
                self.start(state, replica, object);
                self.observe(state, replica, lagging);
            }
            Action::Observe(replica, lagging) => self.observe(state, replica, lagging),
            Action::Fence(replica, answered, arrived) => self.fence(state, replica, answered, arrived),
            Action::Send(replica) => self.send(state, replica),
            Action::Answer(replica, answered, done) => self.came_of(state, replica, answered, done),
            Action::Record(replica, answered, arrived) => self.record(state, replica, answered, arrived),
            Action::Crash(replica) => {
                let crashed = &mut state.replicas[replica];
                crashed.up = false;
                if let Some(At::Sent(_, request)) = crashed.work.take().map(|work| work.at) {
                    state.requests.push(request);
                }
            }
            Action::Restart(replica) => {
                state.processes += 1;
                let elections = state.replicas[replica].candidate.is_some();
                state.replicas[replica] = Self::replica(state.processes, elections, state.clock);
            }
        }
        state.number_versions();
    }

    fn steps(&self, state: &State, number: usize, actions: &mut Vec<Action>) {
        let replica = &state.replicas[number];
        let left = &state.left;
        if !replica.up {
            // With elections another replica takes over, which is what is looked at.
            actions.extend(replica.candidate.is_none().then_some(Action::Restart(number)));
            return;
        }
        if left.crashes > 0 {
            actions.push(Action::Crash(number));
        }
        if let Some(candidate) = replica.candidate.as_ref().filter(|candidate| !candidate.over) {
            if candidate.writing.is_some() {
                actions.push(Action::WriteLease(number, true));
                actions.extend((left.errors > 0).then_some(Action::WriteLease(number, false)));
            } else if candidate.next <= state.clock
                && candidate.state.acts_until().is_some()
                && (left.renewals > 0 || !state.may_act(replica))
            {
                actions.push(Action::Elect(number));
            }
        }
        let Some(work) = &replica.work else {
            if state.may_act(replica) {
                let behind = 0..state.objects.len().min(self.bounds.behind + 1);
                actions.extend(behind.map(|behind| Action::Act(number, behind)));
            }
            return;
        };
        let error = left.errors > 0;
        let lagging = (left.stale > 0 && state.read(true).is_some()).then_some(Some(true));
        let answers: Vec<_> = [Some(false)]
            .into_iter()
            .chain(lagging)
            .chain(error.then_some(None))
            .collect();
        let writes = |actions: &mut Vec<Action>, write: fn(usize, bool, bool) -> Action| {
            actions.push(write(number, true, true));
            let lost = [true, false].into_iter().filter(|_| error);
            actions.extend(lost.map(|arrived| write(number, false, arrived)));
        };
        match work.at {
            At::Rest if !state.may_act(replica) => {}
            At::Rest => {
                let known = |object: &Object| object.version >= work.object.version;
                let versions = state.objects.iter().rev().enumerate();
                for (behind, _) in versions.filter(|(_, it)| known(it)) {
                    actions.extend(answers.iter().map(|answer| Action::Start(number, behind, *answer)));
                }
            }
            At::Doing(ref step) => match **step {
                Step::Get(_) => actions.extend(answers.iter().map(|answer| Action::Observe(number, *answer))),
                Step::Prepare(_) => writes(actions, Action::Fence),
                Step::Record(_) => writes(actions, Action::Record),
                _ => panic!("{step:?} is not modelled"),
            },
            At::Fenced(..) => actions.push(Action::Send(number)),
            At::Sent(..) => {
                actions.push(Action::Answer(number, true, Done::Now));
                let lost = [Done::Now, Done::Never].into_iter().filter(|_| left.lost > 0);
                let late = (left.late > 0).then_some(Done::Later);
                actions.extend(lost.chain(late).map(|done| Action::Answer(number, false, done)));
            }
        }
    }
}

/// What an action costs.
fn spend(left: &mut Left, action: &Action) {
    let budget = match action {
        Action::Edit(_) => &mut left.edits,
        Action::Recreate => &mut left.namesakes,
        Action::Rename => &mut left.renames,
        Action::Wait(_) => &mut left.short,
        Action::LongWait => &mut left.long,
        Action::Crash(_) => &mut left.crashes,
        Action::Answer(_, false, Done::Later) => &mut left.late,
        Action::Observe(_, Some(true)) | Action::Start(_, _, Some(true)) => &mut left.stale,
        Action::WriteLease(_, true) => &mut left.renewals,
        Action::Answer(_, false, _) => &mut left.lost,
        Action::Observe(_, None)
        | Action::Start(_, _, None)
        | Action::Fence(_, false, _)
        | Action::Record(_, false, _)
        | Action::WriteLease(_, false) => &mut left.errors,
        _ => return,
    };
    *budget = budget.saturating_sub(1);
}

impl State {
    /// Numbers the versions that anybody still has anew, so that states that differ in nothing else are one.
    fn number_versions(&mut self) {
        let works = self.replicas.iter_mut().filter_map(|replica| replica.work.as_mut());
        let seen = works.flat_map(|work| {
            let written = match &mut work.at {
                At::Fenced(_, written) => Some(written),
                _ => None,
            };
            [&mut work.object].into_iter().chain(written)
        });
        let mut objects: Vec<&mut Object> = seen.chain(&mut self.objects).collect();
        let mut versions: Vec<u16> = objects.iter().map(|object| object.version).collect();
        versions.sort_unstable();
        versions.dedup();
        for object in &mut objects {
            let rank = versions.iter().position(|version| *version == object.version);
            object.version = u16::try_from(rank.unwrap()).unwrap();
        }
    }
}

impl Model for Operator {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        self.bounds.first.iter().map(|first| self.beginning(*first)).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.broken.any() {
            return;
        }
        let left = &state.left;
        for number in 0..state.replicas.len() {
            self.steps(state, number, actions);
        }
        if left.edits > 0 {
            let now = state.newest().exposure;
            let others = self.bounds.exposures.iter().filter(|exposure| **exposure != now);
            actions.extend(others.map(|exposure| Action::Edit(*exposure)));
        }
        actions.extend((left.namesakes > 0).then_some(Action::Recreate));
        actions.extend((left.renames > 0).then_some(Action::Rename));
        let short = self.bounds.short;
        actions.extend((left.short > 0 && state.may_wait(short)).then_some(Action::Wait(short)));
        actions.extend((left.long > 0 && state.may_wait(LONG)).then_some(Action::LongWait));
        for request in 0..state.requests.len() {
            actions.extend([Action::Commit(request), Action::Vanish(request)]);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        self.apply(&mut next, action);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("P1", |_, state: &State| !state.broken.has(Promise::P1)),
            Property::always("P2", |_, state: &State| !state.broken.has(Promise::P2)),
            Property::always("P4", |_, state: &State| {
                !state.broken.has(Promise::P4) && state.is_not_ready_in_doubt()
            }),
            Property::always("P5", |_, state: &State| !state.broken.has(Promise::P5)),
            Property::always("Lease", |_, state: &State| state.one_acts()),
            Property::always("P12", Self::converges),
        ]
    }
}
