//! The policy that keeps a CRD from going back, whichever tool asks.

use std::{
    io::Write,
    process::{Output, Stdio},
};

use appconfig_experiment_operator::api::{SCHEMA_REVISION, SCHEMA_REVISION_LINE, custom_resource_definition_yaml};
use control_plane::{ControlPlane, Options, User};
use harness::cluster::{kubectl, text};
use serde_json::{Value, json};

use crate::prepare;

const CRD: &str = "experimentruns.experiments.appconfig.dev";

/// The tools that replace an object by what a manifest says.
const TOOLS: [&[&str]; 4] = [
    &["apply", "-f", "-"],
    &["replace", "-f", "-"],
    &["apply", "--server-side", "--force-conflicts", "-f", "-"],
    &[
        "apply",
        "--server-side",
        "--force-conflicts",
        "--field-manager=helm",
        "-f",
        "-",
    ],
];

/// The CRD with a schema of that revision, or of none.
fn definition(revision: Option<u32>) -> Value {
    let mut definition: Value = serde_saphyr::from_str(&custom_resource_definition_yaml().unwrap()).unwrap();
    for version in definition["spec"]["versions"].as_array_mut().unwrap() {
        set(version, revision);
    }
    definition
}

fn set(version: &mut Value, revision: Option<u32>) {
    let description = &mut version["schema"]["openAPIV3Schema"]["description"];
    let line = format!("\n\n{SCHEMA_REVISION_LINE}{SCHEMA_REVISION}");
    let words = description.as_str().unwrap().strip_suffix(&line).unwrap();
    let line = revision.map_or(String::new(), |revision| {
        format!("\n\n{SCHEMA_REVISION_LINE}{revision}")
    });
    *description = json!(format!("{words}{line}"));
}

/// What kubectl says to a manifest on its standard input.
fn attempt(control_plane: &ControlPlane, arguments: &[&str], manifest: &Value) -> Output {
    let mut command = control_plane.kubectl_command(User::Administrator);
    let command = command.args(arguments).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(manifest.to_string().as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn take(control_plane: &ControlPlane, arguments: &[&str], manifest: &Value) {
    let output = attempt(control_plane, arguments, manifest);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
}

/// Gives what the server says to a manifest that it has to refuse.
fn refuse(control_plane: &ControlPlane, arguments: &[&str], manifest: &Value) -> String {
    let output = attempt(control_plane, arguments, manifest);
    let said = text(&output.stderr);
    assert!(
        !output.status.success() && said.contains("and can't go back to"),
        "{arguments:?}: {said}{}",
        text(&output.stdout)
    );
    said
}

/// A control plane of its own, on which the policy is in force.
fn guarded() -> ControlPlane {
    let control_plane = ControlPlane::start(Options::default()).unwrap();
    prepare(&control_plane);
    in_force(&control_plane);
    control_plane
}

/// Waits until the server, which takes a moment to compile a policy that is new, refuses a CRD without a revision.
fn in_force(control_plane: &ControlPlane) {
    let dry_run = ["replace", "--dry-run=server", "-f", "-"];
    for _ in 0..400 {
        if !attempt(control_plane, &dry_run, &definition(None)).status.success() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the policy does not come to be in force");
}

#[test]
fn a_crd_of_a_lower_revision_or_of_none_is_refused_whichever_tool_asks() {
    let control_plane = guarded();
    let mut stored = 9;
    for tool in TOOLS {
        // 10 is higher than 9, as numbers are.
        stored += 1;
        take(&control_plane, tool, &definition(Some(stored)));
        take(&control_plane, tool, &definition(Some(stored)));
        let said = refuse(&control_plane, tool, &definition(Some(stored - 1)));
        let refusal = format!("is of revision {stored} and can't go back to {}:", stored - 1);
        assert!(said.contains(&refusal), "{said}");
        assert!(
            said.contains("roll back the operator alone"),
            "it says what to do: {said}"
        );
        let said = refuse(&control_plane, tool, &definition(None));
        assert!(
            said.contains(&format!("is of revision {stored} and can't go back to none:")),
            "{said}"
        );
    }
    let description = json!([{"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema/description",
        "value": "no revision"}]);
    let patch = ["patch", "crd", CRD, "--type=json", "-p", &description.to_string()];
    refuse(&control_plane, &patch, &json!({}));
    // What says nothing of the schema is not held up.
    kubectl(&control_plane, &["annotate", "crd", CRD, "example.com/owner=platform"]);
}

#[test]
fn a_revision_counts_in_each_version_and_only_as_the_last_line() {
    let control_plane = guarded();
    let second = |revision: Option<u32>| {
        let mut definition = definition(Some(SCHEMA_REVISION));
        let mut version = definition["spec"]["versions"][0].clone();
        version["name"] = json!("v1alpha2");
        version["storage"] = json!(false);
        set(&mut version, revision);
        // A server refuses versions that have one of these in common, but not the other.
        version["selectableFields"].as_array_mut().unwrap().pop();
        let words = version["schema"]["openAPIV3Schema"]["description"].as_str().unwrap();
        version["schema"]["openAPIV3Schema"]["description"] = json!(format!("Second. {words}"));
        definition["spec"]["versions"].as_array_mut().unwrap().push(version);
        definition
    };
    let apply = TOOLS[2];
    for revision in [None, Some(SCHEMA_REVISION - 1)] {
        refuse(&control_plane, apply, &second(revision));
    }
    take(&control_plane, apply, &second(Some(SCHEMA_REVISION)));
    for line in [
        "Schema revision: 2, not the last",
        "Schema revision: ",
        "schema revision: 2",
        "Schema revision: 12345678901",
    ] {
        let mut definition = second(Some(2));
        definition["spec"]["versions"][1]["schema"]["openAPIV3Schema"]["description"] = json!(format!("words\n{line}"));
        refuse(&control_plane, apply, &definition);
    }
}

/// As `docs/upgrading.md` says of a rollback with kubectl.
#[test]
fn an_older_deploy_folder_goes_back_but_for_the_crd() {
    let control_plane = guarded();
    let ephemeral = "jsonpath={.items[*].spec.template.spec.containers[0].resources.limits.ephemeral-storage}";
    let limit = || {
        kubectl(
            &control_plane,
            &["get", "deployments", "--all-namespaces", "-o", ephemeral],
        )
    };
    assert_ne!(limit(), "");
    let older = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/helm/a63311a.yaml");
    let output = control_plane.kubectl(["apply", "-f", older]).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    let refusals = said.lines().filter(|line| line.contains("and can't go back to none:"));
    assert_eq!(refusals.count(), 1, "{said}");
    assert_eq!(limit(), "", "the Deployment is the older one");
    let description = "jsonpath={.spec.versions[0].schema.openAPIV3Schema.description}";
    let description = kubectl(&control_plane, &["get", "crd", CRD, "-o", description]);
    assert!(description.ends_with(&format!("{SCHEMA_REVISION_LINE}{SCHEMA_REVISION}")));
}

#[test]
fn a_crd_from_before_revisions_is_replaced_by_any_and_one_made_anew_has_no_past() {
    let control_plane = guarded();
    take(&control_plane, TOOLS[0], &definition(Some(7)));
    kubectl(&control_plane, &["delete", "crd", CRD, "--timeout=60s"]);
    take(&control_plane, &["create", "-f", "-"], &definition(None));
    // Its own update, as a version from before would make it.
    take(&control_plane, TOOLS[0], &definition(None));
    take(&control_plane, TOOLS[0], &definition(Some(1)));
    refuse(&control_plane, TOOLS[0], &definition(None));
}
