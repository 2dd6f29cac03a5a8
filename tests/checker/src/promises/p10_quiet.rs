//! P10, quiet. No version differs from the one before it only in times that say when something was first seen. While a
//! resource is settled and nobody touches it, its run or the processes, no update arrives that an earlier version had
//! recorded (a later one is no longer settled), and its run is read at most
//! once a resync interval; an hour when it is DONE and the interval is shorter. One read more may be on its way when the
//! resource settles, and one falls into a beginning interval.

use appconfig_experiment_operator::api::{ExperimentRunStatus, RunStatus};
use jiff::{SignedDuration, Timestamp};

use crate::{
    evidence::Evidence,
    history::ProcessChange,
    resource::{Resource, State},
    sent::Request,
    violation::{Promise, Violation},
};

/// How often a run that is DONE is read at most.
const DONE_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

pub(crate) fn judge(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for resource in &evidence.resources {
        for (before, state) in resource.written() {
            let alike = before.status != state.status && timeless(before.status) == timeless(state.status);
            if alike && !before.edited {
                let what = "a status was written that differs from the one before it in nothing but times";
                violations.push(evidence.violation(Promise::P10, Some(resource), state.seen_at, what));
            }
        }
        violations.extend(restless(evidence, resource));
    }
    violations
}

/// A status without the times at which something was first seen.
fn timeless(status: &ExperimentRunStatus) -> ExperimentRunStatus {
    let mut status = status.clone();
    let nowhen = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::UNIX_EPOCH);
    for condition in &mut status.conditions {
        condition.last_transition_time = nowhen.clone();
    }
    if let Some(error) = &mut status.last_error {
        error.at = nowhen;
        error.request_id = None;
    }
    status
}

/// What went on while a resource was settled.
fn restless(evidence: &Evidence<'_>, resource: &Resource<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    // What the next version led to may be seen before the version is.
    let ends = resource.states.iter().skip(1).map(State::written_from);
    let end = resource
        .deleted
        .map_or(evidence.history.context.recorded_until, |(at, _)| at);
    for (state, end) in resource.states.iter().zip(ends.chain([end])) {
        // A ramp wakes its resource at times of its own.
        let ramped = state.run.spec.ramp.is_some();
        if !state.is_settled() || state.edited || resource.shares_its_run || ramped {
            continue;
        }
        for (from, until) in undisturbed(evidence, state.seen_at, end) {
            violations.extend(reads(evidence, resource, state, from, until));
        }
    }
    violations
}

/// The parts of a span of time between what became of processes.
fn undisturbed(evidence: &Evidence<'_>, from: Timestamp, until: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let events = evidence.history.processes.iter();
    let restarts = events.filter(|event| matches!(event.what, ProcessChange::Started | ProcessChange::Continued));
    let within = restarts.map(|event| event.at).filter(|at| (from..until).contains(at));
    let mut parts: Vec<_> = [from].into_iter().chain(within).collect();
    parts.sort();
    let ends: Vec<_> = parts.iter().skip(1).copied().chain([until]).collect();
    parts.into_iter().zip(ends).collect()
}

fn reads(
    evidence: &Evidence<'_>,
    resource: &Resource<'_>,
    state: &State<'_>,
    from: Timestamp,
    until: Timestamp,
) -> Option<Violation> {
    let within = |at: Timestamp| at > from && at < until;
    let requests: Vec<_> = evidence
        .requests_of(resource)
        .filter(|request| within(request.arrived_at()))
        .collect();
    let reads: Vec<_> = requests.iter().filter(|request| request.is_read()).collect();
    // A failed read is tried again, and one that shows something new leads on.
    let mut answers = reads.iter().map(|read| read.answer.run());
    let first = answers.next()??;
    if answers.any(|answer| answer != Some(first)) || first.exposure.to_bits() != live(state) {
        return None;
    }
    let withdrawn = |update: &&&Request<'_>| {
        let cause = evidence.cause(update);
        update.is_update() && cause.is_some_and(|(cause, at)| cause.states[at].index < state.index)
    };
    if let Some(update) = requests.iter().find(withdrawn) {
        let what = "it was settled, and an update was sent that an earlier version had recorded";
        return Some(evidence.violation(Promise::P10, Some(resource), update.arrived_at(), what));
    }
    let last = reads.last()?.arrived_at();
    let interval = interval(evidence, state);
    let intervals = last.duration_since(from).as_millis() / interval.as_millis().max(1);
    let most = usize::try_from(intervals).unwrap_or(usize::MAX).saturating_add(2);
    let count = reads.len();
    (count > most).then(|| {
        let what = format!("it was settled, and its run was read {count} times where {most} were enough");
        evidence.violation(Promise::P10, Some(resource), last, what)
    })
}

fn live(state: &State<'_>) -> u32 {
    let copied = state.status.exposure_percentage;
    copied.map_or(f32::NAN.to_bits(), |exposure| exposure.percentage().to_bits())
}

fn interval(evidence: &Evidence<'_>, state: &State<'_>) -> SignedDuration {
    let asked = state.run.spec.resync_interval.as_deref();
    let asked = asked.and_then(|text| text.parse().ok());
    let interval = asked.unwrap_or(evidence.history.context.resync_interval);
    if state.status.status == Some(RunStatus::Done) {
        interval.max(DONE_INTERVAL)
    } else {
        interval
    }
}
