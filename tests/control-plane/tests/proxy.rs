//! The proxy: it passes everything on, and breaks what it is told to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use control_plane::proxy::{Effect, Gate, Proxy, Release, Rule, Stage};
use control_plane::{ControlPlane, OPERATOR_SERVICE_ACCOUNT, Options, User};

const LONG: Duration = Duration::from_secs(30);

fn control_plane() -> &'static ControlPlane {
    static SHARED: OnceLock<ControlPlane> = OnceLock::new();
    SHARED.get_or_init(|| ControlPlane::start(Options::default()).unwrap())
}

/// A proxy of its own and a fresh namespace for a test.
struct Bench {
    proxy: Proxy,
    namespace: &'static str,
}

impl Bench {
    fn new(namespace: &'static str) -> Self {
        assert!(
            control_plane()
                .kubectl(["create", "namespace", namespace])
                .unwrap()
                .status
                .success()
        );
        Self {
            proxy: Proxy::start(control_plane()).unwrap(),
            namespace,
        }
    }

    fn kubectl(&self, user: User) -> Command {
        let mut command = control_plane().kubectl_command(user);
        command
            .env("KUBECONFIG", self.proxy.kubeconfig_of(user))
            .args(["--namespace", self.namespace]);
        command
    }

    /// Creates a `ConfigMap` through the proxy.
    fn create(&self, name: &str) -> Output {
        self.kubectl(User::Administrator)
            .args(["create", "configmap", name])
            .output()
            .unwrap()
    }

    /// Starts to create the first `ConfigMap`, and waits until the proxy has the request.
    fn start_creation(&self, name: &str) -> Child {
        let mut command = self.kubectl(User::Administrator);
        let client = command
            .args(["create", "configmap", name])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually("the request comes", || !self.statuses().is_empty());
        client
    }

    /// Whether the `ConfigMap` is there, asked without the proxy.
    fn exists(&self, name: &str) -> bool {
        let asked = control_plane()
            .kubectl(["--namespace", self.namespace, "get", "configmap", name])
            .unwrap();
        asked.status.success()
    }

    /// What was answered to the creations of `ConfigMaps`.
    fn statuses(&self) -> Vec<Option<u16>> {
        let requests = self.proxy.requests().into_iter();
        let creations = requests.filter(|request| request.verb == "create" && request.resource == "configmaps");
        creations.map(|request| request.status).collect()
    }

    fn break_creation(&self, effect: Effect) {
        self.proxy.add(
            Rule::new("create", "configmaps", effect)
                .namespace(self.namespace)
                .times(1),
        );
    }

    /// A watch of the `ConfigMaps` through the proxy, and the names that it delivers.
    fn watch(&self) -> (Child, Receiver<String>) {
        let arguments = ["get", "configmaps", "--watch", "--output=name"];
        let mut command = self.kubectl(User::Administrator);
        let mut child = command
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        (child, receiver)
    }
}

fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {LONG:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn it_passes_requests_on_as_their_caller_and_notes_them() {
    let bench = Bench::new("passes-on");
    assert!(bench.create("one").status.success());
    let whoami = bench.kubectl(User::Operator).args(["auth", "whoami"]).output().unwrap();
    assert!(
        String::from_utf8_lossy(&whoami.stdout).contains(OPERATOR_SERVICE_ACCOUNT),
        "{whoami:?}"
    );

    assert_eq!(bench.statuses(), [Some(201)]);
    let requests = bench.proxy.requests();
    let creation = requests
        .iter()
        .find(|request| request.resource == "configmaps")
        .unwrap();
    assert_eq!(creation.namespace.as_deref(), Some("passes-on"));
    assert!(creation.path.contains("fieldManager=kubectl-create"), "{creation:?}");
}

#[test]
fn a_refusal_is_a_kubernetes_status() {
    let bench = Bench::new("refusal");
    for (status, reason) in [
        (409, "Conflict"),
        (410, "Expired"),
        (500, "InternalError"),
        (504, "Timeout"),
    ] {
        bench.break_creation(Effect::Refuse {
            status,
            retry_after_seconds: None,
        });
        let refused = bench.create("one");
        let stderr = String::from_utf8_lossy(&refused.stderr);
        assert!(
            !refused.status.success() && stderr.contains(&format!("{status} {reason}")),
            "{stderr}"
        );
    }
    assert!(!bench.exists("one"));
    assert_eq!(bench.statuses(), [Some(409), Some(410), Some(500), Some(504)]);
}

#[test]
fn a_refusal_with_retry_after_makes_the_client_come_back() {
    let bench = Bench::new("retry-after");
    bench.break_creation(Effect::Refuse {
        status: 429,
        retry_after_seconds: Some(1),
    });
    let started = Instant::now();
    assert!(bench.create("one").status.success());
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(bench.statuses(), [Some(429), Some(201)]);
}

#[test]
fn a_rule_skips_and_ends_as_it_says() {
    let bench = Bench::new("skips");
    let effect = Effect::Refuse {
        status: 500,
        retry_after_seconds: None,
    };
    bench
        .proxy
        .add(Rule::new("*", "configmaps", effect.clone()).namespace("another"));
    bench
        .proxy
        .add(Rule::new("*", "configmaps", effect).namespace("skips").skip(1).times(1));
    for name in ["one", "two", "three"] {
        bench.create(name);
    }
    assert_eq!(bench.statuses(), [Some(201), Some(500), Some(201)]);
}

#[test]
fn a_dropped_request_never_arrives_and_a_dropped_answer_comes_too_late() {
    let bench = Bench::new("drops");
    bench.break_creation(Effect::DropRequest);
    assert!(!bench.create("request").status.success());
    assert!(!bench.exists("request"));

    bench.break_creation(Effect::DropAnswer);
    assert!(!bench.create("answer").status.success());
    assert!(bench.exists("answer"));
    assert_eq!(bench.statuses(), [None, Some(201)]);
}

#[test]
fn delays_delay() {
    let bench = Bench::new("delays");
    let delay = Duration::from_secs(1);
    for effect in [Effect::DelayRequest(delay), Effect::DelayAnswer(delay)] {
        bench.break_creation(effect.clone());
        let started = Instant::now();
        let name = if effect == Effect::DelayRequest(delay) {
            "request"
        } else {
            "answer"
        };
        assert!(bench.create(name).status.success());
        assert!(started.elapsed() >= delay, "{effect:?}");
    }
}

#[test]
fn a_delayed_request_arrives_although_its_client_has_died() {
    let bench = Bench::new("dies");
    bench.break_creation(Effect::DelayRequest(Duration::from_secs(1)));
    let mut client = bench.start_creation("late");
    client.kill().unwrap();
    client.wait().unwrap();
    eventually("the request arrives", || bench.statuses() == [Some(201)]);
    assert!(bench.exists("late"));
}

#[test]
fn a_hanging_request_is_let_go_with_its_rule_and_never_arrives() {
    let bench = Bench::new("hangs");
    let hang = bench.proxy.add(Rule::new("create", "configmaps", Effect::Hang));
    let mut client = bench.start_creation("hanging");
    assert!(client.try_wait().unwrap().is_none());
    bench.proxy.remove(hang);
    assert!(!client.wait().unwrap().success());
    assert_eq!(bench.statuses(), [None]);
    assert!(!bench.exists("hanging"));
}

#[test]
fn a_frozen_watch_delivers_nothing_until_it_is_released() {
    let bench = Bench::new("freezes");
    let (mut child, names) = bench.watch();
    bench.create("before");
    let wait_for = |name: &str| while !names.recv_timeout(LONG).unwrap().ends_with(name) {};
    wait_for("/before");

    let freeze = bench.proxy.add(Rule::new("watch", "configmaps", Effect::Freeze));
    bench.create("during");
    assert!(bench.exists("during"));
    assert!(
        names.recv_timeout(Duration::from_secs(1)).is_err(),
        "a frozen watch delivered"
    );

    bench.proxy.remove(freeze);
    wait_for("/during");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_cut_watch_ends() {
    let bench = Bench::new("cuts");
    let (mut child, names) = bench.watch();
    bench.create("before");
    while !names.recv_timeout(LONG).unwrap().ends_with("/before") {}

    bench.proxy.add(Rule::new("watch", "configmaps", Effect::Cut));
    eventually("kubectl loses its watch", || child.try_wait().unwrap().is_some());
}

/// Waits until a gate holds a request.
fn reached(gate: &Gate) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime
        .block_on(async { tokio::time::timeout(LONG, gate.reached()).await })
        .unwrap();
}

#[test]
fn a_gate_holds_a_request_until_it_is_told_how_to_go_on() {
    let bench = Bench::new("gates");
    let refuse = Release::Refuse {
        status: 504,
        retry_after_seconds: None,
    };
    for (name, stage, release, succeeds, exists) in [
        ("request-goes-on", Stage::Request, Release::GoOn, true, true),
        ("request-closed", Stage::Request, Release::Close, false, false),
        ("request-refused", Stage::Request, refuse, false, false),
        ("answer-goes-on", Stage::Answer, Release::GoOn, true, true),
        ("answer-closed", Stage::Answer, Release::Close, false, true),
        ("answer-refused", Stage::Answer, refuse, false, true),
    ] {
        let gate = Gate::new(stage);
        bench.break_creation(Effect::Hold(gate.clone()));
        let mut client = bench.start_creation(name);
        reached(&gate);
        assert!(client.try_wait().unwrap().is_none(), "{name} was answered");
        assert_eq!(bench.exists(name), stage == Stage::Answer, "{name} while it is held");
        gate.release(release);
        assert_eq!(client.wait().unwrap().success(), succeeds, "{name}");
        assert_eq!(bench.exists(name), exists, "{name}");
    }
    let statuses = [Some(201), None, Some(504), Some(201), Some(201), Some(504)];
    assert_eq!(bench.statuses(), statuses);
}

#[test]
fn a_gate_is_for_the_occurrence_that_its_rule_names() {
    let bench = Bench::new("gates-second");
    let gate = Gate::new(Stage::Request);
    let rule = Rule::new("create", "configmaps", Effect::Hold(gate.clone()));
    bench.proxy.add(rule.skip(1).times(1));
    assert!(bench.create("first").status.success());
    let mut client = bench.start_creation("second");
    reached(&gate);
    assert!(bench.create("third").status.success());
    gate.release(Release::GoOn);
    assert!(client.wait().unwrap().success());
}
