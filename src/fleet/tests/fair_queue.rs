//! Who is served next.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::lane;
use crate::fleet::{Class, FairQueue, Lane, Level, Place};

const REGION: &str = "eu-west-1";

fn serve(queue: &mut FairQueue<u32>) -> Option<u32> {
    let turn = queue.next(|_| true)?;
    queue.serve(&turn)
}

fn all(queue: &mut FairQueue<u32>) -> Vec<u32> {
    std::iter::from_fn(|| serve(queue)).collect()
}

#[test]
fn within_a_class_namespaces_take_turns_within_these_regions_and_who_came_first_goes_first() {
    let mut queue = FairQueue::default();
    for (number, (namespace, region)) in [
        ("a", REGION),
        ("a", REGION),
        ("a", "us-east-1"),
        ("b", REGION),
        ("a", REGION),
    ]
    .into_iter()
    .enumerate()
    {
        queue.enter(&lane(Class::Change, namespace, region), u32::try_from(number).unwrap());
    }
    assert_eq!(all(&mut queue), [0, 3, 2, 1, 4]);
    assert!(queue.is_empty());
}

#[test]
fn who_has_begun_goes_before_all_of_its_lane_who_have_not() {
    let mut queue = FairQueue::default();
    let lane = lane(Class::Retry, "a", REGION);
    queue.enter(&lane, 1);
    queue.enter_again(&lane, 2);
    queue.enter_again(&lane, 3);
    assert_eq!(all(&mut queue), [2, 3, 1]);
}

#[test]
fn who_leaves_is_passed_over_and_leaves_nothing_behind() {
    let mut queue = FairQueue::default();
    let first = queue.enter(&lane(Class::Change, "a", REGION), 1);
    queue.enter(&lane(Class::Change, "b", REGION), 2);
    assert_eq!(queue.leave(&first), Some(1));
    assert_eq!((queue.leave(&first), queue.get(&first)), (None, None));
    assert_eq!(all(&mut queue), [2]);
    assert!(queue.is_empty());
}

#[test]
fn a_class_alone_gets_every_turn_and_of_all_four_the_pressing_ones_get_most() {
    let mut queue = FairQueue::default();
    for number in 0..8 {
        queue.enter(&lane(Class::Retry, "a", REGION), number);
    }
    assert_eq!(all(&mut queue), [0, 1, 2, 3, 4, 5, 6, 7]);
    let mut served = BTreeMap::<u32, u32>::new();
    for class in Class::ALL {
        for _ in 0..80 {
            queue.enter(&lane(class, "a", REGION), class as u32);
        }
    }
    for _ in 0..80 {
        *served.entry(serve(&mut queue).unwrap()).or_default() += 1;
    }
    assert_eq!(served, BTreeMap::from([(0, 30), (1, 30), (2, 10), (3, 10)]));
}

#[test]
fn who_is_out_of_bounds_is_passed_over_and_keeps_its_place() {
    let mut queue = FairQueue::default();
    queue.enter(&lane(Class::Change, "a", REGION), 1);
    queue.enter(&lane(Class::Change, "a", "us-east-1"), 2);
    queue.enter(&lane(Class::Change, "b", REGION), 3);
    queue.enter(&lane(Class::Retry, "c", "us-east-1"), 4);
    let next = |closed: &dyn Fn(&Level<'_, u32>) -> bool| {
        let turn = queue.next(|level| !closed(&level));
        turn.and_then(|turn| queue.get(turn.place()).copied())
    };
    assert_eq!(next(&|_| false), Some(1));
    assert_eq!(next(&|level| matches!(level, Level::Namespace("a"))), Some(3));
    let of_region = |level: &Level<'_, u32>| matches!(level, Level::Region(_, _, Some(it), _) if it.as_str() == REGION);
    assert_eq!(next(&of_region), Some(2));
    assert_eq!(next(&|level| matches!(level, Level::Class(Class::Change))), Some(4));
    assert_eq!(next(&|level| matches!(level, Level::Region(_, _, _, 1..))), None);
    assert_eq!(all(&mut queue)[0], 1);
}

