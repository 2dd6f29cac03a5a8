//! The story of one run, from validation to its end, told in the commands that a person would type.

use appconfig_emulator::RequestRecord;
use appconfig_experiment_operator::api::{ExperimentRun, Reason};
use serde_json::{Value, json};

use crate::stage::{Outcome, Stage};

const RUN: &str = "add-to-cart-1";
const UNKNOWN: &str = "add-to-cart-7";

/// How a step ends.
struct Ending {
    name: &'static str,
    ready: &'static str,
    reason: Reason,
    live: Option<f32>,
    /// The updates that were sent in this step, and how they were answered.
    sent: Vec<(Value, u16)>,
}

impl Ending {
    fn ready(reason: Reason, live: f32) -> Self {
        Self {
            name: RUN,
            ready: "True",
            reason,
            live: Some(live),
            sent: vec![],
        }
    }

    fn not_ready(reason: Reason, live: f32) -> Self {
        Self {
            ready: "False",
            ..Self::ready(reason, live)
        }
    }

    fn having_sent(mut self, body: Value, status: u16) -> Self {
        self.sent.push((body, status));
        self
    }
}

/// Tells it all.
pub fn tell(stage: &Stage) -> Outcome {
    let mut story = Story { stage, updates: 0 };
    println!("\nThe run exists: application shop, definition add-to-cart, run 1, at 0 %. The operator watches.");
    story.validate()?;
    story.raise()?;
    story.describe()?;
    story.revert()?;
    story.raise_from_outside()?;
    story.deploy_meanwhile()?;
    story.name_an_unknown_run()?;
    story.stop()?;
    say("What was told as Events");
    stage.until_said(&["get", "events"], "RunDone")?;
    let columns = "custom-columns=TYPE:.type,REASON:.reason,RESOURCE:.involvedObject.name,MESSAGE:.message";
    stage.kubectl(&["get", "events", "--sort-by=.metadata.creationTimestamp", "-o", columns])?;
    list(&stage.requests());
    Ok(())
}

struct Story<'a> {
    stage: &'a Stage,
    /// How many updates have been told of.
    updates: usize,
}

