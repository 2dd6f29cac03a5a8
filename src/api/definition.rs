//! The `CustomResourceDefinition` of `ExperimentRun`, as `crds/` holds it.

use k8s_openapi::{
    apiextensions_apiserver::pkg::apis::apiextensions::v1::{
        CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray,
    },
    jiff::Timestamp,
};
use kube::CustomResourceExt;
use serde_json::json;

use super::{ConditionType, ExperimentRun, PENDING};

/// The first lines of the generated file.
const HEADER: &str = "# Generated from src/api by `cargo run -- crds`. Don't edit.\n";

/// The revision of the schema: one higher with each change of it that reaches a cluster. `deploy/` has a policy that refuses
/// to replace a CRD by one of a lower revision, since an API server drops the fields that its CRD lacks.
pub const SCHEMA_REVISION: u32 = 1;

/// What stands before the revision, in the last line of the schema's description. An annotation would not do: it stays when
/// a manifest that does not mention it is applied.
pub const SCHEMA_REVISION_LINE: &str = "Schema revision: ";

/// The `CustomResourceDefinition`: what the derive makes of the types, plus what it has no words for.
#[must_use]
pub fn custom_resource_definition() -> CustomResourceDefinition {
    let mut definition = ExperimentRun::crd();
    for version in &mut definition.spec.versions {
        if let Some(schema) = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
        {
            schema.title = None;
            let description = schema.description.take().unwrap_or_default();
            schema.description = Some(format!("{description}\n\n{SCHEMA_REVISION_LINE}{SCHEMA_REVISION}"));
            drop_nullable(schema);
            if let Some(status) = schema
                .properties
                .as_mut()
                .and_then(|properties| properties.get_mut("status"))
            {
                status.default = Some(status_default());
            }
        }
    }
    definition
}

/// The definition as YAML, as `crds/` holds it and `appconfig-experiment-operator crds` prints it.
///
/// # Errors
/// When the definition can't be written as YAML.
pub fn custom_resource_definition_yaml() -> Result<String, serde_saphyr::ser::Error> {
    Ok(format!(
        "{HEADER}{}",
        serde_saphyr::to_string(&custom_resource_definition())?
    ))
}

/// The status of a resource that no operator has looked at: without it, what reads conditions calls a new resource
/// healthy, and `kubectl get` shows blanks where no operator watches.
fn status_default() -> JSON {
    JSON(json!({
        "observedGeneration": -1,
        "conditions": [{
            "type": ConditionType::Ready.as_str(),
            "status": "Unknown",
            "reason": PENDING,
            "message": "no operator has looked at this yet",
            "lastTransitionTime": Timestamp::UNIX_EPOCH,
        }],
    }))
}

/// The derive calls each optional field nullable, and the API server would then keep a `null` that somebody wrote. It
/// drops it where the schema doesn't, which is what "absent: not managed" says. The values of maps are left alone: there,
/// a `null` is a forgotten value that is better refused than dropped.
fn drop_nullable(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    for property in schema
        .properties
        .iter_mut()
        .flat_map(std::collections::BTreeMap::values_mut)
    {
        drop_nullable(property);
    }
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => drop_nullable(items),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(drop_nullable),
        None => {}
    }
}
