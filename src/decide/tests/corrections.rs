//! What names the run is corrected: a run that was found by the old names and that no status tells of is let go of.

use super::support::*;
use crate::{
    api::{ExperimentRunSpec, Member},
    decide::{
        EndedBy, Evidence,
        desired::{Defaults, Desired},
        memory::{Memory, Pending},
        names::Names,
    },
    run::{LiveRun, RunKey},
};

/// The run that a mistaken definition means.
fn mistaken(percentage: f32) -> LiveRun {
    let mut run = live(percentage);
    run.key.experiment_definition_id = "zzzzzz1".to_owned();
    run.description = "of another team".to_owned();
    touch(&mut run);
    run
}

/// A resource that named another definition, whose run was found, and the status could not be written.
fn unrecorded() -> World {
    let mut world = World::new(Desired {
        experiment_definition_identifier: "add-to-card".to_owned(),
        ..wants(25.0)
    });
    world.memory = world.decide(&Evidence::Read(mistaken(10.0), EndedBy::NotAsked)).memory;
    assert_eq!(world.memory.pin, Some(mistaken(10.0).key));
    world
}

#[test]
fn p5_a_run_that_no_status_tells_of_is_let_go_of_when_its_names_are_corrected() {
    let corrections: [fn(&mut Desired); 4] = [
        |spec| spec.application_identifier = "shop-2".to_owned(),
        |spec| spec.experiment_definition_identifier = "add-to-cart".to_owned(),
        |spec| spec.run = 2,
        |spec| spec.region = "eu-central-1".parse().unwrap(),
    ];
    for correct in corrections {
        let mut world = unrecorded();
        world.edit(correct);
        // Its exposure is lower, and its last change earlier: as an answer of the same run, it would be an old one.
        let decision = world.read(&live(5.0));
        assert_eq!(
            sends(&decision),
            Some(Member::ExposurePercentage),
            "{}",
            summarize(&decision.status)
        );
        let (update, _) = world.fence(&decision);
        assert_eq!(update.exposure(), Some(exposure(25.0)));
        assert_eq!(RunKey::pinned(&world.status, 0), Some(live(5.0).key));
    }
}

#[test]
fn p5_nothing_of_a_run_that_is_let_go_of_counts_but_the_ids_of_updates_that_are_settled() {
    let mut world = unrecorded();
    world.memory.resolve("settled");
    let record = world.decide(&Evidence::Read(mistaken(10.0), EndedBy::NotAsked)).fence(
        &world
            .decide(&Evidence::Read(mistaken(10.0), EndedBy::NotAsked))
            .update
            .unwrap(),
        "inherited",
        1,
        &world.now(),
    );
    world.memory.inherit(Pending {
        record: record.pending_update.unwrap(),
        first_seen: world.elapsed,
    });
    let mut memory = world.memory.clone();
    memory.follow(&Names::asked(&world.desired));
    assert_eq!(memory, world.memory);
    memory.follow(&Names::asked(&wants(25.0)));
    let settled = Memory {
        resolved: vec!["settled".to_owned()],
        ..Memory::default()
    };
    assert_eq!(memory, settled);
}

#[test]
fn p5_the_run_found_first_stays_when_anything_else_changes_or_a_status_tells_of_it() {
    let mut world = unrecorded();
    world.edit(|spec| spec.exposure = Some(exposure(60.0)));
    assert_eq!(sends(&world.read(&live(10.0))), None);
    assert_eq!(summarize(&world.status), "False RunReplaced Stalled");

    // The API server refuses this correction; a status that was wiped in between let it by.
    let mut world = World::new(wants(25.0));
    world.read(&live(25.0));
    world.status = crate::api::ExperimentRunStatus::default();
    world.edit(|spec| spec.run = 2);
    let mut second = live(10.0);
    second.key.run = 2;
    assert_eq!(sends(&world.read(&second)), None);
    assert_eq!(summarize(&world.status), "False RunReplaced Stalled");
    assert_eq!(RunKey::pinned(&world.status, 2), Some(live(0.0).key));
    let words = message(&world.status);
    assert!(words.contains("run 2 of") && words.contains("run 1 of"), "{words}");
}

#[test]
fn p5_a_status_from_before_runs_were_pinned_has_the_spec_s() {
    let mut world = World::new(wants(25.0));
    world.read(&live(25.0));
    assert_eq!(world.status.run, Some(1));
    world.status.run = None;
    world.restart();
    assert_eq!(world.memory.pin, Some(live(25.0).key));
    world.read(&live(25.0));
    assert_eq!(world.status.run, Some(1));
}

#[test]
fn the_names_of_a_spec_are_those_by_which_its_run_is_found() {
    let defaults = |region: Option<&str>| Defaults {
        region: region.map(|region| region.parse().unwrap()),
        resync_interval: std::time::Duration::from_mins(10),
    };
    let spec = |region: Option<&str>| -> ExperimentRunSpec {
        let members = serde_json::json!({
            "applicationIdentifier": "shop", "experimentDefinitionIdentifier": "add-to-cart", "run": 1, "region": region
        });
        serde_json::from_value(members).unwrap()
    };
    for (asked, own) in [
        (Some("eu-west-1"), None),
        (Some("eu-west-1"), Some("us-east-1")),
        (None, Some("eu-west-1")),
    ] {
        assert_eq!(Names::of(&spec(asked), &defaults(own)), Names::asked(&observing()));
    }
    for (asked, own) in [
        (Some("us-east-1"), Some("eu-west-1")),
        (None, Some("us-east-1")),
        (None, None),
    ] {
        assert_ne!(Names::of(&spec(asked), &defaults(own)), Names::asked(&observing()));
    }
}
