//! When a resource is looked at, and how many passes of whom are under way.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;

use super::lane;
use crate::fleet::{Class, Granted, Lane, Queue};

const SLOTS: usize = 16;
const REGION: &str = "eu-west-1";
const DOWN: &str = "us-east-1";

/// A resource, in the words `namespace/region/number`.
type Key = (String, String, usize);

fn key(namespace: &str, region: &str, number: usize) -> Key {
    (namespace.to_owned(), region.to_owned(), number)
}

fn next(queue: &mut Queue<Key, usize>, seconds: u64) -> Option<Granted<Key, usize>> {
    let lane = |(namespace, region, _): &Key, class| lane(class, namespace, region);
    queue.next(Duration::from_secs(seconds), lane)
}

/// All that get a slot now.
fn granted(queue: &mut Queue<Key, usize>, seconds: u64) -> Vec<Granted<Key, usize>> {
    std::iter::from_fn(|| next(queue, seconds)).collect()
}

fn schedule_many(queue: &mut Queue<Key, usize>, count: usize, namespace: &str, region: &str, class: Class) {
    for number in 0..count {
        queue.schedule(key(namespace, region, number), Duration::ZERO, class);
    }
}

#[test]
fn nothing_comes_before_its_time_and_a_change_overtakes_a_resync() {
    let mut queue = Queue::<Key, usize>::new(SLOTS);
    let resource = key("a", REGION, 1);
    queue.schedule(resource.clone(), Duration::from_secs(10), Class::Resync);
    assert_eq!(next(&mut queue, 9), None);
    assert_eq!(queue.next_time(), Some(Duration::from_secs(10)));
    queue.schedule(resource.clone(), Duration::from_secs(2), Class::Change);
    let lane = lane(Class::Change, "a", REGION);
    assert_eq!(granted(&mut queue, 2), [Granted::Begin(resource, lane, Duration::ZERO)]);
    assert_eq!(queue.next_time(), None);
}

#[test]
fn each_waits_once_however_often_it_is_scheduled_and_as_the_most_pressing_of_what_it_is() {
    let mut queue = Queue::<Key, usize>::new(1);
    queue.schedule(key("z", REGION, 0), Duration::ZERO, Class::Change);
    let Some(Granted::Begin(_, busy, _)) = next(&mut queue, 0) else {
        unreachable!("the slot is free")
    };
    for class in [Class::Retry, Class::Change, Class::Resync, Class::Raise] {
        queue.schedule(key("a", REGION, 1), Duration::ZERO, class);
        queue.schedule(key("a", REGION, 2), Duration::from_secs(9), class);
        assert_eq!(next(&mut queue, 0), None, "nobody has given the slot back");
    }
    queue.forget(&key("a", REGION, 2));
    queue.ended(&busy);
    queue.give_back(&busy);
    let lane = lane(Class::Change, "a", REGION);
    assert_eq!(
        granted(&mut queue, 20),
        [Granted::Begin(
            key("a", REGION, 1),
            lane.clone(),
            Duration::from_secs(20)
        )]
    );
    queue.ended(&lane);
    queue.give_back(&lane);
    assert_eq!(next(&mut queue, 20), None);
    queue.forget(&key("a", REGION, 1));
}

#[test]
fn each_class_has_the_name_that_metrics_give_it() {
    let names = Class::ALL.map(Class::as_str);
    assert_eq!(names, ["change", "raise", "resync", "retry"]);
}

#[test]
fn what_is_due_counts_by_class_until_its_pass_begins_and_its_wait_is_from_when_it_was_due() {
    let mut queue = Queue::<Key, usize>::new(1);
    let due = |queue: &Queue<Key, usize>| Class::ALL.map(|class| queue.due(class));
    for (number, class) in Class::ALL.into_iter().enumerate() {
        queue.schedule(key("a", REGION, number), Duration::from_secs(10), class);
    }
    assert_eq!((next(&mut queue, 9), due(&queue)), (None, [0; 4]), "nothing is due yet");
    let Some(Granted::Begin(_, busy, wait)) = next(&mut queue, 13) else {
        unreachable!("the slot is free")
    };
    assert_eq!((wait, due(&queue)), (Duration::from_secs(3), [0, 1, 1, 1]));
    // One that comes to wait as something more pressing waits as that, and from then on.
    queue.schedule(key("a", REGION, 3), Duration::from_secs(14), Class::Change);
    assert_eq!(due(&queue), [0, 1, 1, 0]);
    queue.forget(&key("a", REGION, 2));
    queue.go_on(&busy, 7);
    assert_eq!((next(&mut queue, 14), due(&queue)), (None, [1, 1, 0, 0]));
    queue.give_back(&busy);
    assert!(matches!(next(&mut queue, 15), Some(Granted::GoOn(..))));
    assert_eq!(due(&queue), [1, 1, 0, 0], "a pass that goes on is none that is due");
    queue.ended(&busy);
    let (mut waits, mut busy) = (Vec::new(), busy);
    for _ in 0..2 {
        queue.give_back(&busy);
        let Some(Granted::Begin(_, lane, wait)) = next(&mut queue, 20) else {
            unreachable!("the slot is free")
        };
        waits.push((lane.class, wait));
        queue.ended(&lane);
        busy = lane;
    }
    waits.sort();
    let expected = [
        (Class::Change, Duration::from_secs(6)),
        (Class::Raise, Duration::from_secs(10)),
    ];
    assert_eq!((waits.as_slice(), due(&queue)), (expected.as_slice(), [0; 4]));
}

