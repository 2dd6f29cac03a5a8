//! The namespace, what whoever asks may do in it, and its resources.

use appconfig_experiment_operator::api::{ConditionType, GROUP};
use k8s_openapi::api::{
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
    core::v1::Namespace,
};
use kube::{Api, ResourceExt as _, api::PostParams};

use super::Line;
use crate::{
    cluster::{Cluster, list},
    failure::{Failure, call},
    run::Run,
};

/// Which applications a namespace may name.
const APPLICATIONS: &str = "experiments.appconfig.dev/applications";

/// The lines on a namespace.
pub(super) async fn lines(cluster: &Cluster) -> Vec<Line> {
    let mut lines = vec![applications(cluster).await, rights(cluster).await];
    lines.extend(runs(cluster).await);
    lines
}

async fn applications(cluster: &Cluster) -> Line {
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    let name = &cluster.namespace;
    match call(namespaces.get(name)).await {
        Ok(namespace) => match namespace.annotations().get(APPLICATIONS) {
            Some(applications) if !applications.is_empty() => {
                Line::ok("namespace", format!("{name} may name the applications {applications}"))
            }
            _ => Line::lacking(
                "namespace",
                format!("{name} may name no application"),
                format!("kubectl annotate namespace {name} {APPLICATIONS}=APPLICATION,…"),
            ),
        },
        Err(failure) => Line::unseen("namespace", &failure),
    }
}

async fn may(cluster: &Cluster, verb: &str) -> Result<bool, Failure> {
    let attributes = ResourceAttributes {
        group: Some(GROUP.to_owned()),
        resource: Some("experimentruns".to_owned()),
        namespace: Some(cluster.namespace.clone()),
        verb: Some(verb.to_owned()),
        ..ResourceAttributes::default()
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(cluster.client.clone());
    let answer = call(reviews.create(&PostParams::default(), &review)).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

async fn rights(cluster: &Cluster) -> Line {
    let mut lacking = Vec::new();
    for verb in ["get", "list", "watch", "patch"] {
        match may(cluster, verb).await {
            Ok(true) => {}
            Ok(false) => lacking.push(verb),
            Err(failure) => return Line::unseen("rights", &failure),
        }
    }
    let place = format!("ExperimentRuns of {}", cluster.namespace);
    match lacking.as_slice() {
        [] => Line::ok("rights", format!("you may see and brake {place}")),
        ["patch"] => Line::ok("rights", format!("you may see {place}, and not brake them")),
        lacking => Line::lacking(
            "rights",
            format!("you may not {} {place}", lacking.join(", ")),
            "ask for view or edit with the overlay deploy/overlays/aggregate-roles",
        ),
    }
}

async fn runs(cluster: &Cluster) -> Vec<Line> {
    let objects = match list(&cluster.runs(&cluster.namespace), None).await {
        Ok(objects) => objects,
        Err(failure) => return vec![Line::unseen("runs", &failure)],
    };
    let count = objects.len();
    let mut lines: Vec<Line> = objects
        .into_iter()
        .filter_map(|object| needs_a_person(&Run::read(object)?))
        .collect();
    lines.insert(
        0,
        Line::ok(
            "runs",
            format!(
                "{count} in {}, of which {} need a person",
                cluster.namespace,
                lines.len()
            ),
        ),
    );
    lines
}

/// A run of which nothing moves until a person acts. One whose brake is pulled is as somebody wants it.
fn needs_a_person(run: &Run) -> Option<Line> {
    let stalled = run.condition(ConditionType::Stalled).filter(|_| !run.is_braked())?;
    let (namespace, name) = (run.namespace(), run.name());
    Some(Line::lacking(
        "run",
        format!("{name}: {}", stalled.reason),
        format!("kubectl exprun status {name} -n {namespace}"),
    ))
}
