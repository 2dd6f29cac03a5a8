//! `deploy/` on a real API server: it applies, it is safe, and it gives the operator its rights and no more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{collections::BTreeMap, path::Path};

use appconfig_experiment_operator::cli;
use control_plane::{ControlPlane, OPERATOR_NAMESPACE, OPERATOR_SERVICE_ACCOUNT, User};
use harness::cluster::{self, client, kubectl, namespace, object};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Pod, Service},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Api, Client,
    api::{DynamicObject, ListParams, PostParams},
};
use serde_json::{Value, json};

#[path = "deploy/policy.rs"]
mod policy;
#[path = "deploy/revisions.rs"]
mod revisions;
#[path = "deploy/rights.rs"]
mod rights;

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy");

fn control_plane() -> &'static ControlPlane {
    cluster::shared(prepare)
}

fn prepare(control_plane: &ControlPlane) {
    kubectl(control_plane, &["apply", "-k", DEPLOY]);
    let crd = "crd/experimentruns.experiments.appconfig.dev";
    kubectl(
        control_plane,
        &["wait", "--for=condition=Established", "--timeout=20s", crd],
    );
}

async fn administrator() -> Client {
    client(control_plane(), User::Administrator).await
}

/// A namespace that may name any application.
async fn open_namespace(administrator: &Client) -> String {
    namespace(
        administrator,
        json!({"annotations": {"experiments.appconfig.dev/applications": "*"}}),
    )
    .await
}

fn run(name: &str) -> DynamicObject {
    object(json!({
        "apiVersion": "experiments.appconfig.dev/v1alpha1",
        "kind": "ExperimentRun",
        "metadata": {"name": name},
        "spec": {"applicationIdentifier": "shop", "experimentDefinitionIdentifier": "add-to-cart", "run": 1},
    }))
}

fn code<T>(result: Result<T, kube::Error>) -> u16 {
    match result {
        Ok(_) => 200,
        Err(kube::Error::Api(status)) => status.code,
        Err(error) => panic!("no answer: {error}"),
    }
}

/// The resource versions of all that the kustomization holds.
fn versions() -> String {
    let path = "jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.resourceVersion}{\"\\n\"}{end}";
    kubectl(control_plane(), &["get", "-k", DEPLOY, "-o", path])
}

#[test]
fn applying_it_again_changes_nothing() {
    let before = versions();
    assert!(before.lines().count() >= 12, "{before}");
    let said = kubectl(control_plane(), &["apply", "-k", DEPLOY]);
    assert_eq!(versions(), before, "{said}");
}

async fn deployment(administrator: &Client) -> Deployment {
    let deployments: Api<Deployment> = Api::namespaced(administrator.clone(), OPERATOR_NAMESPACE);
    deployments.get("appconfig-experiment-operator").await.unwrap()
}

#[tokio::test]
async fn its_pods_pass_the_restricted_pod_security_standard() {
    let administrator = administrator().await;
    let template = deployment(&administrator).await.spec.unwrap().template;
    let metadata = kube::api::ObjectMeta {
        name: Some("operator".to_owned()),
        ..template.metadata.unwrap()
    };
    let mut pod = Pod {
        metadata,
        spec: template.spec,
        status: None,
    };
    let enforce = json!({"labels": {"pod-security.kubernetes.io/enforce": "restricted"}});
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    for namespace in [namespace(&administrator, enforce).await, OPERATOR_NAMESPACE.to_owned()] {
        let pods: Api<Pod> = Api::namespaced(administrator.clone(), &namespace);
        pods.create(&dry_run, &pod).await.unwrap();
        // The namespace does enforce: what the template must not lose is what it would be refused without.
        let context = pod.spec.as_mut().unwrap().security_context.take();
        assert_eq!(code(pods.create(&dry_run, &pod).await), 403, "{namespace}");
        pod.spec.as_mut().unwrap().security_context = context;
    }
    let container = &pod.spec.unwrap().containers[0];
    assert_eq!(
        container.security_context.as_ref().unwrap().read_only_root_filesystem,
        Some(true)
    );
    let resources = container.resources.as_ref().unwrap();
    for bounds in [&resources.requests, &resources.limits] {
        let bounds: Vec<_> = bounds.as_ref().unwrap().keys().map(String::as_str).collect();
        assert_eq!(bounds, ["cpu", "ephemeral-storage", "memory"]);
    }
}

