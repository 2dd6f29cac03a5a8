//! The Lease as the API server keeps it: reads, and writes that succeed only on what was read.
//!
//! Every write is a PUT to the Lease's name. With the `resourceVersion` and `uid` that were read it replaces just that
//! object (409 otherwise); without them it creates the Lease, and is refused with 422 when there is one: `Lease` allows
//! create on update and forbids unconditional update
//! (<https://github.com/kubernetes/kubernetes/blob/v1.33.0/pkg/registry/coordination/lease/strategy.go>). The `uid` is
//! needed: a PUT with a version alone makes a Lease anew that was deleted in between (tried on 1.36). A POST would
//! do for creation, but it names no object, so that a Role could not allow it for one Lease only.

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};

use super::{
    Publish,
    election::{LEASE_DURATION, LeaseRecord, LeaseWrite, ObservedLease},
};

/// How long one call to the API server may take.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The Lease, and the copy of it that the next write replaces.
pub(super) struct Store {
    api: Api<Lease>,
    name: String,
    identity: String,
    publish: Publish,
    /// What the API server last answered with.
    last: Option<Lease>,
}

/// Why a call did not succeed.
pub(super) enum CallFailure {
    /// The Lease is no longer what was read.
    Conflict,
    /// The API server refused, with this status and for this reason.
    Refused(u16, String),
    /// No answer came, for this reason. A write may have been done all the same.
    Unknown(String),
}

impl Store {
    pub(super) fn new(client: Client, namespace: &str, name: &str, identity: &str, publish: Publish) -> Self {
        let api = Api::namespaced(client, namespace);
        Self {
            api,
            name: name.to_owned(),
            identity: identity.to_owned(),
            publish,
            last: None,
        }
    }

    /// Reads the Lease, from the API server's store and not from its cache.
    pub(super) async fn read(&mut self, limit: Duration) -> Result<ObservedLease, CallFailure> {
        let found = with_timeout(limit, self.api.get_opt(&self.name)).await?;
        self.last = found;
        Ok(self
            .last
            .as_ref()
            .map_or(ObservedLease::Absent, |lease| ObservedLease::Present(record(lease))))
    }

    /// Writes this process into the Lease.
    pub(super) async fn write(&mut self, write: &LeaseWrite, limit: Duration) -> Result<ObservedLease, CallFailure> {
        let mut lease = self.base(write.replaces.is_some());
        lease.metadata.resource_version.clone_from(&write.replaces);
        (self.publish)().write(lease.metadata.annotations.get_or_insert_default());
        let before = lease.spec.take().unwrap_or_default();
        let now = MicroTime(Timestamp::now());
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(LEASE_DURATION.as_secs()).ok(),
            acquire_time: if write.begins {
                Some(now.clone())
            } else {
                before.acquire_time.or(Some(now.clone()))
            },
            renew_time: Some(now),
            lease_transitions: Some(write.transitions),
            ..before
        });
        match self.put(lease, limit).await {
            // The answer to a creation when the Lease is there already.
            Err(CallFailure::Refused(422, _)) if write.replaces.is_none() => Err(CallFailure::Conflict),
            written => written,
        }
    }

    /// Writes nobody into the Lease as it was last read, in the way of client-go, so that others need not wait.
    pub(super) async fn clear(&mut self, limit: Duration) -> Result<ObservedLease, CallFailure> {
        let mut lease = self.base(true);
        let before = lease.spec.take().unwrap_or_default();
        let holder_identity = Some(String::new());
        lease.spec = Some(LeaseSpec {
            holder_identity,
            lease_duration_seconds: Some(1),
            ..before
        });
        self.put(lease, limit).await
    }

    /// What to write on: the Lease that was read, or a new one.
    fn base(&self, replaces: bool) -> Lease {
        match &self.last {
            Some(last) if replaces => {
                let mut lease = last.clone();
                lease.metadata.managed_fields = None;
                lease
            }
            _ => Lease {
                metadata: ObjectMeta {
                    name: Some(self.name.clone()),
                    ..ObjectMeta::default()
                },
                spec: None,
            },
        }
    }

    async fn put(&mut self, lease: Lease, limit: Duration) -> Result<ObservedLease, CallFailure> {
        let parameters = PostParams::default();
        let written = with_timeout(limit, self.api.replace(&self.name, &parameters, &lease)).await?;
        let known = ObservedLease::Present(record(&written));
        self.last = Some(written);
        Ok(known)
    }
}

/// The call's answer, when it comes in time. The client has no retries of its own (see [`super::start`]), which would
/// send an old write again.
async fn with_timeout<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, CallFailure> {
    match tokio::time::timeout(limit, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) if status.code == 409 => Err(CallFailure::Conflict),
        Ok(Err(kube::Error::Api(status))) => Err(CallFailure::Refused(status.code, status.message.clone())),
        Ok(Err(error)) => Err(CallFailure::Unknown(error.to_string())),
        Err(_) => Err(CallFailure::Unknown(format!(
            "the API server did not answer within {} s",
            limit.as_secs()
        ))),
    }
}

fn record(lease: &Lease) -> LeaseRecord {
    let spec = lease.spec.clone().unwrap_or_default();
    let seconds = spec
        .lease_duration_seconds
        .and_then(|seconds| u64::try_from(seconds).ok());
    LeaseRecord {
        holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
        duration: seconds.map_or(LEASE_DURATION, Duration::from_secs),
        renewed: spec.renew_time.map(|time| time.0.as_microsecond()),
        transitions: spec.lease_transitions.unwrap_or(0),
        version: lease.metadata.resource_version.clone().unwrap_or_default(),
    }
}
