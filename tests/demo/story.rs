//! The story of one run, from validation to its end, told in the commands that a person would type. That of a ramp goes on
//! meanwhile.

use appconfig_emulator::RequestRecord;
use appconfig_experiment_operator::decide::findings::Reason;
use serde_json::json;

use crate::{
    ramp::Ramp,
    resource::{Ending, Resource, operation, say},
    stage::{Outcome, Stage},
};

const RUN: &str = "add-to-cart-1";
const UNKNOWN: &str = "add-to-cart-7";

/// Tells it all.
pub fn tell(stage: &Stage) -> Outcome {
    let mut ramp = Ramp::begin(stage)?;
    let mut story = Story {
        stage,
        run: Resource::new(stage, RUN, (stage.experiment().clone(), 1)),
    };
    say("In the meantime, another run");
    println!("The run exists: application shop, definition add-to-cart, run 1, at 0 %. The operator watches.");
    story.validate()?;
    story.raise()?;
    story.describe()?;
    story.revert()?;
    story.raise_from_outside()?;
    story.deploy_meanwhile()?;
    story.name_an_unknown_run()?;
    story.stop()?;
    ramp.go_on()?;
    say("The Events that the operator published");
    stage.until_said(&["get", "events"], "RunDone")?;
    let columns = "custom-columns=TYPE:.type,REASON:.reason,RESOURCE:.involvedObject.name,MESSAGE:.message";
    stage.kubectl(&["get", "events", "--sort-by=.metadata.creationTimestamp", "-o", columns])?;
    list(&stage.requests());
    Ok(())
}

struct Story<'a> {
    stage: &'a Stage,
    run: Resource<'a>,
}

impl Story<'_> {
    fn validate(&mut self) -> Outcome {
        say("Validate at 0 %: nobody is exposed, but the tester qa-bob gets treatment t1");
        self.stage
            .kubectl(&["apply", "--server-side", "-f", "deploy/samples/validate.yaml"])?;
        let overrides = json!({"TreatmentOverrides": {"Inline": {"qa-bob": "t1"}}});
        let ending = Ending::ready(Reason::InSync, 0.0);
        let ending = ending.having_sent(json!({"Description": "New button, first try"}), 200);
        self.run.ends(&ending.having_sent(overrides, 200))
    }

    fn raise(&mut self) -> Outcome {
        for percentage in [5.0_f32, 25.0] {
            say(&format!("Raise the exposure to {percentage} %"));
            self.run.patch(&json!({"exposurePercentage": percentage}))?;
            let ending = Ending::ready(Reason::InSync, percentage);
            self.run
                .ends(&ending.having_sent(json!({"ExposurePercentage": percentage}), 200))?;
        }
        Ok(())
    }

    fn describe(&mut self) -> Outcome {
        say("Change the description: only what differs is sent");
        self.run.patch(&json!({"description": "New button, second try"}))?;
        let ending = Ending::ready(Reason::InSync, 25.0);
        self.run
            .ends(&ending.having_sent(json!({"Description": "New button, second try"}), 200))
    }

    fn revert(&mut self) -> Outcome {
        say("Go back to 5 %, with another description: AppConfig can't lower an exposure, and the description goes on");
        self.run
            .patch(&json!({"exposurePercentage": 5, "description": "New button, back to five"}))?;
        let ending = Ending::not_ready(Reason::ExposureAboveDesired, 25.0);
        self.run
            .ends(&ending.having_sent(json!({"Description": "New button, back to five"}), 200))?;
        self.run.show_message()?;
        say("Accept what is live: nothing has to be sent");
        self.run.patch(&json!({"exposurePercentage": 25}))?;
        self.run.ends(&Ending::ready(Reason::InSync, 25.0))
    }

    fn raise_from_outside(&mut self) -> Outcome {
        say("Somebody raises the run to 40 % in the AWS console");
        println!("  The operator would see it within 10 minutes. The annotation asks it to read the run now.");
        self.run.raise_from_outside(40.0)?;
        self.run.read_now("after-the-console")?;
        self.run.ends(&Ending::not_ready(Reason::ExposureAboveDesired, 40.0))?;
        self.stage.until_said(&["get", "events"], "ExposureChangedExternally")
    }

    fn deploy_meanwhile(&mut self) -> Outcome {
        say("Raise to 60 % while a deployment is under way in the environment: AppConfig answers 409");
        self.set_deployments(&["production"])?;
        self.run.patch(&json!({"exposurePercentage": 60}))?;
        let raise = json!({"ExposurePercentage": 60.0});
        let ending = Ending::not_ready(Reason::DeploymentInProgress, 40.0);
        self.run.ends(&ending.having_sent(raise.clone(), 409))?;
        say("The deployment is over");
        println!("  The operator would try again 30 s after the last time. The annotation asks it to do so now.");
        self.set_deployments(&[])?;
        self.run.read_now("after-the-deployment")?;
        self.run
            .ends(&Ending::ready(Reason::InSync, 60.0).having_sent(raise, 200))
    }

    fn name_an_unknown_run(&mut self) -> Outcome {
        say("Name a run that AppConfig doesn't have");
        self.stage
            .kubectl(&["apply", "--server-side", "-f", "tests/demo/unknown-run.yaml"])?;
        let mut unknown = Resource::new(self.stage, UNKNOWN, (self.stage.experiment().clone(), 7));
        unknown.ends(&Ending::without_run(Reason::RunNotFound))?;
        self.stage.kubectl(&["delete", "exprun", UNKNOWN])
    }

    fn stop(&mut self) -> Outcome {
        say(
            "Somebody stops the run: it was what the manifest says, so all is well, and nothing is ever sent for it again",
        );
        let stopped = self.stage.emulator().stop_run(self.stage.experiment(), 1);
        stopped.map_err(|refusal| refusal.message)?;
        self.run.read_now("after-the-end")?;
        self.run.ends(&Ending::ready(Reason::RunDone, 60.0))
    }

    fn set_deployments(&self, environments: &[&str]) -> Outcome {
        let change = json!({"deploymentInProgress": environments});
        let settings = self.stage.emulator().settings().changed(&change)?;
        Ok(self.stage.emulator().set_settings(settings)?)
    }
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