#[derive(Clone, Debug)]
enum Step {
    Enter(Lane),
    Leave(prop::sample::Index),
    Serve,
}

fn step() -> impl Strategy<Value = Step> {
    let class = prop::sample::select(&Class::ALL[..]);
    let enter = (class, "[abc]", prop::sample::select(&[REGION, "us-east-1"][..]));
    prop_oneof![
        3 => enter.prop_map(|(class, namespace, region)| Step::Enter(lane(class, &namespace, region))),
        1 => any::<prop::sample::Index>().prop_map(Step::Leave),
        4 => Just(Step::Serve),
    ]
}

/// For each that waits, how many were served since it waits and was not: of all classes, and of another namespace.
#[derive(Default)]
struct Overtaken {
    classes: BTreeMap<Class, u32>,
    namespaces: BTreeMap<(Class, String), BTreeMap<String, u32>>,
}

impl Overtaken {
    fn note(&mut self, served: &Lane, waiting: &[(Place, Lane)]) {
        self.classes.remove(&served.class);
        self.namespaces.remove(&(served.class, served.namespace.clone()));
        self.classes
            .retain(|class, _| waiting.iter().any(|(_, it)| it.class == *class));
        self.namespaces.retain(|(class, namespace), _| {
            waiting
                .iter()
                .any(|(_, it)| it.class == *class && it.namespace == *namespace)
        });
        let classes: std::collections::BTreeSet<_> = waiting.iter().map(|(_, it)| it.class).collect();
        for class in classes.into_iter().filter(|class| *class != served.class) {
            *self.classes.entry(class).or_default() += 1;
        }
        let namespaces: std::collections::BTreeSet<_> = waiting
            .iter()
            .filter(|(_, it)| it.class == served.class && it.namespace != served.namespace)
            .map(|(_, it)| it.namespace.clone())
            .collect();
        for namespace in namespaces {
            let by = self.namespaces.entry((served.class, namespace)).or_default();
            *by.entry(served.namespace.clone()).or_default() += 1;
        }
    }
}

proptest! {
    #[test]
    fn each_class_that_waits_gets_one_turn_in_eight_and_no_namespace_is_overtaken_twice(
        steps in prop::collection::vec(step(), 1..300)
    ) {
        let mut queue = FairQueue::default();
        let (mut waiting, mut overtaken) = (Vec::<(Place, Lane)>::new(), Overtaken::default());
        for (number, step) in (0..).zip(steps) {
            match step {
                Step::Enter(lane) => waiting.push((queue.enter(&lane, number), lane)),
                Step::Leave(index) if !waiting.is_empty() => {
                    let (place, lane) = waiting.swap_remove(index.index(waiting.len()));
                    prop_assert!(queue.leave(&place).is_some());
                    let still = |class, namespace: Option<&str>| waiting
                        .iter()
                        .any(|(_, it)| it.class == class && namespace.is_none_or(|namespace| it.namespace == namespace));
                    if !still(lane.class, None) {
                        overtaken.classes.remove(&lane.class);
                    }
                    if !still(lane.class, Some(&lane.namespace)) {
                        overtaken.namespaces.remove(&(lane.class, lane.namespace.clone()));
                    }
                }
                Step::Leave(_) => {}
                Step::Serve => {
                    let turn = queue.next(|_| true);
                    prop_assert_eq!(turn.is_some(), !waiting.is_empty(), "whoever waits is served");
                    let Some(turn) = turn else { continue };
                    prop_assert!(queue.serve(&turn).is_some());
                    let at = waiting.iter().position(|(place, _)| place == turn.place()).unwrap();
                    let (_, lane) = waiting.swap_remove(at);
                    overtaken.note(&lane, &waiting);
                    prop_assert!(overtaken.classes.values().all(|turns| *turns < 8));
                    prop_assert!(overtaken.namespaces.values().flat_map(BTreeMap::values).all(|turns| *turns <= 1));
                }
            }
        }
    }
}