#[test]
fn no_region_or_namespace_takes_the_last_quarter_of_the_slots_and_retries_have_half_at_most() {
    for (class, others, most) in [(Class::Change, 0, 12), (Class::Retry, 0, 8), (Class::Retry, 100, 8)] {
        let mut queue = Queue::new(SLOTS);
        schedule_many(&mut queue, 100, "a", DOWN, class);
        for number in 0..others {
            queue.schedule(
                key(&format!("n{number}"), &format!("eu-west-{number}"), 0),
                Duration::ZERO,
                class,
            );
        }
        assert_eq!(granted(&mut queue, 0).len(), most);
        schedule_many(&mut queue, 100, "b", REGION, Class::Raise);
        assert_eq!(granted(&mut queue, 0).len(), SLOTS - most, "all that is left");
    }
    // The same namespace in two regions, and two namespaces in the same region.
    for (one, other) in [(("a", DOWN), ("a", REGION)), (("a", DOWN), ("b", DOWN))] {
        let mut queue = Queue::new(SLOTS);
        schedule_many(&mut queue, 100, one.0, one.1, Class::Change);
        schedule_many(&mut queue, 100, other.0, other.1, Class::Raise);
        assert_eq!(granted(&mut queue, 0).len(), 12);
    }
}

#[test]
fn few_slots_are_shared_as_far_as_they_go() {
    for (slots, of_one) in [(1, 1), (2, 1), (3, 2), (4, 3), (5, 3), (8, 6), (100, 75)] {
        let mut queue = Queue::new(slots);
        schedule_many(&mut queue, 500, "a", DOWN, Class::Change);
        assert_eq!(granted(&mut queue, 0).len(), of_one, "{slots}");
        schedule_many(&mut queue, 500, "b", REGION, Class::Change);
        assert_eq!(granted(&mut queue, 0).len(), slots - of_one, "{slots}");
    }
}

#[test]
fn a_raise_elsewhere_gets_one_of_the_next_eight_slots_beside_thousands_that_fail_or_change() {
    for class in Class::ALL {
        let mut queue = Queue::new(SLOTS);
        for region in [DOWN, "ap-east-1", REGION] {
            schedule_many(&mut queue, 1000, "crowd", region, class);
        }
        let mut busy = granted(&mut queue, 0);
        queue.schedule(key("single", REGION, 0), Duration::ZERO, Class::Raise);
        let mut turns = 0;
        loop {
            let next = granted(&mut queue, 0);
            let raise = |it: &&Granted<Key, usize>| matches!(it, Granted::Begin(key, ..) if key.0 == "single");
            turns += next.len();
            busy.extend(next.iter().filter(|it| !raise(it)).cloned());
            if next.iter().any(|it| raise(&it)) {
                break;
            }
            let Some(Granted::Begin(_, lane, _)) = busy.pop() else {
                unreachable!("somebody has the slots")
            };
            queue.ended(&lane);
            queue.give_back(&lane);
        }
        assert!(turns <= 8, "{class:?}: {turns}");
    }
}

#[test]
fn a_pass_that_waits_for_something_else_holds_no_slot_and_goes_on_before_others_of_its_lane_begin() {
    let mut queue = Queue::new(4);
    schedule_many(&mut queue, 100, "a", DOWN, Class::Change);
    let lane = lane(Class::Change, "a", DOWN);
    // Three of four slots at a time, and half of the passes that may be under way.
    for begun in [3, 3, 0] {
        assert_eq!(granted(&mut queue, 0).len(), begun);
        (0..begun).for_each(|_| queue.give_back(&lane));
    }
    queue.go_on(&lane, 7);
    queue.ended(&lane);
    let granted = granted(&mut queue, 0);
    assert_eq!(granted[0], Granted::GoOn(7, lane));
    assert_eq!(granted.len(), 2);
}

