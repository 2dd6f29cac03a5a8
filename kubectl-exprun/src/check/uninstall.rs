//! What goes on when the operator goes.

use appconfig_experiment_operator::api::RunStatus;
use kube::api::DynamicObject;

use super::Line;
use crate::{
    cluster::{Cluster, list},
    failure::Failure,
    run::Run,
};

/// A line for each run that is RUNNING.
///
/// # Errors
/// When the list can't be read: then nothing can be said.
pub(super) async fn lines(cluster: &Cluster, of_one_namespace: bool) -> Result<Vec<Line>, Failure> {
    let api = if of_one_namespace {
        cluster.runs(&cluster.namespace)
    } else {
        cluster.all_runs()
    };
    let objects = list(&api, None).await?;
    let count = objects.len();
    let mut lines: Vec<Line> = objects.into_iter().filter_map(running).collect();
    if lines.is_empty() {
        lines.push(Line::ok(
            "runs",
            format!("none of {count} ExperimentRuns stands for a run that goes on"),
        ));
    }
    lines.push(Line::ok(
        "CRD",
        "deleting it deletes every ExperimentRun with it, and no run: keep the manifests if you come back",
    ));
    Ok(lines)
}

/// One that goes on, as far as the operator has read.
fn running(object: DynamicObject) -> Option<Line> {
    let run = Run::read(object).filter(|run| run.status.status == Some(RunStatus::Running))?;
    let status = &run.status;
    let exposure = status
        .exposure_percentage
        .map(|exposure| format!(" at {exposure} %"))
        .unwrap_or_default();
    let (application, definition) = (
        status.application_id.as_deref()?,
        status.experiment_definition_id.as_deref()?,
    );
    let (number, region) = (
        status.run.unwrap_or(run.resource.spec.run),
        status.region.as_deref().unwrap_or_default(),
    );
    Some(Line::lacking(
        "run",
        format!("{}: RUNNING{exposure}: it goes on, and costs", run.key()),
        format!(
            "stop it in AWS if it should end: run {number} of application {application}, experiment definition {definition}, {region}"
        ),
    ))
}
