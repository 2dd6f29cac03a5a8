//! P8, one owner. Of the resources whose status has pinned the same run, and that are not gone, only the oldest (by
//! creation, then namespace, then name) sends updates. No other one comes to say Ready=True, and when the recording goes
//! on to the end, each says `RunAlreadyManaged`, unless its spec or its reads fail. The region makes no other run of it,
//! since one endpoint stands for all of them here.

use std::collections::HashMap;

use crate::{
    evidence::Evidence,
    resource::Resource,
    timeline::short,
    violation::{Promise, Violation},
};

/// What stands in the table before `RunAlreadyManaged`, or is told when no read tells whose the run is.
const OTHER_REASONS: [&str; 6] = [
    "InvalidSpec",
    "RunReplaced",
    "RunNotFound",
    "ExperimentsUnsupported",
    "AccessDenied",
    "CredentialsUnavailable",
];

pub(crate) fn judge(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut by_run = HashMap::<_, Vec<&Resource<'_>>>::new();
    for resource in &evidence.resources {
        if let Some(run) = resource.run() {
            by_run.entry(run.by_ids()).or_default().push(resource);
        }
    }
    let mut violations = Vec::new();
    for resources in by_run.values().filter(|resources| resources.len() > 1) {
        for resource in resources {
            violations.extend(speaks_for_another(evidence, resources, resource));
        }
    }
    for update in evidence.updates() {
        let Some((resource, state)) = evidence.cause(update) else {
            continue;
        };
        let claimants = resource
            .run()
            .and_then(|run| by_run.get(&run.by_ids()))
            .map_or(&[][..], Vec::as_slice);
        if let Some(older) = owner_before(claimants, resource, resource.states[state].index) {
            let (id, namespace, name) = (short(update.id.unwrap_or_default()), older.namespace, older.name);
            let what =
                format!("the update {id} was sent although {namespace}/{name} is older and stands for the same run");
            violations.push(evidence.violation(Promise::P8, Some(resource), update.arrived_at(), what));
        }
    }
    violations
}

fn speaks_for_another(evidence: &Evidence<'_>, claimants: &[&Resource<'_>], resource: &Resource<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let ready = resource.written().find(|(before, state)| {
        // What was told before a read failed goes on to be told.
        let told_anew = !before.is_ready() || state.condition("Reconciling").is_none();
        state.is_ready() && told_anew && owner_before(claimants, resource, state.index).is_some()
    });
    violations.extend(ready.map(|(_, state)| {
        let what = "it says Ready=True although an older resource stands for the same run";
        evidence.violation(Promise::P8, Some(resource), state.seen_at, what)
    }));
    let Some(last) = resource.states.last().filter(|_| resource.deleted.is_none()) else {
        return violations;
    };
    let reason = last.condition("Ready").map_or("", |ready| ready.reason.as_str());
    let owned = owner_before(claimants, resource, usize::MAX).is_some();
    let says_so = reason == "RunAlreadyManaged";
    if evidence.history.context.is_final && owned && !says_so && !OTHER_REASONS.contains(&reason) {
        let what = format!("it ends with the reason {reason} although an older resource stands for the same run");
        violations.push(evidence.violation(Promise::P8, Some(resource), last.seen_at, what));
    }
    if evidence.history.context.is_final && !owned && says_so {
        let what = "it ends with the reason RunAlreadyManaged although no older resource stands for the same run";
        violations.push(evidence.violation(Promise::P8, Some(resource), last.seen_at, what));
    }
    violations
}

/// The resource that acts instead of this one when a version is made: an older one that has pinned the run by then.
fn owner_before<'r, 'a>(
    claimants: &[&'r Resource<'a>],
    resource: &Resource<'_>,
    index: usize,
) -> Option<&'r Resource<'a>> {
    let older = claimants
        .iter()
        .filter(|other| other.uid != resource.uid && age(other) < age(resource));
    let mut there = older.filter(|other| {
        let pinned = other.states.iter().find(|state| state.pinned().is_some());
        let gone = other.deleted.is_some_and(|(_, deleted)| deleted < index);
        let now = other.states.iter().rfind(|state| state.index < index);
        let going = now.is_some_and(|state| state.run.metadata.deletion_timestamp.is_some());
        pinned.is_some_and(|state| state.index < index) && !gone && !going
    });
    there.next().copied()
}

fn age<'a>(resource: &Resource<'a>) -> (Option<jiff::Timestamp>, &'a str, &'a str) {
    let first = resource.states.first();
    let created = first.and_then(|state| state.run.metadata.creation_timestamp.as_ref());
    (created.map(|time| time.0), resource.namespace, resource.name)
}
