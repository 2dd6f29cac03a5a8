//! Treatments, and the parts of a definition that answers about runs repeat.

use serde::Deserialize;
use serde_json::{Value, json};

use super::without_nulls;
use crate::{
    constraint::Violations,
    settings::Settings,
    store::{DefinitionContent, Treatment},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TreatmentInput {
    weight: Option<f32>,
    description: Option<String>,
    flag_value: Option<Value>,
}

impl TreatmentInput {
    pub(super) fn check(&self, at: &str, violations: &mut Violations) {
        match self.weight {
            Some(weight) if weight < 0.0 => {
                violations.add(
                    &format!("{at}.weight"),
                    format!("'{weight:?}'"),
                    "Member must have value greater than or equal to 0",
                );
            }
            Some(_) => {}
            None => violations.missing(&format!("{at}.weight")),
        }
        violations.optional_length(&format!("{at}.description"), self.description.as_deref(), 1024);
        match &self.flag_value {
            None => violations.missing(&format!("{at}.flagValue")),
            Some(value) if !value["Enabled"].is_boolean() => violations.missing(&format!("{at}.flagValue.enabled")),
            Some(value) => {
                let attributes = value["AttributeValues"].as_object().map_or(0, serde_json::Map::len);
                violations.count(&format!("{at}.flagValue.attributeValues"), attributes, 0, 25);
            }
        }
    }

    fn named(self, key: String) -> Treatment {
        let flag_value = self.flag_value.unwrap_or_default();
        Treatment {
            key,
            weight: self.weight.unwrap_or_default(),
            description: self.description,
            flag_value,
        }
    }
}

pub(super) fn check_all(treatments: &[TreatmentInput], violations: &mut Violations) {
    violations.count("treatments", treatments.len(), 1, 5);
    for (index, treatment) in treatments.iter().enumerate() {
        treatment.check(&format!("treatments.{}.member", index + 1), violations);
    }
}

/// The service assigns the keys (seen).
pub(super) fn control(input: TreatmentInput) -> Treatment {
    input.named("c".to_owned())
}

/// The service assigns the keys (seen).
pub(super) fn treatments(input: Vec<TreatmentInput>) -> Vec<Treatment> {
    input
        .into_iter()
        .enumerate()
        .map(|(index, treatment)| treatment.named(format!("t{}", index + 1)))
        .collect()
}

/// A run's `ExperimentDefinitionSnapshot`; a definition has a few members more.
pub(super) fn rendered_content(content: &DefinitionContent, settings: &Settings) -> Value {
    let treatment = |treatment: &Treatment| {
        without_nulls(json!({
            "Key": treatment.key,
            "Weight": settings.decimal(treatment.weight),
            "Description": treatment.description,
            "FlagValue": treatment.flag_value,
        }))
    };
    without_nulls(json!({
        "ApplicationId": content.application_id,
        "Id": content.id,
        "Name": content.name,
        "Hypothesis": content.hypothesis,
        "ConfigurationProfileId": content.profile_id,
        "EnvironmentId": content.environment_id,
        "FlagKey": content.flag_key,
        "AudienceRule": content.audience_rule,
        "AudienceDescription": content.audience_description,
        "LaunchCriteria": content.launch_criteria,
        "Treatments": content.treatments.iter().map(treatment).collect::<Vec<_>>(),
        "Control": treatment(&content.control),
    }))
}
