//! What people are told of the served schema: `/readyz`, the log, a metric and an Event, each time that it changes.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{CustomResourceExt, runtime::events::EventType};

use crate::{
    api::ExperimentRun, controller::events::Publisher, decide::event::SERVED_SCHEMA_INCOMPLETE, http::Check,
    metrics::Metrics, schema::SchemaState,
};

/// What the operator was doing when the Event came about.
const ACTION: &str = "ReadSchema";

/// How many fields are named in a sentence.
const NAMED: usize = 10;

/// Where it is told.
pub(in crate::controller) struct Report {
    ready: Check,
    metrics: Metrics,
    publisher: Publisher,
    /// What was reported last.
    last: Option<SchemaState>,
    /// The failure that was told and still holds.
    complaint: Option<String>,
}

impl Report {
    pub(in crate::controller) fn new(ready: Check, metrics: Metrics, publisher: Publisher) -> Self {
        Self {
            ready,
            metrics,
            publisher,
            last: None,
            complaint: None,
        }
    }

    /// Tells what follows from a read, and why it failed, when that is not what was told last.
    pub(super) fn tell(&mut self, state: &SchemaState, failure: Option<String>) {
        if let Some(failure) = failure
            .as_ref()
            .filter(|failure| self.complaint.as_ref() != Some(failure))
        {
            tracing::warn!("the schema of ExperimentRuns can't be read; retrying: {failure}");
        }
        self.complaint = failure;
        // A watch that begins anew is nothing to tell of.
        if *state == SchemaState::Pending || self.last.as_ref() == Some(state) {
            return;
        }
        match state {
            SchemaState::Complete => {
                self.ready.set(true);
                tracing::info!("the API server serves every field of ExperimentRuns that this operator knows");
            }
            SchemaState::Lacks(fields) => self.lacks(fields),
            SchemaState::Unread => {
                self.ready
                    .wait_for("the schema of ExperimentRuns, which can't be read: see the log".to_owned());
                tracing::warn!("the operator neither acts on nor writes ExperimentRuns until it has read their schema");
            }
            SchemaState::Pending => {}
        }
        self.metrics.missing_fields(match state {
            SchemaState::Lacks(fields) => fields,
            _ => &[],
        });
        self.last = Some(state.clone());
    }

    fn lacks(&self, fields: &[String]) {
        let crd = ExperimentRun::crd_name();
        let named = sentence(fields);
        self.ready.wait_for(format!(
            "the CRD {crd} of this operator's version: the served one lacks {named}"
        ));
        let note = format!(
            "the CRD {crd} lacks {named}, which this operator knows; the operator neither acts on nor writes \
             ExperimentRuns until the CRD is complete: apply the CRD of the operator's version"
        );
        tracing::warn!(reason = SERVED_SCHEMA_INCOMPLETE, "{note}");
        let regarding = ObjectReference {
            api_version: Some("apiextensions.k8s.io/v1".to_owned()),
            kind: Some("CustomResourceDefinition".to_owned()),
            name: Some(crd.to_owned()),
            ..ObjectReference::default()
        };
        self.publisher
            .publish(&regarding, EventType::Warning, SERVED_SCHEMA_INCOMPLETE, ACTION, &note);
    }
}

/// The fields, or the first of them and how many more there are.
fn sentence(fields: &[String]) -> String {
    let named = fields
        .iter()
        .take(NAMED)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match fields.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_that_lacks_much_is_told_in_a_line() {
        let fields: Vec<_> = (0..12).map(|number| format!("spec.f{number}")).collect();
        assert_eq!(sentence(&fields[..2]), "spec.f0, spec.f1");
        assert!(sentence(&fields).ends_with("spec.f9 and 2 more"));
    }
}
