//! What metadata may have beside the name, right and wrong.

use serde_json::{Value, json};

/// What owner references may be.
fn owner_references() -> Vec<Value> {
    let owner = |more: Value| {
        let mut owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "uid": "u"});
        if let (Some(target), Value::Object(more)) = (owner.as_object_mut(), more) {
            target.extend(more);
        }
        owner
    };
    let owners = |owners: Value| json!({ "ownerReferences": owners });
    vec![
        owners(json!({})),
        owners(json!([])),
        owners(json!([null])),
        owners(json!([owner(json!({}))])),
        owners(json!([owner(json!({})), owner(json!({}))])),
        owners(json!([owner(json!({"uid": ""}))])),
        owners(json!([owner(json!({"uid": null}))])),
        owners(json!([owner(json!({"name": 1}))])),
        owners(json!([owner(json!({"kind": ""}))])),
        owners(json!([owner(json!({"kind": "Event"}))])),
        owners(json!([owner(json!({"apiVersion": "a/b"}))])),
        owners(json!([owner(json!({"apiVersion": "a/b/c"}))])),
        owners(json!([owner(json!({"apiVersion": "a/"}))])),
        owners(json!([owner(json!({"controller": null, "blockOwnerDeletion": true}))])),
        owners(json!([owner(json!({"controller": "true"}))])),
        owners(json!([
            owner(json!({"controller": true})),
            owner(json!({"controller": true, "uid": "v"}))
        ])),
        owners(json!([owner(json!({"owner": true}))])),
        owners(json!([owner(json!({"owner": null}))])),
    ]
}

/// All of it.
pub fn cases() -> Vec<Value> {
    let mut cases = Vec::new();
    for field in ["labels", "annotations"] {
        for map in [
            json!(null),
            json!({}),
            json!("text"),
            json!(["a"]),
            json!({"a": null}),
            json!({"a": 5}),
            json!({"a": true}),
            json!({"a": {"b": "c"}}),
            json!({"a": ""}),
            json!({"a": "b c"}),
            json!({"a": "x".repeat(63)}),
            json!({"a": "x".repeat(64)}),
            json!({"a": "-x"}),
            json!({"a": "x_"}),
            json!({"a b": "x"}),
            json!({"Ex.com/a": "x"}),
            json!({"ex.com/A": "x"}),
            json!({"a/b/c": "x"}),
            json!({"/a": "x"}),
            json!({"a/": "x"}),
            json!({"": "x"}),
            json!({"x".repeat(63): "x"}),
            json!({"x".repeat(64): "x"}),
            json!({"argocd.argoproj.io/sync-wave": 5}),
            json!({"argocd.argoproj.io/sync-wave": "5"}),
        ] {
            cases.push(json!({ field: map }));
        }
    }
    cases.push(json!({"annotations": {"a": "x".repeat(256 * 1024)}}));
    for finalizers in [
        json!(null),
        json!([]),
        json!(["example.com/a"]),
        json!(["a"]),
        json!(["a b"]),
        json!([""]),
        json!([null]),
        json!([1]),
        json!("a"),
        json!({}),
        json!(["orphan"]),
        json!(["orphan", "foregroundDeletion"]),
        json!(["a", "a"]),
    ] {
        cases.push(json!({ "finalizers": finalizers }));
    }
    cases.extend(owner_references());
    cases.extend([
        json!({"name": 5}),
        json!({"name": ""}),
        json!({"name": null}),
        json!({"name": "Upper"}),
        json!({"name": "a_b"}),
        json!({"name": "a.b"}),
        json!({"name": "a..b"}),
        json!({"name": "a-"}),
        json!({"name": "."}),
        json!({"name": "a".repeat(64)}),
        json!({"name": "a".repeat(253)}),
        json!({"name": "a".repeat(254)}),
        json!({"name": null, "generateName": "a-"}),
        json!({"generateName": "a-"}),
        json!({"generateName": "A_"}),
        json!({"namespace": "checkout"}),
        json!({"namespace": ""}),
        json!({"namespace": null}),
        json!({"namespace": 1}),
        json!({"namespace": "A_b"}),
        json!({"uid": "a"}),
        json!({"uid": 1}),
        json!({"resourceVersion": ""}),
        json!({"resourceVersion": 1}),
        json!({"generation": 3}),
        json!({"generation": 1.5}),
        json!({"creationTimestamp": null}),
        json!({"creationTimestamp": "2026-01-01T00:00:00Z"}),
        json!({"creationTimestamp": "now"}),
        json!({"deletionGracePeriodSeconds": "3"}),
        json!({"selfLink": "/x"}),
        json!({"managedFields": []}),
        json!({"managedFields": {}}),
        json!({"managedFields": [{"nobody": 1}]}),
        json!({"nobody": 1}),
        json!({"nobody": null}),
        json!({"Labels": {"a": "b"}}),
        json!({"clusterName": "a"}),
    ]);
    cases
}
