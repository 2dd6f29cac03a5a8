//! How much of the read rate the regular looks need.

use std::time::Duration;

use crate::{
    api::Region,
    fleet::{Crossed, Demand},
};

fn region(name: &str) -> Region {
    name.parse().unwrap()
}

#[test]
fn it_is_told_once_when_most_of_the_rate_is_needed_and_once_when_no_longer() {
    let (mut demand, here) = (Demand::new(20.0), region("eu-west-1"));
    let interval = Duration::from_mins(10);
    // 12,000 resources at 10 minutes need all of 20 reads a second, and 9,600 need 80 %.
    let crossings: Vec<_> = (1..=12_000)
        .filter_map(|number| Some((number, demand.add(&here, interval)?)))
        .collect();
    let [(number, Crossed::Much(ref region, 80))] = crossings[..] else {
        unreachable!("{crossings:?}")
    };
    assert_eq!(region, &here);
    assert!((9_600..=9_602).contains(&number), "{number}");
    assert!((demand.highest_share() - 1.0).abs() < 0.001);
    let crossings: Vec<_> = (1..=12_000)
        .filter_map(|number| Some((number, demand.remove(&here, interval)?)))
        .collect();
    assert_eq!(crossings.len(), 1);
    assert!((3_599..=3_601).contains(&crossings[0].0), "{crossings:?}");
    assert_eq!(crossings[0].1, Crossed::Enough(here));
    assert!(demand.highest_share().abs() < f64::EPSILON, "sums do not drift");
}

#[test]
fn each_region_has_a_rate_of_its_own_and_the_highest_share_counts() {
    let mut demand = Demand::new(0.5);
    assert_eq!(demand.add(&region("eu-west-1"), Duration::from_secs(8)), None);
    assert_eq!(
        demand.add(&region("us-east-1"), Duration::from_secs(2)),
        Some(Crossed::Much(region("us-east-1"), 100))
    );
    assert!((demand.highest_share() - 1.0).abs() < 0.001);
    assert_eq!(demand.remove(&region("ap-east-1"), Duration::from_secs(1)), None);
}
