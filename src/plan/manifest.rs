//! Manifests of `ExperimentRun`s, checked as the API server would check them: see `schema` and `rules`.

use std::{path::PathBuf, sync::LazyLock};

use kube::Resource as _;
use serde_json::{Map, Value};

use crate::{
    api::{ExperimentRun, ExperimentRunSpec, GROUP, custom_resource_definition},
    cli::{LeaseName, Namespace},
};

use super::{
    Problem,
    documents::Document,
    rules,
    schema::{self, Fault},
};

/// A manifest that the API server would take.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub(super) file: PathBuf,
    pub(super) document: usize,
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    pub(super) spec: ExperimentRunSpec,
}

/// The schema of the only version.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let definition = serde_json::to_value(custom_resource_definition()).unwrap_or_default();
    rules::without_dyn(&definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
});

/// The fields of an object's metadata that people write, and those that the API server adds.
const METADATA: [&str; 7] = [
    "name",
    "namespace",
    "labels",
    "annotations",
    "generateName",
    "finalizers",
    "ownerReferences",
];
const ADDED: [&str; 8] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// The `ExperimentRun`s of a document; other kinds are none. A List is as good as its items.
///
/// # Errors
/// All that the API server would refuse.
pub(super) fn parse(document: &Document) -> Result<Vec<Manifest>, Vec<Problem>> {
    let value = value(document).map_err(|problem| vec![problem])?;
    let mut manifests = Vec::new();
    let mut faults = Vec::new();
    collect(document, value, "", &mut manifests, &mut faults);
    if faults.is_empty() {
        return Ok(manifests);
    }
    let problem = |fault: &Fault| document.problem(Some(&fault.field), fault.what.clone());
    Err(faults.iter().map(problem).collect())
}

/// What a document says. As kubectl's, one that begins with a brace is JSON first: YAML has narrower bounds for keys.
fn value(document: &Document) -> Result<Value, Problem> {
    let text = document.text.trim_start();
    let json = text.starts_with('{').then(|| serde_json::from_str(text));
    if let Some(Ok(value)) = json {
        return Ok(value);
    }
    serde_saphyr::from_str(&document.text).map_err(|error| {
        // What the parser says shows lines of the manifest.
        let place = error.location().map_or(String::new(), |place| {
            format!(", at line {} of the file", place.line() + document.lines_before)
        });
        document.problem(None, format!("it is not YAML or JSON that can be read{place}"))
    })
}

fn collect(document: &Document, value: Value, at: &str, manifests: &mut Vec<Manifest>, faults: &mut Vec<Fault>) {
    let kind = value["kind"].as_str().unwrap_or_default().to_owned();
    let Value::Object(mut object) = value else {
        // A document of comments alone is none.
        if !value.is_null() {
            faults.push(no_resource(at));
        }
        return;
    };
    if kind.ends_with("List")
        && let Some(Value::Array(items)) = object.remove("items")
    {
        for (index, item) in items.into_iter().enumerate() {
            collect(document, item, &format!("{at}items[{index}]."), manifests, faults);
        }
        return;
    }
    let version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    if kind.is_empty() || version.is_empty() {
        faults.push(no_resource(at));
        return;
    }
    if kind != ExperimentRun::kind(&()) || version.split('/').next() != Some(GROUP) {
        return;
    }
    let known = ExperimentRun::api_version(&());
    if version != known {
        faults.push(Fault::new("apiVersion", format!("there is only {known}")).below(at));
        return;
    }
    match check(object) {
        Ok((namespace, name, spec)) => manifests.push(Manifest {
            file: document.file.clone(),
            document: document.number,
            namespace,
            name,
            spec,
        }),
        Err(found) => faults.extend(found.into_iter().map(|fault| fault.below(at))),
    }
}

/// As kubectl: what might have been meant as an `ExperimentRun` isn't skipped.
fn no_resource(at: &str) -> Fault {
    let what = "it is no resource: apiVersion and kind are required";
    Fault::new(
        if at.is_empty() {
            "the document"
        } else {
            at.trim_end_matches('.')
        },
        what.to_owned(),
    )
}

type Checked = (Option<String>, String, ExperimentRunSpec);

fn check(mut object: Map<String, Value>) -> Result<Checked, Vec<Fault>> {
    // On creation the API server drops it: it is the operator's.
    object.remove("status");
    let mut faults = Vec::new();
    let metadata = object.get("metadata").cloned().unwrap_or_default();
    let (namespace, name) = names(&metadata, &mut faults);
    let mut object = Value::Object(object);
    faults.extend(schema::check(&SCHEMA, &mut object));
    if faults.is_empty() && !object["spec"].is_object() {
        faults.push(Fault::new("spec", "it is required".to_owned()));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let broken = rules::check(&SCHEMA, &object);
    if !broken.is_empty() {
        return Err(broken);
    }
    let spec = serde_json::from_value(object["spec"].take()).map_err(|_| {
        vec![Fault::new(
            "spec",
            "it is not of the shape that the CRD describes".to_owned(),
        )]
    })?;
    Ok((namespace, name, spec))
}

/// Namespace and name, as the API server has them.
fn names(metadata: &Value, faults: &mut Vec<Fault>) -> (Option<String>, String) {
    for unknown in metadata.as_object().into_iter().flat_map(Map::keys) {
        if !METADATA.contains(&unknown.as_str()) && !ADDED.contains(&unknown.as_str()) {
            faults.push(schema::unknown("metadata", unknown, METADATA.iter().copied()));
        }
    }
    let text = |field: &str, faults: &mut Vec<Fault>| match &metadata[field] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        _ => {
            faults.push(Fault::new(
                &format!("metadata.{field}"),
                "it must be a string".to_owned(),
            ));
            None
        }
    };
    let namespace = text("namespace", faults);
    let (name, generate_name) = (text("name", faults), text("generateName", faults));
    if namespace
        .as_ref()
        .is_some_and(|name| name.parse::<Namespace>().is_err())
    {
        let what = "it must be the name of a namespace: lower-case letters, digits and hyphens";
        faults.push(Fault::new("metadata.namespace", what.to_owned()));
    }
    let Some(name) = name.or(generate_name) else {
        faults.push(Fault::new("metadata.name", "it is required".to_owned()));
        return (namespace, String::new());
    };
    // Both follow the same rule, that of a DNS subdomain; a generated name goes on.
    if format!("{}0", name.trim_end_matches('-')).parse::<LeaseName>().is_err() || metadata["name"] == "" {
        let what = "it must be the name of a resource: lower-case letters, digits, hyphens and dots";
        faults.push(Fault::new("metadata.name", what.to_owned()));
    }
    (namespace, name)
}
