//! The decision table as a whole: every finding with its reason, its severity, its Event and its sentence.

mod reference;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::support::*;
use crate::{
    api::{LastError, Member, PENDING},
    decide::{
        conditions::{conditions, find, recorded},
        desired::InvalidSpec,
        event::of_transition,
        findings::{
            Entry::{self, Normal, Silent, Warning, WarningWhenUnknown},
            FailedCall, Finding as F, Reason,
            Severity::{self, Current, InProgress, Retrying, Stalled, Unknown},
            Target,
        },
        service_time::{Skew, Witness},
    },
    run::RunKey,
};

/// A finding and what is expected of it.
struct Line {
    finding: F,
    reason: Reason,
    severity: Severity,
    event: Entry,
    message: String,
}

/// Lists findings with what is expected of each, every variant at least once: a new one does not compile before it has a
/// line.
macro_rules! table {
    ($($variant:ident, $finding:expr => $reason:ident, $severity:ident, $event:ident, $message:expr;)*) => {
        #[allow(unreachable_patterns, reason = "some variants have several lines")]
        fn every_variant_has_a_line(finding: &F) {
            match finding { $(F::$variant { .. } => {})* }
        }

        fn table() -> Vec<Line> {
            vec![$({
                let finding = $finding;
                every_variant_has_a_line(&finding);
                assert!(matches!(finding, F::$variant { .. }), "{finding:?}");
                Line {
                    finding,
                    reason: Reason::$reason,
                    severity: $severity,
                    event: $event,
                    message: $message.to_string(),
                }
            },)*]
        }
    };
}

