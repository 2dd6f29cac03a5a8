//! P1, authorised. An update names a pending ID in its `User-Agent`, and no other update names the same. Some version of
//! a resource had recorded that ID, not later than the update arrived; the spec of that version, which is the latest since
//! the record was made upon it, asks for just this update; and it arrived at most 5 s after: the operator sends within 2 s
//! and gives up 3 s later. Nothing arrives when no process can act any more: 3 s after the last was told to end, or ended.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use crate::{
    authorised::objection,
    evidence::Evidence,
    resource::{Resource, State},
    sent::Request,
    timeline::short,
    violation::{Promise, Violation},
};

/// From the fence to the last moment at which its update may arrive: 2 s to send, 3 s to live.
pub(crate) const AUTHORISED_FOR: SignedDuration = SignedDuration::from_secs(5);

/// How long a request lives that a process has sent before its end.
const REQUEST_LIVES: SignedDuration = SignedDuration::from_secs(3);

pub(crate) fn judge(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut used = HashSet::new();
    for update in evidence.updates() {
        let cause = evidence.cause(update);
        let resource = cause.map(|(resource, _)| resource);
        let mut broken = |what: String| {
            violations.push(evidence.violation(Promise::P1, resource, update.arrived_at(), what));
        };
        match (update.id, cause) {
            (None, _) => broken("an update arrived that names no pending update".to_owned()),
            (Some(id), None) => broken(format!(
                "an update arrived that names the pending update {}, which no version recorded",
                short(id)
            )),
            (Some(id), Some((resource, state))) => {
                if !used.insert(id) {
                    broken(format!(
                        "a second update arrived that names the pending update {}",
                        short(id)
                    ));
                }
                let arrived_at = evidence.history.context.appconfig_time(update.arrived_at());
                for objection in objections(resource, state, update, arrived_at) {
                    broken(format!("the update {} was not authorised: {objection}", short(id)));
                }
            }
        }
        let processes = &evidence.history.processes;
        if !processes.is_empty() && evidence.processes_at(update.arrived_at(), REQUEST_LIVES).is_empty() {
            broken("an update arrived when no process might act any more".to_owned());
        }
    }
    violations
}

/// What speaks against an update that arrived at a moment of `AppConfig`'s clock.
fn objections(resource: &Resource<'_>, at: usize, update: &Request<'_>, arrived_at: Timestamp) -> Vec<String> {
    let state = &resource.states[at];
    let mut objections = Vec::new();
    let late = update.arrived_at().duration_since(state.seen_at);
    if late > AUTHORISED_FOR {
        objections.push(format!("it arrived {:.1} s after it was recorded", late.as_secs_f64()));
    }
    if noted_at(state).is_some_and(|noted| noted > update.arrived_at()) {
        objections.push("it was recorded only after it had arrived".to_owned());
    }
    let Some(pending) = state.pending() else {
        return objections;
    };
    let Some(change) = update.change() else {
        return objections;
    };
    if pending.member != change.member() {
        objections.push(format!("another member was recorded than {}", change.words()));
    }
    let recorded = pending
        .exposure_percentage
        .map(|exposure| exposure.percentage().to_bits());
    if recorded != update.exposure().map(f32::to_bits) {
        objections.push("another exposure was recorded than was sent".to_owned());
    }
    if pending.generation != state.generation() {
        let (recorded, latest) = (pending.generation, state.generation());
        objections.push(format!(
            "it was recorded for generation {recorded} when the latest was {latest}"
        ));
    }
    objections.extend(objection(resource, at, &change, update.parameters(), arrived_at));
    objections
}

/// When the API server says that the status was written, in whole seconds: not later than it was.
fn noted_at(state: &State<'_>) -> Option<Timestamp> {
    let fields = state.run.metadata.managed_fields.iter().flatten();
    let of_status = fields.filter(|entry| entry.subresource.as_deref() == Some("status"));
    of_status
        .filter_map(|entry| entry.time.as_ref().map(|time| time.0))
        .max()
}