#[derive(Clone, Debug)]
enum Step {
    Schedule(u8, u8, usize, Class, u64),
    Forget(u8, u8, usize),
    Next,
    Wait(prop::sample::Index),
    GoOn(prop::sample::Index),
    End(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    let class = prop::sample::select(&Class::ALL[..]);
    let index = any::<prop::sample::Index>;
    prop_oneof![
        6 => (0..3_u8, 0..3_u8, 0..9_usize, class, 0..3_u64).prop_map(|(a, b, c, d, e)| Step::Schedule(a, b, c, d, e)),
        1 => (0..3_u8, 0..3_u8, 0..9_usize).prop_map(|(a, b, c)| Step::Forget(a, b, c)),
        8 => Just(Step::Next),
        2 => index().prop_map(Step::Wait),
        2 => index().prop_map(Step::GoOn),
        2 => index().prop_map(Step::End),
    ]
}

fn most<K: Ord>(keys: impl Iterator<Item = K>) -> usize {
    let mut counts = BTreeMap::new();
    keys.for_each(|key| *counts.entry(key).or_insert(0) += 1);
    counts.into_values().max().unwrap_or_default()
}

fn retries(lanes: &[Lane]) -> usize {
    lanes.iter().filter(|lane| lane.class == Class::Retry).count()
}

proptest! {
    #[test]
    fn whatever_comes_and_goes_no_share_is_exceeded_and_what_ends_leaves_nothing_behind(
        slots in 1..9_usize, steps in prop::collection::vec(step(), 1..400)
    ) {
        let mut queue = Queue::<Key, usize>::new(slots);
        let name = |namespace: u8, region: u8, number| key(&format!("n{namespace}"), &format!("eu-west-{region}"), number);
        let (mut working, mut waiting, mut wanting) = (Vec::<Lane>::new(), Vec::<Lane>::new(), 0);
        for (second, step) in (0..).zip(steps) {
            match step {
                Step::Schedule(namespace, region, number, class, wait) => {
                    queue.schedule(name(namespace, region, number), Duration::from_secs(second + wait), class);
                }
                Step::Forget(namespace, region, number) => queue.forget(&name(namespace, region, number)),
                Step::Next => match next(&mut queue, second) {
                    Some(Granted::Begin(_, lane, _)) => working.push(lane),
                    Some(Granted::GoOn(_, lane)) => {
                        working.push(lane);
                        wanting -= 1;
                    }
                    None => {}
                },
                Step::Wait(index) if !working.is_empty() => {
                    let lane = working.swap_remove(index.index(working.len()));
                    queue.give_back(&lane);
                    waiting.push(lane);
                }
                Step::GoOn(index) if !waiting.is_empty() => {
                    queue.go_on(&waiting.swap_remove(index.index(waiting.len())), 0);
                    wanting += 1;
                }
                Step::End(index) if !working.is_empty() => {
                    let lane = working.swap_remove(index.index(working.len()));
                    queue.give_back(&lane);
                    queue.ended(&lane);
                }
                _ => {}
            }
            let of_one = (slots - slots.div_ceil(4)).max(1);
            prop_assert!(working.len() <= slots && working.len() + waiting.len() + wanting <= 3 * slots);
            prop_assert!(most(working.iter().map(|lane| &lane.namespace)) <= of_one);
            prop_assert!(most(working.iter().map(|lane| lane.region.as_ref())) <= of_one);
            prop_assert!(retries(&working) <= (slots / 2).max(1));
            prop_assert!(most(waiting.iter().map(|lane| &lane.namespace)) <= (3 * slots / 2).max(1));
        }
        // Everybody ends, and then everybody who waits gets a slot sooner or later.
        for lane in waiting.drain(..) {
            queue.ended(&lane);
        }
        loop {
            for lane in working.drain(..) {
                queue.give_back(&lane);
                queue.ended(&lane);
            }
            match next(&mut queue, 1000) {
                Some(Granted::Begin(_, lane, _) | Granted::GoOn(_, lane)) => working.push(lane),
                None => break,
            }
        }
        prop_assert_eq!(queue.next_time(), None);
        prop_assert!(queue.is_idle());
        prop_assert_eq!(Class::ALL.map(|class| queue.due(class)), [0; 4]);
    }
}
