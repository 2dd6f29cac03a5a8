//! `UpdateExperimentRun`, and the members that starting and updating a run share.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    Done, Turn,
    event::event,
    run::{FractionDigits, rendered},
};
use crate::{
    answer::Refusal,
    constraint::{Violations, is_dynamic_parameter_key, is_treatment_key, parse},
    settings::{Acceptance, OverrideUpdate},
    store::{DefinitionContent, Overrides, Run},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RunInput {
    pub(super) description: Option<String>,
    pub(super) exposure_percentage: Option<f32>,
    pub(super) treatment_overrides: Option<OverridesInput>,
    deployment_parameters: Option<DeploymentParameters>,
    /// Of the run; only a start has them.
    tags: Option<BTreeMap<String, String>>,
}

/// A union: exactly one member, and there is only this one (model).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OverridesInput {
    pub(super) inline: Option<Overrides>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeploymentParameters {
    dynamic_extension_parameters: Option<BTreeMap<String, String>>,
    tags: Option<BTreeMap<String, String>>,
}

impl RunInput {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let mut violations = Violations::default();
        violations.optional_length("description", self.description.as_deref(), 1024);
        if let Some(exposure) = self.exposure_percentage {
            violations.percentage("exposurePercentage", exposure);
        }
        match &self.treatment_overrides {
            Some(OverridesInput {
                inline: Some(overrides),
            }) => check_overrides(overrides, &mut violations),
            Some(OverridesInput { inline: None }) => violations.missing("treatmentOverrides.inline"),
            None => {}
        }
        if let Some(parameters) = &self.deployment_parameters {
            parameters.check(&mut violations);
        }
        violations.tags("tags", self.tags.as_ref());
        violations.into_result()
    }

    pub(super) fn overrides(&mut self) -> Option<Overrides> {
        self.treatment_overrides.take().and_then(|overrides| overrides.inline)
    }
}

impl DeploymentParameters {
    pub(super) fn check(&self, violations: &mut Violations) {
        if let Some(parameters) = &self.dynamic_extension_parameters {
            let at = "deploymentParameters.dynamicExtensionParameters";
            violations.count(at, parameters.len(), 1, 10);
            for (key, value) in parameters {
                let pattern = r"^([^#\n]{1,96})#([^\/#\n]{1,64})$";
                // Marked sensitive (model), so never echoed.
                violations.pattern(
                    at,
                    "*** Sensitive Data Redacted ***",
                    pattern,
                    is_dynamic_parameter_key(key),
                );
                if !(1..=2048).contains(&value.chars().count()) {
                    violations.add(
                        at,
                        "*** Sensitive Data Redacted ***",
                        "Member must have length between 1 and 2048",
                    );
                }
            }
        }
        violations.tags("deploymentParameters.tags", self.tags.as_ref());
    }
}

fn check_overrides(overrides: &Overrides, violations: &mut Violations) {
    let at = "treatmentOverrides.inline";
    violations.count(at, overrides.len(), 0, 32);
    for (entity, treatment) in overrides {
        violations.length(at, entity, 1, 2048);
        violations.pattern(at, treatment, "^[a-zA-Z0-9]{1,8}", is_treatment_key(treatment));
    }
}

/// An override can only name a treatment of the run (guess; so is the text).
pub(super) fn check_treatments(overrides: &Overrides, snapshot: &DefinitionContent) -> Result<(), Refusal> {
    let known = |key: &String| *key == snapshot.control.key || snapshot.treatments.iter().any(|one| one.key == *key);
    match overrides.iter().find(|(_, treatment)| !known(treatment)) {
        Some((entity, treatment)) => Err(Refusal::bad_request(format!(
            "Treatment {treatment} in the override for entity {entity} does not exist in experiment definition {}.",
            snapshot.id
        ))),
        None => Ok(()),
    }
}

