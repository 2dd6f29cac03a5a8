//! One run of an experiment, as `AppConfig` keeps it, answers with it and lists what happened to it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::time::rfc3339;

/// A run. Times are in milliseconds since the epoch.
#[derive(Clone, Debug)]
pub struct SimulatedRun {
    pub exposure: f64,
    pub description: String,
    pub overrides: BTreeMap<String, String>,
    pub done: bool,
    pub updated_at: i64,
    /// Whether answers tell what the experiment definition was at the start.
    pub has_snapshot: bool,
    /// What was recorded of the result at the end.
    pub result: Option<&'static str>,
    started_at: i64,
    ended_at: Option<i64>,
    happened: Vec<Value>,
}

impl SimulatedRun {
    pub fn started(at: i64, exposure: f64) -> Self {
        let mut run = Self {
            exposure,
            description: String::new(),
            overrides: BTreeMap::new(),
            done: false,
            updated_at: at,
            has_snapshot: true,
            result: None,
            started_at: at,
            ended_at: None,
            happened: Vec::new(),
        };
        run.happens("RUN_STARTED", "USER", at);
        run
    }

    fn happens(&mut self, kind: &str, by: &str, at: i64) {
        self.updated_at = at;
        self.happened.push(json!({
            "EventType": kind,
            "OccurredAt": rfc3339(at),
            "TriggeredBy": by,
            "ExposurePercentage": self.exposure,
        }));
    }

    pub fn raise(&mut self, exposure: f64, at: i64) {
        self.exposure = exposure;
        self.happens("EXPOSURE_UPDATED", "USER", at);
    }

    pub fn describe(&mut self, description: &str, at: i64) {
        description.clone_into(&mut self.description);
        self.updated_at = at;
    }

    pub fn override_with(&mut self, overrides: BTreeMap<String, String>, at: i64) {
        self.overrides = overrides;
        self.happens("OVERRIDES_UPDATED", "USER", at);
    }

    pub fn end(&mut self, by: &str, result: Option<&'static str>, at: i64) {
        self.done = true;
        self.ended_at = Some(at);
        self.result = result;
        self.happens("RUN_STOPPED", by, at);
    }

    /// Does what the body of an `UpdateExperimentRun` asks for.
    pub fn update(&mut self, body: &str, at: i64) {
        let body: Value = serde_json::from_str(body).unwrap();
        if let Some(description) = body.get("Description") {
            self.describe(description.as_str().unwrap(), at);
        }
        if let Some(overrides) = body.get("TreatmentOverrides") {
            self.override_with(serde_json::from_value(overrides["Inline"].clone()).unwrap(), at);
        }
        if let Some(exposure) = body.get("ExposurePercentage") {
            let exposure = exposure.as_f64().unwrap();
            // One that comes too late can lower nothing.
            if exposure > self.exposure {
                self.raise(exposure, at);
            }
        }
    }

    /// The body of an answer that is this run, whose names resolve to these IDs.
    pub fn answer(&self, application: &str, definition: &str, number: i32) -> String {
        let mut answer = json!({
            "ApplicationId": application,
            "ExperimentDefinitionId": definition,
            "Run": number,
            "Status": if self.done { "DONE" } else { "RUNNING" },
            "ExposurePercentage": self.exposure,
            "StartedAt": rfc3339(self.started_at),
            "UpdatedAt": rfc3339(self.updated_at),
        });
        if !self.description.is_empty() {
            answer["Description"] = json!(self.description);
        }
        if !self.overrides.is_empty() {
            answer["TreatmentOverrides"] = json!({ "Inline": self.overrides });
        }
        if let Some(at) = self.ended_at {
            answer["EndedAt"] = json!(rfc3339(at));
        }
        if let Some(result) = self.result {
            answer["Result"] = json!({ "ExecutiveSummary": result });
        }
        if self.has_snapshot {
            answer["ExperimentDefinitionSnapshot"] = json!({
                "Name": "add-to-cart",
                "FlagKey": "cart",
                "EnvironmentId": "env1234",
                "ConfigurationProfileId": "prof123",
                "Control": { "Key": "c", "Weight": 50.0 },
                "Treatments": [{ "Key": "t1", "Weight": 50.0 }],
            });
        }
        answer.to_string()
    }

    /// The body of an answer with all that has happened.
    pub fn events(&self) -> String {
        json!({ "Items": self.happened }).to_string()
    }
}
