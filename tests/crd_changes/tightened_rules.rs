//! A version of the CRD tightens its rules, and what an older one let in is still stored: the brake can be pulled all the same.
//!
//! An API server does not judge anew what an update leaves as it was, where a rule stands on that field. A rule on the whole
//! spec is judged anew whenever any field changes, `suspend` too.

use appconfig_experiment_operator::api::ExperimentRun;
use harness::{
    Scene,
    cases::{self, found},
};
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{alone, change_schema, loosen_schema, older_crd::drop_ramps, right_schema};

/// A CRD as a version before this one may have had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Older {
    /// No rule and no bound on anything in the spec.
    WithoutRules,
    /// The number of the run may be anything.
    AnyRun,
    /// There are no ramps.
    WithoutRamps,
    /// No rule on the spec as a whole, and none on how ramps are put together.
    WithoutRulesOfSpec,
}

const OLDER: [Older; 4] = [
    Older::WithoutRules,
    Older::AnyRun,
    Older::WithoutRamps,
    Older::WithoutRulesOfSpec,
];

async fn install(scene: &Scene, older: Older) {
    match older {
        Older::AnyRun => loosen_schema(scene).await,
        Older::WithoutRamps => change_schema(scene, drop_ramps).await,
        Older::WithoutRules => {
            change_schema(scene, |schema| {
                drop_rules_and_bounds(&mut schema["properties"]["spec"]);
                drop_rules(schema);
            })
            .await;
        }
        Older::WithoutRulesOfSpec => {
            change_schema(scene, |schema| {
                let spec = &mut schema["properties"]["spec"];
                drop_rules(spec);
                drop_rules(&mut spec["properties"]["ramp"]);
            })
            .await;
        }
    }
}

fn drop_rules(schema: &mut Value) {
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("x-kubernetes-validations");
    }
}

/// Leaves types, and which fields there must be.
fn drop_rules_and_bounds(schema: &mut Value) {
    const BOUNDS: [&str; 8] = [
        "enum",
        "maximum",
        "maxItems",
        "maxLength",
        "maxProperties",
        "minimum",
        "minLength",
        "minProperties",
    ];
    drop_rules(schema);
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    for bound in BOUNDS {
        schema.remove(bound);
    }
    for below in ["items", "additionalProperties"] {
        schema.get_mut(below).into_iter().for_each(drop_rules_and_bounds);
    }
    let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
    fields
        .into_iter()
        .flatten()
        .for_each(|(_, field)| drop_rules_and_bounds(field));
}

/// The resources of a scene as bare JSON: also such that no type could hold.
fn objects(scene: &Scene) -> Api<DynamicObject> {
    let kind = ApiResource::erase::<ExperimentRun>(&());
    Api::namespaced_with(scene.client.clone(), &scene.namespace, &kind)
}

/// Stores what this version refuses, as far as the older CRD takes it, each as a run that was found if it can have been.
/// Gives the names, with the specs.
async fn store(scene: &Scene, older: Older) -> Vec<(String, Value)> {
    let objects = objects(scene);
    let unknown = json!({ "run": "first", "exposurePercentage": 90 });
    let specs = cases::refused().into_iter().map(|case| case.spec);
    let specs = specs.chain([cases::spec(unknown)]);
    let mut stored = Vec::new();
    for (number, spec) in specs.enumerate() {
        let name = format!("run-{number}");
        let body = serde_json::from_value(cases::resource(&name, &spec)).unwrap();
        if objects.create(&PostParams::default(), &body).await.is_err() {
            continue;
        }
        if spec["run"].is_i64() {
            let status = Patch::Merge(json!({ "status": found() }));
            let patched = objects.patch_status(&name, &PatchParams::default(), &status).await;
            patched.unwrap_or_else(|error| panic!("{older:?}, {spec:.300}: {error}"));
        }
        stored.push((name, spec));
    }
    stored
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_no_tightened_rule_refuses_the_brake_of_what_an_older_crd_stored() {
    let _alone = alone().await;
    for older in OLDER {
        let scene = Scene::new().await;
        let objects = objects(&scene);
        install(&scene, older).await;
        scene
            .eventually("served", async || !older_is_refused(&scene, older).await)
            .await;
        let stored = store(&scene, older).await;
        let expected = if older == Older::WithoutRules { 80 } else { 1 };
        assert!(stored.len() >= expected, "{older:?} takes {}", stored.len());
        right_schema().await;
        scene
            .eventually("refused again", async || older_is_refused(&scene, older).await)
            .await;
        let mut refused = Vec::new();
        for (name, spec) in &stored {
            let brake = Patch::Merge(json!({ "spec": { "suspend": true } }));
            match objects.patch(name, &PatchParams::default(), &brake).await {
                Ok(braked) => assert_eq!(braked.data["spec"]["suspend"], true, "{}", braked.name_any()),
                Err(error) => refused.push(format!("{:.200}: {error:.400}", spec.to_string())),
            }
        }
        assert!(refused.is_empty(), "{older:?} of {}: {refused:#?}", stored.len());
    }
}

/// Whether the API server still refuses what only the older CRD takes.
async fn older_is_refused(scene: &Scene, older: Older) -> bool {
    let spec = match older {
        Older::AnyRun => json!({ "run": "first" }),
        Older::WithoutRamps => json!({ "ramp": {} }),
        Older::WithoutRules | Older::WithoutRulesOfSpec => {
            json!({ "ramp": { "steps": [{ "exposurePercentage": 10, "hold": "1h" }] } })
        }
    };
    let parameters = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let body = serde_json::from_value(cases::resource("probe", &cases::spec(spec))).unwrap();
    objects(scene).create(&parameters, &body).await.is_err()
}