table! {
    InvalidSpec, F::InvalidSpec(InvalidSpec::Run(0)) => InvalidSpec, Stalled, Warning,
        "spec.run 0 is not a run's number: the first run is 1";
    RunAlreadyManaged, F::RunAlreadyManaged { by: Some("elder".to_owned()) } => RunAlreadyManaged, Stalled, Warning,
        "the older resource elder manages the same run: delete one of the two";
    RunAlreadyManaged, F::RunAlreadyManaged { by: None } => RunAlreadyManaged, Stalled, Warning,
        "an older resource in another namespace manages the same run: delete one of the two";
    RunReplaced, F::RunReplaced { now: run("new1", 2), pinned: run("old1", 1) } => RunReplaced, Stalled, Warning,
        "the spec now names run 2 of application abc1234 and experiment definition new1, but this resource manages \
         run 1 of application abc1234 and experiment definition old1: delete and recreate this resource to manage the \
         new run";
    RunNotFound, F::RunNotFound(error()) => RunNotFound, Stalled, Warning,
        said("check applicationIdentifier, experimentDefinitionIdentifier, run and region, or start the run");
    ExperimentsUnsupported, F::ExperimentsUnsupported(error()) => ExperimentsUnsupported, Stalled, Warning,
        said("this endpoint or region does not offer experiments: check the region");
    AccessDenied, F::AccessDenied { error: error(), advice: Some("what to do in AWS") } => AccessDenied, Stalled, Warning,
        said("what to do in AWS");
    AccessDenied, F::AccessDenied { error: error(), advice: None } => AccessDenied, Stalled, Warning,
        said("allow the operator's IAM role to perform this operation");
    CredentialsUnavailable, F::CredentialsUnavailable(error()) => CredentialsUnavailable, Stalled, Warning,
        said("give the operator's service account an IAM role, and check the role's trust policy");
    CredentialsExpired, F::CredentialsExpired(error()) => CredentialsUnavailable, Stalled, Warning,
        said("the session of the operator's credentials has expired and could not be renewed: check where the \
              credentials come from");
    UnknownAccessKey, F::UnknownAccessKey(error()) => CredentialsUnavailable, Stalled, Warning,
        said("AWS does not know the operator's access key ID: check that the key exists, is active and belongs to \
              this partition");
    WrongSecret, F::WrongSecret(error()) => CredentialsUnavailable, Stalled, Warning,
        said("the operator's secret access key does not match its access key ID: set both again");
    RunDoneMatching, F::RunDoneMatching => RunDone, Current, Normal, "the run has ended and matches the spec";
    RunDoneByUser, F::RunDoneByUser => RunDone, Current, Normal,
        "a user ended the run after it had matched the spec";
    RunDoneUnexplained, F::RunDoneUnexplained { unread: None } => RunDone, Unknown, Silent,
        "the run has ended; reading who ended it";
    RunDoneUnexplained, F::RunDoneUnexplained { unread: Some(Box::new(F::Throttled(failed(0)))) } => RunDone, Unknown, Silent,
        format!("the run has ended; the operator could not read who ended it: {}", said("AWS limits the rate of \
                                                                                         requests; retrying"));
    RunStopped, F::RunStopped { by: "CLOUDWATCH_ALARM".to_owned() } => RunStopped, Stalled, Warning,
        "the run was ended by CLOUDWATCH_ALARM and does not match the spec: create another resource to manage another \
         run";
    RunDoneDiffering, F::RunDoneDiffering => RunDone, Stalled, Warning,
        "the run has ended and does not match the spec: create another resource to manage another run";
    Suspended, F::Suspended { differing: vec![] } => Suspended, Current, Normal, "suspended; the run matches the spec";
    Suspended, F::Suspended { differing: vec![Member::Description, Member::ExposurePercentage] } => Suspended, Stalled, Normal,
        "suspended; the description and the exposure would change: remove spec.suspend to continue";
    UnknownTreatment, F::UnknownTreatment { keys: vec!["c".to_owned(), "t1".to_owned()] } => UnknownTreatment, Stalled, Warning,
        "treatmentOverrides names a treatment that the run does not have; no override is sent: use one of c, t1";
    UnknownTreatment, F::UnknownTreatment { keys: vec![] } => UnknownTreatment, Stalled, Warning,
        "AppConfig does not say which treatments the run has, so treatmentOverrides can't be checked; no override is \
         sent: check the experiment definition";
    UpdateRejected, F::UpdateRejected { member: Member::Description, error: Some(error()) } => UpdateRejected, Stalled, Warning,
        format!("AppConfig refused the update of the description ({SAID}): correct the spec; the operator tries again \
                 once an hour");
    UpdateRejected, F::UpdateRejected { member: Member::ExposurePercentage, error: None } => UpdateRejected, Stalled, Warning,
        "AppConfig refused the update of the exposure: correct the spec; the operator tries again once an hour";
    UpdateIneffective, F::UpdateIneffective(Member::ExposurePercentage) => UpdateIneffective, Stalled, Warning,
        "AppConfig accepted the update of the exposure but did not apply it: the operator sends it again when the \
         spec or the run changes";
    UpdateIneffective, F::UpdateIneffective(Member::TreatmentOverrides) => UpdateIneffective, Stalled, Warning,
        "AppConfig accepted the update of the treatment overrides but did not apply it: remove this field from the \
         spec to raise exposure without it";
    Contested, F::Contested(Member::Description) => Contested, Stalled, Warning,
        "somebody else changed the description back for the third time: agree on one owner, then change the spec";
    ExposureAboveDesired, F::ExposureAboveDesired { live: exposure(25.0), desired: exposure(10.0) }
        => ExposureAboveDesired, Stalled, Warning,
        "live exposure is 25 %, desired exposure is 10 %: AppConfig cannot lower a run's exposure. To accept the live \
         exposure, set exposurePercentage to 25 or more, or remove exposurePercentage; to go back, stop the run and \
         start a new one";
    RampRemoved, F::RampRemoved { live: exposure(5.0), target: exposure(50.0) } => RampRemoved, Stalled, Warning,
        "spec.ramp was removed at 5 %, before exposure reached 50 %; exposure is not raised: set ramp again, or, to \
         go to 50 % at once, set ramp: {steps: []}";
    DeploymentInProgress, F::DeploymentInProgress(error()) => DeploymentInProgress, InProgress, Warning,
        said("a deployment is under way in the run's environment; waiting for it to finish");
    OutcomeUnknown, F::OutcomeUnknown(Member::ExposurePercentage) => OutcomeUnknown, Unknown, Silent,
        "the outcome of the exposure update is unknown; nothing is sent until a read confirms it";
    Throttled, F::Throttled(failed(2)) => Throttled, Retrying, WarningWhenUnknown,
        said("AWS limits the rate of requests; retrying");
    Throttled, F::Throttled(failed(3)) => Throttled, Unknown, WarningWhenUnknown,
        said("AWS limits the rate of requests; retrying");
    Unreachable, F::Unreachable(failed(2)) => ServiceUnavailable, Retrying, WarningWhenUnknown, said("retrying");
    Unreachable, F::Unreachable(failed(3)) => ServiceUnavailable, Unknown, WarningWhenUnknown,
        said("the region may not exist: check the region and the operator's network path to AWS; retrying");
    ServiceUnavailable, F::ServiceUnavailable(failed(2)) => ServiceUnavailable, Retrying, WarningWhenUnknown,
        said("retrying");
    ServiceUnavailable, F::ServiceUnavailable(failed(3)) => ServiceUnavailable, Unknown, WarningWhenUnknown,
        said("retrying");
    ClockSkew, F::ClockSkew(failed(2)) => ClockSkew, Retrying, WarningWhenUnknown,
        said("this machine's clock and AWS's clock differ by more than 5 minutes: correct this machine's clock");
    ClockSkew, F::ClockSkew(failed(3)) => ClockSkew, Unknown, WarningWhenUnknown,
        said("this machine's clock and AWS's clock differ by more than 5 minutes: correct this machine's clock");
    RampDateSkewed, F::RampDateSkewed { skew: skew(), in_a_row: 2 } => ClockSkew, Retrying, WarningWhenUnknown, skew();
    RampDateSkewed, F::RampDateSkewed { skew: skew(), in_a_row: 3 } => ClockSkew, Unknown, WarningWhenUnknown, skew();
    StaleRead, F::StaleRead { in_a_row: 2 } => StaleRead, Retrying, WarningWhenUnknown,
        "AppConfig returned an older state than before; the answer is ignored";
    StaleRead, F::StaleRead { in_a_row: 3 } => StaleRead, Unknown, WarningWhenUnknown,
        "AppConfig returned an older state than before; the answer is ignored";
    UnusableAnswer, F::UnusableAnswer(failed(2)) => UnusableAnswer, Retrying, WarningWhenUnknown,
        said("the answer is ignored; retrying");
    UnusableAnswer, F::UnusableAnswer(failed(3)) => UnusableAnswer, Unknown, WarningWhenUnknown,
        said("the answer is ignored; retrying");
    FirstRead, F::FirstRead => Progressing, Unknown, Silent, "reading the run for the first time";
    Updating, F::Updating(Member::TreatmentOverrides) => Progressing, InProgress, Silent, "updating the treatment overrides";
    RampHolding,
        F::RampHolding { live: exposure(5.0), next: exposure(50.0), until: at(90), hold: SignedDuration::from_hours(36) }
        => RampHolding, Current, Silent,
        "exposure is 5 %; it rises to 50 % at 2026-09-01T00:01:30Z, when the hold of 36h ends";
    RampWaiting, F::RampWaiting { live: exposure(5.0), next: exposure(50.0), opens: Some(at(60)) }
        => RampWaiting, Current, Silent, "exposure is 5 %; it rises to 50 % at 2026-09-01T00:01Z, when a window opens";
    RampWaiting, F::RampWaiting { live: exposure(5.0), next: exposure(50.0), opens: None } => RampWaiting, Current, Silent,
        "exposure is 5 %; it rises to 50 % when a window opens, but no window was found to open: correct \
         spec.ramp.windows";
    RampWithoutDate, F::RampWithoutDate => RampWaiting, Current, Silent,
        "AppConfig's answer has no usable Date; the ramp waits for an answer that has one";
    InSync, F::InSync { exposure: Some(exposure(12.5)) } => InSync, Current, Silent,
        "the run matches the spec; exposure is 12.5 %";
    InSync, F::InSync { exposure: None } => InSync, Current, Silent, "the run matches the spec; exposure is not \
                                                                      managed";
    Observing, F::Observing => Observing, Current, Silent, "the spec manages nothing; the operator only observes the \
                                                            run";
    Recorded, F::Recorded { reason: Reason::RampRemoved, severity: Stalled, message: "as it was".to_owned() }
        => RampRemoved, Stalled, Warning, "as it was";
}

