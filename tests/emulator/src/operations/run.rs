//! Experiment runs: starting, reading, listing and stopping them.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Done, Turn,
    event::{event, rendered_overrides},
    treatment::rendered_content,
    update_run::{DeploymentParameters, RunInput, check_treatments},
    without_nulls,
};
use crate::{
    answer::Refusal,
    constraint::{Violations, parse},
    seed::EndedBy,
    settings::{Cleared, Settings},
    store::{Place, Run, RunHistory, World},
};

/// The number of fraction digits varies by field and by operation (seen; which has how many is a guess).
#[derive(Clone, Copy)]
pub(super) struct FractionDigits {
    started: usize,
    updated: usize,
    ended: usize,
}

impl FractionDigits {
    const READ: Self = Self {
        started: 3,
        updated: 6,
        ended: 0,
    };
    pub(super) const UPDATE: Self = Self {
        started: 6,
        updated: 9,
        ended: 3,
    };
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StopInput {
    result: Option<ResultInput>,
    deployment_parameters: Option<DeploymentParameters>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResultInput {
    executive_summary: Option<String>,
    reasons_to_launch: Option<String>,
    reasons_not_to_launch: Option<String>,
}

impl StopInput {
    fn check(&self) -> Result<(), Refusal> {
        let mut violations = Violations::default();
        if let Some(result) = &self.result {
            violations.optional_length("result.executiveSummary", result.executive_summary.as_deref(), 1024);
            violations.optional_length("result.reasonsToLaunch", result.reasons_to_launch.as_deref(), 1024);
            violations.optional_length(
                "result.reasonsNotToLaunch",
                result.reasons_not_to_launch.as_deref(),
                1024,
            );
        }
        if let Some(parameters) = &self.deployment_parameters {
            parameters.check(&mut violations);
        }
        violations.into_result()
    }
}

impl Turn<'_> {
    /// Starting and stopping deploy, too (model: both take deployment parameters).
    pub(super) fn start_run(&mut self) -> Result<Done, Refusal> {
        let mut input: RunInput = parse(self.body)?;
        input.check()?;
        let place = self.place()?;
        let definition = self.world.definition(place);
        let content = definition.content.clone();
        if definition.archived {
            return Err(Refusal::bad_request(format!(
                "Experiment definition {} is archived.",
                content.id
            )));
        }
        // At most one run of a definition is RUNNING (doc, guess).
        if definition.runs.iter().any(|run| !run.live().done) {
            return Err(Refusal::conflict(format!(
                "Experiment definition {} already has an active run.",
                content.id
            )));
        }
        let number = u32::try_from(definition.runs.len() + 1).unwrap_or(u32::MAX);
        let overrides = input.overrides();
        if let Some(overrides) = &overrides {
            check_treatments(overrides, &content)?;
        }
        self.refuse_during_deployment(place)?;
        let run = Run {
            number,
            description: input.description,
            done: false,
            exposure: input.exposure_percentage.unwrap_or_default(),
            overrides,
            result: None,
            started_at: self.now,
            updated_at: self.now,
            ended_at: None,
            snapshot: content,
        };
        let deployment = self.deploy(place)?;
        let answer = rendered(&run, self.settings, FractionDigits::UPDATE);
        let started = event("RUN_STARTED", "USER", &run, self.now, Some(deployment));
        let mut history = RunHistory::new(run);
        history.events.push(started);
        self.world.definition_mut(place).runs.push(history);
        Ok(Done::created(&answer))
    }

    pub(super) fn get_run(&mut self) -> Result<Done, Refusal> {
        let (place, number) = (self.place()?, self.run_number()?);
        let run = self.world.run(place, number)?.seen(self.staleness);
        Ok(Done::read(&rendered(run, self.settings, FractionDigits::READ)))
    }

    pub(super) fn stop_run(&mut self) -> Result<Done, Refusal> {
        let input: StopInput = parse(self.body)?;
        input.check()?;
        let (place, number) = (self.place()?, self.run_number()?);
        let live = self.world.run(place, number)?.live();
        if live.done {
            let definition = &live.snapshot.id;
            return Err(Refusal::bad_request(format!(
                "Experiment run {number} for experiment definition {definition} is not running."
            )));
        }
        self.refuse_during_deployment(place)?;
        let result = input.result.map(|result| {
            without_nulls(json!({
                "ExecutiveSummary": result.executive_summary,
                "ReasonsToLaunch": result.reasons_to_launch,
                "ReasonsNotToLaunch": result.reasons_not_to_launch,
            }))
        });
        let deployment = self.deploy(place)?;
        let history = self.world.run_mut(place, number)?;
        stop(history, "USER", result, self.now, Some(deployment));
        let answer = rendered(history.live(), self.settings, FractionDigits::UPDATE);
        Ok(Done::updated(&answer, true))
    }

    pub(super) fn list_runs(&mut self) -> Result<Done, Refusal> {
        let place = self.place()?;
        let wanted = self.route.query("status");
        let mut violations = Violations::default();
        violations.one_of("status", wanted, &["RUNNING", "DONE"]);
        violations.into_result()?;
        let runs = self.world.definition(place).runs.iter().map(RunHistory::live);
        let items = runs.filter(|run| wanted.is_none_or(|wanted| wanted == status(run)));
        self.page(&items.map(|run| summary(run, self.settings)).collect::<Vec<_>>())
    }
}

/// Ends a run as an alarm or an error in the service would (model: they are among the triggers of events).
pub(crate) fn end_run(
    world: &mut World,
    place: Place,
    number: u32,
    ended_by: EndedBy,
    now: Timestamp,
) -> Result<(), Refusal> {
    let history = world.run_mut(place, number)?;
    if history.live().done {
        return Err(Refusal::bad_request(format!("Experiment run {number} is not running.")));
    }
    stop(history, ended_by.trigger(), None, now, None);
    Ok(())
}

/// A stopped run keeps its exposure, overrides and snapshot (seen).
fn stop(
    history: &mut RunHistory,
    triggered_by: &'static str,
    result: Option<Value>,
    now: Timestamp,
    deployment: Option<String>,
) {
    let live = history.live();
    let now = live.updated_at.max(now);
    let stopped = Run {
        done: true,
        result,
        updated_at: now,
        ended_at: Some(now),
        ..live.clone()
    };
    history
        .events
        .push(event("RUN_STOPPED", triggered_by, &stopped, now, deployment));
    history.push(stopped);
}

fn status(run: &Run) -> &'static str {
    if run.done { "DONE" } else { "RUNNING" }
}

