//! Who else writes `spec.suspend`, and may undo what was done by hand.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::{ResourceExt as _, api::DynamicObject};
use serde::Serialize;
use serde_json::Value;

/// The plugin's field manager. Flux strips what a manager owns whose name begins with `kubectl`.
pub(crate) const MANAGER: &str = "exprun-brake";
/// What `kubectl apply` without `--server-side`, and Argo CD, applied last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Where Argo CD reads how it may sync a resource.
const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";

/// A tool that may undo it, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Other {
    /// Its field manager.
    pub(crate) manager: String,
    /// What it does to `spec.suspend`.
    pub(crate) does: String,
    /// How to stop it.
    pub(crate) stop: String,
}

/// Who may undo a value of `spec.suspend`, by a resource as it was before that was set, if it was read, and as it is now.
pub(crate) fn others(before: Option<&DynamicObject>, after: &DynamicObject, suspend: bool) -> Vec<Other> {
    let mut others: Vec<Other> = Vec::new();
    let mut add = |manager: &str, does: String| {
        if others.iter().all(|other| other.manager != manager) {
            others.push(Other {
                manager: manager.to_owned(),
                does,
                stop: how_to_stop(manager, after),
            });
        }
    };
    // Whoever has pulled the brake by hand does not pull it again when it is released.
    for entry in owners(after).filter(|entry| suspend || operation(entry) == "Apply") {
        add(manager(entry), format!("owns spec.suspend too ({})", operation(entry)));
    }
    // Setting another value has taken the field from whoever applies it, until it is applied again.
    for entry in before
        .into_iter()
        .flat_map(owners)
        .filter(|entry| operation(entry) == "Apply")
    {
        let value = before.map_or(Value::Null, |object| object.data["spec"]["suspend"].clone());
        if value != Value::Bool(suspend) {
            add(manager(entry), format!("applies spec.suspend: {value}"));
        }
    }
    if let Some(applied) = last_applied(after).filter(|applied| *applied != suspend) {
        add(
            "kubectl-client-side-apply",
            format!("applied spec.suspend: {applied} last"),
        );
    }
    if suspend && let Some(manager) = replaces(after) {
        add(&manager, "replaces the resource whole".to_owned());
    }
    others
}

/// The entries of others that own `spec.suspend`.
fn owners(object: &DynamicObject) -> impl Iterator<Item = &ManagedFieldsEntry> {
    object.managed_fields().iter().filter(|entry| {
        let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
        let owns = fields.is_some_and(|fields| fields["f:spec"].get("f:suspend").is_some());
        owns && manager(entry) != MANAGER && entry.subresource.as_deref().unwrap_or_default().is_empty()
    })
}

fn manager(entry: &ManagedFieldsEntry) -> &str {
    entry.manager.as_deref().unwrap_or("somebody without a name")
}

fn operation(entry: &ManagedFieldsEntry) -> &str {
    entry.operation.as_deref().unwrap_or("Update")
}

/// What was applied client-side last. `None` when that does not speak of `spec.suspend`.
fn last_applied(object: &DynamicObject) -> Option<bool> {
    let applied: Value = serde_json::from_str(object.annotations().get(LAST_APPLIED)?).ok()?;
    applied["spec"]["suspend"].as_bool()
}

/// The manager that puts another object in this one's place, so that what is not in Git goes.
fn replaces(object: &DynamicObject) -> Option<String> {
    let options = object.annotations().get(SYNC_OPTIONS);
    let asked = options.is_some_and(|options| options.split(',').any(|option| option.trim() == "Replace=true"));
    let entries = object.managed_fields().iter();
    let argo = entries.clone().find(|entry| {
        let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
        manager(entry).starts_with("argocd")
            && operation(entry) == "Update"
            && fields.is_some_and(|fields| fields.get("f:spec").is_some())
            && !object.annotations().contains_key(LAST_APPLIED)
    });
    argo.map(|entry| manager(entry).to_owned())
        .or_else(|| asked.then(|| "argocd-controller".to_owned()))
}

