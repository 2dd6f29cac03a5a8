//! P2, upward only. An update asks for an exposure above the live one that the operator knew: from the answers that the
//! process had been given on behalf of the resource, and from the status onto which it recorded the update. And for no
//! more than the spec of that version authorises.

use appconfig_experiment_operator::api::Exposure;

use crate::{
    authorised,
    evidence::Evidence,
    timeline::short,
    violation::{Promise, Violation},
};

pub(crate) fn judge(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for update in evidence.updates() {
        let (Some(asked), Some((resource, at))) = (update.exposure(), evidence.cause(update)) else {
            continue;
        };
        let mut broken = |what: String| {
            let id = short(update.id.unwrap_or_default());
            let what = format!("the update {id} asked for exposure {asked}, {what}");
            violations.push(evidence.violation(Promise::P2, Some(resource), update.arrived_at(), what));
        };
        let state = &resource.states[at];
        let answered = evidence.known_by(update.process, resource, update.arrived_at());
        let answered = answered.last().map(|run| run.exposure);
        let recorded = state.status.exposure_percentage.filter(|_| !state.edited);
        let known = answered.into_iter().chain(recorded.map(Exposure::percentage));
        if let Some(known) = known.reduce(f32::max).filter(|known| asked <= *known) {
            broken(format!("which is not above the live {known} that was known"));
        }
        match authorised::exposure(resource, at) {
            Ok(most) if asked <= most => {}
            Ok(most) => broken(format!("and the spec allows {most} at most")),
            Err(why) => broken(format!("and {why}")),
        }
    }
    violations
}
