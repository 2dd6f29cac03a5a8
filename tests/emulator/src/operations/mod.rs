//! The operations: what each one checks, changes and answers.

mod application;
mod definition;
mod event;
mod run;
mod treatment;
mod update_run;

use jiff::Timestamp;
use serde_json::Value;

pub(crate) use run::end_run;

use crate::{
    answer::{Answer, Refusal},
    constraint::Violations,
    route::{Operation, Route},
    settings::Settings,
    store::{Environment, Place, Staleness, World},
};

/// What an operation works with.
pub(crate) struct Turn<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) settings: &'a Settings,
    pub(crate) now: Timestamp,
    pub(crate) route: &'a Route,
    pub(crate) body: &'a [u8],
    pub(crate) staleness: Staleness,
}

/// What an operation did.
pub(crate) struct Done {
    pub(crate) answer: Answer,
    pub(crate) committed: bool,
    pub(crate) changed: bool,
}

impl Done {
    fn read(body: &Value) -> Self {
        Self {
            answer: Answer::json(200, body),
            committed: false,
            changed: false,
        }
    }

    fn created(body: &Value) -> Self {
        Self {
            answer: Answer::json(201, body),
            committed: true,
            changed: true,
        }
    }

    fn updated(body: &Value, changed: bool) -> Self {
        Self {
            answer: Answer::json(200, body),
            committed: true,
            changed,
        }
    }
}

impl Turn<'_> {
    pub(crate) fn perform(&mut self) -> Result<Done, Refusal> {
        use Operation as Op;
        self.check_identifiers()?;
        match self.route.operation {
            Op::CreateApplication => self.create_application(),
            Op::CreateEnvironment => self.create_environment(),
            Op::GetEnvironment => self.get_environment(),
            Op::CreateConfigurationProfile => self.create_configuration_profile(),
            Op::CreateExperimentDefinition => self.create_definition(),
            Op::GetExperimentDefinition => self.get_definition(),
            Op::UpdateExperimentDefinition => self.update_definition(),
            Op::DeleteExperimentDefinition => self.delete_definition(),
            Op::ListExperimentDefinitions => self.list_definitions(),
            Op::StartExperimentRun => self.start_run(),
            Op::GetExperimentRun => self.get_run(),
            Op::UpdateExperimentRun => self.update_run(),
            Op::StopExperimentRun => self.stop_run(),
            Op::ListExperimentRuns => self.list_runs(),
            Op::ListExperimentRunEvents => self.list_events(),
        }
    }

    /// Lengths as in the model: applications and environments were named `Name` before there were `Identifier`s.
    fn check_identifiers(&self) -> Result<(), Refusal> {
        let mut violations = Violations::default();
        let old = matches!(
            self.route.operation,
            Operation::CreateEnvironment | Operation::GetEnvironment | Operation::CreateConfigurationProfile
        );
        let (at, max) = if old {
            ("applicationId", 64)
        } else {
            ("applicationIdentifier", 2048)
        };
        if let Some(application) = &self.route.application {
            violations.length(at, application, 1, max);
        }
        if let Some(environment) = &self.route.environment {
            violations.length("environmentId", environment, 1, 64);
        }
        if let Some(definition) = &self.route.definition {
            violations.length("experimentDefinitionIdentifier", definition, 1, 2048);
        }
        violations.into_result()
    }

    fn application(&self) -> Result<usize, Refusal> {
        let identifier = self.route.application.as_deref().unwrap_or_default();
        self.world.application(identifier, self.settings.identifier_precedence)
    }

    fn place(&self) -> Result<Place, Refusal> {
        let application = self.route.application.as_deref().unwrap_or_default();
        let definition = self.route.definition.as_deref().unwrap_or_default();
        self.world
            .place(application, definition, self.settings.identifier_precedence)
    }

    /// The run number in the path: a 32-bit integer of at least 1 (model).
    fn run_number(&self) -> Result<u32, Refusal> {
        let text = self.route.run.as_deref().unwrap_or_default();
        let Ok(number) = text.parse::<i32>() else {
            return Err(Refusal::new(
                400,
                "SerializationException",
                format!("Run is not an integer: {text}"),
            ));
        };
        let mut violations = Violations::default();
        if number < 1 {
            violations.add(
                "run",
                format!("'{number}'"),
                "Member must have value greater than or equal to 1",
            );
        }
        violations.into_result()?;
        Ok(number.unsigned_abs())
    }

    /// Counts a MANAGED deployment, and gives its ARN for the event.
    fn deploy(&mut self, place: Place) -> Result<String, Refusal> {
        let application = self.world.applications[place.application].id.clone();
        let environment = self.world.environment_of(place)?;
        environment.deployments += 1;
        Ok(format!(
            "arn:aws:appconfig:us-east-1:123456789012:application/{application}/environment/{}/deployment/{}",
            environment.id, environment.deployments
        ))
    }

    /// While a user's deployment is under way, no other can start (guess, strong; the text is a guess, too).
    fn refuse_during_deployment(&mut self, place: Place) -> Result<(), Refusal> {
        let settings = self.settings;
        let environment = self.world.environment_of(place)?;
        if is_deploying(environment, settings) {
            let id = &environment.id;
            return Err(Refusal::conflict(format!(
                "Another deployment is in progress in environment {id}."
            )));
        }
        Ok(())
    }

    /// One page of `items` (model: 1 to 50, both query keys), as `{Items, NextToken}`.
    fn page(&self, items: &[Value]) -> Result<Done, Refusal> {
        let mut violations = Violations::default();
        let size = self.route.query("max_results").map_or(Ok(50), str::parse::<i32>);
        let size = size.map_err(|_| Refusal::new(400, "SerializationException", "MaxResults is not an integer"))?;
        if !(1..=50).contains(&size) {
            violations.add(
                "maxResults",
                format!("'{size}'"),
                "Member must have value between 1 and 50",
            );
        }
        violations.into_result()?;
        let start = match self.route.query("next_token") {
            None => 0,
            Some(token) => token
                .parse()
                .map_err(|_| Refusal::bad_request("The next token is not valid."))?,
        };
        let end = items.len().min(start + size.unsigned_abs() as usize);
        let mut page = serde_json::json!({"Items": items.get(start..end).unwrap_or_default()});
        if end < items.len() {
            page["NextToken"] = Value::String(end.to_string());
        }
        Ok(Done::read(&page))
    }
}

fn is_deploying(environment: &Environment, settings: &Settings) -> bool {
    settings
        .deployment_in_progress
        .iter()
        .any(|wanted| *wanted == environment.id || *wanted == environment.name)
}

/// Absent members are omitted, never null (model, seen).
fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        members.retain(|_, member| !member.is_null());
    }
    value
}
