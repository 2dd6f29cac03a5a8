//! A release from its installation to its end, by itself and beside another one.

use appconfig_emulator::{Emulator, Options, Seed};
use control_plane::ControlPlane;
use harness::cluster::{kubectl, text};

use crate::{
    CRDS, KINDS, NAME, OPERATOR,
    helm::Helm,
    replica::{Replica, deployment, in_sync, part, resource},
};

fn start() -> (ControlPlane, Helm) {
    let control_plane = ControlPlane::start(control_plane::Options::default()).unwrap();
    let helm = Helm::on(&control_plane);
    (control_plane, helm)
}

/// `AppConfig` with run 1 of each of these definitions at 0 %.
async fn emulator(definitions: &[&str]) -> Emulator {
    let emulator = Emulator::start(Options::default()).await.unwrap();
    for definition in definitions {
        let seed = Seed {
            definition: (*definition).to_owned(),
            ..Seed::default()
        };
        emulator.start_run(&emulator.seed(&seed).unwrap(), 0.0).unwrap();
    }
    emulator
}

fn updates(emulator: &Emulator) -> usize {
    let requests = emulator.requests().into_iter();
    requests
        .filter(|it| serde_json::to_value(it.operation).unwrap() == "UpdateExperimentRun")
        .count()
}

/// What the operator's chart can have put into the release's namespace.
fn in_namespace(control_plane: &ControlPlane) -> String {
    let kinds = "deploy,svc,pdb,netpol,role,rolebinding,sa";
    kubectl(control_plane, &["get", kinds, "-n", NAME, "-o", "name"])
}

