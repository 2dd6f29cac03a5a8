//! Experiment definitions.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Done, Turn,
    treatment::{TreatmentInput, check_all, control, rendered_content, treatments},
};
use crate::{
    answer::{Answer, Refusal},
    constraint::{Violations, is_definition_name, is_flag_key, parse},
    settings::Settings,
    store::{Definition, DefinitionContent, new_id, position},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    name: Option<String>,
    configuration_profile_identifier: Option<String>,
    environment_identifier: Option<String>,
    flag_key: Option<String>,
    treatments: Option<Vec<TreatmentInput>>,
    control: Option<TreatmentInput>,
    audience_rule: Option<String>,
    hypothesis: Option<String>,
    audience_description: Option<String>,
    launch_criteria: Option<String>,
    tags: Option<BTreeMap<String, String>>,
}

impl Input {
    /// The bounds that creation and update share.
    fn check(&self, violations: &mut Violations) {
        if let Some(treatments) = &self.treatments {
            check_all(treatments, violations);
        }
        if let Some(control) = &self.control {
            control.check("control", violations);
        }
        if let Some(rule) = &self.audience_rule {
            violations.length("audienceRule", rule, 1, 16_384);
        }
        violations.optional_length("hypothesis", self.hypothesis.as_deref(), 1024);
        violations.optional_length("audienceDescription", self.audience_description.as_deref(), 1024);
        violations.optional_length("launchCriteria", self.launch_criteria.as_deref(), 1024);
        violations.tags("tags", self.tags.as_ref());
    }

    fn check_required(&self, violations: &mut Violations) {
        let required = [
            ("name", self.name.is_some()),
            (
                "configurationProfileIdentifier",
                self.configuration_profile_identifier.is_some(),
            ),
            ("environmentIdentifier", self.environment_identifier.is_some()),
            ("flagKey", self.flag_key.is_some()),
            ("treatments", self.treatments.is_some()),
            ("control", self.control.is_some()),
            ("audienceRule", self.audience_rule.is_some()),
        ];
        for (at, _) in required.iter().filter(|(_, present)| !present) {
            violations.missing(at);
        }
        if let Some(name) = &self.name {
            violations.pattern("name", name, r"^(?!AWS\.).{1,64}$", is_definition_name(name));
        }
        if let Some(key) = &self.flag_key {
            violations.pattern("flagKey", key, "^[a-z][a-zA-Z0-9_-]{1,64}", is_flag_key(key));
        }
    }
}

