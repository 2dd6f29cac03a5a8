//! The fields that the operator knows, and which of them a served schema lacks.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::Value;

use crate::api::{self, GROUP};

/// What `x-kubernetes-group-version-kind` calls the resource.
const KIND: &str = "ExperimentRun";

/// How many references and parts one schema is followed through at most. The API server's own have one or two.
const DEPTH: usize = 16;

/// The fields of spec and status that this operator knows, from the CRD that it brings.
#[derive(Clone, Debug)]
pub struct KnownFields {
    version: String,
    root: Node,
}

/// What lies below a field.
#[derive(Clone, Debug, Default)]
struct Node {
    fields: BTreeMap<String, Node>,
    /// Of a list.
    items: Option<Box<Node>>,
    /// Of a map, whose keys are anybody's.
    values: Option<Box<Node>>,
}

/// The document does not describe the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it does not describe ExperimentRuns of this version")]
pub struct NotServed;

impl KnownFields {
    /// Those of the CRD that this operator brings.
    #[must_use]
    pub fn of_this_operator() -> Self {
        let mut known = Self {
            version: String::new(),
            root: Node::default(),
        };
        for version in api::custom_resource_definition().spec.versions {
            let Some(schema) = version.schema.and_then(|schema| schema.open_api_v3_schema) else {
                continue;
            };
            known.version = version.name;
            known.root = Node::of(&schema);
            // What is outside these two is not the CRD's business.
            known.root.fields.retain(|name, _| name == "spec" || name == "status");
        }
        known
    }

    /// Where the API server describes the resource: the document of its group and version.
    #[must_use]
    pub fn document_path(&self) -> String {
        format!("/openapi/v3/apis/{GROUP}/{}", self.version)
    }

    /// The path of each field, such as `spec.ramp.steps[].hold`.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.root.paths("", &mut paths);
        paths
    }

    /// The paths of the fields that an `OpenAPI` v3 document lacks, in order. What is below one of them is lacking too, and
    /// not listed.
    ///
    /// # Errors
    /// When the document does not describe the resource at all.
    pub fn missing(&self, document: &Value) -> Result<Vec<String>, NotServed> {
        let schemas = document["components"]["schemas"].as_object().ok_or(NotServed)?;
        let is_ours = |schema: &&Value| {
            let kinds = schema["x-kubernetes-group-version-kind"].as_array();
            kinds
                .into_iter()
                .flatten()
                .any(|kind| kind["group"] == GROUP && kind["version"] == self.version.as_str() && kind["kind"] == KIND)
        };
        let served = schemas.values().find(is_ours).ok_or(NotServed)?;
        let mut missing = Vec::new();
        self.root.lacking(&Served::of(document, [served]), "", &mut missing);
        Ok(missing)
    }
}

impl Node {
    fn of(schema: &JSONSchemaProps) -> Self {
        let fields = schema.properties.iter().flatten();
        let items = match &schema.items {
            Some(JSONSchemaPropsOrArray::Schema(items)) => Some(Self::of(items)),
            Some(JSONSchemaPropsOrArray::Schemas(_)) | None => None,
        };
        let values = match &schema.additional_properties {
            Some(JSONSchemaPropsOrBool::Schema(values)) => Some(Self::of(values)),
            Some(JSONSchemaPropsOrBool::Bool(true)) => Some(Self::default()),
            Some(JSONSchemaPropsOrBool::Bool(false)) | None => None,
        };
        Self {
            fields: fields.map(|(name, schema)| (name.clone(), Self::of(schema))).collect(),
            items: items.map(Box::new),
            values: values.map(Box::new),
        }
    }

    /// Everything directly below, with its path.
    fn below(&self, at: &str) -> impl Iterator<Item = (String, Step<'_>, &Self)> {
        let dot = if at.is_empty() { "" } else { "." };
        let fields = self.fields.iter();
        let fields = fields.map(move |(name, node)| (format!("{at}{dot}{name}"), Step::Field(name), node));
        let items = self
            .items
            .iter()
            .map(move |node| (format!("{at}[]"), Step::Items, &**node));
        let values = self
            .values
            .iter()
            .map(move |node| (format!("{at}.*"), Step::Values, &**node));
        fields.chain(items).chain(values)
    }

