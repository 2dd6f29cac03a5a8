//! What is sent: paths, and the bodies of updates.

use serde::Serialize;
use std::collections::BTreeMap;

use crate::{
    api::{DeploymentParameters, Exposure, TreatmentOverrides},
    run::{Change, RunAddress, Update},
};

/// The body of `UpdateExperimentRun`. An absent member is left unchanged, and is omitted, never `null` (service model).
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

/// The body of the request that sends an update: the one member that it changes, and parameters if there are any.
///
/// # Errors
/// When it can't be written as JSON.
pub(super) fn body(update: &Update) -> Result<Vec<u8>, serde_json::Error> {
    let mut body = Body {
        deployment_parameters: Parameters::of(update.parameters()),
        ..Body::default()
    };
    match update.change() {
        Change::Description(description) => body.description = Some(description),
        Change::TreatmentOverrides(TreatmentOverrides { inline }) => body.treatment_overrides = Some(Inline { inline }),
        Change::ExposurePercentage(raise) => body.exposure_percentage = Some(raise.to()),
    }
    serde_json::to_vec(&body)
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
