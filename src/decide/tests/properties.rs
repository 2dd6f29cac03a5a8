//! Properties that hold in any history: whatever specs, answers, failures, lost answers, restarts and waits come, in
//! whatever order. Passes play it, so that what is decided comes in the order of theirs.
#![allow(clippy::unwrap_used, reason = "tests: what is not as expected ends them")]

pub(crate) mod calendar;
mod history;
pub(crate) mod ramps;

use proptest::prelude::*;

use crate::api::{ConditionType, ExperimentRunStatus, RunStatus};

use crate::decide::{
    Decision, EndedBy, Evidence, Outcome, Owner,
    conditions::find,
    event::STALE_READ_BELIEVED,
    tests::support::{World, apply, done, held, live, sends, stored, summarize, target},
};
use history::{CANARIES, Simulation, answer_of, desired, history, managed};

fn bytes(status: &ExperimentRunStatus) -> String {
    serde_json::to_string(status).unwrap()
}

fn ready(status: &ExperimentRunStatus) -> &str {
    &find(&status.conditions, ConditionType::Ready).unwrap().status
}

/// What the status copies from `AppConfig`.
fn copied(status: &ExperimentRunStatus) -> String {
    let it = status;
    let what = (
        &it.status,
        &it.exposure_percentage,
        &it.description,
        &it.treatment_override_count,
        &it.updated_at,
    );
    format!(
        "{what:?} {:?} {:?} {:?}",
        it.started_at, it.ended_at, it.experiment_definition
    )
}

/// Whether a step shows something older than the status, by what never goes back.
fn older(status: &ExperimentRunStatus, seen: &Evidence) -> bool {
    answer_of(seen).is_some_and(|live| {
        let time = |at: jiff::Timestamp| k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at);
        status.exposure_percentage.is_some_and(|known| live.exposure < known)
            || (status.status == Some(RunStatus::Done) && live.status == RunStatus::Running)
            || status
                .updated_at
                .as_ref()
                .zip(live.updated_at)
                .is_some_and(|(known, it)| time(it) < *known)
    })
}

fn plays(
    spec: crate::decide::desired::Desired,
    actions: &[history::Action],
    mut property: impl FnMut(&World, &Evidence, &Decision),
) -> Simulation {
    let mut simulation = Simulation::new(spec);
    for action in actions {
        simulation.play(action, &mut property);
    }
    simulation
}

