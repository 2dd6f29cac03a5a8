//! P12, converges. Ten minutes (two back-off ceilings) or one resync, whichever is longer, and the time that pending
//! updates need at the write rate, after the last fault, change of the spec and change by others, or when the recording
//! says that it went on to the end: each resource is settled. Its generation is observed, no update is pending, and either
//! Ready is True and the run is what the spec asks for, or it is Stalled with a reason of the table. And a
//! refused update is tried once in a generation, live state and hour.

use jiff::{SignedDuration, Timestamp};

use crate::{
    answer::LiveRun,
    authorised::matches,
    evidence::Evidence,
    resource::{Resource, State},
    sent::Request,
    timeline::short,
    violation::{Promise, Violation},
};

/// The reasons with which nothing will move until a person acts.
const STALLED: [&str; 16] = [
    "InvalidSpec",
    "RunAlreadyManaged",
    "RunReplaced",
    "RunNotFound",
    "ExperimentsUnsupported",
    "AccessDenied",
    "CredentialsUnavailable",
    "RunDone",
    "RunStopped",
    "Suspended",
    "UnknownTreatment",
    "UpdateRejected",
    "UpdateIneffective",
    "Contested",
    "ExposureAboveDesired",
    "RampRemoved",
];

const TWO_BACKOFF_CEILINGS: SignedDuration = SignedDuration::from_mins(10);

/// How long a refused update is not tried again, less what clocks differ.
const REJECTED_FOR: SignedDuration = SignedDuration::from_mins(59);

pub(crate) fn judge(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for resource in evidence.resources.iter().filter(|resource| resource.deleted.is_none()) {
        let Some(last) = resource.states.last().filter(|_| has_had_time(evidence, resource)) else {
            continue;
        };
        if let Some(what) = unsettled(evidence, resource, last) {
            violations.push(evidence.violation(Promise::P12, Some(resource), last.seen_at, what));
        }
    }
    for resource in &evidence.resources {
        violations.extend(tried_again(evidence, resource));
    }
    violations
}

/// Whether the recording lasted until the resource had to be settled.
fn has_had_time(evidence: &Evidence<'_>, resource: &Resource<'_>) -> bool {
    let context = &evidence.history.context;
    if context.is_final {
        return true;
    }
    let asked = resource
        .states
        .iter()
        .rfind(|state| state.run.spec != resource.states[0].run.spec);
    let asked = asked.or(resource.states.first()).map(|state| state.seen_at);
    let by_others = context.other_writers.iter().map(|change| change.at);
    let disturbed = context.faults_ended_at.into_iter().chain(asked).chain(by_others).max();
    let pending = u32::try_from(evidence.resources.len()).unwrap_or(u32::MAX);
    let writing = SignedDuration::try_from_secs_f64(3.0 * f64::from(pending) / context.write_rate.max(0.01));
    let bound = TWO_BACKOFF_CEILINGS.max(context.resync_interval) + writing.unwrap_or_default();
    let last = disturbed.and_then(|disturbed| disturbed.checked_add(bound).ok());
    last.is_some_and(|last| context.recorded_until > last)
}

/// Why a resource is not where it has to be in the end.
fn unsettled(evidence: &Evidence<'_>, resource: &Resource<'_>, last: &State<'_>) -> Option<String> {
    let Some(ready) = last.condition("Ready") else {
        return Some("it ends without the condition Ready".to_owned());
    };
    let told = format!("Ready {} {}", ready.status, ready.reason);
    if last.status.observed_generation != Some(last.generation())
        || ready.observed_generation != Some(last.generation())
    {
        return Some(format!("it ends with {told} for another generation than its own"));
    }
    if last.pending().is_some() {
        return Some(format!("it ends with {told} and an update that is not settled"));
    }
    if last.condition("Reconciling").is_some() {
        return Some(format!("it ends with {told}, still reconciling"));
    }
    match ready.status.as_str() {
        "True" => {
            let live = last_known(evidence, resource)?;
            let judged = ready.reason != "RunDone" && !live.done;
            (judged && !matches(last.run, last, &live))
                .then(|| format!("it ends with {told}, and the run is something else"))
        }
        "False" if last.condition("Stalled").is_some() && STALLED.contains(&ready.reason.as_str()) => None,
        _ => Some(format!("it ends with {told}, which is no end")),
    }
}