    fn paths(&self, at: &str, paths: &mut Vec<String>) {
        for (path, _, node) in self.below(at) {
            node.paths(&path, paths);
            paths.push(path);
        }
    }

    fn lacking(&self, served: &Served<'_>, at: &str, missing: &mut Vec<String>) {
        if served.keeps_everything() {
            return;
        }
        for (path, step, node) in self.below(at) {
            match served.below(step) {
                Some(served) => node.lacking(&served, &path, missing),
                None => missing.push(path),
            }
        }
    }
}

/// From a schema to one below it.
#[derive(Clone, Copy)]
enum Step<'a> {
    Field(&'a str),
    Items,
    Values,
}

/// A schema of the document, with all that its references and parts (`allOf`) add to it.
struct Served<'a> {
    document: &'a Value,
    parts: Vec<&'a Value>,
}

impl<'a> Served<'a> {
    fn of(document: &'a Value, schemas: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut parts = Vec::new();
        for schema in schemas {
            expand(document, schema, DEPTH, &mut parts);
        }
        Self { document, parts }
    }

    fn keeps_everything(&self) -> bool {
        self.parts
            .iter()
            .any(|schema| schema["x-kubernetes-preserve-unknown-fields"] == true)
    }

    /// The schema there; none when what is there is dropped.
    fn below(&self, step: Step<'_>) -> Option<Self> {
        let found = |schema: &&'a Value| -> Option<&'a Value> {
            let values = Some(&schema["additionalProperties"]).filter(|values| values.is_object() || **values == true);
            match step {
                Step::Field(name) => schema["properties"].get(name).or(values),
                Step::Items => Some(&schema["items"]).filter(|items| items.is_object()),
                Step::Values => values,
            }
        };
        let found: Vec<_> = self.parts.iter().filter_map(found).collect();
        (!found.is_empty()).then(|| Self::of(self.document, found))
    }
}

