//! Scenario 13: somebody takes away the operator's right to write statuses, and gives it back.
//!
//! The operator acts as a person to whom this scene's namespace alone gives what `deploy/` gives the operator's service
//! account, since that one's rights are shared by everything that runs beside this.

use appconfig_emulator::{Operation, Release, Stage};
use control_plane::User;
use harness::{NAME, Operator, Scene, bodies, control_plane, is_ready};
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role, RoleBinding};
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use serde_json::json;

const STATUS: &str = "experimentruns/status";
const PERSON: User = User::SecondDeveloper;

/// A scene and an operator in it whose right to write statuses can be taken away.
async fn scene() -> (Scene, Operator) {
    let scene = Scene::new().await;
    let cluster_roles: Api<ClusterRole> = Api::all(scene.client.clone());
    let rules = cluster_roles.get(NAME).await.unwrap().rules.unwrap();
    let of_status = |rule: &PolicyRule| {
        rule.resources
            .as_ref()
            .is_some_and(|resources| resources.contains(&STATUS.into()))
    };
    let (status, rest): (Vec<_>, Vec<_>) = rules.into_iter().partition(of_status);
    assert_eq!((status.len(), status[0].resources.as_ref().map(Vec::len)), (1, Some(1)));
    role(&scene, "status", &status).await;
    role(&scene, "rest", &rest).await;
    bind(&scene, "rest").await;
    bind(&scene, "status").await;
    let mut flags = scene.flags();
    flags.kubeconfig = control_plane().kubeconfig_of(PERSON);
    let operator = Operator::start(&flags);
    (scene, operator)
}

async fn role(scene: &Scene, name: &str, rules: &[PolicyRule]) {
    let role: Role = serde_json::from_value(json!({ "metadata": { "name": name }, "rules": rules })).unwrap();
    let api = Api::namespaced(scene.client.clone(), &scene.namespace);
    api.create(&PostParams::default(), &role).await.unwrap();
}

fn bindings(scene: &Scene) -> Api<RoleBinding> {
    Api::namespaced(scene.client.clone(), &scene.namespace)
}

/// Gives a role's rights, and waits until they hold.
async fn bind(scene: &Scene, role: &str) {
    let binding = json!({
        "metadata": { "name": role },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": PERSON.name() }]
    });
    let binding = serde_json::from_value(binding).unwrap();
    bindings(scene).create(&PostParams::default(), &binding).await.unwrap();
}

/// Takes the right to write statuses away, and waits until the API server knows.
async fn take_status_away(scene: &Scene) {
    bindings(scene)
        .delete("status", &DeleteParams::default())
        .await
        .unwrap();
    scene
        .eventually("forbidden", async || !may_write_statuses(scene).await)
        .await;
}

async fn may_write_statuses(scene: &Scene) -> bool {
    use k8s_openapi::api::authorization::v1::SubjectAccessReview;
    let attributes = json!({
        "namespace": scene.namespace, "verb": "patch", "group": "experiments.appconfig.dev",
        "resource": "experimentruns", "subresource": "status"
    });
    let review = json!({
        "metadata": {},
        "spec": { "user": PERSON.name(), "resourceAttributes": attributes }
    });
    let review: SubjectAccessReview = serde_json::from_value(review).unwrap();
    let reviews = Api::all(scene.client.clone());
    let answer = reviews.create(&PostParams::default(), &review).await.unwrap();
    answer.status.unwrap().allowed
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_without_the_right_to_write_statuses_nothing_is_sent_and_it_heals_when_it_is_given_back() {
    let (scene, operator) = scene().await;
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    scene.wait("run", "ready", is_ready).await;
    take_status_away(&scene).await;
    scene.apply("run", &json!({ "exposurePercentage": 50 })).await;
    operator
        .logged("reconcile not finished: the request to the API server failed: 403")
        .await;
    // Withdrawn meanwhile: the operator has no record of its own in which 50 could survive.
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let reads = scene.reads().len();
    scene
        .eventually("tried again", async || scene.reads().len() >= reads + 2)
        .await;
    assert_eq!(scene.updates().len(), 1, "an update without a fence");
    bind(&scene, "status").await;
    scene.wait("run", "ready", is_ready).await;
    let expected = [5.0, 25.0].map(|to| json!({ "ExposurePercentage": to }));
    assert_eq!(bodies(&scene.updates()), expected);
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_the_right_taken_away_between_update_and_record_costs_no_second_update() {
    let (scene, operator) = scene().await;
    let gate = scene
        .emulator
        .hold(Operation::UpdateExperimentRun, 0, Stage::AfterCommit);
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    gate.reached().await;
    take_status_away(&scene).await;
    gate.release(Release::GoOn);
    operator
        .logged("reconcile not finished: the request to the API server failed: 403")
        .await;
    let reads = scene.reads().len();
    scene
        .eventually("tried again", async || scene.reads().len() >= reads + 2)
        .await;
    bind(&scene, "status").await;
    let run = scene.wait("run", "ready", is_ready).await;
    assert_eq!(run.status.unwrap().pending_update, None);
    assert_eq!(scene.updates().len(), 1);
    scene.judge();
}
