//! What goes wrong between the operator and `AppConfig`, and how to tell that the operator has met it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU32, Ordering},
};

use appconfig_emulator::{Effect, Fault, Operation, RawAnswer, RawBody, RefuseWith, Settings};
use appconfig_experiment_operator::api::{ExperimentRun, ExperimentRunStatus, RECONCILE_REQUESTED_AT};
use serde_json::json;

use crate::Scene;

/// An answer with an error in AWS's form; without a code, as a front end gives it.
pub fn refuse(status: u16, code: Option<&str>, message: &str) -> Effect {
    Effect::Refuse(RefuseWith {
        status,
        code: code.map(str::to_owned),
        message: message.to_owned(),
    })
}

/// An answer byte for byte, which AWS's servers may never have seen the request of.
#[must_use]
pub fn raw(status: u16, content_type: &str, body: &str) -> Effect {
    Effect::Raw(RawAnswer {
        status,
        headers: BTreeMap::from([("Content-Type".to_owned(), content_type.to_owned())]),
        body: RawBody::Text(body.to_owned()),
        commit: false,
    })
}

/// The status as far as it is copied from `AppConfig`: what no fault may change (P6).
#[must_use]
pub fn copied(run: &ExperimentRun) -> ExperimentRunStatus {
    let status = run.status.clone().unwrap_or_default();
    ExperimentRunStatus {
        observed_generation: None,
        pending_update: None,
        held_updates: Vec::new(),
        last_error: None,
        last_handled_reconcile_at: None,
        conditions: Vec::new(),
        ..status
    }
}

impl Scene {
    /// Every request of this operation meets this until [`Self::heal`].
    pub fn always(&self, operation: Operation, effect: Effect) {
        self.fault(Fault::always(operation, effect));
    }

    /// The next request of this operation meets this.
    pub fn once(&self, operation: Operation, effect: Effect) {
        self.fault(Fault::once(operation, effect));
    }

    /// Replaces the faults by one.
    pub fn fault(&self, fault: Fault) {
        self.emulator.set_faults(vec![fault]).expect("a fault that can be");
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        self.emulator.set_faults(vec![]).expect("no fault is a list of faults");
    }

    /// Whether a user's deployment is under way in the experiment's environment.
    pub fn deployment_in_progress(&self, under_way: bool) {
        let settings = Settings {
            deployment_in_progress: under_way.then(|| "production".to_owned()).into_iter().collect(),
            ..self.emulator.settings()
        };
        self.emulator.set_settings(settings).expect("the environment is there");
    }

    /// Asks for a pass as a person would, and gives what the status will say when it was handled.
    pub async fn ask_for_a_pass(&self, name: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let asked = format!("pass-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let annotations = json!({ RECONCILE_REQUESTED_AT: asked });
        self.patch(name, &json!({ "metadata": { "annotations": annotations } }))
            .await;
        asked
    }

    /// Asks for a pass, and waits until it was handled: the read that it made has been judged.
    pub async fn pass(&self, name: &str) -> ExperimentRun {
        let asked = self.ask_for_a_pass(name).await;
        let handled = |run: &ExperimentRun| {
            let status = run.status.as_ref();
            status.and_then(|status| status.last_handled_reconcile_at.as_deref()) == Some(&asked)
        };
        self.wait(name, "handled", handled).await
    }

    /// How many updates were fenced: each fence records an ID of its own, whether or not its update ever left.
    pub fn fences(&self, name: &str) -> usize {
        let versions = self.versions(name);
        let pending = versions
            .iter()
            .filter_map(|run| run.status.as_ref()?.pending_update.as_ref());
        pending.map(|pending| &pending.id).collect::<BTreeSet<_>>().len()
    }

    /// How many updates `AppConfig` has carried out.
    pub fn committed(&self) -> usize {
        self.updates().iter().filter(|update| update.committed).count()
    }

    /// How many Events of a reason a resource has.
    pub async fn count_events(&self, name: &str, reason: &str) -> usize {
        let events = self.events(name).await;
        events
            .iter()
            .filter(|event| event.reason.as_deref() == Some(reason))
            .count()
    }
}
