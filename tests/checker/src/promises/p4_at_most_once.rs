//! P4, at most once. While the operator can't know what became of an update, no other update goes to the run, and no
//! version of the resource says Ready=True. It knows
//!
//! * by the answer: a run, not older than what was known, or a refusal (a 4xx other than 408), given to the process that
//!   sent it. Another process knows what one before it knew when some version recorded that it isn't pending any more;
//! * else by a good answer to a later read, not older than what was known, that shows what was asked for, or DONE, or that
//!   came 60 s after the process can have seen the update first. A process that was started since has seen it no earlier.
//!
//! When somebody took the record out of the status, a process that was started since can't know of the update at all.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    answer::{Answer, LiveRun},
    evidence::Evidence,
    history::ProcessChange,
    resource::{Resource, State},
    sent::{Change, Request},
    timeline::short,
    violation::{Promise, Violation},
};

/// The settling time, less what the recorder's clock and the operator's may differ and what a request takes.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_secs(58);

pub(crate) fn judge(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut by_run = BTreeMap::<_, Vec<&Request<'_>>>::new();
    for update in evidence.updates() {
        by_run.entry(update.target()).or_default().push(update);
    }
    let mut violations = Vec::new();
    for updates in by_run.values() {
        for pair in updates.windows(2) {
            violations.extend(overtaken(evidence, pair[0], pair[1]));
        }
    }
    violations.extend(
        evidence
            .updates()
            .filter_map(|update| ready_too_early(evidence, update)),
    );
    for resource in &evidence.resources {
        let both = resource
            .written()
            .find(|(_, state)| state.is_ready() && state.pending().is_some());
        violations.extend(both.map(|(_, state)| {
            let what = "a version says Ready=True and names a pending update";
            evidence.violation(Promise::P4, Some(resource), state.seen_at, what)
        }));
    }
    violations
}

/// The next update of a run, when it was sent before the outcome of the one before it could be known.
fn overtaken(evidence: &Evidence<'_>, first: &Request<'_>, next: &Request<'_>) -> Option<Violation> {
    let ((of, at), (by, next_at)) = (evidence.cause(first)?, evidence.cause(next)?);
    let (same_resource, same_process) = (of.uid == by.uid, first.process == next.process);
    if !same_resource && !same_process {
        // The one that sent it is gone, and with it whoever knew.
        return None;
    }
    let moment = next.arrived_at();
    if same_resource && !same_process && is_forgotten(evidence, of, at, first, moment) {
        return None;
    }
    let answered = is_conclusive(evidence, of, first) && first.record.answered_at.is_some_and(|at| at < moment);
    let told_at = if same_process {
        Some(moment)
    } else {
        let between = of.states.get(at + 1..next_at).unwrap_or_default();
        let told = between.iter().find(|state| !records(state, first));
        told.map(|state| state.seen_at)
    };
    let known = told_at.is_some_and(|told_at| {
        // Whoever told had its answer, or read on its own.
        answered || (!same_process && is_settled(evidence, &[of], first, None, first.arrived_at(), told_at))
    });
    let since = if same_process {
        None
    } else {
        started_alone(evidence, moment)
    };
    let since = since.map_or(first.arrived_at(), |started| started.max(first.arrived_at()));
    if known || is_settled(evidence, &[of, by], first, Some(next.process), since, moment) {
        return None;
    }
    let (one, other) = (short(first.id.unwrap_or_default()), short(next.id.unwrap_or_default()));
    let what = format!("the update {other} was sent before the outcome of the update {one} could be known");
    Some(evidence.violation(Promise::P4, Some(by), moment, what))
}

