//! Manifests of `ExperimentRun`s, checked as the API server would check them: see `schema` and `rules`.

use std::{path::PathBuf, sync::LazyLock};

use serde_json::{Map, Value};

use crate::api::{ExperimentRunSpec, custom_resource_definition};

use super::{
    Problem,
    documents::Document,
    metadata,
    names::{self, KindMatch},
    rules,
    schema::{self, Fault},
    yaml::{self, Key, KeyKind},
};

/// A manifest that the API server would take.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Where it stands.
    pub file: PathBuf,
    /// Which document of the file, from 1.
    pub document: usize,
    /// None: the one that the tool which applies it uses.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// What it asks for, as the API server would store it.
    pub spec: ExperimentRunSpec,
}

/// Those maps of which the keys are people's own.
const OWN_KEYS: [&str; 5] = [
    "metadata.labels",
    "metadata.annotations",
    "spec.treatmentOverrides.inline",
    "spec.deploymentParameters.dynamicExtensionParameters",
    "spec.deploymentParameters.tags",
];
const NO_RESOURCE: &str = "it is not a Kubernetes resource, since apiVersion or kind is missing: set both, or name \
                           only files of resources with -f";

/// The schema of the only version.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let definition = serde_json::to_value(custom_resource_definition()).unwrap_or_default();
    rules::without_dyn(&definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
});

/// What a document holds.
pub(super) struct Parsed<'a> {
    document: &'a Document,
    /// The `ExperimentRun`s in it.
    pub(super) manifests: Vec<Manifest>,
    /// All for which the API server would refuse one.
    pub(super) problems: Vec<Problem>,
    /// How many resources of other kinds there are.
    pub(super) others: usize,
}

/// Reads a document. A List is as good as its items.
pub(super) fn parse(document: &Document) -> Parsed<'_> {
    let mut parsed = Parsed {
        document,
        manifests: Vec::new(),
        problems: Vec::new(),
        others: 0,
    };
    match yaml::read(&document.text, document.syntax) {
        // A document of comments alone is none.
        Ok(read) if read.value.is_null() => {}
        Ok(read) => parsed.resource(read.value, &read.keys, ""),
        Err(unreadable) => parsed.problems.push(document.unreadable(&unreadable)),
    }
    parsed
}

impl Parsed<'_> {
    fn fault(&mut self, at: &str, what: impl Into<String>) {
        let field = if at.is_empty() { "the document" } else { at };
        self.problems
            .push(self.document.problem(Some(field.trim_end_matches('.')), what));
    }

    fn resource(&mut self, value: Value, keys: &[Key], at: &str) {
        let (kind, version) = (text(&value, "kind"), text(&value, "apiVersion"));
        let Value::Object(mut object) = value else {
            return self.fault(at, NO_RESOURCE);
        };
        if kind.is_empty() || version.is_empty() {
            return self.fault(at, NO_RESOURCE);
        }
        if let Some(item) = kind
            .strip_suffix("List")
            .filter(|item| item.is_empty() || object.contains_key("items"))
        {
            if !at.is_empty() {
                return self.fault(at, "a List can't be in a List");
            }
            let Some(Value::Array(items)) = object.remove("items") else {
                return self.fault("items", "it must be a list");
            };
            for (index, mut value) in items.into_iter().enumerate() {
                let bare = text(&value, "kind").is_empty() && text(&value, "apiVersion").is_empty();
                if let (Value::Object(object), true) = (&mut value, bare) {
                    object
                        .extend([("kind", item), ("apiVersion", &version)].map(|(it, is)| (it.to_owned(), is.into())));
                }
                self.resource(value, keys, &format!("items[{index}]."));
            }
            return;
        }
        match names::of(&kind, &version) {
            KindMatch::Other => self.others += 1,
            KindMatch::Wrong(field, what) => self.fault(&format!("{at}{field}"), what),
            KindMatch::Ours => match check(object, keys_as_written(keys, self.document, at)) {
                Ok((namespace, name, spec)) => self.manifests.push(Manifest {
                    file: self.document.file.clone(),
                    document: self.document.number,
                    namespace,
                    name,
                    spec,
                }),
                Err(found) => {
                    for fault in found {
                        self.fault(&format!("{at}{}", fault.field), fault.what);
                    }
                }
            },
        }
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// What is to be said of keys. Only their number and lines: they may be entity IDs.
fn keys_as_written(keys: &[Key], document: &Document, at: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    for map in OWN_KEYS {
        for kind in [KeyKind::Altered, KeyKind::TooLong] {
            let here = keys
                .iter()
                .filter(|key| key.kind == kind && key.map.strip_prefix(at) == Some(map));
            let lines: Vec<String> = here.map(|key| (document.lines_before + key.line).to_string()).collect();
            let (keys, one) = match &lines[..] {
                [] => continue,
                [line] => (format!("1 key on line {line} is"), true),
                [first @ .., last] => {
                    let first = first.join(", ");
                    (format!("{} keys on lines {first} and {last} are", lines.len()), false)
                }
            };
            let what = match kind {
                KeyKind::Altered if one => "a number, or true or false, to Kubernetes: quote it",
                KeyKind::Altered => "numbers, or true or false, to Kubernetes: quote them",
                KeyKind::TooLong => "too long for server-side apply, which takes 1,022 characters, fewer with escapes",
            };
            faults.push(Fault::new(map, format!("{keys} {what}")));
        }
    }
    faults
}

type Checked = (Option<String>, String, ExperimentRunSpec);

fn check(object: Map<String, Value>, keys: Vec<Fault>) -> Result<Checked, Vec<Fault>> {
    let mut faults = Vec::new();
    let (namespace, name) = metadata::check(object.get("metadata").unwrap_or(&Value::Null), &mut faults);
    let mut object = Value::Object(object);
    faults.extend(schema::check(&SCHEMA, &mut object));
    if faults.is_empty() && !object["spec"].is_object() {
        faults.push(Fault::new("spec", "it is required".to_owned()));
    }
    if faults.is_empty() {
        // On creation the API server drops it: it is the operator's.
        object.as_object_mut().and_then(|object| object.remove("status"));
        faults.extend(rules::check(&SCHEMA, &object));
    }
    faults.extend(keys);
    if !faults.is_empty() {
        return Err(faults);
    }
    let spec = serde_json::from_value(object["spec"].take()).map_err(|_| {
        vec![Fault::new(
            "spec",
            "it is not of the shape that the CRD describes".to_owned(),
        )]
    })?;
    Ok((namespace, name, spec))
}
