//! P3, minimal. A request carries one changed member: the description alone, or exposure or overrides with the deployment's
//! parameters. And it changes something: that member was another in `AppConfig`'s last good answer to the process, with
//! exposure compared as a 32-bit float.

use crate::{
    answer::LiveRun,
    evidence::Evidence,
    sent::{Change, Request},
    timeline::short,
    violation::{Promise, Violation},
};

pub(crate) fn judge(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for update in evidence.updates() {
        let resource = evidence.cause(update).map(|(resource, _)| resource);
        let id = short(update.id.unwrap_or("without a name"));
        let mut broken = |what: String| {
            let what = format!("the update {id} {what}");
            violations.push(evidence.violation(Promise::P3, resource, update.arrived_at(), what));
        };
        let Some(change) = update.change() else {
            broken(format!("carries {:?} instead of one member", update.members()));
            continue;
        };
        if matches!(change, Change::Description(_)) && !update.parameters().is_null() {
            broken("carries parameters of a deployment with a description, which deploys nothing".to_owned());
        }
        let known = resource.and_then(|resource| last_answer(evidence, update, resource));
        if known.is_some_and(|known| is(&change, known)) {
            broken(format!(
                "asks for {}, which is what AppConfig had answered last",
                change.words()
            ));
        }
    }
    violations
}

fn last_answer<'e>(
    evidence: &'e Evidence<'_>,
    update: &Request<'_>,
    resource: &crate::resource::Resource<'_>,
) -> Option<&'e LiveRun> {
    evidence.known_by(update.process, resource, update.arrived_at()).pop()
}

fn is(change: &Change, live: &LiveRun) -> bool {
    match change {
        Change::Description(text) => *text == live.description,
        Change::TreatmentOverrides(overrides) => *overrides == live.overrides,
        Change::ExposurePercentage(exposure) => exposure.to_bits() == live.exposure.to_bits(),
    }
}
