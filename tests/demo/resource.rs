//! One resource in a story: what a person does to it, and how each step ends.

use appconfig_emulator::{Experiment, RequestRecord};
use appconfig_experiment_operator::{api::ExperimentRun, decide::findings::Reason};
use serde_json::{Value, json};

use crate::stage::{Outcome, Stage};

/// How a step ends.
pub struct Ending {
    ready: &'static str,
    reason: Reason,
    live: Option<f32>,
    /// The updates that were sent in this step, and how they were answered.
    sent: Vec<(Value, u16)>,
}

impl Ending {
    /// Ready is True, for this reason and with this exposure live.
    pub fn ready(reason: Reason, live: f32) -> Self {
        Self {
            ready: "True",
            reason,
            live: Some(live),
            sent: vec![],
        }
    }

    /// Ready is False.
    pub fn not_ready(reason: Reason, live: f32) -> Self {
        Self {
            ready: "False",
            ..Self::ready(reason, live)
        }
    }

    /// Ready is False, and nothing is known of a run.
    pub fn without_run(reason: Reason) -> Self {
        Self {
            live: None,
            ..Self::not_ready(reason, 0.0)
        }
    }

    /// An update was sent, and answered with this status.
    pub fn having_sent(mut self, body: Value, status: u16) -> Self {
        self.sent.push((body, status));
        self
    }

    /// A raise was sent, and done.
    pub fn having_raised(self, percentage: f32) -> Self {
        self.having_sent(json!({ "ExposurePercentage": percentage }), 200)
    }
}

/// A resource and the run that it stands for.
pub struct Resource<'a> {
    stage: &'a Stage,
    name: &'static str,
    experiment: Experiment,
    run: u32,
    /// How many updates have been told of.
    updates: usize,
}

impl<'a> Resource<'a> {
    /// One of which nothing has been told.
    pub fn new(stage: &'a Stage, name: &'static str, (experiment, run): (Experiment, u32)) -> Self {
        Self {
            stage,
            name,
            experiment,
            run,
            updates: 0,
        }
    }

    /// Changes the spec.
    pub fn patch(&self, spec: &Value) -> Outcome {
        let patch = json!({ "spec": spec }).to_string();
        self.stage
            .kubectl(&["patch", "exprun", self.name, "--type=merge", "-p", &patch])
    }

    /// Asks the operator to read the run now.
    pub fn read_now(&self, value: &str) -> Outcome {
        let annotation = format!("experiments.appconfig.dev/reconcile-requested-at={value}");
        self.stage
            .kubectl(&["annotate", "exprun", self.name, "--overwrite", &annotation])
    }

    /// Shows Ready's message.
    pub fn show_message(&self) -> Outcome {
        let message = r#"jsonpath={.status.conditions[?(@.type=="Ready")].message}{"\n"}"#;
        self.stage.kubectl(&["get", "exprun", self.name, "-o", message])
    }

    /// Somebody raises the run in the AWS console.
    pub fn raise_from_outside(&self, percentage: f32) -> Outcome {
        let body = json!({ "ExposurePercentage": percentage });
        let raised = self.stage.emulator().update_run(&self.experiment, self.run, &body);
        raised.map_err(|refusal| refusal.message)?;
        Ok(())
    }

    /// Waits for the end of a step, shows it, and looks whether `AppConfig` was sent what was told and nothing else.
    pub fn ends(&mut self, ending: &Ending) -> Outcome {
        let what = format!(
            "Ready {} for {}, with {:?} % live",
            ending.ready, ending.reason, ending.live
        );
        self.stage.until(self.name, &what, |run| has_ended(run, ending))?;
        self.stage.kubectl(&["get", "exprun"])?;
        let updates = self
            .stage
            .requests()
            .into_iter()
            .filter(|request| self.is_update(request));
        let sent = updates.skip(self.updates);
        let sent: Vec<_> = sent
            .map(|update| (update.body, update.status.unwrap_or_default()))
            .collect();
        self.updates += sent.len();
        if sent == ending.sent {
            Ok(())
        } else {
            Err(format!("AppConfig was sent {sent:?} in place of {:?}", ending.sent).into())
        }
    }

    /// Whether it updates this run: updates go by IDs.
    fn is_update(&self, request: &RequestRecord) -> bool {
        operation(request) == "UpdateExperimentRun"
            && request.definition.as_ref() == Some(&self.experiment.definition_id)
            && request.run == Some(self.run)
    }
}

/// Says what happens next.
pub fn say(what: &str) {
    println!("\n# {what}.");
}

/// Whether the operator has said so of the newest generation and of the newest request to read.
fn has_ended(run: &ExperimentRun, ending: &Ending) -> bool {
    let Some(status) = &run.status else { return false };
    let asked = run.metadata.annotations.as_ref();
    let asked = asked.and_then(|annotations| annotations.get("experiments.appconfig.dev/reconcile-requested-at"));
    let told = status.conditions.iter().any(|condition| {
        condition.type_ == "Ready" && condition.status == ending.ready && condition.reason == ending.reason.as_str()
    });
    let live = status.exposure_percentage.map(|live| live.percentage().to_bits());
    status.observed_generation == run.metadata.generation
        && status.last_handled_reconcile_at.as_ref() == asked
        && told
        && live == ending.live.map(f32::to_bits)
}

/// The name of a request's operation.
pub fn operation(request: &RequestRecord) -> String {
    let operation = serde_json::to_value(request.operation).unwrap_or_default();
    operation.as_str().unwrap_or("unknown").to_owned()
}
