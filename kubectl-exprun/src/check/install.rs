//! The CRD and the operator.

use appconfig_experiment_operator::{leader::Published, schema::KnownFields};
use jiff::SignedDuration;
use kube::api::ListParams;
use serde_json::Value;

use super::Line;
use crate::{
    cluster::Cluster,
    failure::{Failure, call},
    operator::{Operator, Place, images, served_versions},
    times::{Clock, length},
    version::VERSION,
};

/// After so long without a good read of any run, something is wrong: the longest resync is a day.
const SILENCE: SignedDuration = SignedDuration::from_hours(25);

/// The lines on what is installed.
pub(super) async fn lines(cluster: &Cluster, place: &Place, clock: &Clock) -> Vec<Line> {
    let mut lines = crd(cluster).await;
    let operator = match Operator::find(cluster, place).await {
        Ok(operator) => operator,
        Err(failure) => {
            lines.push(of_images(cluster, place, &failure).await);
            return lines;
        }
    };
    let Some(operator) = operator else {
        lines.push(Line::lacking(
            "operator",
            format!(
                "there is no Lease {} in namespace {}",
                place.lease_name, place.operator_namespace
            ),
            "install it (kubectl apply -k deploy/), or say where it is: --operator-namespace, --lease-name",
        ));
        return lines;
    };
    lines.push(acting(&operator, place, clock));
    lines.push(scope(&operator.published, &cluster.namespace));
    lines.push(Line::ok(
        "region",
        operator.published.region.as_ref().map_or_else(
            || "each resource has to name its own".to_owned(),
            |region| format!("{region} for resources that name none"),
        ),
    ));
    lines.push(aws(&operator.published, cluster, clock).await);
    lines
}

async fn crd(cluster: &Cluster) -> Vec<Line> {
    let served = match served_versions(cluster).await {
        Ok(served) => served,
        Err(failure) => return vec![Line::unseen("CRD", &failure)],
    };
    if served.is_empty() {
        return vec![Line::lacking(
            "CRD",
            "the cluster serves no ExperimentRuns",
            "kubectl apply --server-side -f crds/",
        )];
    }
    let mut lines = vec![Line::ok("CRD", format!("served as {}", served.join(", ")))];
    let known = KnownFields::of_this_operator();
    let missing = match document(cluster, &known.document_path()).await {
        Ok(document) => known
            .missing(&document)
            .map_err(|error| Failure::new(error.to_string())),
        Err(failure) => Err(failure),
    };
    lines.push(match missing {
        Ok(missing) if missing.is_empty() => Line::ok("fields", format!("all that version {VERSION} knows")),
        Ok(missing) => Line::lacking(
            "fields",
            format!(
                "the CRD lacks {}: the operator does nothing until it has them",
                missing.join(", ")
            ),
            format!("apply the CRD of version {VERSION} or newer"),
        ),
        Err(failure) => Line::unseen("fields", &failure),
    });
    lines
}

async fn document(cluster: &Cluster, path: &str) -> Result<Value, Failure> {
    let request = http::Request::get(path)
        .body(Vec::new())
        .map_err(|error| Failure::new(error.to_string()))?;
    call(cluster.client.request(request)).await
}

/// What the Deployment tells to whoever may not read the Lease.
async fn of_images(cluster: &Cluster, place: &Place, failure: &Failure) -> Line {
    match images(cluster, place).await {
        Ok(images) if images.is_empty() => Line::unseen("operator", failure),
        Ok(images) => Line::ok(
            "operator",
            format!("deployed as {}; whether it acts can't be seen", images.join(", ")),
        ),
        Err(_) => Line::unseen("operator", failure),
    }
}

fn acting(operator: &Operator, place: &Place, clock: &Clock) -> Line {
    let Some((holder, renewed)) = operator.acting(clock.now) else {
        let last = operator
            .renewed
            .map(|at| format!("; it was renewed {}", clock.distance(at)))
            .unwrap_or_default();
        return Line::lacking(
            "operator",
            format!("nobody holds the Lease{last}"),
            format!(
                "kubectl get pods -n {}; their log and /readyz say what they wait for",
                place.operator_namespace
            ),
        );
    };
    let version = operator.published.version.as_deref().unwrap_or("of an unknown version");
    let other = if version == VERSION {
        String::new()
    } else {
        format!(" (this plugin is {VERSION})")
    };
    Line::ok(
        "operator",
        format!(
            "{version}{other}: {holder} acts, and renewed the Lease {}",
            clock.distance(renewed)
        ),
    )
}

fn scope(published: &Published, namespace: &str) -> Line {
    let selector = published
        .selector
        .as_ref()
        .map(|selector| format!(", those with {selector}"))
        .unwrap_or_default();
    if published.namespaces.is_empty() {
        return Line::ok("scope", format!("ExperimentRuns of all namespaces{selector}"));
    }
    let watched = format!("ExperimentRuns of {}{selector}", published.namespaces.join(", "));
    if published.namespaces.iter().any(|name| name == namespace) {
        Line::ok("scope", watched)
    } else {
        Line::lacking(
            "scope",
            format!("{watched}; namespace {namespace} is not watched"),
            format!("add --namespace={namespace} to the operator's arguments"),
        )
    }
}

async fn aws(published: &Published, cluster: &Cluster, clock: &Clock) -> Line {
    match published.last_read {
        Some(at) if clock.now.duration_since(at) < SILENCE => {
            Line::ok("AWS", format!("AppConfig answered {}", clock.distance(at)))
        }
        Some(at) => Line::lacking(
            "AWS",
            format!(
                "AppConfig has not answered for {}",
                length(clock.now.duration_since(at))
            ),
            "kubectl exprun status -A: what the resources say",
        ),
        None => {
            let some = call(cluster.all_runs().list(&ListParams::default().limit(1))).await;
            match some {
                Ok(some) if some.items.is_empty() => Line::lacking(
                    "AWS",
                    "not tried: there is no resource",
                    "kubectl apply --server-side -f deploy/samples/observe.yaml",
                ),
                _ => Line::lacking(
                    "AWS",
                    "AppConfig has not answered yet",
                    "kubectl exprun status -A: what the resources say",
                ),
            }
        }
    }
}
