//! What is sent: paths, and the bodies of updates.

use serde::Serialize;
use std::collections::BTreeMap;

use super::RunAddress;
use crate::api::{DeploymentParameters, Exposure, Member, TreatmentOverrides};

/// One update of a run: one changed member, since `AppConfig` refuses a request with two deployment attributes.
///
/// An absent member is left unchanged, and is omitted, never `null` (service model). Deployment parameters go along
/// only with the members whose update is a deployment.
#[derive(Clone, Debug, PartialEq)]
pub enum UpdateExperimentRun {
    /// The description, 0 to 1024 characters. The empty one clears it.
    Description(String),
    /// The treatment overrides: always the complete map.
    TreatmentOverrides {
        /// The complete map, 0 to 32 entities. The empty one clears it.
        overrides: TreatmentOverrides,
        /// Parameters of the deployment that the update causes. Empty ones are omitted.
        parameters: DeploymentParameters,
    },
    /// The exposure.
    ExposurePercentage {
        /// The percentage, above the live one.
        exposure: Exposure,
        /// Parameters of the deployment that the update causes. Empty ones are omitted.
        parameters: DeploymentParameters,
    },
}

#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exposure_percentage: Option<Exposure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    treatment_overrides: Option<Inline<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment_parameters: Option<Parameters<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Inline<'a> {
    inline: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    dynamic_extension_parameters: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: &'a BTreeMap<String, String>,
}

impl UpdateExperimentRun {
    /// The member that the update changes.
    #[must_use]
    pub const fn member(&self) -> Member {
        match self {
            Self::Description(_) => Member::Description,
            Self::TreatmentOverrides { .. } => Member::TreatmentOverrides,
            Self::ExposurePercentage { .. } => Member::ExposurePercentage,
        }
    }

    /// Whether the request carries entity IDs or parameter values, which `AppConfig`'s error text may echo.
    #[must_use]
    pub fn carries_discreet_values(&self) -> bool {
        match self {
            Self::Description(_) => false,
            Self::TreatmentOverrides { .. } => true,
            Self::ExposurePercentage { parameters, .. } => Parameters::of(parameters).is_some(),
        }
    }

    /// The request's body.
    pub(super) fn body(&self) -> Result<Vec<u8>, serde_json::Error> {
        let body = match self {
            Self::Description(description) => Body {
                description: Some(description),
                ..Body::default()
            },
            Self::TreatmentOverrides { overrides, parameters } => Body {
                treatment_overrides: Some(Inline {
                    inline: &overrides.inline,
                }),
                deployment_parameters: Parameters::of(parameters),
                ..Body::default()
            },
            Self::ExposurePercentage { exposure, parameters } => Body {
                exposure_percentage: Some(*exposure),
                deployment_parameters: Parameters::of(parameters),
                ..Body::default()
            },
        };
        serde_json::to_vec(&body)
    }
}

impl<'a> Parameters<'a> {
    fn of(parameters: &'a DeploymentParameters) -> Option<Self> {
        let DeploymentParameters {
            dynamic_extension_parameters,
            tags,
        } = parameters;
        let any = !(dynamic_extension_parameters.is_empty() && tags.is_empty());
        any.then_some(Self {
            dynamic_extension_parameters,
            tags,
        })
    }
}

/// The path of a run.
pub(super) fn run_path(address: &RunAddress) -> String {
    let mut path = String::from("/applications/");
    push_encoded(&mut path, address.application.as_str());
    path.push_str("/experimentdefinitions/");
    push_encoded(&mut path, address.experiment_definition.as_str());
    path.push_str("/experimentruns/");
    path.push_str(&address.run.to_string());
    path
}

/// The path and query of one page of a run's events. 50 a page is the most that the service's lists give.
pub(super) fn events_path(address: &RunAddress, next_token: Option<&str>) -> String {
    let mut path = run_path(address);
    path.push_str("/events?max_results=50");
    if let Some(next_token) = next_token {
        path.push_str("&next_token=");
        push_encoded(&mut path, next_token);
    }
    path
}

/// Percent-encodes every UTF-8 byte except the unreserved ones, as Signature Version 4 wants it.
fn push_encoded(path: &mut String, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            path.push(char::from(byte));
        } else {
            path.push('%');
            path.push(char::from(DIGITS[usize::from(byte >> 4)]));
            path.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}
