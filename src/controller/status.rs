//! Status writes: each carries the resourceVersion and the uid that it rests on, so that the API server refuses one that
//! rests on an old spec, on another replica's work or on a namesake.

use std::sync::Arc;

use kube::{
    Api,
    api::{Patch, PatchParams},
    core::Selector,
};
use serde_json::{Map, Value, json};

use crate::{
    api::ExperimentRunStatus,
    pass::resource::{Identity, StoredResource},
};

use super::{
    call::{CallError, with_timeout},
    resource::{Returned, UnreadableObject},
    served_schema::ServedSchema,
};

/// Writes a status, and gives the object that came of it; `None` when it is the status already.
///
/// # Errors
/// [`CallError::Conflict`] when the object is not the newest; [`CallError::SchemaUnproven`] when nothing may be written.
pub(super) async fn write(
    schema: &ServedSchema,
    api: &Api<Returned>,
    selector: Option<&Selector>,
    run: &StoredResource,
    status: &ExperimentRunStatus,
) -> Result<Option<Arc<StoredResource>>, CallError> {
    let (Some(before), Some(after)) = (value(&run.status), value(status)) else {
        return Err(CallError::Failed("a status could not be written as JSON".to_owned()));
    };
    let changes = difference(&before, &after);
    if changes.as_object().is_some_and(Map::is_empty) {
        return Ok(None);
    }
    merge(schema, api, &run.identity, changes)
        .await?
        .answered(selector)
        .map(Some)
}

/// Writes what there is to say of an object that can't be read. What else its status holds stays.
///
/// # Errors
/// As [`write()`].
pub(super) async fn write_unreadable(
    schema: &ServedSchema,
    api: &Api<Returned>,
    object: &UnreadableObject,
    status: &ExperimentRunStatus,
) -> Result<(), CallError> {
    let Some(status) = value(status) else {
        return Err(CallError::Failed("a status could not be written as JSON".to_owned()));
    };
    // An empty one would not be compared. Of what is read, none is empty.
    if object.identity.version.is_empty() || object.identity.uid.is_empty() {
        return Err(CallError::Failed(
            "no version and uid of the resource are known".to_owned(),
        ));
    }
    merge(schema, api, &object.identity, status).await.map(drop)
}

/// A write, of whatever, stores the object as the API server's schema leaves it: without the fields that are missing there.
async fn merge(
    schema: &ServedSchema,
    api: &Api<Returned>,
    identity: &Identity,
    status: Value,
) -> Result<Returned, CallError> {
    if !schema.is_complete() {
        return Err(CallError::SchemaUnproven);
    }
    let metadata = json!({ "resourceVersion": identity.version, "uid": identity.uid });
    let patch = Patch::Merge(json!({ "metadata": metadata, "status": status }));
    with_timeout(api.patch_status(&identity.key.name, &PatchParams::default(), &patch)).await
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
