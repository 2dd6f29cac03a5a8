//! An object of which a part can't be read: its status says so, and nothing else is done with it. No pass is made: what can't be
//! read may be what forbids one.

use kube::Api;

use crate::decide::{self, Evidence, Now, Owner, Resource, desired::InvalidSpec, memory::Memory, service_time::Untold};

use super::{Shared, call::CallError, resource::UnreadableObject, status};

/// Says of an object that it can't be read, unless that is said already.
///
/// # Errors
/// When the API server doesn't take it, or the object has changed since.
pub(super) async fn tell_unreadable(shared: &Shared, object: &UnreadableObject) -> Result<(), CallError> {
    let identity = &object.identity;
    let invalid = InvalidSpec::Unreadable(object.fault.to_string());
    let resource = Resource {
        uid: &identity.uid,
        generation: identity.generation,
        reconcile_requested_at: identity.reconcile_requested_at.as_deref(),
        desired: Err(&invalid),
        status: &object.status,
        defaults: &shared.defaults,
    };
    let now = Now {
        elapsed: shared.elapsed(),
        local: jiff::Timestamp::now(),
        service: Err(Untold::NoDate),
    };
    let decision = decide::decide(&resource, &Memory::default(), &Owner::Itself, &Evidence::Nothing, &now);
    if decision.status == object.status {
        return Ok(());
    }
    let api = Api::namespaced(shared.client.clone(), &identity.key.namespace);
    status::write_unreadable(&shared.schema, &api, object, &decision.status).await?;
    for event in &decision.events {
        shared.publish(&identity.reference(), event);
    }
    Ok(())
}