fn described(run: &Run, settings: &Settings) -> Option<String> {
    let absent = settings.cleared_description == Cleared::Absent;
    run.description
        .clone()
        .filter(|description| !(absent && description.is_empty()))
}

pub(super) fn rendered(run: &Run, settings: &Settings, digits: FractionDigits) -> Value {
    let FractionDigits {
        started,
        updated,
        ended,
    } = digits;
    without_nulls(json!({
        "ApplicationId": run.snapshot.application_id,
        "ExperimentDefinitionId": run.snapshot.id,
        "Run": run.number,
        "Description": described(run, settings),
        "Status": status(run),
        "ExposurePercentage": settings.decimal(run.exposure),
        "TreatmentOverrides": rendered_overrides(run.overrides.as_ref(), settings),
        "Result": run.result,
        "StartedAt": format!("{:.started$}", run.started_at),
        "UpdatedAt": format!("{:.updated$}", run.updated_at),
        "EndedAt": run.ended_at.map(|at| format!("{at:.ended$}")),
        "ExperimentDefinitionSnapshot": rendered_content(&run.snapshot, settings),
    }))
}

/// Neither exposure nor overrides (model).
fn summary(run: &Run, settings: &Settings) -> Value {
    without_nulls(json!({
        "ExperimentDefinitionId": run.snapshot.id,
        "Run": run.number,
        "Description": described(run, settings),
        "Status": status(run),
        "StartedAt": format!("{:.3}", run.started_at),
        "UpdatedAt": format!("{:.3}", run.updated_at),
        "EndedAt": run.ended_at.map(|at| format!("{at:.3}")),
    }))
}
