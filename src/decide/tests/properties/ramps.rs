//! Properties of ramps: whatever ramp, windows, edits, raises from outside, restarts and waits come in whatever order.
//!
//! What a raise is held against is worked out here anew, from the numbers that a ramp is made of, and not by the code under
//! test: a window by arithmetic on the minutes of a week, a hold from when the exposure really changed.

pub(crate) mod numbers;

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::cases;
use crate::{
    api::{Exposure, WaitingFor},
    decide::{
        Decision, EndedBy, Evidence, Outcome,
        tests::support::{START, World, apply, exposure, live, touch, wants},
    },
    run::LiveRun,
};
use numbers::{Numbers, numbers};

/// One thing that happens to a ramp.
#[derive(Clone, Debug)]
enum Action {
    Read,
    Wait(u64),
    Edit(Numbers),
    Remove,
    Outside(f32),
    Restart,
    StatusWiped,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        8 => Just(Action::Read),
        6 => proptest::sample::select(vec![1, 59, 1800, 3600, 20_000, 86_400, 200_000]).prop_map(Action::Wait),
        2 => numbers().prop_map(Action::Edit),
        1 => Just(Action::Remove),
        1 => proptest::sample::select(vec![0.1, 1.0, 7.0, 33.3, 60.0_f32]).prop_map(Action::Outside),
        1 => Just(Action::Restart),
        1 => Just(Action::StatusWiped),
    ]
}

/// A ramp, its run, and when the run's exposure really changed.
struct Stage {
    world: World,
    run: LiveRun,
    numbers: Option<Numbers>,
    changed: i64,
}

impl Stage {
    fn new(numbers: &Numbers) -> Self {
        Self {
            world: World::new(numbers.desired()),
            run: live(0.0),
            numbers: Some(numbers.clone()),
            changed: START,
        }
    }

    fn second(&self) -> i64 {
        self.world.now().local.as_second()
    }

    fn play(&mut self, action: &Action) {
        match action {
            Action::Read => self.read(),
            Action::Wait(seconds) => self.world.wait(*seconds),
            Action::Edit(numbers) => {
                self.numbers = Some(numbers.clone());
                self.world.edit(|spec| *spec = numbers.desired());
            }
            // One that no pass has seen is not under way.
            Action::Remove if self.world.memory.ramp.is_some() => {
                self.numbers = None;
                self.world.edit(|spec| spec.ramp = None);
            }
            Action::Outside(to) if exposure(*to) > self.run.exposure => {
                self.run.exposure = exposure(*to);
                self.run.exposed_at = None;
                self.changed = self.second();
                touch(&mut self.run);
            }
            Action::Restart if self.world.status.ramp.is_some() => self.world.restart(),
            Action::StatusWiped if self.world.memory.ramp.is_some() => {
                self.world.status = crate::api::ExperimentRunStatus::default();
            }
            Action::Outside(_) | Action::Remove | Action::Restart | Action::StatusWiped => {}
        }
    }

    fn read(&mut self) {
        let mut decision = self.world.read(&self.run);
        while let Some(update) = decision.update.clone() {
            self.check_raise(&decision, update.exposure().unwrap());
            apply(&update, &mut self.run);
            self.changed = self.second();
            decision = self.world.send(&decision, Outcome::Applied(Box::new(self.run.clone())));
        }
    }

    fn check_raise(&self, decision: &Decision, to: Exposure) {
        let (from, to, now) = (self.run.exposure.percentage(), to.percentage(), self.second());
        let numbers = self.numbers.as_ref();
        let numbers = numbers.unwrap_or_else(|| unreachable!("a ramp that was removed under way raised to {to}"));
        assert!(to <= numbers.target, "above the target");
        assert_eq!(
            to.to_bits(),
            numbers.next(from).to_bits(),
            "another step than the next one"
        );
        assert!(
            now - self.changed >= numbers.hold(from),
            "{} s after {from} in {numbers:?}",
            now - self.changed
        );
        assert!(numbers.is_open(now), "outside the windows of {numbers:?}");
        let until = decision.until.map(Timestamp::as_second);
        let last = until.unwrap_or(now + 5) - 1;
        assert!(
            last >= now && numbers.is_open(last + 5),
            "{last} is not 5 s before the end in {numbers:?}"
        );
    }
}

