//! What kube-score finds in `deploy/` and in the operator's chart: what is accepted here, each with its reason, and no more.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use control_plane::{Tool, kubernetes_version};
use harness::cluster::text;
use serde_json::Value;

use crate::{NAME, OPERATOR, helm::Helm, rendered::kustomized};

/// A finding about the Deployment that stays.
struct Accepted {
    /// The check, as `kube-score list` names it, and what it says.
    finding: (&'static str, &'static str),
    /// Why the Deployment stays as it is.
    reason: &'static str,
    /// A value of the chart with which kube-score does not say it.
    settled: &'static str,
}

const ACCEPTED: [Accepted; 5] = [
    Accepted {
        finding: (
            "container-security-context-user-group-id",
            "The container is running with a low user ID",
        ),
        reason: "OpenShift gives each namespace its own user IDs and refuses a fixed one. Elsewhere the image's user counts, \
                 which is the number 65532",
        settled: "securityContext.runAsUser=65532",
    },
    Accepted {
        finding: (
            "container-security-context-user-group-id",
            "The container running with a low group ID",
        ),
        reason: "it is the same for the group: 65532 in the image, and OpenShift's own choice there",
        settled: "securityContext.runAsGroup=65532",
    },
    Accepted {
        finding: ("container-image-pull-policy", "ImagePullPolicy is not set to Always"),
        reason: "the tag is a version, for which Kubernetes' default is IfNotPresent. With Always a replica could not start \
                 while the registry can't be reached",
        settled: "image.pullPolicy=\"Always\"",
    },
    Accepted {
        finding: (
            "pod-networkpolicy",
            "The pod does not have a matching egress NetworkPolicy",
        ),
        reason: "the addresses of AWS and of the API server differ by cluster, and a NetworkPolicy takes no host names",
        settled: r#"networkPolicy.egress=[{"ports": [{"port": 443, "protocol": "TCP"}]}]"#,
    },
    Accepted {
        finding: (
            "deployment-has-host-podantiaffinity",
            "Deployment does not have a host podAntiAffinity set",
        ),
        reason: "its topologySpreadConstraints spread the replicas over nodes, where there is more than one",
        settled: r#"affinity.podAntiAffinity={"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1,
            "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels":
            {"app.kubernetes.io/name": "appconfig-experiment-operator"}}}}]}"#,
    },
];

/// The grade of a check that finds nothing.
const NOTHING_FOUND: u64 = 10;

/// What kube-score finds in a stream of YAML documents: the object, the check, and what it says.
fn findings(manifests: &str) -> Vec<[String; 3]> {
    let (version, _patch) = kubernetes_version().rsplit_once('.').unwrap();
    let mut kube_score = Command::new(Tool::KubeScore.ensure().unwrap())
        .args(["score", "--output-format=json", "--kubernetes-version", version])
        // What is accepted is in the list above, and not in annotations of the manifests too.
        .arg("--disable-ignore-checks-annotations")
        .arg("--enable-optional-test=container-ports-check,container-seccomp-profile")
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = kube_score.stdin.take().unwrap();
    stdin.write_all(manifests.as_bytes()).unwrap();
    drop(stdin);
    // The exit code does not tell: it is 1 for a finding, and for what can't be read.
    let output = kube_score.wait_with_output().unwrap();
    let judged: Vec<Value> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", text(&output.stdout), text(&output.stderr)));
    // Deployment, Service, NetworkPolicy and PodDisruptionBudget.
    assert!(judged.len() >= 4, "{judged:#?}");
    let mut found = Vec::new();
    for object in &judged {
        for check in object["checks"].as_array().unwrap() {
            if check["skipped"] == true || check["grade"].as_u64().unwrap() >= NOTHING_FOUND {
                continue;
            }
            let comments = check["comments"].as_array().unwrap();
            assert!(!comments.is_empty(), "{check}");
            for comment in comments {
                let finding = [&object["object_name"], &check["check"]["id"], &comment["summary"]];
                found.push(finding.map(|part| part.as_str().unwrap().to_owned()));
            }
        }
    }
    found
}

/// What the operator's chart renders, with values as JSON.
fn chart(values: &[&str]) -> String {
    let set: Vec<String> = values.iter().map(|value| format!("--set-json={value}")).collect();
    let mut arguments = vec!["template", NAME, OPERATOR, "--namespace", NAME];
    arguments.extend(set.iter().map(String::as_str));
    Helm::offline().run(&arguments)
}

#[test]
fn deploy_and_the_chart_have_the_accepted_findings_and_no_more() {
    for (whose, manifests) in [("deploy/", kustomized()), ("the chart", chart(&[]))] {
        let mut found = findings(&manifests);
        for Accepted { finding, reason, .. } in &ACCEPTED {
            let (check, says) = finding;
            let finding = [
                format!("Deployment/apps/v1/{NAME}/{NAME}"),
                (*check).to_owned(),
                (*says).to_owned(),
            ];
            let Some(index) = found.iter().position(|found| *found == finding) else {
                panic!("{whose}: {finding:?} is accepted ({reason}), and is no longer found; what is: {found:#?}")
            };
            found.remove(index);
        }
        assert!(
            found.is_empty(),
            "{whose}: mend it, or accept it with a reason: {found:#?}"
        );
    }
}

#[test]
fn values_of_the_chart_settle_all_that_is_accepted() {
    let settled = ACCEPTED.map(|accepted| accepted.settled);
    let found = findings(&chart(&settled));
    assert!(found.is_empty(), "{found:#?}");
}
