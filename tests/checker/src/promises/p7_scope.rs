//! P7, scope. The operator asks for nothing but `GetExperimentRun`, `UpdateExperimentRun` and `ListExperimentRunEvents`. It
//! sends no update to a run that it knows to be DONE, by an answer to the process or by the status, and records none on a
//! version that is suspended or being deleted.

use appconfig_emulator::Operation;
use appconfig_experiment_operator::api::RunStatus;

use crate::{
    evidence::Evidence,
    timeline::short,
    violation::{Promise, Violation},
};

const OPERATIONS: [Operation; 3] = [
    Operation::GetExperimentRun,
    Operation::UpdateExperimentRun,
    Operation::ListExperimentRunEvents,
];

pub(crate) fn judge(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for request in &evidence.requests {
        let record = request.record;
        if !record
            .operation
            .is_some_and(|operation| OPERATIONS.contains(&operation))
        {
            let what = match record.operation {
                Some(operation) => format!("it called {operation:?}"),
                None => format!("it called what is no operation: {} {}", record.method, record.path),
            };
            violations.push(evidence.violation(Promise::P7, None, request.arrived_at(), what));
        }
    }
    for update in evidence.updates() {
        let Some((resource, state)) = evidence.cause(update) else {
            continue;
        };
        let state = &resource.states[state];
        let mut broken = |what: &str| {
            let what = format!("the update {} was sent {what}", short(update.id.unwrap_or_default()));
            violations.push(evidence.violation(Promise::P7, Some(resource), update.arrived_at(), what));
        };
        let answered = evidence.known_by(update.process, resource, update.arrived_at());
        let recorded = state.status.status == Some(RunStatus::Done) && !state.edited;
        if recorded || answered.last().is_some_and(|run| run.done) {
            broken("to a run that was known to be DONE");
        }
        if state.run.spec.suspend == Some(true) {
            broken("on behalf of a suspended version");
        }
        if state.run.metadata.deletion_timestamp.is_some() {
            broken("on behalf of a resource that was being deleted");
        }
    }
    violations
}
