//! Who may do what: the operator, and the people of the overlay.

use control_plane::{OPERATOR_NAMESPACE, User};
use harness::cluster::{self, client, kubectl, runs};
use k8s_openapi::api::{
    authorization::v1::SelfSubjectAccessReview,
    coordination::v1::Lease,
    rbac::v1::{ClusterRole, RoleBinding},
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{administrator, code, control_plane, open_namespace, run};

const VERBS: [&str; 8] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
];
const OVERLAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/overlays/aggregate-roles");

/// Whether a user may do something: `verb group/resource/subresource name`.
async fn may(client: &Client, verb: &str, group: &str, resource: &str, name: &str, namespace: &str) -> bool {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let review = json!({"spec": {"resourceAttributes": {"verb": verb, "group": group, "resource": resource,
        "subresource": subresource, "name": name, "namespace": namespace}}});
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let review: SelfSubjectAccessReview = serde_json::from_value(review).unwrap();
    reviews
        .create(&PostParams::default(), &review)
        .await
        .unwrap()
        .status
        .unwrap()
        .allowed
}

#[tokio::test]
async fn the_operator_has_the_rights_it_needs_and_no_more() {
    let operator = client(control_plane(), User::Operator).await;
    let lease = "appconfig-experiment-operator";
    for (group, resource, name, namespace, allowed) in [
        (
            "experiments.appconfig.dev",
            "experimentruns",
            "",
            "",
            &["get", "list", "watch"][..],
        ),
        ("experiments.appconfig.dev", "experimentruns/status", "", "", &["patch"]),
        ("events.k8s.io", "events", "", "", &["create"]),
        ("", "events", "", "", &[]),
        ("", "secrets", "", "", &[]),
        ("", "configmaps", "", OPERATOR_NAMESPACE, &[]),
        ("", "namespaces", "", "", &[]),
        ("rbac.authorization.k8s.io", "clusterroles", "", "", &[]),
        (
            "coordination.k8s.io",
            "leases",
            lease,
            OPERATOR_NAMESPACE,
            &["get", "create", "update"],
        ),
        ("coordination.k8s.io", "leases", "another", OPERATOR_NAMESPACE, &[]),
        ("coordination.k8s.io", "leases", lease, "default", &[]),
    ] {
        let mut can = Vec::new();
        for verb in VERBS {
            if may(&operator, verb, group, resource, name, namespace).await {
                can.push(verb);
            }
        }
        assert_eq!(can, allowed, "{group} {resource} {name} {namespace}");
    }
}

#[tokio::test]
async fn the_lease_is_created_by_a_put_to_its_name() {
    let operator = client(control_plane(), User::Operator).await;
    let leases: Api<Lease> = Api::namespaced(operator, OPERATOR_NAMESPACE);
    let lease = |name: &str| -> Lease {
        serde_json::from_value(json!({"metadata": {"name": name}, "spec": {"holderIdentity": "a"}})).unwrap()
    };
    let name = "appconfig-experiment-operator";
    let parameters = PostParams::default();
    assert_eq!(
        code(leases.create(&parameters, &lease(name)).await),
        403,
        "a POST has no name to allow"
    );
    let created = leases.replace(name, &parameters, &lease(name)).await.unwrap();
    assert!(
        leases
            .replace(name, &parameters, &created)
            .await
            .unwrap()
            .resource_version()
            .is_some()
    );
    let mut stale = created.clone();
    stale.spec.as_mut().unwrap().holder_identity = Some("b".to_owned());
    leases.replace(name, &parameters, &stale).await.unwrap();
    assert_eq!(
        code(leases.replace(name, &parameters, &created).await),
        409,
        "compare and set"
    );
    assert_eq!(
        code(leases.replace("another", &parameters, &lease("another")).await),
        403
    );
}

#[tokio::test]
async fn the_operator_writes_status_and_nothing_else_of_a_resource() {
    let administrator = administrator().await;
    let namespace = open_namespace(&administrator).await;
    let created = runs(&administrator, &namespace)
        .create(&PostParams::default(), &run("run"))
        .await
        .unwrap();
    let operator = runs(&client(control_plane(), User::Operator).await, &namespace);
    let write = |metadata: Value| {
        let patch = json!({"metadata": metadata, "spec": {"run": 2}, "status": {"observedGeneration": 1}});
        let operator = operator.clone();
        async move {
            operator
                .patch_status("run", &PatchParams::default(), &Patch::Merge(patch))
                .await
        }
    };
    let versions = json!({"resourceVersion": created.resource_version(), "uid": created.uid()});
    let written = write(versions.clone()).await.unwrap();
    assert_eq!(written.data["status"]["observedGeneration"], 1);
    assert_eq!(
        written.data["spec"], created.data["spec"],
        "a write of the status can't touch the spec"
    );
    assert_eq!(code(write(json!({"resourceVersion": "1"})).await), 409);
    let spec = Patch::Merge(json!({"spec": {"suspend": true}}));
    assert_eq!(code(operator.patch("run", &PatchParams::default(), &spec).await), 403);
    assert_eq!(code(operator.delete("run", &DeleteParams::default()).await), 403);
}

#[tokio::test]
async fn the_overlay_lets_editors_write_resources_and_nobody_a_status() {
    let administrator = administrator().await;
    kubectl(control_plane(), &["apply", "-k", OVERLAY]);
    let roles: Api<ClusterRole> = Api::all(administrator.clone());
    let namespace = open_namespace(&administrator).await;
    let bindings: Api<RoleBinding> = Api::namespaced(administrator.clone(), &namespace);
    // No controller manager runs that would aggregate, so the users get the roles themselves.
    for (role, user, into) in [
        ("view", User::SecondDeveloper, &["view"][..]),
        ("edit", User::Developer, &["edit", "admin"][..]),
    ] {
        let name = format!("appconfig-experiment-operator-{role}");
        let labels = roles.get(&name).await.unwrap().metadata.labels.unwrap_or_default();
        for built_in in into {
            let label = format!("rbac.authorization.k8s.io/aggregate-to-{built_in}");
            assert_eq!(labels.get(&label).map(String::as_str), Some("true"), "{labels:?}");
        }
        let binding = serde_json::from_value(json!({
            "metadata": {"name": role},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user.name()}],
        }));
        bindings
            .create(&PostParams::default(), &binding.unwrap())
            .await
            .unwrap();
    }
    let editor = runs(&client(control_plane(), User::Developer).await, &namespace);
    cluster::eventually("the binding is in force", async || {
        editor.create(&PostParams::default(), &run("run")).await.ok()
    })
    .await;
    let brake = Patch::Merge(json!({"spec": {"suspend": true}}));
    let status = Patch::Merge(json!({"status": {"observedGeneration": 1}}));
    let parameters = PatchParams::default();
    assert_eq!(code(editor.patch("run", &parameters, &brake).await), 200);
    assert_eq!(code(editor.patch_status("run", &parameters, &status).await), 403);
    let viewer = runs(&client(control_plane(), User::SecondDeveloper).await, &namespace);
    assert_eq!(code(viewer.get("run").await), 200);
    assert_eq!(code(viewer.patch("run", &parameters, &brake).await), 403);
    assert_eq!(code(viewer.patch_status("run", &parameters, &status).await), 403);
    assert_eq!(code(editor.delete("run", &DeleteParams::default()).await), 200);
}
