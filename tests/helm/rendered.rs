//! What the charts render: what `deploy/` has, under the names of a release.

use std::{collections::BTreeMap, fs};

use control_plane::{ControlPlane, Options};
use harness::cluster::kubectl;
use serde_json::Value;

use crate::{
    CRDS, NAME, OPERATOR, ROOT,
    helm::{Helm, identity, objects, only},
};

/// What is in labels and annotations beside what `deploy/` has: what Helm wants, and what keeps the kinds.
const OF_HELM: [&str; 6] = [
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
    "helm.sh/chart",
    "helm.sh/resource-policy",
    "argocd.argoproj.io/sync-options",
];

/// The objects by their identity, without what is Helm's own.
fn compared(objects: Vec<Value>) -> BTreeMap<String, Value> {
    let without = |mut object: Value| {
        let metadata = object["metadata"].as_object_mut().unwrap();
        for field in ["labels", "annotations"] {
            if let Some(Value::Object(entries)) = metadata.get_mut(field) {
                entries.retain(|key, _| !OF_HELM.contains(&key.as_str()));
            }
            if metadata
                .get(field)
                .is_some_and(|entries| entries == &serde_json::json!({}))
            {
                metadata.remove(field);
            }
        }
        (identity(&object), object)
    };
    let objects: BTreeMap<_, _> = objects.into_iter().map(without).collect();
    objects
}

/// What kubectl builds of `deploy/`, for which it asks no server.
pub fn kustomized() -> String {
    let kubectl = control_plane::Binaries::ensure().unwrap().kubectl;
    let mut command = std::process::Command::new(kubectl);
    let output = command.args(["kustomize", &format!("{ROOT}/deploy")]).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn both_charts_pass_the_strict_lint() {
    let fullest = format!("--values={ROOT}/tests/helm/all-values.yaml");
    for lint in [&[CRDS][..], &[OPERATOR], &[OPERATOR, &fullest]] {
        let said = Helm::offline().run(&[&["lint", "--strict"], lint].concat());
        assert!(
            said.contains("0 chart(s) failed") && !said.contains("WARNING"),
            "{said}"
        );
    }
}

#[test]
fn with_default_values_both_charts_render_what_kustomize_builds() {
    let helm = Helm::offline();
    let rendered = [helm.render(CRDS, NAME, &[]), helm.render(OPERATOR, NAME, &[])].concat();
    let count = rendered.len();
    let rendered = compared(rendered);
    assert_eq!(rendered.len(), count, "each object once");
    let mut built = compared(objects(&kustomized()));
    // Whoever installs a chart makes the namespace.
    built.remove(&format!("Namespace /{NAME}")).unwrap();
    let identities = |objects: &BTreeMap<String, Value>| objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(identities(&rendered), identities(&built));
    for (identity, object) in &rendered {
        assert_eq!(object, &built[identity], "{identity}");
    }
    assert!(count >= 14, "{count}");
}

/// With a kind go all its resources, and its guard goes with neither.
#[test]
fn neither_helm_nor_argo_cd_takes_the_kinds_away() {
    let kept = Helm::offline().render(CRDS, NAME, &[]);
    assert_eq!(kept.len(), 3);
    for object in kept {
        let annotations = &object["metadata"]["annotations"];
        assert_eq!(annotations["helm.sh/resource-policy"], "keep", "{}", identity(&object));
        let options = &annotations["argocd.argoproj.io/sync-options"];
        assert_eq!(options, "Prune=false,Delete=false", "{}", identity(&object));
    }
}

/// The versions and the image are those of the manifest of the workspace.
#[test]
fn versions_and_the_name_of_the_image_are_written_once() {
    let manifest = fs::read_to_string(format!("{ROOT}/Cargo.toml")).unwrap();
    let value = |key: &str| {
        let line = manifest
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{key} = \"")));
        line.unwrap().trim_end_matches('"').to_owned()
    };
    let image = format!("{}:{}", value("repository"), value("version"));
    for chart in [CRDS, OPERATOR] {
        let chart: Value = serde_saphyr::from_str(&fs::read_to_string(format!("{chart}/Chart.yaml")).unwrap()).unwrap();
        assert_eq!(
            (&chart["version"], &chart["appVersion"]),
            (&value("version").into(), &value("version").into())
        );
    }
    let rendered = Helm::offline().render(OPERATOR, NAME, &[]);
    for objects in [rendered, objects(&kustomized())] {
        let container = &only(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["image"], image);
    }
}