fn how_to_stop(manager: &str, object: &DynamicObject) -> String {
    let label = |name: &str| object.labels().get(name).cloned().unwrap_or_else(|| "NAME".to_owned());
    if manager == "kustomize-controller" {
        let (name, namespace) = (
            label("kustomize.toolkit.fluxcd.io/name"),
            label("kustomize.toolkit.fluxcd.io/namespace"),
        );
        return format!("flux suspend kustomization {name} -n {namespace}; then correct spec.suspend in Git");
    }
    if manager == "helm-controller" {
        let (name, namespace) = (
            label("helm.toolkit.fluxcd.io/name"),
            label("helm.toolkit.fluxcd.io/namespace"),
        );
        return format!("flux suspend helmrelease {name} -n {namespace}; then correct spec.suspend in Git");
    }
    if manager.starts_with("argocd") {
        let tracking = object.annotations().get("argocd.argoproj.io/tracking-id");
        let application = tracking.and_then(|id| id.split(':').next()).map(str::to_owned);
        let application = application.unwrap_or_else(|| label("app.kubernetes.io/instance"));
        return format!("argocd app set {application} --sync-policy none; then correct spec.suspend in Git");
    }
    if manager == "kubectl-client-side-apply" {
        return "correct spec.suspend in the file that is applied, or remove it there".to_owned();
    }
    if manager.starts_with("kubectl") {
        return "somebody did this by hand, and Flux undoes what kubectl's own managers set: commit spec.suspend to keep it"
            .to_owned();
    }
    format!("stop whatever applies as {manager}, or correct spec.suspend where it gets it from")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn object(suspend: bool, managers: &[(&str, &str)], annotations: &Value) -> DynamicObject {
        let entries: Vec<_> = managers
            .iter()
            .map(|(manager, operation)| {
                json!({"manager": manager, "operation": operation, "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:spec": {"f:suspend": {}, "f:run": {}}}})
            })
            .collect();
        let labels =
            json!({"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
        serde_json::from_value(json!({
            "apiVersion": "experiments.appconfig.dev/v1alpha1", "kind": "ExperimentRun",
            "metadata": {"name": "run", "managedFields": entries, "annotations": annotations, "labels": labels},
            "spec": {"suspend": suspend}
        }))
        .unwrap()
    }

    fn named(others: &[Other]) -> Vec<&str> {
        others.iter().map(|other| other.manager.as_str()).collect()
    }

    #[test]
    fn whoever_applies_another_value_is_named_with_how_to_stop_it() {
        let before = object(false, &[("kustomize-controller", "Apply")], &json!({}));
        let after = object(true, &[(MANAGER, "Update")], &json!({}));
        let found = others(Some(&before), &after, true);
        assert_eq!(named(&found), ["kustomize-controller"]);
        assert_eq!(found[0].does, "applies spec.suspend: false");
        assert!(
            found[0]
                .stop
                .starts_with("flux suspend kustomization shop -n flux-system"),
            "{found:?}"
        );
        assert!(others(None, &after, true).is_empty());
        // By hand, once: it is over.
        let before = object(false, &[("kubectl-edit", "Update")], &json!({}));
        assert!(others(Some(&before), &after, true).is_empty());
    }

    #[test]
    fn whoever_owns_it_now_is_named() {
        let after = object(true, &[("oncall", "Update"), (MANAGER, "Update")], &json!({}));
        assert_eq!(named(&others(None, &after, true)), ["oncall"]);
        let after = object(true, &[("kubectl-edit", "Update")], &json!({}));
        assert!(others(None, &after, true)[0].stop.contains("Flux undoes"));
    }

    #[test]
    fn what_is_applied_client_side_or_replaced_is_named() {
        let applied = |suspend: bool| json!({ LAST_APPLIED: json!({"spec": {"suspend": suspend}}).to_string() });
        let after = object(true, &[], &applied(false));
        assert_eq!(named(&others(None, &after, true)), ["kubectl-client-side-apply"]);
        assert!(others(None, &object(true, &[], &applied(true)), true).is_empty());
        let replaced =
            json!({SYNC_OPTIONS: "Prune=false, Replace=true", "argocd.argoproj.io/tracking-id": "shop:a/b:c/d"});
        let found = others(None, &object(true, &[], &replaced), true);
        assert!(found[0].stop.starts_with("argocd app set shop "), "{found:?}");
    }
}