fn expand<'a>(document: &'a Value, schema: &'a Value, depth: usize, parts: &mut Vec<&'a Value>) {
    parts.push(schema);
    if depth == 0 || parts.len() > DEPTH {
        return;
    }
    let target = schema["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
    let target = target.and_then(|pointer| document.pointer(pointer));
    for part in target
        .into_iter()
        .chain(schema["allOf"].as_array().into_iter().flatten())
    {
        expand(document, part, depth - 1, parts);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    /// A document as the API server makes it of our own CRD.
    fn document() -> Value {
        let definition = json!(api::custom_resource_definition());
        let version = &definition["spec"]["versions"][0];
        let mut schema = version["schema"]["openAPIV3Schema"].clone();
        let kind = json!([{ "group": GROUP, "kind": KIND, "version": version["name"] }]);
        schema["x-kubernetes-group-version-kind"] = kind;
        json!({ "openapi": "3.0.0", "components": { "schemas": {
            "list": { "x-kubernetes-group-version-kind": [{ "group": GROUP, "kind": "ExperimentRunList", "version": version["name"] }] },
            "run": schema,
        } } })
    }

    fn missing(document: &Value) -> Vec<String> {
        KnownFields::of_this_operator().missing(document).unwrap()
    }

    /// The schema at a place of the document.
    fn at<'a>(document: &'a mut Value, path: &str) -> &'a mut Value {
        let pointer = path
            .split('.')
            .fold("/components/schemas/run".to_owned(), |pointer, name| {
                pointer
                    + "/"
                    + &match name {
                        "[]" => "items".to_owned(),
                        "*" => "additionalProperties".to_owned(),
                        name => format!("properties/{name}"),
                    }
            });
        document.pointer_mut(&pointer).unwrap()
    }

    fn remove(document: &mut Value, parent: &str, name: &str) {
        at(document, parent)["properties"]
            .as_object_mut()
            .unwrap()
            .remove(name)
            .unwrap();
    }

    #[test]
    fn our_own_schema_lacks_nothing() {
        assert_eq!(missing(&document()), Vec::<String>::new());
    }

    #[test]
    fn every_field_is_known_by_its_path() {
        let known = KnownFields::of_this_operator();
        let paths = known.paths();
        for path in [
            "spec.ramp.steps[].hold",
            "spec.treatmentOverrides.inline.*",
            "status.ramp.reached.at",
            "status.conditions[].reason",
        ] {
            assert!(paths.iter().any(|known| known == path), "{path} in {paths:?}");
        }
        assert!(paths.len() > 80, "{}", paths.len());
        assert_eq!(
            known.document_path(),
            "/openapi/v3/apis/experiments.appconfig.dev/v1alpha1"
        );
    }

    #[test]
    fn each_field_that_is_taken_away_is_missing_by_its_path() {
        let known = KnownFields::of_this_operator();
        let fields = known
            .paths()
            .into_iter()
            .filter(|path| path.contains('.') && !path.ends_with(['*', ']']));
        let whole = document();
        for path in fields {
            let (parent, name) = path.rsplit_once('.').unwrap();
            let mut document = whole.clone();
            remove(&mut document, &parent.replace("[]", ".[]"), name);
            assert_eq!(known.missing(&document).unwrap(), [path.as_str()]);
        }
    }

    #[test]
    fn what_an_older_crd_lacks_is_told_once_and_not_with_all_that_is_below() {
        let mut document = document();
        remove(&mut document, "spec", "ramp");
        remove(&mut document, "status", "ramp");
        remove(&mut document, "status.conditions.[]", "reason");
        assert_eq!(
            missing(&document),
            ["spec.ramp", "status.conditions[].reason", "status.ramp"]
        );
    }

    #[test]
    fn a_list_or_a_map_that_is_none_any_more_drops_what_is_in_it() {
        let mut document = document();
        *at(&mut document, "spec.ramp.steps") = json!({ "type": "string" });
        *at(&mut document, "spec.treatmentOverrides.inline") = json!({ "type": "object" });
        assert_eq!(
            missing(&document),
            ["spec.ramp.steps[]", "spec.treatmentOverrides.inline.*"]
        );
    }

    #[test]
    fn an_object_that_keeps_unknown_fields_lacks_none() {
        let mut document = document();
        *at(&mut document, "spec.ramp") = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        *at(&mut document, "spec.deploymentParameters") = json!({ "type": "object", "additionalProperties": true });
        assert_eq!(
            missing(&document),
            [
                "spec.deploymentParameters.dynamicExtensionParameters.*",
                "spec.deploymentParameters.tags.*"
            ],
            "of a map of anything the values are kept, and what is in them is not"
        );
        at(&mut document, "spec.deploymentParameters")["x-kubernetes-preserve-unknown-fields"] = json!(true);
        assert_eq!(missing(&document), Vec::<String>::new());
    }

    #[test]
    fn references_and_parts_are_followed_and_a_circle_comes_to_an_end() {
        let mut document = document();
        let ramp = at(&mut document, "spec.ramp").take();
        document["components"]["schemas"]["ramp"] = ramp;
        *at(&mut document, "spec.ramp") = json!({ "allOf": [{ "$ref": "#/components/schemas/ramp" }] });
        assert_eq!(missing(&document), Vec::<String>::new());
        document["components"]["schemas"]["ramp"] =
            json!({ "allOf": [{ "$ref": "#/components/schemas/ramp" }, { "$ref": "#/components/schemas/ramp" }] });
        assert_eq!(missing(&document), ["spec.ramp.steps", "spec.ramp.windows"]);
        *at(&mut document, "spec.ramp") = json!({ "$ref": "#/components/schemas/gone" });
        assert_eq!(missing(&document), ["spec.ramp.steps", "spec.ramp.windows"]);
    }

    #[test]
    fn a_document_of_something_else_is_no_evidence() {
        let known = KnownFields::of_this_operator();
        let mut other = document();
        other["components"]["schemas"]["run"]["x-kubernetes-group-version-kind"][0]["version"] = json!("v2");
        for document in [
            json!({}),
            json!(null),
            json!({ "components": { "schemas": {} } }),
            other,
        ] {
            assert_eq!(known.missing(&document), Err(NotServed));
        }
    }
}
