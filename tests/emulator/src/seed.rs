//! Setting up and changing experiments from within a test, without requests in the log.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    answer::Refusal,
    emulator::Emulator,
    operations::end_run,
    route::{Operation, Route},
    settings::IdentifierPrecedence,
    store::{Identified, World},
};

/// What to create: one definition and all that it needs. What is there already by name is used.
#[derive(Debug, Clone)]
pub struct Seed {
    /// The application's name.
    pub application: String,
    /// The environment's name.
    pub environment: String,
    /// The configuration profile's name.
    pub profile: String,
    /// The definition's name.
    pub definition: String,
    /// How many treatments beside control: 1 to 5.
    pub treatments: usize,
}

impl Default for Seed {
    fn default() -> Self {
        Self {
            application: "shop".to_owned(),
            environment: "production".to_owned(),
            profile: "features".to_owned(),
            definition: "add-to-cart".to_owned(),
            treatments: 2,
        }
    }
}

/// A definition that was seeded, by its IDs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experiment {
    /// The application's ID.
    pub application_id: String,
    /// The environment's ID.
    pub environment_id: String,
    /// The configuration profile's ID.
    pub profile_id: String,
    /// The definition's ID.
    pub definition_id: String,
}

/// What ends a run when nobody stops it (model).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EndedBy {
    /// An alarm that monitors the environment.
    CloudwatchAlarm,
    /// The service itself.
    InternalError,
}

impl EndedBy {
    pub(crate) fn trigger(self) -> &'static str {
        match self {
            Self::CloudwatchAlarm => "CLOUDWATCH_ALARM",
            Self::InternalError => "INTERNAL_ERROR",
        }
    }
}

impl Emulator {
    /// Creates a definition and what it needs.
    ///
    /// # Errors
    /// As the service: a definition of that name may be there, or a name may be too long.
    pub fn seed(&self, seed: &Seed) -> Result<Experiment, Refusal> {
        let existing = self.find(|world| id_named(&world.applications, &seed.application));
        let to = Route::to(Operation::CreateApplication);
        let application_id = self.existing_or_new(existing, &to, &json!({"Name": seed.application}))?;
        let within = |operation| Route {
            application: Some(application_id.clone()),
            ..Route::to(operation)
        };
        let at = self
            .shared()
            .lock()
            .world
            .application(&application_id, IdentifierPrecedence::Id)?;

        let existing = self.find(|world| id_named(&world.applications[at].environments, &seed.environment));
        let to = within(Operation::CreateEnvironment);
        let environment_id = self.existing_or_new(existing, &to, &json!({"Name": seed.environment}))?;

        let existing = self.find(|world| id_named(&world.applications[at].profiles, &seed.profile));
        let to = within(Operation::CreateConfigurationProfile);
        let body = json!({"Name": seed.profile, "LocationUri": "hosted", "Type": "AWS.AppConfig.FeatureFlags"});
        let profile_id = self.existing_or_new(existing, &to, &body)?;

        let treatment = |enabled: bool| json!({"Weight": 50.0, "FlagValue": {"Enabled": enabled}});
        let body = json!({
            "Name": seed.definition,
            "ConfigurationProfileIdentifier": profile_id,
            "EnvironmentIdentifier": environment_id,
            "FlagKey": "flag",
            "AudienceRule": "(eq $country \"NL\")",
            "Control": treatment(false),
            "Treatments": vec![treatment(true); seed.treatments],
        });
        let definition_id = id_of(&self.call(&within(Operation::CreateExperimentDefinition), &body)?);
        Ok(Experiment {
            application_id,
            environment_id,
            profile_id,
            definition_id,
        })
    }

    /// Starts a run at this exposure and gives its number.
    ///
    /// # Errors
    /// As the service: another run may be running, or the exposure out of bounds.
    pub fn start_run(&self, experiment: &Experiment, exposure: f32) -> Result<u32, Refusal> {
        self.start_run_with(experiment, &json!({"ExposurePercentage": exposure}))
    }