/// `OpenShift` gives each namespace its own user IDs, and refuses a fixed one. The image has a user that is a number.
#[tokio::test]
async fn it_asks_for_no_user_id_and_no_replica_that_is_not_ready_holds_up_a_drain() {
    let administrator = administrator().await;
    let pod = json!(deployment(&administrator).await.spec.unwrap().template.spec);
    for context in [&pod["securityContext"], &pod["containers"][0]["securityContext"]] {
        assert!(context.is_object() && context.get("runAsUser").is_none(), "{context}");
    }
    let budgets: Api<PodDisruptionBudget> = Api::namespaced(administrator, OPERATOR_NAMESPACE);
    let budget = budgets
        .get("appconfig-experiment-operator")
        .await
        .unwrap()
        .spec
        .unwrap();
    assert_eq!(budget.unhealthy_pod_eviction_policy.as_deref(), Some("AlwaysAllow"));
}

#[tokio::test]
async fn its_arguments_probes_and_names_are_those_of_the_operator() {
    let administrator = administrator().await;
    let spec = deployment(&administrator).await.spec.unwrap();
    assert_eq!(spec.replicas, Some(2));
    let labels = spec.template.metadata.unwrap().labels.unwrap();
    let pod = spec.template.spec.unwrap();
    assert_eq!(pod.service_account_name.as_deref(), Some(OPERATOR_SERVICE_ACCOUNT));
    let container = &pod.containers[0];
    let substituted = |argument: &String| argument.replace("$(NAMESPACE)", OPERATOR_NAMESPACE);
    let arguments = container.args.iter().flatten().map(substituted);
    let program = std::iter::once(cli::PROGRAM.to_owned());
    let Ok(cli::Command::Run(settings)) = cli::parse(program.chain(arguments).map(Into::into)) else {
        panic!("{:?} are not the arguments of the operator", container.args);
    };
    assert!(settings.leader_elect, "two replicas must not act at once");
    let port = &container.ports.as_ref().unwrap()[0];
    assert_eq!(i32::from(settings.http_address.port()), port.container_port);
    assert!(
        settings.http_address.ip().is_unspecified(),
        "the kubelet calls from outside"
    );
    let path = |probe: &Option<k8s_openapi::api::core::v1::Probe>| {
        probe
            .as_ref()
            .and_then(|probe| probe.http_get.as_ref())
            .and_then(|get| get.path.clone())
            .unwrap()
    };
    assert_eq!(
        (path(&container.liveness_probe), path(&container.readiness_probe)),
        ("/livez".into(), "/readyz".into())
    );

    let services: Api<Service> = Api::namespaced(administrator, OPERATOR_NAMESPACE);
    let service = services
        .get("appconfig-experiment-operator-metrics")
        .await
        .unwrap()
        .spec
        .unwrap();
    let selector = service.selector.unwrap();
    assert!(
        selector
            .iter()
            .all(|label| labels.get_key_value(label.0) == Some(label)),
        "{selector:?} of {labels:?}"
    );
}

