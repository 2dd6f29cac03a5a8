//! [`Names`]: what a spec says of which run it means. A run is found by them, and until a status tells of that run they can
//! be corrected.

use crate::api::ExperimentRunSpec;

use super::desired::{Defaults, Desired};

/// What a spec says of which run it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    application_identifier: String,
    experiment_definition_identifier: String,
    run: i32,
    region: Option<String>,
}

impl Names {
    /// The names of a spec, whether or not the rest of it can be used.
    #[must_use]
    pub fn of(spec: &ExperimentRunSpec, defaults: &Defaults) -> Self {
        let own = || defaults.region.as_ref().map(ToString::to_string);
        Self {
            application_identifier: spec.application_identifier.clone(),
            experiment_definition_identifier: spec.experiment_definition_identifier.clone(),
            run: spec.run,
            region: spec.region.clone().or_else(own),
        }
    }

    /// The names by which a run was found, or would be.
    pub(super) fn asked(desired: &Desired) -> Self {
        Self {
            application_identifier: desired.application_identifier.clone(),
            experiment_definition_identifier: desired.experiment_definition_identifier.clone(),
            run: desired.run,
            region: Some(desired.region.to_string()),
        }
    }
}
