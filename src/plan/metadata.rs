//! What the API server asks of an object's metadata. Keys and values are not named: they may be anything.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde_json::{Map, Value, json};

use crate::cli::Namespace;

use super::schema::{self, Fault};

/// The fields that people write, and those that the API server adds.
const WRITTEN: [&str; 7] = [
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
/// The fields of those that are lists of objects.
const WITHIN: [(&str, &[&str]); 2] = [
    (
        "ownerReferences",
        &["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"],
    ),
    (
        "managedFields",
        &[
            "apiVersion",
            "fieldsType",
            "fieldsV1",
            "manager",
            "operation",
            "subresource",
            "time",
        ],
    ),
];
/// How many bytes annotations may have, keys and values together.
const ANNOTATIONS: usize = 256 * 1024;
/// How long a name is, and how long its parts are: a label's value, or the last part of a key.
const NAME: usize = 253;
const PART: usize = 63;
/// The finalizers of which an object has one at most.
const EITHER: [&str; 2] = ["orphan", "foregroundDeletion"];

const KEYS: &str = "each must be a name of up to 63 letters, digits and -_. between letters or digits, with or without the \
                    prefix of a DNS name and a slash";

/// Namespace and name, as the API server has them.
pub(super) fn check(metadata: &Value, faults: &mut Vec<Fault>) -> (Option<String>, String) {
    let metadata = typed(metadata, faults);
    let (labels, annotations) = (
        metadata.labels.unwrap_or_default(),
        metadata.annotations.unwrap_or_default(),
    );
    let finalizers = metadata.finalizers.unwrap_or_default();
    let namespace = metadata.namespace.filter(|namespace| !namespace.is_empty());
    let name = metadata.name.unwrap_or_default();
    let generated = metadata.generate_name.filter(|name| !name.is_empty());
    let wrong = [
        (
            "namespace",
            "it must be the name of a namespace: lower-case letters, digits and hyphens",
            namespace
                .as_ref()
                .is_some_and(|name| name.parse::<Namespace>().is_err()),
        ),
        (
            "name",
            "it is required; generateName can't be used with kubectl apply",
            name.is_empty() && !faults.iter().any(|fault| fault.field == "metadata.name"),
        ),
        (
            "name",
            "it must be the name of a resource: lower-case letters, digits, hyphens and dots",
            !name.is_empty() && !is_subdomain(&name),
        ),
        (
            "generateName",
            "it must begin as the name of a resource does",
            generated.is_some_and(|name| !is_subdomain(&format!("{}0", name.trim_end_matches('-')))),
        ),
        ("labels", KEYS, !labels.keys().all(|key| is_qualified(key))),
        (
            "labels",
            "each value must be empty, or up to 63 letters, digits and -_. between letters or digits",
            !labels.values().all(|value| value.is_empty() || is_part(value)),
        ),
        (
            "annotations",
            KEYS,
            !annotations.keys().all(|key| is_qualified(&key.to_lowercase())),
        ),
        (
            "annotations",
            "they must have 256 KiB or less, keys and values together",
            annotations
                .iter()
                .map(|(key, value)| key.len() + value.len())
                .sum::<usize>()
                > ANNOTATIONS,
        ),
        ("finalizers", KEYS, !finalizers.iter().all(|name| is_qualified(name))),
        (
            "finalizers",
            "orphan and foregroundDeletion exclude each other",
            EITHER.iter().all(|name| finalizers.iter().any(|it| it == name)),
        ),
        (
            "ownerReferences",
            "each must have an apiVersion with a version, a kind but Event, a name and a uid; one may have controller: true",
            metadata.owner_references.is_some_and(|owners| !are_owners(&owners)),
        ),
    ];
    let wrong = wrong.into_iter().filter(|(.., is)| *is);
    faults.extend(wrong.map(|(field, what, _)| Fault::new(&format!("metadata.{field}"), what.to_owned())));
    (namespace, name)
}

/// The fields that are of the right type; the others are faults. As in Go, a null is an empty value.
fn typed(metadata: &Value, faults: &mut Vec<Fault>) -> ObjectMeta {
    let mut good = Map::new();
    match metadata {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                let value = without_nulls(name, value);
                let alone = json!({ name: value });
                let at = format!("metadata.{name}");
                if !WRITTEN.contains(&name.as_str()) && !ADDED.contains(&name.as_str()) {
                    faults.push(schema::unknown("metadata", name, WRITTEN.iter().copied()));
                } else if serde_json::from_value::<ObjectMeta>(alone).is_err() {
                    faults.push(Fault::new(&at, wrong_type(name)));
                } else if let Some(unknown) = unknown_within(name, &value) {
                    faults.push(unknown);
                } else {
                    good.insert(name.clone(), value);
                }
            }
        }
        _ => faults.push(Fault::new("metadata", "it must be an object".to_owned())),
    }
    serde_json::from_value(Value::Object(good)).unwrap_or_default()
}

