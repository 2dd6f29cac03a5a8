//! P9, truthful. A version that comes to say Ready=True for a generation copies a run that matches what that generation
//! asks for (with a ramp, where it may be now), and an answer of `AppConfig` that matched it was given after the generation came to be. (`RunDone` is the
//! exception: when a user ended a run that had matched, Ready goes on.)

use appconfig_experiment_operator::api::Exposure;

use crate::{
    authorised::{is_where_it_may_be, matches},
    evidence::Evidence,
    resource::{Resource, State},
    violation::{Promise, Violation},
};

pub(crate) fn judge(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for resource in &evidence.resources {
        let mut told: Vec<i64> = resource
            .states
            .first()
            .filter(|state| state.is_ready())
            .and_then(of)
            .into_iter()
            .collect();
        for (_, state) in resource.written().filter(|(_, state)| state.is_ready()) {
            let Some(generation) = of(state) else { continue };
            let ended = state.condition("Ready").is_some_and(|ready| ready.reason == "RunDone");
            if ended && told.contains(&generation) {
                continue;
            }
            if let Some(what) = untrue(evidence, resource, state, generation, told.contains(&generation)) {
                violations.push(evidence.violation(Promise::P9, Some(resource), state.seen_at, what));
            }
            told.push(generation);
        }
    }
    violations
}

/// The generation of which Ready speaks.
fn of(state: &State<'_>) -> Option<i64> {
    state.condition("Ready")?.observed_generation
}

fn untrue(
    evidence: &Evidence<'_>,
    resource: &Resource<'_>,
    state: &State<'_>,
    generation: i64,
    was_told: bool,
) -> Option<String> {
    if generation > state.generation() {
        return Some(format!(
            "it says Ready=True for generation {generation}, which there isn't yet"
        ));
    }
    let first = resource.first_of(generation)?;
    if !copy_matches(first, state) {
        return Some(format!(
            "it says Ready=True for generation {generation} and copies a run that doesn't match it"
        ));
    }
    let from = first.written_from();
    let matched = evidence.requests_of(resource).any(|request| {
        let given = request
            .record
            .answered_at
            .is_some_and(|at| at >= from && at <= state.seen_at);
        given && request.answer.run().is_some_and(|run| matches(first.run, state, run))
    });
    (!matched && !was_told).then(|| {
        format!("it says Ready=True for generation {generation}, and no answer since that generation matched it")
    })
}

/// Whether what a status copies matches the spec of a version, as far as it is copied.
fn copy_matches(asked: &State<'_>, state: &State<'_>) -> bool {
    let (spec, status) = (&asked.run.spec, state.status);
    let live = status.exposure_percentage.map(Exposure::percentage);
    let exposure = is_where_it_may_be(asked.run, state, live);
    let description = spec.description.as_ref().is_none_or(|asked| {
        let copied = status.description.as_deref().unwrap_or_default();
        asked == copied
    });
    let overrides = spec.treatment_overrides.as_ref().is_none_or(|asked| {
        let copied = status.treatment_override_count.unwrap_or_default();
        i32::try_from(asked.inline.len()) == Ok(copied)
    });
    exposure && description && overrides
}