/// The run as it is in the end: what was committed last, or read since; none when others have changed it after that.
fn last_known(evidence: &Evidence<'_>, resource: &Resource<'_>) -> Option<LiveRun> {
    let run = resource.run()?;
    let facts = evidence.requests.iter().filter_map(|request| {
        let (at, live) = match request.answer.run() {
            Some(live) => (request.record.answered_at?, live.clone()),
            None if request.record.changed => (request.record.committed_at?, LiveRun::of_record(request)?),
            None => return None,
        };
        (live.key == run).then_some((at, live))
    });
    let mut facts: Vec<_> = facts.collect();
    facts.sort_by_key(|(at, _)| *at);
    let last = facts
        .into_iter()
        .reduce(|last, next| if next.1.precedes(&last.1) { last } else { next });
    let others = evidence.history.context.other_writers.iter().filter(|change| {
        change.application_id == run.application_id && change.experiment_definition_id == run.experiment_definition_id
    });
    let changed = others.map(|change| change.at).max();
    last.filter(|(at, _)| changed.is_none_or(|changed| changed < *at))
        .map(|(_, live)| live)
}

/// A refused update that was tried again too soon.
fn tried_again(evidence: &Evidence<'_>, resource: &Resource<'_>) -> Vec<Violation> {
    let updates: Vec<_> = evidence
        .requests_of(resource)
        .filter(|request| request.is_update())
        .collect();
    let mut violations = Vec::new();
    for (place, first) in updates.iter().enumerate().filter(|(_, first)| is_rejected(first)) {
        let again = updates[place + 1..].iter().find(|next| {
            let soon = next.arrived_at().duration_since(first.arrived_at()) < REJECTED_FOR;
            soon && next.change() == first.change() && is_known(evidence, resource, first, next)
        });
        violations.extend(again.map(|again| {
            let (id, refused) = (short(again.id.unwrap_or_default()), short(first.id.unwrap_or_default()));
            let what =
                format!("the update {id} repeats the update {refused}, which was refused, and nothing has changed");
            evidence.violation(Promise::P12, Some(resource), again.arrived_at(), what)
        }));
    }
    violations
}

/// Whether whoever sent the later update knew that the earlier one was refused, for this generation and live state.
fn is_known(evidence: &Evidence<'_>, resource: &Resource<'_>, first: &Request<'_>, next: &Request<'_>) -> bool {
    let state = |update: &Request<'_>| evidence.cause(update).map(|(_, state)| &resource.states[state]);
    let (Some(then), Some(now)) = (state(first), state(next)) else {
        return false;
    };
    let held = |state: &State<'_>| {
        let mut held = state.status.held_updates.iter();
        held.any(|held| held.reason == "UpdateRejected" && held.generation == then.generation())
    };
    let told = first.process == next.process
        || resource
            .states
            .iter()
            .any(|state| state.index < now.index && held(state));
    let updated = |state: &State<'_>| state.status.updated_at.as_ref().map(|at| at.0);
    // While the exposure is held, the members before it may change the run.
    let unchanged =
        updated(then) == updated(now) && other_facts(evidence, resource, first.arrived_at(), next.arrived_at());
    told && then.generation() == now.generation() && unchanged
}

/// Whether all good answers between two moments show the same time of the last change.
fn other_facts(evidence: &Evidence<'_>, resource: &Resource<'_>, from: Timestamp, until: Timestamp) -> bool {
    let between = evidence
        .requests_of(resource)
        .filter(|request| request.arrived_at() > from && request.answered_before(until));
    let mut updated = between.filter_map(|request| request.answer.run().map(|run| run.updated_at));
    let first = updated.next();
    updated.all(|updated| Some(updated) == first)
}

/// Whether an update was refused for what it asked.
fn is_rejected(update: &Request<'_>) -> bool {
    let record = update.record;
    let code = record.code.as_deref().unwrap_or_default();
    let passes = [
        "Throttl",
        "TooManyRequests",
        "LimitExceeded",
        "SlowDown",
        "PriorRequest",
        "Expired",
        "Unrecognized",
    ];
    let for_itself = !passes.iter().any(|passing| code.contains(passing));
    let status = record.status.filter(|_| record.answered_at.is_some());
    for_itself && status.is_some_and(|status| matches!(status, 400 | 402 | 405..=407 | 410..=428 | 430..=499))
}
