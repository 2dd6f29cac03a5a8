//! `AppConfig`'s answers in the types of `decide`. The client's own reading of them is another room's, with tests there.

use jiff::Timestamp;
use serde_json::Value;

use super::wire::FailedReply;
use crate::api::{ExperimentDefinition, Exposure, Region, RunResult, RunStatus, Treatment, TreatmentOverrides};
use crate::run::{Failure, FailureKind, LiveRun, Operation, RunKey, end_of_second, whole_seconds};

fn text(of: &Value, member: &str) -> Option<String> {
    of[member].as_str().map(str::to_owned)
}

fn time(of: &Value, member: &str) -> Option<Timestamp> {
    of[member].as_str().map(|text| text.parse().unwrap())
}

/// The run that an answer tells of.
pub fn live(region: &Region, answer: &str) -> LiveRun {
    let answer: Value = serde_json::from_str(answer).unwrap();
    let status: RunStatus = serde_json::from_value(answer["Status"].clone()).unwrap();
    let inline = answer["TreatmentOverrides"]["Inline"].clone();
    let second = |member| time(&answer, member).map(whole_seconds);
    LiveRun {
        key: RunKey {
            region: region.clone(),
            application_id: text(&answer, "ApplicationId").unwrap(),
            experiment_definition_id: text(&answer, "ExperimentDefinitionId").unwrap(),
            run: serde_json::from_value(answer["Run"].clone()).unwrap(),
        },
        status,
        exposure: serde_json::from_value(answer["ExposurePercentage"].clone()).unwrap(),
        exposed_at: None,
        description: text(&answer, "Description").unwrap_or_default(),
        overrides: TreatmentOverrides {
            inline: serde_json::from_value(inline).unwrap_or_default(),
        },
        started_at: second("StartedAt"),
        updated_at: second("UpdatedAt"),
        ended_at: second("EndedAt").filter(|_| status == RunStatus::Done),
        result: text(&answer["Result"], "ExecutiveSummary").map(|summary| RunResult {
            executive_summary: Some(summary),
            ..RunResult::default()
        }),
        definition: definition(&answer["ExperimentDefinitionSnapshot"]),
    }
}

fn definition(snapshot: &Value) -> ExperimentDefinition {
    let treatments = snapshot["Treatments"].as_array().into_iter().flatten();
    let all = snapshot.get("Control").into_iter().chain(treatments);
    ExperimentDefinition {
        name: text(snapshot, "Name"),
        flag_key: text(snapshot, "FlagKey"),
        environment_id: text(snapshot, "EnvironmentId"),
        configuration_profile_id: text(snapshot, "ConfigurationProfileId"),
        treatments: all
            .map(|treatment| Treatment {
                key: text(treatment, "Key").unwrap(),
                weight: treatment["Weight"].as_f64(),
            })
            .collect(),
    }
}

/// The last of a run's events that is so.
fn last(events: &str, is: impl Fn(&Value) -> bool) -> Option<Value> {
    let events: Value = serde_json::from_str(events).unwrap();
    let items = events["Items"].as_array().unwrap().iter();
    items
        .filter(|event| is(event))
        .max_by_key(|event| time(event, "OccurredAt"))
        .cloned()
}

/// Who ended the run, by its events.
pub fn stopped_by(events: &str) -> Option<String> {
    let stopped = last(events, |event| event["EventType"] == "RUN_STOPPED")?;
    text(&stopped, "TriggeredBy")
}

/// When an exposure was set last, by the run's events.
pub fn set_at(events: &str, exposure: Exposure) -> Option<Timestamp> {
    let sets = |event: &Value| event["EventType"] == "RUN_STARTED" || event["EventType"] == "EXPOSURE_UPDATED";
    let of = |event: &Value| serde_json::from_value::<Exposure>(event["ExposurePercentage"].clone()).unwrap();
    let set = last(events, |event| sets(event) && of(event) == exposure)?;
    time(&set, "OccurredAt").map(end_of_second)
}

/// The failure that an error tells of.
pub fn failure(operation: Operation, failed: &FailedReply) -> Failure {
    let error = failed.error;
    let kind = kind(error.kind);
    Failure {
        kind,
        operation,
        code: error.code.map(str::to_owned),
        status: error.status,
        message: error.message.map(str::to_owned),
        request_id: failed.request_id.clone(),
        date: None,
        advice: (kind == FailureKind::AccessDenied).then(|| advice(operation)),
    }
}

/// What the client says of IAM where AWS denies an operation.
fn advice(operation: Operation) -> &'static str {
    match operation {
        Operation::GetExperimentRun => {
            "the operator's IAM role needs appconfig:GetExperimentRun on the application, experiment definition and run"
        }
        Operation::ListExperimentRunEvents => {
            "the operator's IAM role needs appconfig:ListExperimentRunEvents on the application, experiment definition \
             and run"
        }
        Operation::UpdateExperimentRun => {
            "the operator's IAM role needs appconfig:UpdateExperimentRun on the application, experiment definition and \
             run, and appconfig:StartDeployment on the application, its environments and configuration profiles and \
             the deployment strategy AppConfig.ServiceManaged"
        }
    }
}

fn kind(name: &str) -> FailureKind {
    match name {
        "Throttled" => FailureKind::Throttled,
        "ClockSkew" => FailureKind::ClockSkew,
        "CredentialsExpired" => FailureKind::CredentialsExpired,
        "UnknownAccessKey" => FailureKind::UnknownAccessKey,
        "WrongSecret" => FailureKind::WrongSecret,
        "CredentialsUnavailable" => FailureKind::CredentialsUnavailable,
        "AccessDenied" => FailureKind::AccessDenied,
        "RunNotFound" => FailureKind::RunNotFound,
        "Unsupported404" => FailureKind::ExperimentsUnsupported,
        "Conflict" => FailureKind::Conflict,
        "Refused" => FailureKind::Refused,
        "Unreachable" => FailureKind::Unreachable,
        "Unavailable" => FailureKind::Unavailable,
        "UnusableAnswer" => FailureKind::UnusableAnswer,
        other => panic!("{other} is no kind of failure"),
    }
}
