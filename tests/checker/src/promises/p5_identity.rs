//! P5, identity. The application, the experiment definition, the region and the run's number that a status pins stay the
//! same for the life of the resource, and the last two are those that the spec names as they are pinned. Updates go to the
//! pinned IDs. What one resource recorded is not sent when it is gone, beyond the 5 s of P1, and no other resource, a
//! namesake included, records the same ID as an update of its own: only, without a generation, as one of its predecessor's
//! that is not settled.

use std::collections::HashMap;

use crate::{
    evidence::Evidence,
    timeline::short,
    violation::{Promise, Violation},
};

use super::p1_authorised::AUTHORISED_FOR;

/// The generation of an update that another resource sent to the run, and that is not settled.
const INHERITED: i64 = -1;

pub(crate) fn judge(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = pins(evidence);
    violations.extend(targets(evidence));
    let mut recorders: HashMap<&str, &str> = HashMap::new();
    for resource in &evidence.resources {
        for state in &resource.states {
            let Some(pending) = state.pending().filter(|pending| pending.generation != INHERITED) else {
                continue;
            };
            if *recorders.entry(&pending.id).or_insert(resource.uid) != resource.uid {
                let what = format!(
                    "it records the update {}, which another resource recorded first",
                    short(&pending.id)
                );
                violations.push(evidence.violation(Promise::P5, Some(resource), state.seen_at, what));
                break;
            }
        }
    }
    violations
}

fn pins(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for resource in &evidence.resources {
        let mut pinned = None;
        for state in resource.states.iter().filter(|state| !state.edited) {
            let pin = state.pinned();
            if pinned.is_none() && state.written_by_operator && pin.as_ref().is_some_and(|pin| !state.names(pin)) {
                let what = "the status pins another run than the spec names".to_owned();
                violations.push(evidence.violation(Promise::P5, Some(resource), state.seen_at, what));
            }
            if pinned.is_some() && pin != pinned && state.written_by_operator {
                let what = match &pin {
                    None => "the pinned IDs are gone from the status".to_owned(),
                    Some(_) => "the pinned IDs in the status have changed".to_owned(),
                };
                violations.push(evidence.violation(Promise::P5, Some(resource), state.seen_at, what));
            }
            pinned = pin.or(pinned);
        }
    }
    violations
}

fn targets(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for update in evidence.updates() {
        let Some((resource, state)) = evidence.cause(update) else {
            continue;
        };
        let id = short(update.id.unwrap_or_default());
        let mut broken = |what: &str| {
            let what = format!("the update {id} {what}");
            violations.push(evidence.violation(Promise::P5, Some(resource), update.arrived_at(), what));
        };
        let pinned = resource.states[..=state]
            .iter()
            .find_map(|state| state.pinned().filter(|_| !state.edited));
        if pinned.is_some() && update.target() != pinned {
            broken("went to another run than the one that the resource has pinned");
        }
        if pinned.is_none() {
            broken("was sent before the resource had pinned a run");
        }
        let gone = resource.deleted.map(|(at, _)| at);
        if gone.is_some_and(|gone| update.arrived_at() > gone + AUTHORISED_FOR) {
            broken("arrived when its resource had long been deleted");
        }
    }
    violations
}