pub(crate) fn cases() -> ProptestConfig {
    ProptestConfig {
        // As many as are quick; PROPTEST_CASES asks for more.
        cases: if std::env::var_os("PROPTEST_CASES").is_some() {
            ProptestConfig::default().cases
        } else {
            128
        },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn p2_never_at_or_below_live_and_never_above_the_desired(spec in desired(), actions in history()) {
        plays(spec, &actions, |world, seen, decision| {
            if let Some(to) = decision.update.as_ref().and_then(crate::run::Update::exposure) {
                assert!(to > answer_of(seen).unwrap().exposure);
                let believed = decision.events.iter().any(|event| event.reason == STALE_READ_BELIEVED);
                assert!(believed || world.status.exposure_percentage.is_none_or(|known| to > known));
                assert!(to <= world.desired.exposure.unwrap());
            }
        });
    }

    #[test]
    fn p3_one_differing_member_and_absent_is_untouched(spec in desired(), actions in history()) {
        plays(spec, &actions, |world, seen, decision| {
            if let Some(member) = sends(decision) {
                let live = answer_of(seen).unwrap();
                assert!(managed(&world.desired).contains(&member));
                let differing = world.desired.differences(live);
                assert!(differing.contains(&member));
                assert!(member != crate::api::Member::ExposurePercentage || differing == [member], "exposure goes last");
                let mut changed = live.clone();
                apply(decision.update.as_ref().unwrap(), &mut changed);
                let rest: Vec<_> = differing.into_iter().filter(|it| *it != member).collect();
                assert_eq!(world.desired.differences(&changed), rest, "it changes that member and no other");
            }
        });
    }

    #[test]
    fn p4_nothing_is_sent_and_ready_is_not_true_until_it_is_settled(spec in desired(), actions in history()) {
        let mut open: Option<(crate::run::Update, i64, std::time::Duration)> = None;
        plays(spec, &actions, |world, seen, decision| {
            let settled = open.as_ref().zip(answer_of(seen)).is_some_and(|((update, generation, since), live)| {
                let shown = update.exposure().is_some() || *generation == world.generation;
                live.status == RunStatus::Done
                    || (shown && update.shown_by(live))
                    || world.elapsed.saturating_sub(*since) >= std::time::Duration::from_mins(1)
            });
            open.take_if(|_| settled);
            if let Evidence::Updated { update, outcome: Outcome::Unknown(_), .. } = seen {
                open = Some((update.clone(), world.generation, world.elapsed));
            }
            if open.is_some() {
                assert_eq!(decision.update, None);
                assert_ne!(ready(&decision.status), "True");
                assert!(decision.status.pending_update.is_some());
            }
            if decision.memory.pending.is_some() {
                assert_eq!((&decision.update, decision.status.pending_update.is_some()), (&None, true));
                assert_ne!(ready(&decision.status), "True");
            }
        });
    }

    #[test]
    fn p5_another_run_than_the_pinned_is_neither_copied_nor_updated(spec in desired(), actions in history()) {
        plays(spec, &actions, |world, seen, decision| {
            let pinned = world.memory.pin.clone().or_else(|| crate::run::RunKey::pinned(&world.status, 1));
            if let Some((pinned, live)) = pinned.zip(answer_of(seen)).filter(|(pinned, live)| *pinned != live.key) {
                assert_eq!(decision.update, None, "{pinned:?} {:?}", live.key);
                assert_eq!(copied(&decision.status), copied(&world.status));
                assert_eq!(decision.status.application_id.as_ref(), Some(&pinned.application_id));
            }
        });
    }

    #[test]
    fn p6_a_failed_or_stale_read_is_no_evidence(spec in desired(), actions in history()) {
        plays(spec, &actions, |world, seen, decision| {
            let believed = decision.events.iter().any(|event| event.reason == STALE_READ_BELIEVED);
            let evidence = answer_of(seen).is_some() && !older(&world.status, seen);
            if !evidence && !believed {
                assert_eq!(decision.update, None);
                assert_eq!(copied(&decision.status), copied(&world.status));
            }
        });
    }

    #[test]
    fn p7_p8_nothing_is_sent_for_what_is_done_suspended_or_anothers(spec in desired(), actions in history()) {
        plays(spec, &actions, |world, seen, decision| {
            let ended = answer_of(seen).is_some_and(|live| live.status == RunStatus::Done);
            if ended || world.desired.suspend || world.owner != Owner::Itself {
                assert_eq!(decision.update, None);
            }
        });
    }

    #[test]
    fn p9_ready_true_follows_from_an_answer_that_matches(spec in desired(), actions in history()) {
        // The generation that the last usable answer was read for, and whether it matched then or ended having matched.
        let (mut read_for, mut matched) = (0, false);
        plays(spec, &actions, |world, seen, decision| {
            let of_run = |live: &&crate::run::LiveRun| decision.memory.pin.as_ref() == Some(&live.key);
            let usable = decision.memory.stale.is_none() && decision.memory.pending.is_none();
            if let Some(live) = answer_of(seen).filter(of_run).filter(|_| usable) {
                let matches = world.desired.differences(live).is_empty();
                let ended = live.status == RunStatus::Done && decision.status.ended_by.as_deref() == Some("USER");
                matched = matches || (ended && matched && read_for == world.generation);
                read_for = world.generation;
            }
            if ready(&decision.status) == "True" {
                assert_eq!(decision.status.observed_generation, Some(world.generation));
                assert_eq!(read_for, world.generation, "read after the generation");
                let by_user = decision.status.ended_by.as_deref() == Some("USER");
                assert!(matched || by_user, "{} {seen:?}", summarize(&decision.status));
            }
        });
    }

    #[test]
    fn p10_the_same_answer_again_changes_nothing(spec in desired(), actions in history()) {
        plays(spec, &actions, |world, seen, decision| {
            if let (Evidence::Read(..), None) = (seen, &decision.update) {
                let mut world = world.clone();
                let first = world.see(seen);
                if first.memory.stale.is_none() {
                    let second = world.see(seen);
                    assert_eq!(bytes(&second.status), bytes(&first.status));
                    assert_eq!((second.update, second.events.len()), (None, 0));
                }
            }
        });
    }

    #[test]
    fn p11_entities_and_parameters_are_never_shown(spec in desired(), actions in history()) {
        let simulation = plays(spec, &actions, |world, seen, decision| {
            let shown = format!("{} {decision:?} {seen:?} {:?} {:?}", bytes(&decision.status), world.desired, world.memory);
            for canary in CANARIES {
                assert!(!shown.contains(canary), "{canary} in {shown}");
            }
        });
        let shown = format!("{:?} {actions:?}", simulation.run);
        prop_assert!(!shown.contains("canary"));
    }

    #[test]
    fn p12_when_faults_stop_it_converges_or_a_reason_stands_and_stays(spec in desired(), actions in history()) {
        let mut simulation = plays(spec, &actions, |_, _, _| {});
        simulation.world.wait(300);
        let read = |run| history::Action::Read {
            versions_behind: 0, replaced: false, events: history::EndEvents::User, answers: vec![run; 4],
        };
        for _ in 0..4 {
            simulation.play(&read(history::UpdateAnswer::Applied), &mut |_, _, _| {});
            simulation.world.wait(60);
        }
        let status = simulation.world.status.clone();
        prop_assert!(!summarize(&status).ends_with("Reconciling"), "{}", summarize(&status));
        simulation.play(&read(history::UpdateAnswer::Applied), &mut |_, _, decision| assert_eq!(decision.update, None));
        prop_assert_eq!(summarize(&simulation.world.status), summarize(&status));
        let ours = simulation.world.owner == Owner::Itself && simulation.world.memory.pin.as_ref() == Some(&simulation.run.key);
        if ours && simulation.world.desired.differences(&simulation.run).is_empty() {
            prop_assert_eq!(ready(&status), "True");
            prop_assert!(target(&status).starts_with("True") && held(&simulation.world).is_empty());
        }
    }

    #[test]
    fn an_update_that_is_applied_is_not_sent_again(spec in desired()) {
        let mut world = World::new(spec);
        let mut run = live(5.0);
        let mut decision = world.read(&run);
        let mut sent = Vec::new();
        while let Some(update) = decision.update.clone() {
            assert!(!sent.contains(&update.member()));
            sent.push(update.member());
            apply(&update, &mut run);
            // From the answer as from a fresh read.
            assert_ne!(sends(&world.decide(&Evidence::Read(run.clone(), EndedBy::NotAsked))), Some(update.member()));
            decision = world.send(&decision, Outcome::Applied(Box::new(run.clone())));
        }
        let matches = world.desired.differences(&run).is_empty();
        prop_assert_eq!(ready(&world.status) == "True", matches);
        prop_assert_eq!(decision.update, None);
        prop_assert_eq!(sends(&world.read(&done(run))), None);
    }

    #[test]
    fn the_same_input_gives_the_same_status_to_the_byte(spec in desired(), actions in history()) {
        plays(spec, &actions, |world, seen, decision| {
            let again = world.decide(seen);
            assert_eq!(&again, decision);
            assert_eq!(bytes(&again.status), bytes(&decision.status));
            assert_eq!(bytes(&stored(&again.status)), bytes(&again.status), "and survives the API server");
        });
    }

    #[test]
    fn conditions_are_always_whole(spec in desired(), actions in history()) {
        plays(spec, &actions, |world, seen, decision| {
            let (before, after) = (&world.status.conditions, &decision.status.conditions);
            let is = |kind| find(after, kind).is_some();
            assert!(is(ConditionType::Ready) && is(ConditionType::TargetReached), "{seen:?}");
            let third = [ConditionType::Reconciling, ConditionType::Stalled].map(|kind| find(after, kind));
            assert!(third.iter().flatten().count() <= 1);
            assert!(third.iter().flatten().all(|condition| condition.status == "True"));
            assert!(ready(&decision.status) == "True" || third.iter().flatten().count() == 1);
            assert!(third[1].is_none() || ready(&decision.status) == "False");
            assert_eq!(decision.status.observed_generation, Some(world.generation));
            for condition in after {
                assert_eq!(condition.observed_generation, Some(world.generation));
                assert!(!condition.message.is_empty() && condition.message.len() < 2000);
                assert!(!condition.message.contains("request-1"));
                let previous = before.iter().find(|it| it.type_ == condition.type_ && it.status == condition.status);
                let since = previous.map_or_else(|| world.now().wall(), |it| it.last_transition_time.clone());
                assert_eq!(condition.last_transition_time, since, "it moves when the status flips and only then");
            }
        });
    }
}