impl Story<'_> {
    fn validate(&mut self) -> Outcome {
        say("Validate at 0 %: nobody is exposed, but the tester qa-bob gets treatment t1");
        self.stage.kubectl(&["apply", "-f", "deploy/samples/validate.yaml"])?;
        let overrides = json!({"TreatmentOverrides": {"Inline": {"qa-bob": "t1"}}});
        let ending = Ending::ready(Reason::InSync, 0.0);
        let ending = ending.having_sent(json!({"Description": "New button, first try"}), 200);
        self.ends(&ending.having_sent(overrides, 200))
    }

    fn raise(&mut self) -> Outcome {
        for percentage in [5.0_f32, 25.0] {
            say(&format!("Raise the exposure to {percentage} %"));
            self.patch(&json!({"exposurePercentage": percentage}))?;
            let ending = Ending::ready(Reason::InSync, percentage);
            self.ends(&ending.having_sent(json!({"ExposurePercentage": percentage}), 200))?;
        }
        Ok(())
    }

    fn describe(&mut self) -> Outcome {
        say("Change the description: only what differs is sent");
        self.patch(&json!({"description": "New button, second try"}))?;
        let ending = Ending::ready(Reason::InSync, 25.0);
        self.ends(&ending.having_sent(json!({"Description": "New button, second try"}), 200))
    }

    fn revert(&mut self) -> Outcome {
        say("Go back to 5 %, with another description: AppConfig can't lower an exposure, and the description goes on");
        self.patch(&json!({"exposurePercentage": 5, "description": "New button, back to five"}))?;
        let ending = Ending::not_ready(Reason::ExposureAboveDesired, 25.0);
        self.ends(&ending.having_sent(json!({"Description": "New button, back to five"}), 200))?;
        let message = r#"jsonpath={.status.conditions[?(@.type=="Ready")].message}{"\n"}"#;
        self.stage.kubectl(&["get", "exprun", RUN, "-o", message])?;
        say("Accept what is live: nothing has to be sent");
        self.patch(&json!({"exposurePercentage": 25}))?;
        self.ends(&Ending::ready(Reason::InSync, 25.0))
    }

    fn raise_from_outside(&mut self) -> Outcome {
        say("Somebody raises the run to 40 % in the AWS console");
        println!("  The operator would see it within 10 minutes. The annotation asks it to read the run now.");
        let body = json!({"ExposurePercentage": 40.0});
        let raised = self.stage.emulator().update_run(self.stage.experiment(), 1, &body);
        raised.map_err(|refusal| refusal.message)?;
        self.read_now("after-the-console")?;
        self.ends(&Ending::not_ready(Reason::ExposureAboveDesired, 40.0))?;
        self.stage.until_said(&["get", "events"], "ExposureChangedExternally")
    }

    fn deploy_meanwhile(&mut self) -> Outcome {
        say("Raise to 60 % while a deployment is under way in the environment: AppConfig answers 409");
        self.set_deployments(&["production"])?;
        self.patch(&json!({"exposurePercentage": 60}))?;
        let raise = json!({"ExposurePercentage": 60.0});
        let ending = Ending::not_ready(Reason::DeploymentInProgress, 40.0);
        self.ends(&ending.having_sent(raise.clone(), 409))?;
        say("The deployment is over");
        println!("  The operator would try again 30 s after the last time. The annotation asks it to do so now.");
        self.set_deployments(&[])?;
        self.read_now("after-the-deployment")?;
        self.ends(&Ending::ready(Reason::InSync, 60.0).having_sent(raise, 200))
    }

    fn name_an_unknown_run(&mut self) -> Outcome {
        say("Name a run that AppConfig doesn't have");
        self.stage.kubectl(&["apply", "-f", "tests/demo/unknown-run.yaml"])?;
        self.ends(&Ending {
            name: UNKNOWN,
            live: None,
            ..Ending::not_ready(Reason::RunNotFound, 0.0)
        })?;
        self.stage.kubectl(&["delete", "exprun", UNKNOWN])
    }

    fn stop(&mut self) -> Outcome {
        say(
            "Somebody stops the run: it was what the manifest says, so all is well, and nothing is ever sent for it again",
        );
        let stopped = self.stage.emulator().stop_run(self.stage.experiment(), 1);
        stopped.map_err(|refusal| refusal.message)?;
        self.read_now("after-the-end")?;
        self.ends(&Ending::ready(Reason::RunDone, 60.0))
    }

    fn patch(&self, spec: &Value) -> Outcome {
        let patch = json!({ "spec": spec }).to_string();
        self.stage
            .kubectl(&["patch", "exprun", RUN, "--type=merge", "-p", &patch])
    }

    fn read_now(&self, value: &str) -> Outcome {
        let annotation = format!("experiments.appconfig.dev/reconcile-requested-at={value}");
        self.stage
            .kubectl(&["annotate", "exprun", RUN, "--overwrite", &annotation])
    }

    fn set_deployments(&self, environments: &[&str]) -> Outcome {
        let change = json!({"deploymentInProgress": environments});
        let settings = self.stage.emulator().settings().changed(&change)?;
        Ok(self.stage.emulator().set_settings(settings)?)
    }

    /// Waits for the end of a step, shows it, and looks whether `AppConfig` was sent what was told and nothing else.
    fn ends(&mut self, ending: &Ending) -> Outcome {
        let what = format!(
            "Ready {} for {}, with {:?} % live",
            ending.ready, ending.reason, ending.live
        );
        self.stage.until(ending.name, &what, |run| has_ended(run, ending))?;
        self.stage.kubectl(&["get", "exprun"])?;
        let updates = self.stage.requests().into_iter().filter(is_update);
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
}

fn say(what: &str) {
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

fn operation(request: &RequestRecord) -> String {
    let operation = serde_json::to_value(request.operation).unwrap_or_default();
    operation.as_str().unwrap_or("unknown").to_owned()
}

fn is_update(request: &RequestRecord) -> bool {
    operation(request) == "UpdateExperimentRun"
}

fn list(requests: &[RequestRecord]) {
    say("The AWS requests that were sent, all of them");
    for (number, request) in requests.iter().enumerate() {
        let body = if request.body.is_null() {
            String::new()
        } else {
            request.body.to_string()
        };
        let status = request
            .status
            .map_or_else(|| "none".to_owned(), |status| status.to_string());
        let line = format!(
            "{:3}  {:23}  run {}  {status}  {body}",
            number + 1,
            operation(request),
            request.run.unwrap_or_default()
        );
        println!("{}", line.trim_end());
    }
}
