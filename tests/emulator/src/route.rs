//! From a method and a raw path to an operation and the identifiers in it.
//!
//! The path is split before it is decoded: `%2F` belongs to a name, `/` does not.

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// The operations that the emulator serves, by AWS's names (model).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "AWS's own names say what each is")]
pub enum Operation {
    CreateApplication,
    CreateEnvironment,
    GetEnvironment,
    CreateConfigurationProfile,
    CreateExperimentDefinition,
    GetExperimentDefinition,
    UpdateExperimentDefinition,
    DeleteExperimentDefinition,
    ListExperimentDefinitions,
    StartExperimentRun,
    GetExperimentRun,
    UpdateExperimentRun,
    StopExperimentRun,
    ListExperimentRuns,
    ListExperimentRunEvents,
}

/// An operation with what its path and query name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Route {
    pub(crate) operation: Operation,
    pub(crate) application: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) definition: Option<String>,
    /// As sent: it may not be a number.
    pub(crate) run: Option<String>,
    pub(crate) query: Vec<(String, String)>,
}

impl Route {
    /// A route with no identifiers yet.
    pub(crate) fn to(operation: Operation) -> Self {
        Self {
            operation,
            application: None,
            environment: None,
            definition: None,
            run: None,
            query: Vec::new(),
        }
    }

    pub(crate) fn parse(method: &Method, path: &str, query: Option<&str>) -> Option<Self> {
        use Operation as Op;
        let segments: Vec<Cow<'_, str>> = path
            .strip_prefix('/')?
            .split('/')
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy())
            .collect();
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        let mut route = match (method.as_str(), segments.as_slice()) {
            ("POST", ["applications"]) => Self::to(Op::CreateApplication),
            ("GET", ["experimentdefinitions"]) => Self::to(Op::ListExperimentDefinitions),
            (method, ["applications", application, rest @ ..]) => {
                let mut route = Self::within_application(method, rest)?;
                route.application = Some((*application).to_owned());
                route
            }
            _ => return None,
        };
        route.query = query.map(parse_query).unwrap_or_default();
        Some(route)
    }

    fn within_application(method: &str, rest: &[&str]) -> Option<Self> {
        use Operation as Op;
        let (operation, definition, run) = match (method, rest) {
            ("POST", ["environments"]) => (Op::CreateEnvironment, None, None),
            ("GET", ["environments", environment]) => {
                let route = Self::to(Op::GetEnvironment);
                return Some(Self {
                    environment: Some((*environment).to_owned()),
                    ..route
                });
            }
            ("POST", ["configurationprofiles"]) => (Op::CreateConfigurationProfile, None, None),
            (method, ["experimentdefinitions", rest @ ..]) => match (method, rest) {
                ("POST", []) => (Op::CreateExperimentDefinition, None, None),
                ("GET", [definition]) => (Op::GetExperimentDefinition, Some(definition), None),
                ("PATCH", [definition]) => (Op::UpdateExperimentDefinition, Some(definition), None),
                ("DELETE", [definition]) => (Op::DeleteExperimentDefinition, Some(definition), None),
                (method, [definition, "experimentruns", rest @ ..]) => match (method, rest) {
                    ("POST", []) => (Op::StartExperimentRun, Some(definition), None),
                    ("GET", []) => (Op::ListExperimentRuns, Some(definition), None),
                    ("GET", [run]) => (Op::GetExperimentRun, Some(definition), Some(run)),
                    ("GET", [run, "events"]) => (Op::ListExperimentRunEvents, Some(definition), Some(run)),
                    ("PATCH", [run, "update"]) => (Op::UpdateExperimentRun, Some(definition), Some(run)),
                    ("PATCH", [run, "stop"]) => (Op::StopExperimentRun, Some(definition), Some(run)),
                    _ => return None,
                },
                _ => return None,
            },
            _ => return None,
        };
        let owned = |segment: &&str| (*segment).to_owned();
        Some(Self {
            definition: definition.map(owned),
            run: run.map(owned),
            ..Self::to(operation)
        })
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Splits and decodes a query string; `+` stays, as AWS clients send `%20` for a space.
pub(crate) fn parse_query(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_slashes() {
        let path = "/applications/my%20app%2F%CF%80/experimentdefinitions/100%25/experimentruns/1/update";
        let expected = Route {
            application: Some("my app/π".to_owned()),
            definition: Some("100%".to_owned()),
            run: Some("1".to_owned()),
            ..Route::to(Operation::UpdateExperimentRun)
        };
        assert_eq!(Route::parse(&Method::PATCH, path, None), Some(expected));
    }

    #[test]
    fn unknown_paths_have_no_route() {
        for path in [
            "/",
            "/applications/a/b",
            "/prefix/applications/a/experimentdefinitions/d",
            "/applications/",
        ] {
            assert_eq!(Route::parse(&Method::GET, path, None), None, "{path}");
        }
    }
}