impl Turn<'_> {
    pub(super) fn update_run(&mut self) -> Result<Done, Refusal> {
        let mut input: RunInput = parse(self.body)?;
        input.check()?;
        self.refuse_combinations(&input)?;
        let (place, number) = (self.place()?, self.run_number()?);
        let live = self.world.run(place, number)?.live().clone();
        if live.done {
            let definition = &live.snapshot.id;
            return Err(Refusal::bad_request(format!(
                "Cannot update experiment run {number} for experiment definition {definition} because it is already terminal."
            )));
        }
        let mut next = Run {
            updated_at: live.updated_at.max(self.now),
            ..live.clone()
        };
        let mut event_type = None;
        if let Some(exposure) = input.exposure_percentage {
            self.refuse_lower(live.exposure, exposure)?;
            next.exposure = exposure;
            event_type = Some("EXPOSURE_UPDATED");
        }
        if let Some(overrides) = input.overrides() {
            check_treatments(&overrides, &live.snapshot)?;
            next.overrides = Some(self.combined(live.overrides.as_ref(), overrides));
            event_type = Some("OVERRIDES_UPDATED");
        }
        if let Some(description) = input.description.take() {
            next.description = Some(description);
        }
        if event_type.is_some() || self.settings.description_deploys {
            self.refuse_during_deployment(place)?;
            let deployment = self.deploy(place)?;
            if let Some(event_type) = event_type {
                let event = event(event_type, "USER", &next, self.now, Some(deployment));
                self.world.run_mut(place, number)?.events.push(event);
            }
        }
        let changed = differs(&live, &next);
        let answer = rendered(&next, self.settings, FractionDigits::UPDATE);
        self.world.run_mut(place, number)?.push(next);
        Ok(Done::updated(&answer, changed))
    }

    /// One deployment attribute per request (seen). An empty update is refused (guess), so that a client's mistake shows.
    fn refuse_combinations(&self, input: &RunInput) -> Result<(), Refusal> {
        let mut violations = Violations::default();
        let constraint = "Only one deployment attribute can be updated per request";
        let deploys = input.treatment_overrides.is_some();
        match (input.exposure_percentage, &input.description) {
            (Some(exposure), _) if deploys => {
                violations.add("exposurePercentage", format!("{exposure:?}"), constraint);
            }
            (exposure, Some(description))
                if (deploys || exposure.is_some())
                    && self.settings.description_with_other_member == Acceptance::Refuse =>
            {
                violations.add("description", format!("'{description}'"), constraint);
            }
            (None, None) if !deploys => return Err(Refusal::bad_request("At least one attribute must be updated.")),
            _ => {}
        }
        violations.into_result()
    }

    /// Exposure only rises (doc; the text was seen). Whether the same again is taken is unknown.
    fn refuse_lower(&self, live: f32, requested: f32) -> Result<(), Refusal> {
        let taken = match self.settings.equal_exposure {
            Acceptance::Accept => requested >= live,
            Acceptance::Refuse => requested > live,
        };
        if taken {
            return Ok(());
        }
        Err(Refusal::bad_request(format!(
            "Exposure percentage can only be increased. Current: {live:?}%, Requested: {requested:?}%."
        )))
    }

    fn combined(&self, live: Option<&Overrides>, mut new: Overrides) -> Overrides {
        match (self.settings.overrides, live) {
            (OverrideUpdate::Merge, Some(live)) => {
                let mut merged = live.clone();
                merged.append(&mut new);
                merged
            }
            _ => new,
        }
    }
}

/// Whether a client would see a difference, other than in the time of the update.
#[expect(clippy::float_cmp, reason = "a stored float is either the same or it is not")]
fn differs(live: &Run, next: &Run) -> bool {
    let description = |run: &Run| run.description.clone().unwrap_or_default();
    let overrides = |run: &Run| run.overrides.clone().unwrap_or_default();
    live.exposure != next.exposure || description(live) != description(next) || overrides(live) != overrides(next)
}
