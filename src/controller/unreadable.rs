//! Objects that can't be parsed: they stop nobody else, and their status says so.

use kube::{
    Api,
    api::{ApiResource, DynamicObject, ObjectMeta},
};

use crate::{
    api::ExperimentRun,
    decide::{self, Owner, Resource, Seen, desired::InvalidSpec, memory::Memory},
};

use super::{Shared, cache::ObjectKey, call::CallError, status};

/// Says of an object that can't be parsed that it can't.
pub(super) async fn tell_unreadable(shared: &Shared, key: &ObjectKey, metadata: &ObjectMeta) -> Result<(), CallError> {
    let invalid = InvalidSpec::Unreadable("it is not of the shape that the CRD describes".to_owned());
    let resource = Resource {
        uid: metadata.uid.as_deref().unwrap_or_default(),
        generation: metadata.generation.unwrap_or_default(),
        reconcile_requested_at: None,
        desired: Err(&invalid),
        status: &shared.no_status,
        defaults: &shared.defaults,
    };
    let now = decide::Now {
        elapsed: shared.elapsed(),
        local: jiff::Timestamp::now(),
        service: None,
    };
    let decision = decide::decide(&resource, &Memory::default(), &Owner::Itself, &Seen::Nothing, &now);
    let kind = ApiResource::erase::<ExperimentRun>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(shared.client.clone(), &key.namespace, &kind);
    status::write_unreadable(&api, metadata, &decision.status).await
}
