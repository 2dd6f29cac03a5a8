//! Which histories there are, and how often each action comes in them.

use proptest::prelude::*;

use super::{Action, EndEvents, OutsideChange, UpdateAnswer};
use crate::{
    api::Exposure,
    decide::{
        desired::Desired,
        tests::support::{exposure, observing, overrides},
    },
    run::FailureKind,
};

pub fn history() -> impl Strategy<Value = Vec<Action>> {
    proptest::collection::vec(action(), 1..24)
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

fn answer() -> impl Strategy<Value = UpdateAnswer> {
    prop_oneof![
        4 => Just(UpdateAnswer::Applied),
        2 => kind().prop_map(UpdateAnswer::Refused),
        1 => proptest::sample::select(vec![UpdateAnswer::Ineffective, UpdateAnswer::Old, UpdateAnswer::NotSent, UpdateAnswer::Crash]),
        2 => proptest::sample::select(vec![UpdateAnswer::LostApplied, UpdateAnswer::Lost]),
    ]
}

fn read() -> impl Strategy<Value = Action> {
    let behind = prop_oneof![5 => Just(0_usize), 1 => 1..3_usize];
    let events = proptest::sample::select(vec![
        EndEvents::User,
        EndEvents::Alarm,
        EndEvents::Nothing,
        EndEvents::Unreadable,
    ]);
    let answers = proptest::collection::vec(answer(), 4);
    (behind, 0..12_u8, events, answers).prop_map(|(versions_behind, other, events, answers)| Action::Read {
        versions_behind,
        replaced: other == 0,
        events,
        answers,
    })
}

fn action() -> impl Strategy<Value = Action> {
    let outside = prop_oneof![
        3 => percentage().prop_map(OutsideChange::Raise),
        2 => Just(OutsideChange::Describe),
        2 => Just(OutsideChange::Override),
        1 => Just(OutsideChange::End),
    ];
    prop_oneof![
        10 => read(),
        3 => desired().prop_map(|desired| Action::Edit(Box::new(desired))),
        2 => outside.prop_map(Action::Outside),
        2 => kind().prop_map(Action::ReadFails),
        3 => proptest::sample::select(vec![1, 30, 60, 300, 3600, 86_400]).prop_map(Action::Wait),
        1 => (0..3_u8).prop_map(|other| Action::Owner(other != 0)),
        1 => proptest::sample::select(vec![Action::NoCall, Action::Restart, Action::StatusWiped]),
    ]
}
