//! An object that can't be parsed: its status says so, and nothing else is done with it. No pass is made, since there is
//! no spec to make one for.

use kube::{
    Api, Resource as _,
    api::{ApiResource, DynamicObject, ObjectMeta},
};
use serde_json::Value;

use crate::{
    api::{ExperimentRun, ExperimentRunStatus, RECONCILE_REQUESTED_AT},
    decide::{self, Now, Owner, Resource, Seen, desired::InvalidSpec, memory::Memory},
};

use super::{
    Shared,
    cache::ObjectKey,
    call::{CallError, bounded},
    status,
};

/// Says of an object that it can't be parsed, unless that is said already.
///
/// # Errors
/// When the API server doesn't take it, or the object has changed since.
pub(super) async fn tell_unreadable(shared: &Shared, key: &ObjectKey, metadata: &ObjectMeta) -> Result<(), CallError> {
    let kind = ApiResource::erase::<ExperimentRun>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(shared.client.clone(), &key.namespace, &kind);
    let object = bounded(api.get(&key.name)).await?;
    if object.metadata.resource_version != metadata.resource_version {
        return Err(CallError::Conflict);
    }
    let before = told_before(&object.data);
    let invalid = InvalidSpec::Unreadable("it is not of the shape that the CRD describes".to_owned());
    let annotations = metadata.annotations.as_ref();
    let resource = Resource {
        uid: metadata.uid.as_deref().unwrap_or_default(),
        generation: metadata.generation.unwrap_or_default(),
        reconcile_requested_at: annotations
            .and_then(|annotations| annotations.get(RECONCILE_REQUESTED_AT))
            .map(String::as_str),
        desired: Err(&invalid),
        status: &before,
        defaults: &shared.defaults,
    };
    let now = Now {
        elapsed: shared.elapsed(),
        local: jiff::Timestamp::now(),
        service: None,
    };
    let decision = decide::decide(&resource, &Memory::default(), &Owner::Itself, &Seen::Nothing, &now);
    if decision.status == before {
        return Ok(());
    }
    status::write_unreadable(&api, metadata, &decision.status).await?;
    for notice in &decision.notices {
        shared.publish(&object.object_ref(&kind), notice);
    }
    Ok(())
}

/// What the operator itself has said of the object, as far as that can be parsed.
fn told_before(object: &Value) -> ExperimentRunStatus {
    let status = &object["status"];
    ExperimentRunStatus {
        observed_generation: status["observedGeneration"].as_i64(),
        last_handled_reconcile_at: status["lastHandledReconcileAt"].as_str().map(str::to_owned),
        conditions: serde_json::from_value(status["conditions"].clone()).unwrap_or_default(),
        ..ExperimentRunStatus::default()
    }
}
