//! What people do in a journey, and what they look at afterwards.

use appconfig_emulator::RequestRecord;
use appconfig_experiment_operator::api::ExperimentRun;
use jiff::{SignedDuration, Timestamp};
use promise_checker::ClockChange;
use serde_json::Value;

use crate::{Scene, condition, kubectl};

/// Ready's message.
#[must_use]
pub fn message(run: &ExperimentRun) -> &str {
    condition(run, "Ready").map_or("", |ready| ready.message.as_str())
}

/// What was sent, in order.
#[must_use]
pub fn bodies(requests: &[RequestRecord]) -> Vec<Value> {
    requests.iter().map(|request| request.body.clone()).collect()
}

impl Scene {
    /// As [`Self::pass`], until what it led to has come to its end too: the fence of an update echoes the request already.
    pub async fn full_pass(&self, name: &str) -> ExperimentRun {
        self.pass(name).await;
        let at_rest = |run: &ExperimentRun| {
            run.status
                .as_ref()
                .is_some_and(|status| status.pending_update.is_none())
        };
        self.wait(name, "at rest", at_rest).await
    }

    /// Lets seconds go by for `AppConfig`, whose answers tell old from new by whole seconds.
    pub fn later(&self, seconds: i32) {
        let mut settings = self.emulator.settings();
        settings.clock_offset_seconds += seconds;
        let set = ClockChange {
            at: Timestamp::now(),
            ahead: SignedDuration::from_secs(settings.clock_offset_seconds.into()),
        };
        self.circumstances(|context| context.clock_changes.push(set));
        self.emulator.set_settings(settings).expect("settings that can be");
    }

    /// The same for more than half a minute, while an operator goes by that clock: a `Date` that jumps is no evidence, so
    /// time goes by in steps, with a pass after each but the last.
    pub async fn much_later(&self, name: &str, seconds: i32) {
        const STEP: i32 = 25;
        let mut left = seconds;
        while left > STEP {
            self.later(STEP);
            self.full_pass(name).await;
            left -= STEP;
        }
        self.later(left);
    }

    /// Changes a setting of the emulator.
    pub fn set(&self, change: &Value) {
        let settings = self.emulator.settings().changed(change);
        self.emulator
            .set_settings(settings.expect("a setting that there is"))
            .expect("settings that can be");
    }

    /// The notes of a resource's Events of one reason, in the order in which they were told.
    pub async fn notes(&self, name: &str, reason: &str) -> Vec<String> {
        let mut events = self.events(name).await;
        events.retain(|event| event.reason.as_deref() == Some(reason));
        events.sort_by_key(|event| event.event_time.as_ref().map(|time| time.0));
        events.into_iter().filter_map(|event| event.note).collect()
    }

    /// Waits until a resource has so many Events of a reason, and gives their notes.
    pub async fn wait_for_notes(&self, name: &str, reason: &str, times: usize) -> Vec<String> {
        let what = format!("told as {times} Events of reason {reason}");
        self.eventually(&what, async || self.notes(name, reason).await.len() >= times)
            .await;
        self.notes(name, reason).await
    }

    /// Runs kubectl in this scene's namespace and gives what it prints.
    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        let arguments = [&["--namespace", &self.namespace], arguments].concat();
        let output = kubectl(&arguments).await;
        let (said, complaint) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "kubectl {arguments:?}: {complaint}");
        said.into_owned()
    }
}
