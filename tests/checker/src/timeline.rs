//! Tells a violation: one sentence, and what happened around it in order. Values that may be personal are counted only.

use appconfig_experiment_operator::api::Member;
use jiff::Timestamp;

use crate::{
    answer::Answer,
    evidence::Evidence,
    resource::{Resource, State},
    sent::Request,
    violation::{Promise, Violation},
};

/// How much is told from before the moment of the violation, it included, and from after it.
const LINES_BEFORE: usize = 12;
const LINES_AFTER: usize = 4;

impl Evidence<'_> {
    /// A violation by or for a resource at a moment.
    pub(crate) fn violation(
        &self,
        promise: Promise,
        resource: Option<&Resource<'_>>,
        moment: Timestamp,
        what: impl Into<String>,
    ) -> Violation {
        Violation {
            promise,
            namespace: resource.map_or_else(String::new, |resource| resource.namespace.to_owned()),
            name: resource.map_or_else(String::new, |resource| resource.name.to_owned()),
            what: what.into(),
            timeline: self.timeline(resource, moment),
        }
    }

    fn timeline(&self, resource: Option<&Resource<'_>>, moment: Timestamp) -> Vec<String> {
        let mut lines: Vec<(Timestamp, String)> = Vec::new();
        for event in &self.history.processes {
            lines.push((event.at, format!("process    {} {:?}", event.process, event.what)));
        }
        if let Some(resource) = resource {
            lines.extend(describe_states(resource));
            lines.extend(self.requests_of(resource).map(describe_request));
            let run = resource.run();
            let others = self.history.context.other_writers.iter().filter(|change| {
                let key = (
                    &change.application_id,
                    &change.experiment_definition_id,
                    i64::from(change.run),
                );
                let own = run.as_ref();
                own.is_some_and(|run| key == (&run.application_id, &run.experiment_definition_id, run.run))
            });
            lines.extend(others.map(|change| (change.at, format!("somebody   {}", change.what))));
        } else {
            lines.extend(self.requests.iter().map(describe_request));
        }
        lines.sort_by_key(|(at, _)| *at);
        let after = lines.partition_point(|(at, _)| *at <= moment);
        let end = lines.len().min(after + LINES_AFTER);
        lines[after.saturating_sub(LINES_BEFORE)..end]
            .iter()
            .map(|(at, line)| format!("{} {line}", time(*at)))
            .collect()
    }
}

fn describe_states(resource: &Resource<'_>) -> Vec<(Timestamp, String)> {
    let mut lines = Vec::new();
    let mut before: Option<&State<'_>> = None;
    for state in &resource.states {
        if before.is_none_or(|before| before.run.spec != state.run.spec) {
            lines.push((state.seen_at, format!("asked      {}", describe_spec(state))));
        }
        if before.is_none_or(|before| before.status != state.status) {
            lines.push((state.seen_at, format!("recorded   {}", describe_status(state))));
        }
        before = Some(state);
    }
    lines.extend(resource.deleted.map(|(at, _)| (at, "deleted".to_owned())));
    lines
}

fn describe_spec(state: &State<'_>) -> String {
    let spec = &state.run.spec;
    let mut told = vec![format!("generation {}", state.generation())];
    told.extend(spec.exposure_percentage.map(|asked| format!("exposure {asked}")));
    let overrides = spec.treatment_overrides.as_ref();
    told.extend(overrides.map(|asked| format!("{} overrides", asked.inline.len())));
    let description = spec.description.as_ref();
    told.extend(description.map(|asked| format!("a description of {} characters", asked.chars().count())));
    told.extend(spec.suspend.filter(|suspend| *suspend).map(|_| "suspend".to_owned()));
    told.join(", ")
}

fn describe_status(state: &State<'_>) -> String {
    let status = state.status;
    let number = state.run.metadata.resource_version.as_deref().unwrap_or("?");
    let mut told = vec![format!("version {number} of generation {}", state.generation())];
    if let Some(ready) = state.condition("Ready") {
        let generation = ready.observed_generation.unwrap_or_default();
        told.push(format!(
            "Ready {} {} for generation {generation}",
            ready.status, ready.reason
        ));
    }
    for kind in ["Reconciling", "Stalled"] {
        told.extend(state.condition(kind).map(|_| kind.to_owned()));
    }
    told.extend(status.status.map(|run| format!("{run:?}").to_uppercase()));
    told.extend(status.exposure_percentage.map(|live| format!("live exposure {live}")));
    if let Some(pending) = state.pending() {
        let asked = pending
            .exposure_percentage
            .map_or_else(String::new, |asked| format!(" {asked}"));
        let (id, member) = (short(&pending.id), name(pending.member));
        told.push(format!(
            "pending update {id} of generation {}: {member}{asked}",
            pending.generation
        ));
    }
    told.join("; ")
}

const fn name(member: Member) -> &'static str {
    match member {
        Member::Description => "Description",
        Member::TreatmentOverrides => "TreatmentOverrides",
        Member::ExposurePercentage => "ExposurePercentage",
    }
}

fn describe_request(request: &Request<'_>) -> (Timestamp, String) {
    let record = request.record;
    let operation = record
        .operation
        .map_or_else(|| record.method.clone(), |operation| format!("{operation:?}"));
    let mut told = vec![format!("sent       {operation}")];
    if request.is_update() {
        let change = request.change();
        let what = change.map_or_else(|| format!("{:?}", request.members()), |change| change.words());
        told.push(format!(
            " of {what} as {}",
            request.id.map_or("no pending update", short)
        ));
    }
    told.push(format!(" by process {}", short(request.process)));
    if record.committed {
        let at = record
            .committed_at
            .map_or_else(String::new, |at| format!(" {}", time(at)));
        let effect = if record.changed { "" } else { " without effect" };
        told.push(format!("; committed{at}{effect}"));
    }
    told.push(describe_answer(request));
    (record.arrived_at, told.concat())
}

fn describe_answer(request: &Request<'_>) -> String {
    let record = request.record;
    let (Some(at), Some(status)) = (record.answered_at, record.status) else {
        return "; not answered".to_owned();
    };
    let code = record.code.as_ref().map_or_else(String::new, |code| format!(" {code}"));
    let half = if record.truncated { ", broken off" } else { "" };
    let run = match &request.answer {
        Answer::Run(run) => {
            let state = if run.done { "DONE" } else { "RUNNING" };
            let updated = run
                .updated_at
                .map_or_else(String::new, |at| format!(", updated {}", time(at)));
            format!(
                ": {state}, exposure {}, {} overrides{updated}",
                run.exposure,
                run.overrides.len()
            )
        }
        Answer::Refused | Answer::Nothing => String::new(),
    };
    format!("; answered {} {status}{code}{half}{run}", time(at))
}

/// The first characters of an ID, which tell it from the others around it.
pub(crate) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

fn time(at: Timestamp) -> String {
    at.strftime("%H:%M:%S%.3f").to_string()
}
