//! Reads that bring nothing to act upon: what is known stays, nothing is sent, and all is well again when they end (P6).

use appconfig_emulator::{Effect, Operation, RawAnswer};
use appconfig_experiment_operator::api::ExperimentRunStatus;
use harness::{
    CANARY, Operator, Scene, condition, condition_status, copied, is_ready, is_stalled, last_error, raw, reason, refuse,
};
use serde_json::{Value, json};

/// A read that fails: what it is told as.
struct Case {
    effect: Effect,
    reason: &'static str,
    status: Option<i32>,
    code: Option<&'static str>,
}

impl Case {
    fn new(effect: Effect, reason: &'static str, status: Option<i32>, code: Option<&'static str>) -> Self {
        Self {
            effect,
            reason,
            status,
            code,
        }
    }
}

/// A run at 25 % that is as its resource asks.
async fn in_sync() -> (Scene, Operator) {
    let scene = Scene::new().await;
    let operator = scene.operator();
    let spec = json!({ "exposurePercentage": 25, "description": "as it was" });
    scene.apply("run", &spec).await;
    scene.wait("run", "ready", is_ready).await;
    (scene, operator)
}

/// Meets each read in turn: Ready stays for two of them, is Unknown from the third, and comes back.
async fn doubts(scene: &Scene, cases: Vec<Case>) {
    let before = copied(&scene.newest("run").unwrap());
    let updates = scene.updates().len();
    for case in cases {
        let told = format!("{:?}", case.effect).chars().take(80).collect::<String>();
        scene.always(Operation::GetExperimentRun, case.effect);
        let once = scene.pass("run").await;
        assert_eq!(
            condition_status(&once, "Ready"),
            Some("True"),
            "{told}: once is no doubt"
        );
        let reconciling = condition(&once, "Reconciling").map(|condition| condition.reason.as_str());
        assert_eq!(reconciling, Some(case.reason), "{told}");
        let unknown = |run: &_| condition_status(run, "Ready") == Some("Unknown");
        let doubted = scene.wait("run", "doubted", unknown).await;
        assert_eq!(reason(&doubted), case.reason, "{told}");
        assert!(condition(&doubted, "Stalled").is_none(), "{told}");
        assert_eq!(condition_status(&doubted, "TargetReached"), Some("True"), "{told}");
        let error = last_error(&doubted).unwrap();
        assert_eq!(error.operation, "GetExperimentRun", "{told}");
        assert_eq!(
            (error.status_code, error.code.as_deref()),
            (case.status, case.code),
            "{told}"
        );
        assert_eq!(copied(&doubted), before, "{told}: what AppConfig said stays");
        assert!(
            !serde_json::to_string(&doubted.status).unwrap().contains(CANARY),
            "{told}"
        );
        scene.heal();
        let healed = scene.pass("run").await;
        assert!(is_ready(&healed) && last_error(&healed).is_none(), "{told}: {healed:?}");
        assert!(condition(&healed, "Reconciling").is_none(), "{told}");
        assert_eq!(copied(&healed), before, "{told}");
    }
    assert_eq!(scene.updates().len(), updates, "nothing was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_read_that_brings_no_answer_changes_nothing_and_heals() {
    let (scene, _operator) = in_sync().await;
    let html = "<html><body>Service Unavailable</body></html>";
    let throttling = Some("ThrottlingException");
    let cases = vec![
        Case::new(
            refuse(500, Some("InternalServerException"), "oops"),
            "ServiceUnavailable",
            Some(500),
            Some("InternalServerException"),
        ),
        Case::new(raw(503, "text/html", html), "ServiceUnavailable", Some(503), None),
        Case::new(Effect::DropBeforeCommit, "ServiceUnavailable", None, None),
        Case::new(Effect::Truncate, "ServiceUnavailable", Some(200), None),
        Case::new(
            refuse(429, Some("TooManyRequestsException"), "slow down"),
            "Throttled",
            Some(429),
            Some("TooManyRequestsException"),
        ),
        Case::new(refuse(429, None, "slow down"), "Throttled", Some(429), None),
        Case::new(
            refuse(400, throttling, "Rate exceeded"),
            "Throttled",
            Some(400),
            throttling,
        ),
    ];
    doubts(&scene, cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_read_that_never_ends_changes_nothing_and_heals() {
    let (scene, _operator) = in_sync().await;
    let cases = vec![Case::new(Effect::Stall, "ServiceUnavailable", None, None)];
    doubts(&scene, cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_an_answer_that_can_not_be_understood_changes_nothing_and_heals() {
    let (scene, _operator) = in_sync().await;
    let with = |member: &str, value: Value| {
        let mut run = scene.live();
        run[member] = value;
        raw(200, "application/json", &run.to_string())
    };
    let moved = Effect::Raw(RawAnswer {
        status: 302,
        headers: [("Location".to_owned(), scene.emulator.endpoint())].into(),
        body: appconfig_emulator::RawBody::default(),
        commit: false,
    });
    let long = "x".repeat(1024 * 1024);
    let unusable = |effect, status, code| Case::new(effect, "UnusableAnswer", Some(status), code);
    let cases = vec![
        unusable(raw(200, "application/json", "{\"Run\": 1,"), 200, None),
        unusable(raw(200, "text/html", "<html>welcome</html>"), 200, None),
        unusable(with("Status", json!("PAUSED")), 200, None),
        unusable(
            with("TreatmentOverrides", json!({ "Segments": { CANARY: "t1" } })),
            200,
            None,
        ),
        unusable(with("ExposurePercentage", json!(null)), 200, None),
        unusable(with("Run", json!(2)), 200, None),
        unusable(moved, 302, None),
        unusable(
            refuse(400, Some("BadRequestException"), &long),
            400,
            Some("BadRequestException"),
        ),
    ];
    doubts(&scene, cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_read_that_is_refused_is_told_at_once_and_heals() {
    let (scene, _operator) = in_sync().await;
    let before = copied(&scene.newest("run").unwrap());
    let denied = "User: arn:aws:sts::1:assumed-role/operator is not authorized to perform: appconfig:GetExperimentRun";
    let (gone, unknown) = (Some("ResourceNotFoundException"), Some("UnknownOperationException"));
    let access_denied = Some("AccessDeniedException");
    let cases = vec![
        Case::new(refuse(404, gone, "Run not found: 1"), "RunNotFound", Some(404), gone),
        Case::new(
            refuse(404, unknown, "no such operation"),
            "ExperimentsUnsupported",
            Some(404),
            unknown,
        ),
        Case::new(
            raw(404, "text/html", "<html>not here</html>"),
            "ExperimentsUnsupported",
            Some(404),
            None,
        ),
        Case::new(
            refuse(403, access_denied, denied),
            "AccessDenied",
            Some(403),
            access_denied,
        ),
        Case::new(refuse(401, None, "who are you"), "AccessDenied", Some(401), None),
    ];
    for case in cases {
        scene.always(Operation::GetExperimentRun, case.effect);
        let stalled = scene.pass("run").await;
        assert!(
            is_stalled(&stalled, case.reason),
            "{}: {:?}",
            case.reason,
            stalled.status
        );
        let error = last_error(&stalled).unwrap();
        assert_eq!((error.status_code, error.code.as_deref()), (case.status, case.code));
        assert_eq!(copied(&stalled), before, "{}: what AppConfig said stays", case.reason);
        assert_eq!(condition_status(&stalled, "TargetReached"), Some("True"));
        let message = &condition(&stalled, "Stalled").unwrap().message;
        let action = "appconfig:GetExperimentRun";
        assert_eq!(message.contains(action), case.reason == "AccessDenied", "{message}");
        let (what, happened) = (format!("an Event {}", case.reason), async || {
            scene.count_events("run", case.reason).await > 0
        });
        scene.eventually(&what, happened).await;
        scene.heal();
        let healed = scene.pass("run").await;
        assert!(
            is_ready(&healed) && last_error(&healed).is_none(),
            "{}: {healed:?}",
            case.reason
        );
    }
    assert_eq!(
        scene.updates().len(),
        2,
        "the description and the raise, and nothing since"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_run_that_was_never_read_is_not_touched_and_converges_with_one_update() {
    let scene = Scene::new().await;
    scene.always(Operation::GetExperimentRun, refuse(500, None, "oops"));
    let _operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let failing = |run: &_| reason(run) == "ServiceUnavailable";
    let failing = scene.wait("run", "failing", failing).await;
    assert_eq!(condition_status(&failing, "Ready"), Some("Unknown"));
    assert_eq!(copied(&failing), ExperimentRunStatus::default(), "nothing is known");
    assert!(scene.updates().is_empty());
    scene.heal();
    let healed = scene.wait("run", "ready", is_ready).await;
    assert!(last_error(&healed).is_none());
    assert_eq!((scene.updates().len(), scene.fences("run")), (1, 1));
}