#[tokio::test]
async fn only_namespaces_with_a_label_reach_its_port_and_it_reaches_whatever_it_calls() {
    let administrator = administrator().await;
    let template = deployment(&administrator).await.spec.unwrap().template;
    let policies: Api<NetworkPolicy> = Api::namespaced(administrator, OPERATOR_NAMESPACE);
    let policies = policies.list(&ListParams::default()).await.unwrap().items;
    let [policy] = policies.as_slice() else {
        panic!("{} policies", policies.len())
    };
    let spec = json!(policy.spec);
    let labels = template.metadata.unwrap().labels.unwrap();
    let selected = spec["podSelector"]["matchLabels"].as_object().unwrap();
    assert!(
        !selected.is_empty()
            && selected
                .iter()
                .all(|(key, value)| labels.get(key).map(String::as_str) == value.as_str())
    );
    assert_eq!(
        spec["policyTypes"],
        json!(["Ingress"]),
        "AWS and the API server are reached"
    );
    let port = template.spec.unwrap().containers[0].ports.as_ref().unwrap()[0]
        .name
        .clone();
    let from = json!([{ "namespaceSelector": { "matchLabels": { "metrics": "enabled" } } }]);
    let ingress = json!([{ "from": from, "ports": [{ "port": port, "protocol": "TCP" }] }]);
    assert_eq!(spec["ingress"], ingress);
}

#[test]
fn the_samples_are_accepted_and_name_a_region() {
    let samples = Path::new(DEPLOY).join("samples");
    let mut resources = 0;
    let entries = std::fs::read_dir(&samples).unwrap().map(|entry| entry.unwrap().path());
    for file in entries.filter(|path| path.is_file()) {
        let text = std::fs::read_to_string(file).unwrap();
        if text.contains("kind: ExperimentRun") {
            assert!(text.contains("\n  region: "), "{text}");
            resources += 1;
        }
    }
    assert!(resources >= 2);
    let namespace = samples.join("namespace.yaml");
    kubectl(control_plane(), &["apply", "-f", namespace.to_str().unwrap()]);
    let said = kubectl(
        control_plane(),
        &["apply", "--dry-run=server", "-f", samples.to_str().unwrap()],
    );
    assert_eq!(said.matches("experimentrun.").count(), resources, "{said}");
}

#[test]
fn each_environment_of_the_sample_overlay_has_a_target_of_its_own() {
    for (environment, target, steps) in [("staging", 100, 2), ("production", 10, 3)] {
        let folder = Path::new(DEPLOY).join("samples/environments").join(environment);
        let built = kubectl(control_plane(), &["kustomize", folder.to_str().unwrap()]);
        let namespace = Path::new(DEPLOY).join("samples/namespace.yaml");
        kubectl(control_plane(), &["apply", "-f", namespace.to_str().unwrap()]);
        let resource: Value = serde_saphyr::from_str(&built).unwrap();
        assert_eq!(resource["spec"]["exposurePercentage"], target, "{built}");
        assert_eq!(
            resource["spec"]["ramp"]["steps"].as_array().unwrap().len(),
            steps,
            "{built}"
        );
        let arguments = ["apply", "--dry-run=server", "-k", folder.to_str().unwrap()];
        kubectl(control_plane(), &arguments);
    }
}

#[test]
fn p7_the_iam_policy_allows_what_is_called_and_the_deployment_that_follows() {
    let text = std::fs::read_to_string(Path::new(DEPLOY).join("aws/iam-policy.json")).unwrap();
    let policy: Value = serde_json::from_str(&text).unwrap();
    let mut actions = BTreeMap::new();
    for statement in policy["Statement"].as_array().unwrap() {
        assert_eq!(statement["Effect"], "Allow");
        let resources = statement["Resource"].as_array().unwrap().len();
        let listed = statement["Action"]
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![statement["Action"].clone()]);
        actions.extend(
            listed
                .iter()
                .map(|action| (action.as_str().unwrap().to_owned(), resources)),
        );
    }
    let expected = [
        ("appconfig:GetExperimentRun", 3),
        ("appconfig:ListExperimentRunEvents", 3),
        ("appconfig:StartDeployment", 4),
        ("appconfig:UpdateExperimentRun", 3),
    ];
    assert_eq!(
        actions,
        expected
            .map(|(action, resources)| (action.to_owned(), resources))
            .into()
    );
}