fn start() -> Timestamp {
    Timestamp::from_second(START).unwrap()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_raise_is_above_the_target_or_the_next_step_or_before_its_hold_or_outside_the_windows(
        numbers in numbers(), actions in proptest::collection::vec(action(), 1..40)
    ) {
        let mut stage = Stage::new(&numbers);
        for action in &actions {
            stage.play(action);
        }
    }

    #[test]
    fn what_comes_next_is_monotone_in_what_is_live(numbers in numbers(), one in 0.0..100.0_f32, other in 0.0..100.0_f32) {
        let desired = numbers.desired();
        let next = |live| desired.ramp.as_ref().unwrap().next(exposure(live), exposure(numbers.target));
        if let (Some(low), Some(high)) = (next(one.min(other)), next(one.max(other))) {
            prop_assert!(low <= high);
        }
    }

    #[test]
    fn editing_steps_above_the_next_one_changes_nothing_now(
        numbers in numbers(), from in proptest::sample::select(vec![0.0, 0.5, 5.0_f32]), wait in 0..200_000_u64,
        holds in proptest::collection::vec(1..200_000_i64, 8),
    ) {
        let mut stage = Stage::new(&numbers);
        stage.run.exposure = exposure(from);
        stage.world.converge(&mut stage.run);
        let next = numbers.next(stage.run.exposure.percentage());
        let mut edited = numbers.clone();
        edited.steps.retain(|step| step.0 <= next);
        edited.steps.extend([60.0, 70.0, 80.0_f32].into_iter().filter(|above| *above > next).zip(holds));
        stage.world.wait(wait);
        let mut other = stage.world.clone();
        other.edit(|spec| *spec = edited.desired());
        let seen = Evidence::Read(stage.run.clone(), EndedBy::NotAsked);
        let (before, after) = (stage.world.decide(&seen), other.decide(&seen));
        prop_assert_eq!(&before.update, &after.update);
        prop_assert_eq!(before.until, after.until);
        // The last step that is left has no neighbour above it any more, which matters where live is above it.
        let what = |decision: &Decision| decision.status.ramp.clone().map(|ramp| (ramp.next, ramp.waiting_for, ramp.reached));
        prop_assert_eq!(what(&before), what(&after));
    }

    #[test]
    fn removing_a_step_or_the_ramp_never_brings_a_raise_forward(
        numbers in numbers(), from in proptest::sample::select(vec![0.0, 0.1, 1.0, 7.0, 33.3_f32]), wait in 0..300_000_u64,
        which in any::<proptest::sample::Index>(), whole in any::<bool>(),
    ) {
        let mut stage = Stage::new(&numbers);
        stage.run.exposure = exposure(from);
        stage.world.read(&stage.run);
        // An empty list is the release, and no removal.
        prop_assume!(numbers.steps.len() > 1);
        let waited = |world: &World| {
            let ramp = world.status.ramp.as_ref()?;
            ramp.waiting_for.filter(|it| [WaitingFor::Hold, WaitingFor::Window].contains(it))?;
            Some(ramp.next.as_ref()?.not_before.as_ref()?.0)
        };
        let Some(not_before) = waited(&stage.world) else { return Ok(()) };
        let mut fewer = numbers.clone();
        fewer.steps.remove(which.index(numbers.steps.len()));
        stage.world.edit(|spec| *spec = if whole { wants(numbers.target) } else { fewer.desired() });
        let early = Duration::try_from(not_before.duration_since(start())).unwrap();
        stage.world.wait(wait.min(early.as_secs().saturating_sub(1)));
        prop_assert_eq!(stage.world.read(&stage.run).update, None);
    }
}