const SAID: &str = "GetExperimentRun returned 400 ThrottlingException: what AWS said";

fn said(advice: &str) -> String {
    format!("{SAID}; {advice}")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

fn error() -> LastError {
    LastError {
        operation: "GetExperimentRun".to_owned(),
        code: Some("ThrottlingException".to_owned()),
        status_code: Some(400),
        message: Some("what AWS said.".to_owned()),
        request_id: Some("request-1".to_owned()),
        at: Time(at(0)),
    }
}

fn failed(in_a_row: u32) -> FailedCall {
    FailedCall {
        error: error(),
        in_a_row,
    }
}

fn run(experiment_definition_id: &str, run: i32) -> RunKey {
    RunKey {
        experiment_definition_id: experiment_definition_id.to_owned(),
        run,
        ..live(0.0).key
    }
}

fn skew() -> Skew {
    Skew {
        date: at(0),
        other: at(900),
        by: Witness::LocalClock,
    }
}

/// The conditions that follow from a finding alone.
fn shown(before: &[Condition], finding: &F) -> Vec<Condition> {
    conditions(before, finding, Target::NotSeen, 1, &Time(at(0)))
}

#[test]
fn every_finding_is_as_the_table_says() {
    for Line {
        finding,
        reason,
        severity,
        event,
        message,
    } in table()
    {
        assert_eq!(finding.message(), message, "{finding:?}");
        assert_eq!((finding.reason(), finding.severity()), (reason, severity), "{message}");
        assert_eq!(finding.event(), event, "{message}");
    }
}

#[test]
fn every_reason_but_the_one_that_admission_sets_is_that_of_a_finding() {
    let had: BTreeSet<_> = table().iter().map(|line| line.finding.reason()).collect();
    let all: BTreeSet<_> = Reason::ALL
        .iter()
        .copied()
        .filter(|reason| *reason != Reason::Pending)
        .collect();
    assert_eq!(had, all);
    assert_eq!(Reason::Pending.as_str(), PENDING);
    assert_eq!(Reason::named("Stolen"), None);
    let names: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(names, Reason::NAMES);
    assert!(
        Reason::ALL
            .iter()
            .all(|reason| Reason::named(reason.as_str()) == Some(*reason))
    );
}

#[test]
fn p6_every_reason_of_a_ramp_is_known_as_one() {
    // By it a ramp is known that an API server with an older CRD has dropped from spec and status.
    for reason in Reason::ALL {
        assert_eq!(reason.is_of_a_ramp(), reason.as_str().starts_with("Ramp"), "{reason}");
    }
}

#[test]
fn entering_each_finding_is_told_as_its_event_says_and_staying_is_not() {
    let in_sync = shown(&[], &F::InSync { exposure: None });
    for line in table().iter().filter(|line| line.reason != Reason::InSync) {
        let after = shown(&in_sync, &line.finding);
        let warns = of_transition(&in_sync, &after, &line.finding).map(|event| {
            assert_eq!((event.reason, &event.note), (line.reason.as_str(), &line.message));
            event.warning
        });
        let expected = match (line.event, line.severity) {
            (Silent, _) | (WarningWhenUnknown, Retrying) => None,
            (Normal, _) => Some(false),
            (Warning | WarningWhenUnknown, _) => Some(true),
        };
        assert_eq!(warns, expected, "{}", line.message);
        let again = shown(&after, &line.finding);
        assert_eq!(of_transition(&after, &again, &line.finding), None, "{}", line.message);
    }
}

#[test]
fn what_a_good_read_showed_is_found_again_in_the_conditions_and_the_rest_is_not() {
    let of_no_good_read = [
        Reason::InvalidSpec,
        Reason::RunNotFound,
        Reason::ExperimentsUnsupported,
        Reason::AccessDenied,
        Reason::CredentialsUnavailable,
    ];
    for line in table() {
        let conditions = shown(&[], &line.finding);
        let lasting = matches!(line.severity, Stalled | Current) && !of_no_good_read.contains(&line.reason);
        let Some((generation, found)) = recorded(&conditions) else {
            assert!(!lasting, "{}", line.message);
            continue;
        };
        assert!(lasting, "{}", line.message);
        let [found] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(generation, 1);
        assert_eq!((found.reason(), found.severity()), (line.reason, line.severity));
        assert_eq!((found.event(), found.message()), (line.event, line.message));
        assert_eq!(shown(&[], found), conditions);
    }
}

#[test]
fn the_target_has_a_reason_of_its_own_when_it_is_reached_and_else_that_of_ready() {
    for line in table() {
        for target in [Target::Reached, Target::NotManaged, Target::Ahead, Target::NotSeen] {
            let conditions = conditions(&[], &line.finding, target, 1, &Time(at(0)));
            let reached = find(&conditions, crate::api::ConditionType::TargetReached).unwrap();
            let condition = (
                reached.status.as_str(),
                reached.reason.as_str(),
                reached.message.as_str(),
            );
            let own = (line.reason.as_str(), line.message.as_str());
            let expected = match target {
                Target::Reached => ("True", "InSync", "live exposure is the target"),
                Target::NotManaged => ("True", "Observing", "exposure is not managed: no target is set"),
                Target::NotSeen if line.severity != Stalled => ("Unknown", own.0, own.1),
                Target::Ahead | Target::NotSeen => ("False", own.0, own.1),
            };
            assert_eq!(condition, expected);
        }
    }
}
