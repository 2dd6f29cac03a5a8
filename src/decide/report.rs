//! What the status says once a pass has decided.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::{
    api::{ExperimentRunStatus, LastError, RunStatus},
    run::{LiveRun, Operation},
};

use super::{
    EndedBy, Situation, assessment::Assessment, conditions, findings::Finding, last_error, memory::Memory,
    observation::Observation,
};

/// The status that follows from what was found. `error` is the failed call that counts, if one does.
pub(super) fn status(
    situation: &Situation<'_>,
    observation: &Observation<'_>,
    memory: &Memory,
    assessment: &Assessment,
    error: Option<LastError>,
    finding: &Finding,
) -> ExperimentRunStatus {
    let (resource, generation) = (situation.resource, situation.resource.generation);
    let mut status = resource.status.clone();
    if let Observation::Usable { live, ended_by, .. } = observation {
        show(live, ended_by, &mut status);
    }
    status.last_error = if assessment.clears_update_error {
        last_error::without(error, Operation::UpdateExperimentRun)
    } else {
        error
    };
    // The reason survives a retry: no flapping, and no Event for each.
    if !assessment.keeps_conditions || !conditions::can_be_reused(&status.conditions, generation) {
        let now = situation.now.wall();
        status.conditions = conditions::conditions(&status.conditions, finding, assessment.target, generation, &now);
    }
    if let Some(pin) = &memory.pin {
        status.region = Some(pin.region.to_string());
        status.application_id = Some(pin.application_id.clone());
        status.experiment_definition_id = Some(pin.experiment_definition_id.clone());
        status.run = Some(pin.run);
    }
    status.observed_generation = Some(generation);
    status.last_handled_reconcile_at = resource.reconcile_requested_at.map(str::to_owned);
    status.ramp.clone_from(&memory.ramp);
    status.held_updates.clone_from(&memory.held);
    status.pending_update = memory.pending.as_ref().map(|pending| pending.record.clone());
    status
}

/// Shows the run as it is now.
fn show(live: &LiveRun, ended_by: &EndedBy, status: &mut ExperimentRunStatus) {
    status.status = Some(live.status);
    status.exposure_percentage = Some(live.exposure);
    status.description = Some(live.description.clone()).filter(|description| !description.is_empty());
    status.treatment_override_count = Some(live.override_count());
    status.started_at = live.started_at.map(Time);
    status.updated_at = live.updated_at.map(Time);
    status.ended_at = live.ended_at.map(Time);
    status.ended_by.take_if(|_| live.status == RunStatus::Running);
    if let EndedBy::Event(trigger) = ended_by {
        status.ended_by.clone_from(trigger);
    }
    status.result.clone_from(&live.result);
    status.experiment_definition = Some(live.definition.clone());
}