/// The first version that says Ready=True before the outcome of an update could be known.
fn ready_too_early(evidence: &Evidence<'_>, update: &Request<'_>) -> Option<Violation> {
    let (resource, at) = evidence.cause(update)?;
    if is_conclusive(evidence, resource, update) {
        return None;
    }
    let later = resource.states[at..].iter().filter(|state| state.written_by_operator);
    let ready = later
        .filter(|state| state.is_ready() && state.seen_at > update.arrived_at())
        .filter(|state| !is_forgotten(evidence, resource, at, update, state.seen_at))
        .find(|state| !is_settled(evidence, &[resource], update, None, update.arrived_at(), state.seen_at))?;
    let id = short(update.id.unwrap_or_default());
    let what = format!("a version says Ready=True before the outcome of the update {id} could be known");
    Some(evidence.violation(Promise::P4, Some(resource), ready.seen_at, what))
}

/// Whether a state records that an update is pending.
fn records(state: &State<'_>, update: &Request<'_>) -> bool {
    state
        .pending()
        .is_some_and(|pending| Some(pending.id.as_str()) == update.id)
}

/// Whether the record of an update was taken out of the status by somebody, and whoever acts at a moment was started since.
fn is_forgotten(
    evidence: &Evidence<'_>,
    resource: &Resource<'_>,
    at: usize,
    update: &Request<'_>,
    moment: Timestamp,
) -> bool {
    let gone = resource.states[at..].iter().find(|state| !records(state, update));
    let wiped = gone.filter(|state| state.edited);
    wiped.is_some_and(|wiped| started_alone(evidence, moment).is_some_and(|started| started > wiped.seen_at))
}

/// Whether the answer to an update tells what became of it.
fn is_conclusive(evidence: &Evidence<'_>, resource: &Resource<'_>, update: &Request<'_>) -> bool {
    match &update.answer {
        Answer::Refused => true,
        Answer::Nothing => false,
        Answer::Run(run) => !is_old(evidence, resource, update, run),
    }
}

/// Whether an answer is older than what the process knew when it asked.
fn is_old(evidence: &Evidence<'_>, resource: &Resource<'_>, request: &Request<'_>, run: &LiveRun) -> bool {
    let known = evidence.known_by(request.process, resource, request.arrived_at());
    known.last().is_some_and(|known| run.precedes(known))
}

/// Whether a read before a moment tells what became of an update that was seen first at another.
fn is_settled(
    evidence: &Evidence<'_>,
    resources: &[&Resource<'_>],
    update: &Request<'_>,
    by: Option<&str>,
    first_seen: Timestamp,
    moment: Timestamp,
) -> bool {
    resources.iter().any(|resource| {
        evidence
            .requests_of(resource)
            .filter(|read| read.is_read() && by.is_none_or(|process| read.process == process))
            .filter(|read| read.arrived_at() > update.arrived_at() && read.answered_before(moment))
            .filter_map(|read| Some((read, read.answer.run()?, read.record.answered_at?)))
            .filter(|(_, run, _)| Some(&run.key) == update.target().as_ref())
            .any(|(read, run, answered_at)| {
                let waited = answered_at.duration_since(first_seen) >= SETTLED_AFTER;
                (run.done || waited || shows(update, run)) && !is_old(evidence, resource, read, run)
            })
    })
}

fn shows(update: &Request<'_>, run: &LiveRun) -> bool {
    match update.change() {
        Some(Change::ExposurePercentage(asked)) => run.exposure >= asked,
        Some(Change::Description(asked)) => run.description == asked,
        Some(Change::TreatmentOverrides(asked)) => run.overrides == asked,
        None => false,
    }
}

/// When the one process that can act at a moment was started; none when there are several.
fn started_alone(evidence: &Evidence<'_>, moment: Timestamp) -> Option<Timestamp> {
    let acting = evidence.processes_at(moment, SignedDuration::ZERO);
    let [process] = acting.into_iter().collect::<Vec<_>>()[..] else {
        return None;
    };
    let events = evidence.history.processes.iter();
    let started = events.filter(|event| event.process == process && event.what == ProcessChange::Started);
    started.map(|event| event.at).next_back()
}