    /// Starts a run with this request body and gives its number.
    ///
    /// # Errors
    /// As the service.
    pub fn start_run_with(&self, experiment: &Experiment, body: &Value) -> Result<u32, Refusal> {
        let answer = self.call(&experiment.route(Operation::StartExperimentRun, None), body)?;
        Ok(answer["Run"]
            .as_u64()
            .and_then(|run| u32::try_from(run).ok())
            .unwrap_or_default())
    }

    /// The live run as `GetExperimentRun` shows it, were it never stale.
    ///
    /// # Errors
    /// When there is no such run.
    pub fn run(&self, experiment: &Experiment, run: u32) -> Result<Value, Refusal> {
        self.call_fresh(&experiment.route(Operation::GetExperimentRun, Some(run)), &Value::Null)
    }

    /// Updates a run as another user would, with this request body. It isn't in the log.
    ///
    /// # Errors
    /// As the service.
    pub fn update_run(&self, experiment: &Experiment, run: u32, body: &Value) -> Result<Value, Refusal> {
        self.call(&experiment.route(Operation::UpdateExperimentRun, Some(run)), body)
    }

    /// Stops a run as another user would. It isn't in the log.
    ///
    /// # Errors
    /// As the service.
    pub fn stop_run(&self, experiment: &Experiment, run: u32) -> Result<Value, Refusal> {
        self.call(&experiment.route(Operation::StopExperimentRun, Some(run)), &Value::Null)
    }

    /// Ends a run as an alarm or an internal error would.
    ///
    /// # Errors
    /// When there is no such run or it is not running.
    pub fn end_run(&self, experiment: &Experiment, run: u32, ended_by: EndedBy) -> Result<(), Refusal> {
        let mut state = self.shared().lock();
        let (now, precedence) = (state.now(), state.settings.identifier_precedence);
        let place = state
            .world
            .place(&experiment.application_id, &experiment.definition_id, precedence)?;
        end_run(&mut state.world, place, run, ended_by, now)
    }

    /// Deletes a definition with its runs, running or not: they are gone, and another can have its name.
    ///
    /// # Errors
    /// When there is no such definition.
    pub fn destroy(&self, experiment: &Experiment) -> Result<(), Refusal> {
        let mut state = self.shared().lock();
        let precedence = state.settings.identifier_precedence;
        let place = state
            .world
            .place(&experiment.application_id, &experiment.definition_id, precedence)?;
        state.world.applications[place.application]
            .definitions
            .remove(place.definition);
        Ok(())
    }

    /// How many deployments there have been in the experiment's environment: one for each start, exposure update,
    /// override update and stop.
    ///
    /// # Errors
    /// When there is no such definition.
    pub fn deployments(&self, experiment: &Experiment) -> Result<u32, Refusal> {
        let mut state = self.shared().lock();
        let precedence = state.settings.identifier_precedence;
        let place = state
            .world
            .place(&experiment.application_id, &experiment.definition_id, precedence)?;
        Ok(state.world.environment_of(place)?.deployments)
    }
}

impl Emulator {
    fn find(&self, find: impl FnOnce(&World) -> Option<String>) -> Option<String> {
        find(&self.shared().lock().world)
    }

    fn existing_or_new(&self, existing: Option<String>, to: &Route, body: &Value) -> Result<String, Refusal> {
        existing.map_or_else(|| self.call(to, body).map(|answer| id_of(&answer)), Ok)
    }
}

fn id_named<T: Identified>(items: &[T], name: &str) -> Option<String> {
    items
        .iter()
        .find(|item| item.name() == name)
        .map(|item| item.id().to_owned())
}

impl Experiment {
    fn route(&self, operation: Operation, run: Option<u32>) -> Route {
        Route {
            application: Some(self.application_id.clone()),
            definition: Some(self.definition_id.clone()),
            run: run.map(|run| run.to_string()),
            ..Route::to(operation)
        }
    }
}

fn id_of(answer: &Value) -> String {
    answer["Id"].as_str().unwrap_or_default().to_owned()
}
