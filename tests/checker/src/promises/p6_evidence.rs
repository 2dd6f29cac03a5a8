//! P6, no evidence, no action. What a status copies from `AppConfig` changes only to what a good answer had said before,
//! and never goes back: exposure, DONE and the time of the last change, and likewise description and overrides while that
//! time stands still, unless an update's own answer says so. (An answer that has stood for five minutes is believed
//! whatever it says.) An update follows upon a good answer: the last one that the process had on behalf of the resource,
//! not older than what it knew.

use jiff::Timestamp;
use serde_json::{Value, json};

use appconfig_emulator::Operation;
use appconfig_experiment_operator::api::{ExperimentRunStatus, RunStatus};

use crate::{
    answer::{LiveRun, whole_seconds},
    evidence::{BELIEVED_AFTER, Evidence},
    resource::{Resource, State},
    sent::Request,
    timeline::short,
    violation::{Promise, Violation},
};

/// What a status copies from `AppConfig`.
#[derive(PartialEq)]
struct Copied {
    done: Option<bool>,
    exposure: Option<u32>,
    description: String,
    overrides: Option<i64>,
    times: [Option<Timestamp>; 3],
    result: Value,
    definition: Value,
}

pub(crate) fn judge(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for resource in &evidence.resources {
        for (before, state) in resource.written() {
            let what =
                uncopied(evidence, resource, before, state).or_else(|| unheard_end(evidence, resource, before, state));
            violations.extend(what.map(|what| evidence.violation(Promise::P6, Some(resource), state.seen_at, what)));
        }
    }
    violations.extend(evidence.updates().filter_map(|update| unfounded(evidence, update)));
    violations
}

/// What is wrong with the copy in a status, if it has changed.
fn uncopied(evidence: &Evidence<'_>, resource: &Resource<'_>, before: &State<'_>, state: &State<'_>) -> Option<String> {
    let (old, new) = (Copied::of_status(before.status), Copied::of_status(state.status));
    let of_the_run = good_answers(evidence, resource)
        .filter(|(at, _, run)| *at <= state.seen_at && state.pinned().is_none_or(|pinned| pinned == run.key));
    if old == new {
        // Which run it is may be written down before what it is: when the answer that told both could not be recorded.
        let unheard = before.pinned() != state.pinned() && of_the_run.count() == 0;
        return unheard.then(|| "the status names a run that no good answer had told of".to_owned());
    }
    let answers: Vec<_> = of_the_run.filter(|(_, _, run)| Copied::of_answer(run) == new).collect();
    let Some((first, ..)) = answers.first() else {
        return Some("the status tells of the run what no good answer had said".to_owned());
    };
    let stood = answers
        .last()
        .is_some_and(|(last, ..)| last.duration_since(*first) >= BELIEVED_AFTER);
    if before.edited || stood {
        return None;
    }
    let went_back = new.goes_back_from(&old)?;
    let by_update = answers.iter().any(|(_, request, _)| request.is_update()) || before.pending().is_some();
    let last_change = old.times[1] == new.times[1];
    (!(by_update && last_change && went_back.1)).then(|| format!("{} went back in the status", went_back.0))
}

/// Who ended the run is told only when the run's events told it.
fn unheard_end(
    evidence: &Evidence<'_>,
    resource: &Resource<'_>,
    before: &State<'_>,
    state: &State<'_>,
) -> Option<String> {
    if state.status.ended_by.is_none() || state.status.ended_by == before.status.ended_by {
        return None;
    }
    let heard = evidence.requests_of(resource).any(|request| {
        let good = request.record.status == Some(200) && !request.record.truncated;
        request.is(Operation::ListExperimentRunEvents) && good && request.answered_before(state.seen_at)
    });
    (!heard).then(|| "the status tells who ended the run, and no good answer had said it".to_owned())
}

/// An update that no good answer led to.
fn unfounded(evidence: &Evidence<'_>, update: &Request<'_>) -> Option<Violation> {
    let (resource, _) = evidence.cause(update)?;
    let moment = update.arrived_at();
    let broken = |what: &str| {
        let what = format!("the update {} {what}", short(update.id.unwrap_or_default()));
        Some(evidence.violation(Promise::P6, Some(resource), moment, what))
    };
    let of_process = |request: &&Request<'_>| {
        request.process == update.process && (request.is_read() || request.is_update()) && request.arrived_at() < moment
    };
    let Some(last) = evidence.requests_of(resource).rfind(of_process) else {
        return broken("was sent without a read before it");
    };
    if resource.shares_its_run {
        return None;
    }
    let Some(run) = last.answer.run().filter(|_| last.answered_before(moment)) else {
        return broken("was sent although the last request before it had brought no good answer");
    };
    let known = evidence.known_by(update.process, resource, moment);
    if known.last().is_none_or(|known| known != &run) {
        return broken("was sent upon an answer that was older than what was known");
    }
    None
}

fn good_answers<'e>(
    evidence: &'e Evidence<'_>,
    resource: &'e Resource<'_>,
) -> impl Iterator<Item = (Timestamp, &'e Request<'e>, &'e LiveRun)> {
    let answered = |request: &'e Request<'_>| Some((request.record.answered_at?, request, request.answer.run()?));
    evidence.requests_of(resource).filter_map(answered)
}

impl Copied {
    fn of_status(status: &ExperimentRunStatus) -> Self {
        let time = |at: &Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| {
            at.as_ref().map(|at| whole_seconds(at.0))
        };
        let object = |value: Value| if value.is_null() { json!({}) } else { value };
        Self {
            done: status.status.map(|status| status == RunStatus::Done),
            exposure: status
                .exposure_percentage
                .map(|exposure| exposure.percentage().to_bits()),
            description: status.description.clone().unwrap_or_default(),
            overrides: status.treatment_override_count.map(i64::from),
            times: [
                time(&status.started_at),
                time(&status.updated_at),
                time(&status.ended_at),
            ],
            result: object(json!(status.result)),
            definition: object(json!(status.experiment_definition)),
        }
    }

    fn of_answer(run: &LiveRun) -> Self {
        Self {
            done: Some(run.done),
            exposure: Some(run.exposure.to_bits()),
            description: run.description.clone(),
            overrides: i64::try_from(run.overrides.len()).ok(),
            times: [run.started_at, run.updated_at, run.ended_at],
            result: run.result(),
            definition: run.definition(),
        }
    }

    /// What went back that never does, and whether an update's answer may say so all the same.
    fn goes_back_from(&self, old: &Self) -> Option<(&'static str, bool)> {
        let exposure = |copied: &Self| copied.exposure.map(f32::from_bits);
        let newer = old.times[1].is_none_or(|old| self.times[1].is_some_and(|new| new > old));
        if exposure(self) < exposure(old) {
            Some(("the exposure", false))
        } else if old.done == Some(true) && self.done != Some(true) {
            Some(("DONE", false))
        } else if old.times[1].is_some() && self.times[1] < old.times[1] {
            Some(("the time of the last change", false))
        } else if old.done.is_some()
            && !newer
            && (self.description != old.description || self.overrides != old.overrides)
        {
            Some(("the description or the overrides", true))
        } else {
            None
        }
    }
}
