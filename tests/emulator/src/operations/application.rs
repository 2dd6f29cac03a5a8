//! Applications, environments and configuration profiles: no more than setting up an experiment needs.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Done, Turn, is_deploying, without_nulls};
use crate::{
    answer::Refusal,
    constraint::{Violations, parse},
    settings::Settings,
    store::{Application, Environment, Profile, new_id, position},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    name: Option<String>,
    description: Option<String>,
    location_uri: Option<String>,
    r#type: Option<String>,
    monitors: Option<Value>,
    tags: Option<BTreeMap<String, String>>,
}

impl Input {
    fn check(&self, longest_name: usize, with_location: bool) -> Result<String, Refusal> {
        let mut violations = Violations::default();
        match &self.name {
            Some(name) => violations.length("name", name, 1, longest_name),
            None => violations.missing("name"),
        }
        violations.optional_length("description", self.description.as_deref(), 1024);
        violations.tags("tags", self.tags.as_ref());
        match &self.location_uri {
            Some(uri) => violations.length("locationUri", uri, 1, 2048),
            None if with_location => violations.missing("locationUri"),
            None => {}
        }
        violations.into_result()?;
        Ok(self.name.clone().unwrap_or_default())
    }
}

impl Turn<'_> {
    pub(super) fn create_application(&mut self) -> Result<Done, Refusal> {
        let input: Input = parse(self.body)?;
        let name = input.check(64, false)?;
        let id = new_id();
        let answer = without_nulls(json!({"Id": id, "Name": name, "Description": input.description}));
        let (environments, profiles, definitions) = (Vec::new(), Vec::new(), Vec::new());
        self.world.applications.push(Application {
            id,
            name,
            environments,
            profiles,
            definitions,
        });
        Ok(Done::created(&answer))
    }

    pub(super) fn create_environment(&mut self) -> Result<Done, Refusal> {
        let input: Input = parse(self.body)?;
        let name = input.check(64, false)?;
        let index = self.application()?;
        let application = &mut self.world.applications[index];
        let (description, monitors) = (input.description, input.monitors);
        let environment = Environment {
            id: new_id(),
            name,
            description,
            monitors,
            deployments: 0,
        };
        let answer = rendered(&application.id, &environment, self.settings);
        application.environments.push(environment);
        Ok(Done::created(&answer))
    }

    pub(super) fn get_environment(&mut self) -> Result<Done, Refusal> {
        let application = &self.world.applications[self.application()?];
        let identifier = self.route.environment.as_deref().unwrap_or_default();
        let index = position(
            &application.environments,
            identifier,
            self.settings.identifier_precedence,
        )
        .ok_or_else(|| Refusal::not_found("Environment", identifier))?;
        Ok(Done::read(&rendered(
            &application.id,
            &application.environments[index],
            self.settings,
        )))
    }

    pub(super) fn create_configuration_profile(&mut self) -> Result<Done, Refusal> {
        let input: Input = parse(self.body)?;
        let name = input.check(128, true)?;
        let index = self.application()?;
        let application = &mut self.world.applications[index];
        let profile = Profile { id: new_id(), name };
        let answer = without_nulls(json!({
            "ApplicationId": application.id,
            "Id": profile.id,
            "Name": profile.name,
            "Description": input.description,
            "LocationUri": input.location_uri,
            "Type": input.r#type.unwrap_or_else(|| "AWS.Freeform".to_owned()),
        }));
        application.profiles.push(profile);
        Ok(Done::created(&answer))
    }
}

fn rendered(application: &str, environment: &Environment, settings: &Settings) -> Value {
    let state = if is_deploying(environment, settings) {
        "DEPLOYING"
    } else {
        "READY_FOR_DEPLOYMENT"
    };
    without_nulls(json!({
        "ApplicationId": application,
        "Id": environment.id,
        "Name": environment.name,
        "Description": environment.description,
        "State": state,
        "Monitors": environment.monitors,
    }))
}