impl Turn<'_> {
    pub(super) fn create_definition(&mut self) -> Result<Done, Refusal> {
        let input: Input = parse(self.body)?;
        let mut violations = Violations::default();
        input.check_required(&mut violations);
        input.check(&mut violations);
        violations.into_result()?;
        let (index, precedence) = (self.application()?, self.settings.identifier_precedence);
        let application = &mut self.world.applications[index];
        let environment = input.environment_identifier.unwrap_or_default();
        let environment_index = position(&application.environments, &environment, precedence)
            .ok_or_else(|| Refusal::not_found("Environment", &environment))?;
        let profile = input.configuration_profile_identifier.unwrap_or_default();
        let profile_index = position(&application.profiles, &profile, precedence)
            .ok_or_else(|| Refusal::not_found("Configuration profile", &profile))?;
        let name = input.name.unwrap_or_default();
        if application
            .definitions
            .iter()
            .any(|definition| definition.content.name == name)
        {
            return Err(Refusal::conflict(format!(
                "An experiment definition named {name} already exists."
            )));
        }
        let Some(control_input) = input.control else {
            return Err(Refusal::bad_request("Control is missing."));
        };
        let content = DefinitionContent {
            application_id: application.id.clone(),
            id: new_id(),
            name,
            hypothesis: input.hypothesis,
            profile_id: application.profiles[profile_index].id.clone(),
            environment_id: application.environments[environment_index].id.clone(),
            flag_key: input.flag_key.unwrap_or_default(),
            audience_rule: input.audience_rule.unwrap_or_default(),
            audience_description: input.audience_description,
            launch_criteria: input.launch_criteria,
            treatments: treatments(input.treatments.unwrap_or_default()),
            control: control(control_input),
        };
        let (created_at, updated_at) = (self.now, self.now);
        let definition = Definition {
            content,
            archived: false,
            created_at,
            updated_at,
            runs: Vec::new(),
        };
        let answer = rendered(&definition, self.settings);
        application.definitions.push(definition);
        Ok(Done::created(&answer))
    }

    pub(super) fn get_definition(&mut self) -> Result<Done, Refusal> {
        Ok(Done::read(&rendered(
            self.world.definition(self.place()?),
            self.settings,
        )))
    }

    pub(super) fn update_definition(&mut self) -> Result<Done, Refusal> {
        let input: Input = parse(self.body)?;
        let mut violations = Violations::default();
        input.check(&mut violations);
        violations.into_result()?;
        let (place, now) = (self.place()?, self.now);
        let definition = self.world.definition_mut(place);
        // Not while a run is active (doc).
        refuse_while_running(definition, "updated")?;
        let content = &mut definition.content;
        if let Some(input) = input.treatments {
            content.treatments = treatments(input);
        }
        if let Some(input) = input.control {
            content.control = control(input);
        }
        if let Some(rule) = input.audience_rule {
            content.audience_rule = rule;
        }
        content.hypothesis = input.hypothesis.or(content.hypothesis.take());
        content.audience_description = input.audience_description.or(content.audience_description.take());
        content.launch_criteria = input.launch_criteria.or(content.launch_criteria.take());
        definition.updated_at = now;
        Ok(Done::updated(&rendered(definition, self.settings), true))
    }

    /// Without a type it archives (guess: the harmless one).
    pub(super) fn delete_definition(&mut self) -> Result<Done, Refusal> {
        let place = self.place()?;
        let wanted = self.route.query("delete_type");
        let mut violations = Violations::default();
        violations.one_of("deleteType", wanted, &["ARCHIVE", "DESTROY"]);
        violations.into_result()?;
        // A running run in the way is a guess; the model has a 409 for something.
        refuse_while_running(self.world.definition(place), "deleted")?;
        if wanted == Some("DESTROY") {
            self.world.applications[place.application]
                .definitions
                .remove(place.definition);
        } else {
            self.world.definition_mut(place).archived = true;
        }
        Ok(Done {
            answer: Answer::empty(204),
            committed: true,
            changed: true,
        })
    }

    pub(super) fn list_definitions(&mut self) -> Result<Done, Refusal> {
        let mut violations = Violations::default();
        violations.one_of("status", self.route.query("status"), &["ACTIVE", "IDLE", "ARCHIVED"]);
        violations.into_result()?;
        let precedence = self.settings.identifier_precedence;
        let application = self.route.query("application_identifier");
        let application = application
            .map(|wanted| self.world.application(wanted, precedence))
            .transpose()?;
        let wanted = |key: &str, value: &str| self.route.query(key).is_none_or(|wanted| wanted == value);
        let mut items = Vec::new();
        for (index, owner) in self.world.applications.iter().enumerate() {
            if application.is_some_and(|application| application != index) {
                continue;
            }
            for definition in &owner.definitions {
                let content = &definition.content;
                if wanted("status", status(definition))
                    && wanted("environment_identifier", &content.environment_id)
                    && wanted("configuration_profile_identifier", &content.profile_id)
                {
                    items.push(summary(rendered(definition, self.settings)));
                }
            }
        }
        self.page(&items)
    }
}

fn is_running(definition: &Definition) -> bool {
    definition.runs.iter().any(|run| !run.live().done)
}

fn refuse_while_running(definition: &Definition, done: &str) -> Result<(), Refusal> {
    if is_running(definition) {
        let id = &definition.content.id;
        return Err(Refusal::conflict(format!(
            "Experiment definition {id} cannot be {done} while a run is active."
        )));
    }
    Ok(())
}

fn status(definition: &Definition) -> &'static str {
    match (definition.archived, is_running(definition)) {
        (true, _) => "ARCHIVED",
        (false, true) => "ACTIVE",
        (false, false) => "IDLE",
    }
}

fn rendered(definition: &Definition, settings: &Settings) -> Value {
    let mut value = rendered_content(&definition.content, settings);
    value["Status"] = json!(status(definition));
    value["CreatedAt"] = json!(format!("{:.3}", definition.created_at));
    value["UpdatedAt"] = json!(format!("{:.6}", definition.updated_at));
    value
}

/// `ExperimentDefinitionSummary` has fewer members (model).
fn summary(mut definition: Value) -> Value {
    if let Value::Object(members) = &mut definition {
        for longer in [
            "AudienceRule",
            "AudienceDescription",
            "LaunchCriteria",
            "Treatments",
            "Control",
        ] {
            members.remove(longer);
        }
    }
    definition
}
