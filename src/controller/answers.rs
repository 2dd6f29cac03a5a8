//! Steps 1 and 5 of a pass as `decide` sees them: what `AppConfig` answered, in `decide`'s own words.

use jiff::Timestamp;

use crate::{
    api::{Exposure, Region, RunStatus},
    appconfig::{
        self, ErrorKind, ExperimentRun, ExperimentRunEvent, UpdateError, UpdateExperimentRun, permission_hint,
    },
    decide::{
        EndedBy, Outcome,
        failure::{Failure, FailureKind, Operation},
        live::{Live, RunKey},
        service_time::{end_of_second, whole_seconds},
        update::{Change, Update},
    },
};

/// The live run that an answer tells of.
pub(crate) fn live(region: &Region, answer: ExperimentRun) -> Live {
    Live {
        key: RunKey {
            region: region.clone(),
            application_id: answer.application_id.as_str().to_owned(),
            experiment_definition_id: answer.experiment_definition_id.as_str().to_owned(),
            run: answer.run.get(),
        },
        status: answer.status,
        exposure: answer.exposure,
        exposed_at: None,
        description: answer.description,
        overrides: answer.treatment_overrides,
        started_at: answer.started_at.map(whole_seconds),
        updated_at: answer.updated_at.map(whole_seconds),
        ended_at: answer
            .ended_at
            .map(whole_seconds)
            .filter(|_| answer.status == RunStatus::Done),
        result: answer.result,
        definition: answer.definition,
    }
}

/// When an exposure came about, by the last event that tells of it: the end of that second, since the precision of AWS's
/// timestamps varies and nothing must come too early by it.
pub(crate) fn exposed_at(events: &[ExperimentRunEvent], exposure: Exposure) -> Option<Timestamp> {
    let at = appconfig::last_exposed(events, exposure)?.occurred_at?;
    Some(end_of_second(at))
}

/// Who ended a run, by its events.
pub(crate) fn ended_by(events: &[ExperimentRunEvent]) -> EndedBy {
    let trigger = appconfig::last_run_stopped(events).and_then(|event| event.triggered_by);
    EndedBy::Event(trigger.map(|trigger| trigger.as_str().to_owned()))
}

/// What became of an update.
pub(super) fn outcome(region: &Region, answer: Result<ExperimentRun, UpdateError>) -> Outcome {
    match answer {
        Ok(run) => Outcome::Applied(Box::new(live(region, run))),
        Err(UpdateError::NotSent(error)) => Outcome::NotSent(Some(failure(error))),
        Err(UpdateError::Refused(error)) => Outcome::Refused(failure(error)),
        Err(UpdateError::Unknown(error)) => Outcome::Unknown(failure(error)),
    }
}

/// The failure that an error tells of.
pub(crate) fn failure(error: appconfig::Error) -> Failure {
    Failure {
        advice: permission_hint(&error),
        kind: match error.kind {
            ErrorKind::Throttled => FailureKind::Throttled,
            ErrorKind::ClockSkew => FailureKind::ClockSkew,
            ErrorKind::CredentialsExpired => FailureKind::CredentialsExpired,
            ErrorKind::UnknownAccessKey => FailureKind::UnknownAccessKey,
            ErrorKind::WrongSecret => FailureKind::WrongSecret,
            ErrorKind::CredentialsUnavailable => FailureKind::CredentialsUnavailable,
            ErrorKind::AccessDenied => FailureKind::AccessDenied,
            ErrorKind::RunNotFound => FailureKind::RunNotFound,
            ErrorKind::Unsupported404 => FailureKind::ExperimentsUnsupported,
            ErrorKind::Conflict => FailureKind::Conflict,
            ErrorKind::Refused => FailureKind::Refused,
            ErrorKind::Unreachable => FailureKind::Unreachable,
            ErrorKind::Unavailable => FailureKind::Unavailable,
            ErrorKind::UnusableAnswer => FailureKind::UnusableAnswer,
        },
        operation: match error.operation {
            appconfig::Operation::GetExperimentRun => Operation::GetExperimentRun,
            appconfig::Operation::UpdateExperimentRun => Operation::UpdateExperimentRun,
            appconfig::Operation::ListExperimentRunEvents => Operation::ListExperimentRunEvents,
        },
        code: error.code,
        status: error.status,
        message: error.message,
        request_id: error.request_id,
    }
}

/// The request that sends an update.
pub(super) fn request(update: &Update) -> UpdateExperimentRun {
    let parameters = update.parameters().clone();
    match update.change() {
        Change::Description(description) => UpdateExperimentRun::Description(description.clone()),
        Change::TreatmentOverrides(overrides) => UpdateExperimentRun::TreatmentOverrides {
            overrides: overrides.clone(),
            parameters,
        },
        Change::ExposurePercentage(raise) => UpdateExperimentRun::ExposurePercentage {
            exposure: raise.to(),
            parameters,
        },
    }
}
