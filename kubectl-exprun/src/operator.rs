//! The operator, as far as the cluster tells of it: its Lease, and its Deployment.

use appconfig_experiment_operator::{
    cli,
    leader::{LEASE_DURATION, Published},
};
use clap::Args;
use jiff::Timestamp;
use k8s_openapi::api::{apps::v1::Deployment, coordination::v1::Lease};
use kube::{Api, api::ListParams};

use crate::{
    cluster::Cluster,
    failure::{Failure, call},
};

/// Where the operator is.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// Namespace of the operator
    #[arg(long, value_name = "NAME", default_value = cli::PROGRAM)]
    pub(crate) operator_namespace: String,
    /// Name of the operator's Lease
    #[arg(long, value_name = "NAME", default_value = cli::PROGRAM)]
    pub(crate) lease_name: String,
}

/// What is known of the operator.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    /// The process that holds the Lease. `None` when none does.
    pub(crate) holder: Option<String>,
    /// When it last renewed the Lease.
    pub(crate) renewed: Option<Timestamp>,
    /// What it tells of itself.
    pub(crate) published: Published,
}

impl Operator {
    /// Reads its Lease. `None` when there is no such Lease.
    ///
    /// # Errors
    /// When the API server refuses or does not answer.
    pub(crate) async fn find(cluster: &Cluster, place: &Place) -> Result<Option<Self>, Failure> {
        let leases: Api<Lease> = Api::namespaced(cluster.client.clone(), &place.operator_namespace);
        let lease = call(leases.get_opt(&place.lease_name)).await?;
        Ok(lease.map(|lease| {
            let published = Published::of(&lease);
            let spec = lease.spec.unwrap_or_default();
            Self {
                holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
                renewed: spec.renew_time.map(|time| time.0),
                published,
            }
        }))
    }

    /// The process that acts now: it has renewed the Lease within the Lease's own time.
    pub(crate) fn acting(&self, now: Timestamp) -> Option<(&str, Timestamp)> {
        let (holder, renewed) = (self.holder.as_deref()?, self.renewed?);
        let fresh = now.duration_since(renewed).unsigned_abs() < LEASE_DURATION;
        fresh.then_some((holder, renewed))
    }
}

/// The images of the operator's Deployments: what is known of its version where the Lease can't be read or does not tell.
///
/// # Errors
/// When the API server refuses or does not answer.
pub(crate) async fn images(cluster: &Cluster, place: &Place) -> Result<Vec<String>, Failure> {
    let deployments: Api<Deployment> = Api::namespaced(cluster.client.clone(), &place.operator_namespace);
    let of_operator = format!("app.kubernetes.io/name={}", cli::PROGRAM);
    let found = call(deployments.list(&ListParams::default().labels(&of_operator))).await?;
    let specs = found
        .items
        .into_iter()
        .filter_map(|deployment| deployment.spec?.template.spec);
    let containers = specs.flat_map(|spec| spec.containers);
    Ok(containers.filter_map(|container| container.image).collect())
}

/// The versions of the resource that the cluster serves, the preferred one first. Empty when it serves none.
///
/// # Errors
/// When the API server refuses or does not answer.
pub(crate) async fn served_versions(cluster: &Cluster) -> Result<Vec<String>, Failure> {
    let groups = call(cluster.client.list_api_groups()).await?.groups;
    let group = groups
        .into_iter()
        .find(|group| group.name == appconfig_experiment_operator::api::GROUP);
    let versions = group.map(|group| group.versions).unwrap_or_default();
    Ok(versions.into_iter().map(|version| version.version).collect())
}