fn without_nulls(name: &str, value: &Value) -> Value {
    let empty = |value: &Value, empty: Value| if value.is_null() { empty } else { value.clone() };
    match value {
        Value::Object(entries) => entries
            .iter()
            .map(|(name, value)| (name.clone(), empty(value, "".into())))
            .collect(),
        Value::Array(items) => {
            let nothing = if name == "finalizers" { "".into() } else { json!({}) };
            items.iter().map(|item| empty(item, nothing.clone())).collect()
        }
        value => value.clone(),
    }
}

fn wrong_type(name: &str) -> String {
    match name {
        "labels" | "annotations" => "it must be a map, and each value text: put numbers, true and false in quotes",
        "finalizers" => "it must be a list of names",
        "ownerReferences" | "managedFields" => "it must be a list of objects as the API server has them",
        "generation" | "deletionGracePeriodSeconds" => "it must be a whole number",
        "creationTimestamp" | "deletionTimestamp" => "it must be a time such as 2026-11-23T08:00:00Z",
        _ => "it must be a string",
    }
    .to_owned()
}

fn unknown_within(name: &str, value: &Value) -> Option<Fault> {
    let (_, known) = WITHIN.iter().find(|(list, _)| *list == name)?;
    let mut fields = value
        .as_array()?
        .iter()
        .filter_map(Value::as_object)
        .flatten()
        .filter(|(_, value)| !value.is_null());
    let (unknown, _) = fields.find(|(field, _)| !known.contains(&field.as_str()))?;
    Some(schema::unknown(
        &format!("metadata.{name}"),
        unknown,
        known.iter().copied(),
    ))
}

fn are_owners(owners: &[OwnerReference]) -> bool {
    let legal = |owner: &OwnerReference| {
        let version = match owner.api_version.split('/').collect::<Vec<_>>()[..] {
            [version] | [_, version] => version,
            _ => "",
        };
        let event = owner.api_version == "v1" && owner.kind == "Event";
        let parts = [version, &owner.kind, &owner.name, &owner.uid];
        !event && parts.iter().all(|part| !part.is_empty())
    };
    let controllers = owners.iter().filter(|owner| owner.controller == Some(true));
    owners.iter().all(legal) && controllers.count() <= 1
}

/// A DNS subdomain, in which, for the API server, a part may be as long as the whole.
fn is_subdomain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= NAME
        && text.split('.').all(|part| {
            let bytes = part.as_bytes();
            bytes.iter().all(|byte| plain(*byte) || *byte == b'-')
                && [bytes.first(), bytes.last()]
                    .iter()
                    .all(|end| end.is_some_and(|byte| plain(*byte)))
        })
}

fn is_part(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= PART
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
        && [bytes.first(), bytes.last()]
            .iter()
            .all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
}

/// A key of labels or annotations, or a finalizer.
fn is_qualified(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_part(name),
        None => is_part(key),
    }
}
