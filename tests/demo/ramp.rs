//! The story of a ramp: its window, the brake and the release, an edit, a raise from outside, and the block that is gone.

use appconfig_emulator::Seed;
use appconfig_experiment_operator::decide::findings::Reason;
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use serde_json::json;

use crate::{
    resource::{Ending, Resource, say},
    stage::{Outcome, Stage, plan},
};

const MANIFEST: &str = "tests/demo/ramp.yaml";
const SAMPLE: &str = "deploy/samples/ramp-careful.yaml";
const RUN: &str = "search-ranking-1";
const DEFINITION: &str = "search-ranking";
/// How soon the window may open: that it is waited for must have been seen by then, on a slow machine too.
const SOON: SignedDuration = SignedDuration::from_secs(90);
/// How many seconds a `Date` is put forward at once.
const STEP: usize = 25;

/// The ramp under way.
pub struct Ramp<'a> {
    stage: &'a Stage,
    run: Resource<'a>,
    /// When its window opens.
    opens: Timestamp,
}

impl<'a> Ramp<'a> {
    /// Tells of it until its window is waited for, which opens at a full minute.
    pub fn begin(stage: &'a Stage) -> Outcome<Self> {
        // In an environment of its own, so that the deployments of the other story don't hold it.
        let experiment = stage.emulator().seed(&Seed {
            definition: DEFINITION.to_owned(),
            environment: "search".to_owned(),
            ..Seed::default()
        });
        let experiment = experiment.map_err(|refusal| refusal.message)?;
        let started = stage.emulator().start_run(&experiment, 0.0);
        started.map_err(|refusal| refusal.message)?;
        say("A ramp: run 1 of search-ranking is to rise in steps, each held for a time");
        stage.kubectl(&["apply", "--server-side", "-f", MANIFEST])?;
        let round = TimestampRound::new().smallest(Unit::Minute).mode(RoundMode::Ceil);
        let mut ramp = Self {
            stage,
            run: Resource::new(stage, RUN, (experiment, 1)),
            opens: (Timestamp::now() + SOON).round(round)?,
        };
        ramp.run.ends(&Ending::ready(Reason::InSync, 0.0))?;
        Self::preview()?;
        ramp.wait_for_window()?;
        Ok(ramp)
    }

    fn preview() -> Outcome {
        say("What would a ramp of two weeks in working hours do? A preview, without a cluster and without AWS");
        let printed = plan(&["-f", SAMPLE, "--from", "0"])?;
        let last = printed.lines().last().unwrap_or_default();
        if last.contains("50 %  100 %") {
            Ok(())
        } else {
            Err(format!("the preview ends with {last:?}").into())
        }
    }

    fn wait_for_window(&mut self) -> Outcome {
        say("Raise the target to 1 %, and allow raises in the twelve hours from the next full minute on");
        let schedule = self.opens.strftime("%-M %-H * * *").to_string();
        let window = json!({"kind": "Allow", "schedule": schedule, "duration": "12h", "timeZone": "UTC"});
        self.run
            .patch(&json!({"exposurePercentage": 1, "ramp": {"windows": [window]}}))?;
        self.run.ends(&Ending::ready(Reason::RampWaiting, 0.0))?;
        self.run.show_message()
    }

    /// Tells of it from its window on.
    pub fn go_on(&mut self) -> Outcome {
        self.open_window()?;
        self.run.ends(&Ending::ready(Reason::InSync, 1.0).having_raised(1.0))?;
        self.rise()?;
        self.brake_and_release()?;
        self.edit()?;
        self.jump()?;
        self.remove()
    }

    /// Puts `AppConfig`'s clock forward: a story is no place to wait for a full minute. In steps, since the operator goes by
    /// no `Date` that jumps.
    fn open_window(&self) -> Outcome {
        say("Back to the ramp: its window opens, and it goes to its target");
        let wait = self.opens.duration_since(Timestamp::now()).as_secs().max(0) + 1;
        println!(
            "  That would be in {wait} s. AppConfig's clock is the one that counts, and is put forward by as much: in steps, \
             since a Date that jumps counts for nothing."
        );
        let steps = (1..=wait).step_by(STEP).skip(1).chain([wait]);
        for ahead in steps {
            let settings = self.stage.emulator().settings();
            let settings = settings.changed(&json!({ "clockOffsetSeconds": ahead }))?;
            self.stage.emulator().set_settings(settings)?;
            let asked = format!("after-{ahead}-seconds");
            self.run.read_now(&asked)?;
            let handled = "jsonpath={.status.lastHandledReconcileAt}";
            self.stage.until_said(&["get", "exprun", RUN, "-o", handled], &asked)?;
        }
        Ok(())
    }

    fn rise(&mut self) -> Outcome {
        say("Raise the target to 60 %: 3 s after 1 % was reached comes 10 %, which is held for an hour");
        self.run.patch(&json!({"exposurePercentage": 60}))?;
        let ending = Ending::ready(Reason::RampHolding, 10.0);
        self.run.ends(&ending.having_raised(10.0))?;
        self.run.show_message()
    }

    fn brake_and_release(&mut self) -> Outcome {
        say("The brake: lower the target to what is live");
        self.run.patch(&json!({"exposurePercentage": 10}))?;
        self.run.ends(&Ending::ready(Reason::InSync, 10.0))?;
        say("The release: raise the target again. The hold goes on where it was");
        self.run.patch(&json!({"exposurePercentage": 60}))?;
        self.run.ends(&Ending::ready(Reason::RampHolding, 10.0))
    }

    fn edit(&mut self) -> Outcome {
        say("Edit the steps under way: 3 s at 10 %, then 20 % and 50 %");
        let steps = [(1, "3s"), (10, "3s"), (20, "1h"), (50, "1h")];
        let steps = steps.map(|(exposure, hold)| json!({"exposurePercentage": exposure, "hold": hold}));
        self.run.patch(&json!({"ramp": {"steps": steps}}))?;
        let ending = Ending::ready(Reason::RampHolding, 20.0);
        self.run.ends(&ending.having_raised(20.0))
    }

    fn jump(&mut self) -> Outcome {
        say("Somebody raises the run to 55 % in the AWS console, over a step: it is held there, as at the last step");
        self.run.raise_from_outside(55.0)?;
        self.run.read_now("after-the-jump")?;
        self.run.ends(&Ending::ready(Reason::RampHolding, 55.0))
    }

    fn remove(&mut self) -> Outcome {
        say("The ramp's block is gone from the manifest: that releases nobody");
        self.run.patch(&json!({"ramp": null}))?;
        self.run.ends(&Ending::not_ready(Reason::RampRemoved, 55.0))?;
        self.run.show_message()?;
        say("Release it, as the message says");
        self.run.patch(&json!({"ramp": {"steps": []}}))?;
        self.run
            .ends(&Ending::ready(Reason::InSync, 60.0).having_raised(60.0))?;
        for told in ["RampWaiting", "RampAdvanced", "RampRemoved", "TargetReached"] {
            self.stage.until_said(&["get", "events"], told)?;
        }
        Ok(())
    }
}
