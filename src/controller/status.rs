//! Status writes: each carries the resourceVersion and the uid that it rests on, so that the API server refuses one that
//! rests on an old spec, on another replica's work or on a namesake.

use kube::{
    Api, ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::{Map, Value, json};

use crate::api::{ExperimentRun, ExperimentRunStatus};

use super::call::{CallError, bounded};

/// Writes a status, and gives the object that came of it; `None` when it is the status already.
///
/// # Errors
/// [`CallError::Conflict`] when the object is not the newest.
pub(super) async fn write(
    api: &Api<ExperimentRun>,
    object: &ExperimentRun,
    status: &ExperimentRunStatus,
) -> Result<Option<ExperimentRun>, CallError> {
    let (Some(before), Some(after)) = (value(&object.status.clone().unwrap_or_default()), value(status)) else {
        return Err(CallError::Failed("a status could not be written as JSON".to_owned()));
    };
    let changes = difference(&before, &after);
    if changes.as_object().is_some_and(Map::is_empty) {
        return Ok(None);
    }
    let metadata = json!({ "resourceVersion": object.resource_version(), "uid": object.uid() });
    let patch = json!({ "metadata": metadata, "status": changes });
    let (name, parameters, patch) = (object.name_any(), PatchParams::default(), Patch::Merge(patch));
    bounded(api.patch_status(&name, &parameters, &patch))
        .await
        .map(|mut object| {
            super::cache::prune(&mut object);
            Some(object)
        })
}

/// Writes what there is to say of an object that can't be parsed. What else its status holds stays.
///
/// # Errors
/// As [`write()`].
pub(super) async fn write_unreadable(
    api: &Api<DynamicObject>,
    metadata: &kube::api::ObjectMeta,
    status: &ExperimentRunStatus,
) -> Result<(), CallError> {
    let name = metadata.name.as_deref().unwrap_or_default();
    let fence = json!({ "resourceVersion": metadata.resource_version, "uid": metadata.uid });
    let patch = json!({ "metadata": fence, "status": value(status) });
    bounded(api.patch_status(name, &PatchParams::default(), &Patch::Merge(patch)))
        .await
        .map(drop)
}

fn value(status: &ExperimentRunStatus) -> Option<Value> {
    serde_json::to_value(status).ok()
}

/// The JSON merge patch (RFC 7386) that turns one value into the other: what is gone becomes `null`.
fn difference(before: &Value, after: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return after.clone();
    };
    let gone = before
        .keys()
        .filter(|key| !after.contains_key(*key))
        .map(|key| (key.clone(), Value::Null));
    let changed = after
        .iter()
        .filter(|(key, value)| before.get(*key) != Some(value))
        .map(|(key, value)| {
            let change = before
                .get(key)
                .map_or_else(|| value.clone(), |before| difference(before, value));
            (key.clone(), change)
        });
    Value::Object(gone.chain(changed).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_patch_names_what_changed_and_what_is_gone() {
        let before = json!({ "a": 1, "gone": 2, "deep": { "x": 1, "gone": 1 }, "list": [1] });
        let after = json!({ "a": 1, "new": 3, "deep": { "x": 2 }, "list": [2] });
        let patch = json!({ "gone": null, "new": 3, "deep": { "x": 2, "gone": null }, "list": [2] });
        assert_eq!(difference(&before, &after), patch);
        assert_eq!(difference(&before, &before), json!({}));
    }
}
