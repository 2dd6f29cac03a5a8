//! One error has one row, and says what it is evidence of: nothing (P6).

use std::time::Duration;

use super::support::*;
use crate::decide::{EndedBy, Evidence, Outcome, schedule::Next};
use crate::run::{FailureKind, Operation};

#[test]
fn rows_of_failed_reads_that_a_person_must_mend_are_stalled_and_heal() {
    let rows = [
        (
            FailureKind::RunNotFound,
            "False RunNotFound Stalled",
            "or start the run",
        ),
        (
            FailureKind::ExperimentsUnsupported,
            "False ExperimentsUnsupported Stalled",
            "check the region",
        ),
        (
            FailureKind::AccessDenied,
            "False AccessDenied Stalled",
            "what to do in AWS",
        ),
        (
            FailureKind::CredentialsUnavailable,
            "False CredentialsUnavailable Stalled",
            "IAM role",
        ),
    ];
    for (kind, expected, advice) in rows {
        let mut world = World::new(wants(25.0));
        world.read(&live(25.0));
        let decision = world.read_failed(kind);
        assert_eq!(summarize(&world.status), expected);
        assert!(message(&world.status).contains(advice), "{}", message(&world.status));
        assert!(!message(&world.status).contains("request-1"));
        assert!(
            matches!(decision.next, Next::After(wait) if wait <= Duration::from_mins(10)),
            "every resync"
        );
        assert_eq!(event_reasons(&decision), [expected.split(' ').nth(1).unwrap()]);
        assert_eq!(
            target(&world.status),
            "True InSync",
            "what was last seen of the target stands"
        );
        world.read(&live(25.0));
        assert_eq!(summarize(&world.status), "True InSync -");
        assert_eq!(world.status.last_error, None);
    }
}

#[test]
fn rows_of_failed_reads_that_pass_keep_ready_until_the_third_in_a_row() {
    let rows = [
        (FailureKind::Throttled, "Throttled"),
        (FailureKind::Unreachable, "ServiceUnavailable"),
        (FailureKind::Unavailable, "ServiceUnavailable"),
        (FailureKind::ClockSkew, "ClockSkew"),
        (FailureKind::UnusableAnswer, "UnusableAnswer"),
        (FailureKind::Refused, "UnusableAnswer"),
        (FailureKind::Conflict, "UnusableAnswer"),
    ];
    for (kind, reason) in rows {
        let mut world = World::new(wants(25.0));
        world.read(&live(25.0));
        for (attempt, seconds) in [(1, 1), (2, 2)] {
            let decision = world.read_failed(kind);
            assert_eq!(
                summarize(&world.status),
                "True InSync Reconciling",
                "{reason} {attempt}"
            );
            assert_eq!(decision.next, Next::Backoff(Duration::from_secs(seconds)));
            assert_eq!((sends(&decision), event_reasons(&decision).len()), (None, 0));
        }
        let decision = world.read_failed(kind);
        assert_eq!(summarize(&world.status), format!("Unknown {reason} Reconciling"));
        assert_eq!(event_reasons(&decision), [reason]);
        assert_eq!(world.status.exposure_percentage, Some(exposure(25.0)));
        let decision = world.read(&live(25.0));
        assert_eq!(summarize(&world.status), "True InSync -");
        assert_eq!((decision.memory.failures, decision.memory.attempts), (0, 0));
    }
}

#[test]
fn a_stalled_row_of_the_last_good_read_stands_through_failures() {
    let mut world = World::new(wants(10.0));
    world.read(&live(25.0));
    for _ in 0..4 {
        let decision = world.read_failed(FailureKind::Unavailable);
        assert_eq!(summarize(&world.status), "False ExposureAboveDesired Stalled");
        assert_eq!(event_reasons(&decision), [""; 0]);
    }
}

#[test]
fn what_was_never_reached_may_not_exist_after_the_third_try_in_a_row() {
    let mut world = World::new(wants(25.0));
    for attempt in 1..=3 {
        world.read_failed(FailureKind::Unreachable);
        let conditions = &world.status.conditions;
        let reconciling = conditions.iter().find(|condition| condition.type_ == "Reconciling");
        let doubted = reconciling.unwrap().message.contains("region may not exist");
        assert_eq!(doubted, attempt == 3, "{attempt}: {reconciling:?}");
    }
}

#[test]
fn refused_credentials_get_one_more_try_for_reads_and_for_updates_and_are_told_apart() {
    let kinds = [
        (FailureKind::CredentialsExpired, "session"),
        (FailureKind::UnknownAccessKey, "does not know"),
        (FailureKind::WrongSecret, "secret access key"),
    ];
    for (kind, advice) in kinds {
        let mut world = World::new(wants(25.0));
        world.read(&live(25.0));
        assert_eq!(world.read_failed(kind).next, Next::Now);
        assert_eq!(summarize(&world.status), "True InSync -");
        assert_ne!(world.read_failed(kind).next, Next::Now);
        assert_eq!(summarize(&world.status), "False CredentialsUnavailable Stalled");
        let message = message(&world.status);
        let about = kinds.map(|(_, advice)| message.contains(advice));
        assert_eq!(about, kinds.map(|(of, _)| of == kind), "{advice}: {message}");

        let mut world = World::new(wants(25.0));
        let refused = || Outcome::Refused(update_failure(kind));
        let decision = world.read(&live(10.0));
        assert_eq!(world.send(&decision, refused()).next, Next::Now);
        assert_eq!(world.status.pending_update, None);
        let decision = world.read(&live(10.0));
        assert_ne!(world.send(&decision, refused()).next, Next::Now);
        assert_eq!(summarize(&world.status), "False CredentialsUnavailable Stalled");
    }
}