#[test]
fn the_image_can_be_named_by_its_digest() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let set = [
        "--set=image.repository=registry.example.com/operator",
        &format!("--set=image.digest={digest}"),
    ];
    let rendered = Helm::offline().render(OPERATOR, NAME, &set);
    let container = &only(&rendered, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], format!("registry.example.com/operator@{digest}"));
}

/// Two releases share no name where one could be the other's, in one namespace or in two.
#[test]
fn all_that_a_release_makes_is_named_after_it() {
    let helm = Helm::offline();
    let [one, other] = ["one", "other"].map(|release| helm.render(OPERATOR, release, &["--namespace=both"]));
    assert_eq!(one.len(), other.len());
    for object in &other {
        let name = object["metadata"]["name"].as_str().unwrap();
        assert!(name == "other" || name.starts_with("other-"), "{name}");
        assert!(!one.iter().any(|of_one| identity(of_one) == identity(object)), "{name}");
        let mut words = object.clone();
        let labels = words["metadata"]["labels"].as_object_mut().unwrap();
        labels.retain(|key, _| !matches!(key.as_str(), "app.kubernetes.io/part-of" | "helm.sh/chart"));
        let mut text = words.to_string();
        if object["kind"] == "Deployment" {
            text = text.replace(&format!("{NAME}:"), "");
        }
        assert!(!text.contains(NAME), "{text}");
    }
    let deployment = only(&other, "Deployment");
    let arguments = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
    assert!(arguments.as_array().unwrap().contains(&"--lease-name=other".into()));
    let selector = &deployment["spec"]["selector"];
    assert_ne!(selector, &only(&one, "Deployment")["spec"]["selector"]);
    for kind in ["PodDisruptionBudget", "NetworkPolicy"] {
        let spec = &only(&other, kind)["spec"];
        let selected = spec.get("selector").or(spec.get("podSelector")).unwrap();
        assert_eq!(selected, selector, "{kind}");
    }
}

#[test]
fn a_list_of_namespaces_takes_roles_in_the_place_of_the_cluster_role() {
    let rendered = Helm::offline().render(OPERATOR, NAME, &["--set=watch.namespaces={checkout,search}"]);
    let kinds = |kind: &str| {
        let of_kind = rendered.iter().filter(|object| object["kind"] == kind);
        of_kind.map(identity).collect::<Vec<_>>()
    };
    assert!(kinds("ClusterRole").is_empty() && kinds("ClusterRoleBinding").is_empty());
    let roles = [
        format!("Role {NAME}/{NAME}-lease"),
        format!("Role checkout/{NAME}-{NAME}"),
        format!("Role default/{NAME}-{NAME}-events"),
        format!("Role search/{NAME}-{NAME}"),
    ];
    let mut found = kinds("Role");
    found.sort();
    assert_eq!(found, roles);
    assert_eq!(kinds("RoleBinding").len(), roles.len());
}

/// What the operator's chart renders for the fullest values.
fn fullest() -> Vec<Value> {
    let helm = Helm::offline();
    helm.render(
        OPERATOR,
        NAME,
        &["--values", &format!("{ROOT}/tests/helm/all-values.yaml")],
    )
}

