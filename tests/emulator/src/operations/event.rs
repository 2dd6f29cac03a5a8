//! The events of a run: who did what to it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Done, Turn, without_nulls};
use crate::{
    answer::Refusal,
    settings::{Cleared, Settings},
    store::{Event, Overrides, Run},
};

/// There is no event for a change of the description (model).
pub(super) fn event(
    kind: &'static str,
    triggered_by: &'static str,
    run: &Run,
    now: Timestamp,
    deployment: Option<String>,
) -> Event {
    Event {
        kind,
        occurred_at: now,
        triggered_by,
        exposure: run.exposure,
        overrides: run.overrides.clone(),
        description: format!("{kind} by {triggered_by}"),
        deployment,
    }
}

impl Turn<'_> {
    /// Newest first, as a deployment's event log is (doc; for runs it is a guess).
    pub(super) fn list_events(&mut self) -> Result<Done, Refusal> {
        let history = self.world.run(self.place()?, self.run_number()?)?;
        let items: Vec<Value> = history
            .events
            .iter()
            .rev()
            .map(|event| rendered(event, self.settings))
            .collect();
        self.page(&items)
    }
}

fn rendered(event: &Event, settings: &Settings) -> Value {
    without_nulls(json!({
        "EventType": event.kind,
        "OccurredAt": format!("{:.6}", event.occurred_at),
        "TriggeredBy": event.triggered_by,
        "ExposurePercentage": settings.decimal(event.exposure),
        "TreatmentOverrides": rendered_overrides(event.overrides.as_ref(), settings),
        "Description": event.description,
        "AssociatedDeployment": event.deployment,
    }))
}

pub(super) fn rendered_overrides(overrides: Option<&Overrides>, settings: &Settings) -> Option<Value> {
    let overrides = overrides?;
    let absent = overrides.is_empty() && settings.cleared_map == Cleared::Absent;
    (!absent).then(|| json!({"Inline": overrides}))
}