#[test]
fn row_access_denied_to_an_update_says_what_to_do_and_is_tried_each_resync_without_flapping() {
    let mut world = World::new(wants(25.0));
    let denied = || Outcome::Refused(update_failure(FailureKind::AccessDenied));
    let decision = world.read(&live(10.0));
    let decision = world.send(&decision, denied());
    assert_eq!(summarize(&world.status), "False AccessDenied Stalled");
    assert!(message(&world.status).ends_with("; what to do in AWS"));
    assert!(matches!(decision.next, Next::After(_)));
    let first = world.status.clone();
    world.wait(600);
    let decision = world.read(&live(10.0));
    assert_eq!(
        decision.status.conditions, first.conditions,
        "the fence changes no standing reason"
    );
    let decision = world.send(&decision, denied());
    assert_eq!(event_reasons(&decision), [""; 0]);
    assert_eq!(world.status, first, "a repeat writes nothing");
}

#[test]
fn row_deployment_in_progress_waits_from_30_seconds_up_to_5_minutes_and_clears() {
    let mut world = World::new(wants(25.0));
    let conflict = || Outcome::Refused(update_failure(FailureKind::Conflict));
    for (attempt, seconds) in [30, 60, 120, 240, 300, 300].into_iter().enumerate() {
        let decision = world.read(&live(10.0));
        let decision = world.send(&decision, conflict());
        assert_eq!(decision.next, Next::After(Duration::from_secs(seconds)));
        assert_eq!(summarize(&world.status), "False DeploymentInProgress Reconciling");
        let events = if attempt == 0 {
            vec!["DeploymentInProgress"]
        } else {
            vec![]
        };
        assert_eq!(event_reasons(&decision), events);
    }
    let mut done_by_others = world.clone();
    done_by_others.read(&live(25.0));
    assert_eq!(done_by_others.memory.conflicts, 0, "nothing is left to wait for");
    let mut run = live(10.0);
    world.converge(&mut run);
    assert_eq!(
        (summarize(&world.status), world.memory.conflicts),
        ("True InSync -".to_owned(), 0)
    );
}

#[test]
fn a_throttled_update_backs_off_and_is_not_unsettled() {
    let mut world = World::new(wants(25.0));
    for seconds in [1, 2, 4] {
        let decision = world.read(&live(10.0));
        let decision = world.send(&decision, Outcome::Refused(update_failure(FailureKind::Throttled)));
        assert_eq!(decision.next, Next::Backoff(Duration::from_secs(seconds)));
        assert_eq!(summarize(&world.status), "False Throttled Reconciling");
        assert_eq!((&world.status.pending_update, held(&world).len()), (&None, 0));
    }
}

#[test]
fn last_error_is_as_first_seen_until_it_no_longer_holds() {
    let mut world = World::new(wants(25.0));
    world.read(&live(25.0));
    world.read_failed(FailureKind::Unavailable);
    let first = world.status.last_error.clone().unwrap();
    assert_eq!(
        (first.operation.as_str(), first.status_code),
        ("GetExperimentRun", Some(500))
    );
    world.wait(5);
    let mut again = failure(Operation::GetExperimentRun, FailureKind::Unavailable);
    again.request_id = Some("request-2".to_owned());
    world.see(&Evidence::ReadFailed(again));
    assert_eq!(world.status.last_error.as_ref(), Some(&first));
    world.read_failed(FailureKind::Throttled);
    assert_ne!(world.status.last_error.as_ref(), Some(&first));
    world.read(&live(25.0));
    assert_eq!(world.status.last_error, None);
}

#[test]
fn what_was_not_sent_is_no_refusal() {
    let mut world = World::new(wants(25.0));
    let decision = world.read(&live(10.0));
    let decision = world.send(&decision, Outcome::NotSent(None));
    assert_eq!((decision.next, &world.status.pending_update), (Next::Now, &None));
    assert_eq!(summarize(&world.status), "False Progressing Reconciling");
    let decision = world.read(&live(10.0));
    world.send(
        &decision,
        Outcome::NotSent(Some(update_failure(FailureKind::CredentialsUnavailable))),
    );
    assert_eq!(summarize(&world.status), "False CredentialsUnavailable Stalled");
    assert_eq!(held(&world), []);
}

#[test]
fn the_events_of_a_running_run_are_not_asked_for() {
    let world = World::new(wants(25.0));
    assert!(!crate::decide::asks_who_ended_it(&live(25.0), &world.status));
    assert!(crate::decide::asks_who_ended_it(&done(live(25.0)), &world.status));
    let mut world = world;
    world.see(&Evidence::Read(
        done(live(25.0)),
        EndedBy::Event(Some("USER".to_owned())),
    ));
    assert!(!crate::decide::asks_who_ended_it(&done(live(25.0)), &world.status));
}

#[test]
fn an_error_that_differs_in_anything_that_is_told_is_told_anew() {
    let mut world = World::new(wants(25.0));
    world.read_failed(FailureKind::Unavailable);
    let error = world.status.last_error.clone().unwrap();
    let failed = failure(Operation::GetExperimentRun, FailureKind::Unavailable);
    assert!(failed.repeats(&error));
    let mut others = [failed.clone(), failed.clone(), failed.clone()];
    others[0].operation = Operation::ListExperimentRunEvents;
    others[1].code = Some("ThrottlingException".to_owned());
    others[2].status = Some(503);
    assert!(others.iter().all(|other| !other.repeats(&error)));
}