#[test]
fn every_value_lands_where_it_belongs() {
    let rendered = fullest();
    let of_kind = |kind: &str| only(&rendered, kind);
    assert_eq!(of_kind("ServiceMonitor")["spec"]["endpoints"][0]["interval"], "30s");
    assert_eq!(of_kind("ServiceMonitor")["metadata"]["labels"]["release"], "prometheus");
    let spec = &of_kind("Deployment")["spec"];
    let pod = &spec["template"]["spec"];
    for (pointer, value) in [
        ("/serviceAccountName", "named"),
        ("/imagePullSecrets/0/name", "registry"),
        ("/priorityClassName", "system-cluster-critical"),
        ("/nodeSelector/kubernetes.io~1os", "linux"),
        ("/tolerations/0/key", "dedicated"),
        (
            "/affinity/nodeAffinity/preferredDuringSchedulingIgnoredDuringExecution/0/preference/matchExpressions/0/key",
            "zone",
        ),
        (
            "/topologySpreadConstraints/0/topologyKey",
            "topology.kubernetes.io/zone",
        ),
        ("/securityContext/fsGroup", "2000"),
        ("/volumes/0/name", "credentials"),
        ("/containers/0/volumeMounts/0/mountPath", "/credentials"),
        ("/containers/0/env/1/name", "AWS_SHARED_CREDENTIALS_FILE"),
        ("/containers/0/envFrom/0/secretRef/name", "proxy"),
        ("/containers/0/securityContext/runAsUser", "65532"),
        ("/containers/0/resources/limits/memory", "256Mi"),
        ("/containers/0/imagePullPolicy", "Always"),
    ] {
        let found = pod.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}"));
        assert_eq!(found.to_string().trim_matches('"'), value, "{pointer}");
    }
    assert_eq!(spec["template"]["metadata"]["labels"]["team"], "platform");
    assert_eq!(
        spec["template"]["metadata"]["annotations"]["example.com/owner"],
        "platform"
    );
    assert_eq!(
        of_kind("NetworkPolicy")["spec"]["policyTypes"],
        serde_json::json!(["Ingress", "Egress"])
    );
    assert_eq!(of_kind("PodDisruptionBudget")["spec"]["maxUnavailable"], "50%");
    let account = &of_kind("ServiceAccount")["metadata"];
    assert_eq!(
        account["annotations"]["eks.amazonaws.com/role-arn"],
        "arn:aws:iam::111122223333:role/operator"
    );
}

/// The API server has no objection to what the fullest values make, but for a kind that it does not have.
#[test]
fn all_values_at_once_make_objects_that_the_api_server_takes() {
    let rendered = fullest();
    let control_plane = ControlPlane::start(Options::default()).unwrap();
    for namespace in [NAME, "leases"] {
        kubectl(&control_plane, &["create", "namespace", namespace]);
    }
    let list = rendered
        .iter()
        .filter(|object| object["kind"] != "ServiceMonitor" && object["kind"] != "PrometheusRule")
        .collect::<Vec<_>>();
    let count = list.len();
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": list });
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("all-values.json");
    fs::write(&file, list.to_string()).unwrap();
    let strict = ["create", "--validate=strict", "-f", file.to_str().unwrap()];
    assert_eq!(kubectl(&control_plane, &strict).lines().count(), count);
}

/// Prometheus' own templates in them are left as they are.
#[test]
fn the_alerts_are_those_of_deploy_monitoring_with_a_place_for_the_runbooks() {
    let read = |path: String| fs::read_to_string(path).unwrap();
    let mut groups = Vec::new();
    for file in ["rules.yaml", "rules-per-object.yaml"] {
        let shipped = read(format!("{ROOT}/deploy/monitoring/{file}"));
        assert_eq!(shipped, read(format!("{OPERATOR}/files/{file}")), "run make charts");
        let place = shipped.replace(
            "https://example.com/appconfig-experiment-operator",
            "https://runbooks.example.com/appconfig",
        );
        let rules: Value = serde_saphyr::from_str(&place).unwrap();
        groups.extend(rules["groups"].as_array().unwrap().clone());
    }
    assert_eq!(groups.len(), 2);
    let rendered = fullest();
    let rule = only(&rendered, "PrometheusRule");
    assert_eq!(rule["metadata"]["labels"]["release"], "prometheus");
    assert_eq!(rule["spec"]["groups"], Value::Array(groups.clone()));

    let few = [
        "--set=metrics.prometheusRule.enabled=true",
        "--set=metrics.prometheusRule.runbooks=https://runbooks.example.com/appconfig",
    ];
    let rendered = Helm::offline().render(OPERATOR, NAME, &few);
    let without = &only(&rendered, "PrometheusRule")["spec"]["groups"];
    assert_eq!(without, &Value::Array(groups[..1].to_vec()), "no alert by resource");
}