/// What belongs to no namespace and is named after the operator or its kinds.
fn in_cluster(control_plane: &ControlPlane) -> Vec<String> {
    let kinds = "clusterrole,clusterrolebinding,validatingadmissionpolicy,crd";
    let names = kubectl(control_plane, &["get", kinds, "-o", "name"]);
    let ours = names.lines().filter(|name| name.contains("experiment"));
    ours.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_installed_upgraded_rolled_back_and_uninstalled_and_the_kinds_stay() {
    let (control_plane, helm) = start();
    let at = ["--namespace", NAME, "--create-namespace"];
    let early = helm.run(&[&["install", NAME, OPERATOR], &at[..]].concat());
    assert!(
        early.contains("install the chart appconfig-experiment-operator-crds"),
        "{early}"
    );
    // It waits for the kinds.
    let emulator = emulator(&["add-to-cart"]).await;
    let replica = Replica::start(&control_plane, NAME, NAME, &emulator);
    helm.run(&[&["install", KINDS, CRDS], &at[..]].concat());
    replica.is_ready().await;
    let notes = helm.run(&["upgrade", NAME, OPERATOR, "-n", NAME]);
    assert!(
        !notes.contains("is not there yet") && notes.contains("kubectl annotate namespace"),
        "{notes}"
    );
    resource(&control_plane, "checkout", "add-to-cart");
    in_sync(&control_plane, "checkout").await;
    assert_eq!(updates(&emulator), 1);
    drop(replica);

    let role = "serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn=arn:aws:iam::111122223333:role/operator";
    let notes = helm.run(&["upgrade", NAME, OPERATOR, "-n", NAME, "--set=replicas=3", "--set", role]);
    assert!(notes.contains("rollout status"), "{notes}");
    assert_eq!(deployment(&control_plane, NAME, NAME)["spec"]["replicas"], 3);
    Replica::start(&control_plane, NAME, NAME, &emulator).is_ready().await;
    helm.run(&["rollback", NAME, "1", "-n", NAME]);
    assert_eq!(deployment(&control_plane, NAME, NAME)["spec"]["replicas"], 2);

    let uid = part(&control_plane, "checkout", "{.metadata.uid}");
    helm.run(&["uninstall", NAME, KINDS, "-n", NAME]);
    assert_eq!(in_namespace(&control_plane), "", "nothing of the operator is left");
    let policy = "validatingadmissionpolicy.admissionregistration.k8s.io/appconfig-experiment-operator-crd-revisions";
    let crd = "customresourcedefinition.apiextensions.k8s.io/experimentruns.experiments.appconfig.dev";
    assert_eq!(in_cluster(&control_plane), [policy, crd]);

    // Whoever installs it again finds what there was.
    helm.run(&[&["install", KINDS, CRDS], &at[..]].concat());
    helm.run(&[&["install", NAME, OPERATOR], &at[..]].concat());
    assert_eq!(part(&control_plane, "checkout", "{.metadata.uid}"), uid);
    Replica::start(&control_plane, NAME, NAME, &emulator).is_ready().await;
    assert_eq!(updates(&emulator), 1, "nothing is sent for what is in sync");
}

/// What the API server puts where a chart says nothing, or lets nobody change, would stand in the way.
#[test]
fn each_value_is_changed_by_an_upgrade_and_changed_back() {
    let (control_plane, helm) = start();
    helm.run(&["install", NAME, OPERATOR, "-n", NAME, "--create-namespace"]);
    let spec = || deployment(&control_plane, NAME, NAME)["spec"].take();
    let before = spec();
    for set in [
        "leaderElection.enabled=false,replicas=1",
        "leaderElection.leaseName=other,leaderElection.leaseNamespace=default",
        "watch.namespaces={default,kube-system}",
        "serviceAccount.create=false,serviceAccount.name=default",
        "rbac.create=false,policies.create=false",
        "rbac.aggregateRoles=true",
        "networkPolicy.from=null",
        "networkPolicy.egress[0].ports[0].port=443",
        "podDisruptionBudget.maxUnavailable=50%",
        "http.port=9090,http.ip=",
        "podSecurityContext.runAsUser=1000,securityContext=null,resources=null",
        "extraEnv[0].name=HTTPS_PROXY,extraEnv[0].value=http://proxy.example.com:3128",
        "fullnameOverride=other",
    ] {
        helm.run(&["upgrade", NAME, OPERATOR, "-n", NAME, "--set", set]);
        helm.run(&["upgrade", NAME, OPERATOR, "-n", NAME, "--reset-values"]);
        assert_eq!(spec(), before, "{set}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_releases_stand_side_by_side_over_one_chart_of_the_kinds() {
    let (control_plane, helm) = start();
    helm.run(&["install", KINDS, CRDS, "-n", "kinds", "--create-namespace"]);
    let emulator = emulator(&["add-to-cart", "search"]).await;
    let teams = [
        ("team-a", "checkout", "add-to-cart", "true"),
        ("team-b", "search", "search", "false"),
    ];
    for (team, namespace, definition, policies) in teams {
        resource(&control_plane, namespace, definition);
        let watch = format!("--set=watch.namespaces={{{namespace}}},policies.create={policies}");
        helm.run(&["install", team, OPERATOR, "-n", team, "--create-namespace", &watch]);
    }
    let replicas = teams.map(|(team, ..)| Replica::start(&control_plane, team, team, &emulator));
    for (replica, (team, namespace, ..)) in replicas.iter().zip(teams) {
        replica.is_ready().await;
        in_sync(&control_plane, namespace).await;
        let holder = "jsonpath={.spec.holderIdentity}";
        let holder = kubectl(&control_plane, &["get", "lease", team, "-n", team, "-o", holder]);
        assert_ne!(holder, "", "{team} has a Lease of its own");
    }
    assert_eq!(updates(&emulator), 2, "one for each");
    let may = |team: &str, verb: &str, resource: &str, namespace: &str| {
        let user = format!("--as=system:serviceaccount:{team}:{team}");
        let resource = resource.split(' ');
        let arguments = ["auth", "can-i", "-n", namespace, &user, verb]
            .into_iter()
            .chain(resource);
        text(&control_plane.kubectl(arguments).unwrap().stdout).trim() == "yes"
    };
    for (team, own, other) in [("team-a", "checkout", "search"), ("team-b", "search", "checkout")] {
        for (verb, resource) in [
            ("list", "experimentruns"),
            ("patch", "experimentruns --subresource=status"),
            ("create", "events.events.k8s.io"),
        ] {
            assert!(
                may(team, verb, resource, own) && !may(team, verb, resource, other),
                "{team} {verb} {resource}"
            );
        }
        assert!(!may(team, "update", "experimentruns", own), "{team} writes no spec");
        assert!(!may(team, "update", "leases", own), "{team}");
        // Of the CRD, which has no namespace, it tells there.
        assert!(may(team, "create", "events.events.k8s.io", "default"), "{team}");
    }
    drop(replicas);

    helm.run(&["uninstall", "team-b", "-n", "team-b"]);
    assert_eq!(deployment(&control_plane, "team-a", "team-a")["spec"]["replicas"], 2);
    Replica::start(&control_plane, "team-a", "team-a", &emulator)
        .is_ready()
        .await;
    // One name can't be two releases' in one cluster: Helm refuses, and what there is stays.
    let said = helm.refuse(&["install", "team-a", OPERATOR, "-n", "elsewhere", "--create-namespace"]);
    assert!(said.contains("exists and cannot be imported"), "{said}");
}
