//! Updates that `AppConfig` refuses, or accepts and does not do: tried no more often than it helps, told, and healed.

use appconfig_emulator::{Effect, Operation, OverrideUpdate, Settings};
use appconfig_experiment_operator::api::ExperimentRun;
use harness::{CANARY, Scene, condition, condition_status, is_ready, is_stalled, last_error, raw, reason, refuse};
use jiff::SignedDuration;
use serde_json::{Value, json};

fn exposure(percentage: f32) -> Value {
    json!({ "ExposurePercentage": percentage })
}

fn was_ready(scene: &Scene, generation: i64) -> bool {
    let ready = |run: &ExperimentRun| {
        condition(run, "Ready")
            .is_some_and(|ready| ready.status == "True" && ready.observed_generation == Some(generation))
    };
    scene.versions("run").iter().any(ready)
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_a_deployment_in_progress_is_waited_for_and_told_once() {
    let scene = Scene::new().await;
    scene.deployment_in_progress(true);
    let _operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let in_progress = |run: &ExperimentRun| reason(run) == "DeploymentInProgress";
    let waiting = scene.wait("run", "waiting for a deployment", in_progress).await;
    assert_eq!(condition_status(&waiting, "Ready"), Some("False"));
    assert_eq!(
        condition(&waiting, "Reconciling").unwrap().reason,
        "DeploymentInProgress"
    );
    assert!(condition(&waiting, "Stalled").is_none());
    let error = last_error(&waiting).unwrap();
    assert_eq!(
        (error.status_code, error.code.as_deref()),
        (Some(409), Some("ConflictException"))
    );
    assert!(
        waiting.status.as_ref().unwrap().pending_update.is_none(),
        "a refusal leaves no doubt"
    );
    scene
        .eventually("tried again", async || scene.updates().len() == 2)
        .await;
    let updates = scene.updates();
    let waited = updates[1].arrived_at.duration_since(updates[0].arrived_at);
    assert!(waited >= SignedDuration::from_secs(29), "{waited}");
    scene.pass("run").await;
    let reasons: Vec<_> = scene.versions("run").iter().map(|run| reason(run).to_owned()).collect();
    let first = reasons
        .iter()
        .position(|reason| reason == "DeploymentInProgress")
        .unwrap();
    let steady = reasons[first..].iter().all(|reason| reason == "DeploymentInProgress");
    assert!(steady, "a retry is no news: {reasons:?}");
    scene.deployment_in_progress(false);
    scene.pass("run").await;
    let ready = scene.wait("run", "ready", is_ready).await;
    assert!(last_error(&ready).is_none());
    assert_eq!(scene.committed(), 1);
    scene
        .eventually("told", async || scene.count_events("run", "ExposureRaised").await == 1)
        .await;
    assert_eq!(scene.count_events("run", "DeploymentInProgress").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_a_refused_update_is_tried_once_and_not_by_a_new_process_and_heals_with_the_spec() {
    let scene = Scene::new().await;
    let said = "The deployment strategy does not exist";
    scene.always(
        Operation::UpdateExperimentRun,
        refuse(400, Some("BadRequestException"), said),
    );
    let mut operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let rejected = |run: &ExperimentRun| is_stalled(run, "UpdateRejected");
    let held = scene.wait("run", "rejected", rejected).await;
    let error = last_error(&held).unwrap();
    assert_eq!(
        (error.status_code, error.code.as_deref()),
        (Some(400), Some("BadRequestException"))
    );
    let sent = &scene.updates()[0];
    assert_eq!(error.request_id.as_deref(), Some(sent.request_id.as_str()));
    assert!(condition(&held, "Stalled").unwrap().message.contains(said));
    assert_eq!(held.status.as_ref().unwrap().held_updates.len(), 1);
    assert_eq!(condition_status(&held, "TargetReached"), Some("False"));
    scene.pass("run").await;
    operator.stop().await;
    let _operator = scene.operator();
    let again = scene.pass("run").await;
    assert!(rejected(&again), "{:?}", again.status);
    assert_eq!(last_error(&again), last_error(&held), "it still holds");
    assert_eq!(scene.updates().len(), 1, "tried once, by whatever process");
    scene.apply("run", &json!({ "exposurePercentage": 30 })).await;
    scene
        .eventually("tried again", async || scene.updates().len() == 2)
        .await;
    scene.wait("run", "rejected", rejected).await;
    scene.heal();
    scene.apply("run", &json!({ "exposurePercentage": 20 })).await;
    let ready = scene.wait("run", "ready", is_ready).await;
    assert!(last_error(&ready).is_none() && ready.status.unwrap().held_updates.is_empty());
    assert_eq!((scene.updates().len(), scene.committed()), (3, 1));
    // Once for each of the two specs that were refused, and for none of the reads in between.
    scene
        .eventually("told", async || scene.count_events("run", "ExposureRaised").await == 1)
        .await;
    assert_eq!(scene.count_events("run", "UpdateRejected").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_a_refusal_that_a_fresh_read_explains_is_not_held_against_the_update() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    // Somebody else is quicker than the operator's update, and it is refused as no raise any more.
    for (asked, raised) in [(10, 10.0), (20, 30.0)] {
        let updates = scene.updates().len();
        scene.once(Operation::UpdateExperimentRun, Effect::DelayBeforeCommitMs(1_500));
        scene.apply("run", &json!({ "exposurePercentage": asked })).await;
        scene.eventually("sent", async || scene.updates().len() > updates).await;
        scene.change_from_outside(&exposure(raised));
        let expected = if raised > 10.0 {
            "ExposureAboveDesired"
        } else {
            "InSync"
        };
        let told = scene.wait("run", expected, |run| reason(run) == expected).await;
        assert!(last_error(&told).is_none(), "{:?}", told.status);
        assert!(told.status.unwrap().held_updates.is_empty());
        let sent = &scene.updates()[updates];
        assert_eq!((scene.updates().len(), sent.status), (updates + 1, Some(400)));
    }
    assert_eq!(scene.count_events("run", "UpdateRejected").await, 0);
    assert_eq!(
        scene.count_events("run", "ExposureRaised").await,
        0,
        "it raised nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_an_update_that_appconfig_accepts_and_does_not_do_is_sent_once_and_holds_the_exposure() {
    let scene = Scene::new().await;
    let both = json!({ "TreatmentOverrides": { "Inline": { "qa-bob": "t1", "qa-eve": "t1" } } });
    scene.change_from_outside(&both);
    let settings = Settings {
        overrides: OverrideUpdate::Merge,
        ..Settings::default()
    };
    scene.emulator.set_settings(settings).unwrap();
    let mut operator = scene.operator();
    let overrides = json!({ "inline": { "qa-bob": "t1" } });
    scene
        .apply(
            "run",
            &json!({ "exposurePercentage": 25, "treatmentOverrides": overrides }),
        )
        .await;
    let ineffective = |run: &ExperimentRun| is_stalled(run, "UpdateIneffective");
    let held = scene.wait("run", "ineffective", ineffective).await;
    assert!(
        condition(&held, "Stalled")
            .unwrap()
            .message
            .contains("remove this field from the spec")
    );
    scene.pass("run").await;
    operator.stop().await;
    let _operator = scene.operator();
    assert!(ineffective(&scene.pass("run").await));
    assert_eq!(
        (scene.updates().len(), scene.fences("run")),
        (1, 1),
        "sent once, by whatever process"
    );
    assert_eq!(
        scene.live()["ExposurePercentage"],
        0.0,
        "an override that can't be had holds the exposure"
    );
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(scene.updates()[1].body, exposure(25.0));
    assert_eq!((scene.updates().len(), scene.committed()), (2, 2));
    scene
        .eventually("told", async || scene.count_events("run", "ExposureRaised").await == 1)
        .await;
    assert_eq!(scene.count_events("run", "UpdateIneffective").await, 1);
    assert_eq!(scene.count_events("run", "TreatmentOverridesUpdated").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_run_that_ended_before_it_was_seen_is_not_touched() {
    let scene = Scene::new().await;
    scene.change_from_outside(&exposure(25.0));
    scene.emulator.stop_run(&scene.experiment, 1).unwrap();
    let _operator = scene.operator();
    scene.apply("matching", &json!({ "exposurePercentage": 25 })).await;
    let matching = scene.wait("matching", "ready", is_ready).await;
    assert_eq!(reason(&matching), "RunDone");
    scene.delete("matching").await;
    scene.apply("run", &json!({ "exposurePercentage": 50 })).await;
    let ended = scene.wait("run", "ended", |run| is_stalled(run, "RunDone")).await;
    assert!(
        condition(&ended, "Stalled")
            .unwrap()
            .message
            .contains("create another resource to manage another run")
    );
    assert_eq!(condition_status(&ended, "TargetReached"), Some("False"));
    let status = ended.status.unwrap();
    assert_eq!(status.ended_by.as_deref(), Some("USER"));
    assert!(status.ended_at.is_some());
    scene.pass("run").await;
    assert!(scene.updates().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_run_that_ends_while_an_update_is_on_its_way_is_told_as_ended_and_not_as_refused() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    scene.wait("run", "ready", is_ready).await;
    scene.once(Operation::UpdateExperimentRun, Effect::DelayBeforeCommitMs(1_500));
    scene.apply("run", &json!({ "exposurePercentage": 50 })).await;
    scene.eventually("sent", async || scene.updates().len() == 2).await;
    scene.emulator.stop_run(&scene.experiment, 1).unwrap();
    let ended = scene.wait("run", "ended", |run| is_stalled(run, "RunDone")).await;
    assert!(last_error(&ended).is_none(), "{:?}", ended.status);
    assert!(ended.status.as_ref().unwrap().held_updates.is_empty());
    scene.pass("run").await;
    assert_eq!((scene.updates().len(), scene.committed()), (2, 1));
    assert!(!was_ready(&scene, 2));
    scene
        .eventually("told", async || scene.count_events("run", "RunDone").await == 1)
        .await;
    assert_eq!(scene.count_events("run", "UpdateRejected").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_an_update_that_is_denied_names_the_missing_action_and_is_tried_each_resync() {
    let scene = Scene::new().await;
    let said = "User is not authorized to perform: appconfig:StartDeployment on resource: deploymentstrategy";
    let denied = refuse(403, Some("AccessDeniedException"), said);
    scene.always(Operation::UpdateExperimentRun, denied);
    let operator = scene.flags().with("--resync-interval=2s");
    let _operator = harness::Operator::start(&operator);
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let denied = scene.wait("run", "denied", |run| is_stalled(run, "AccessDenied")).await;
    let message = &condition(&denied, "Stalled").unwrap().message;
    assert!(message.contains("appconfig:StartDeployment") && message.contains("appconfig:UpdateExperimentRun"));
    scene
        .eventually("tried again", async || scene.updates().len() >= 3)
        .await;
    scene.heal();
    let ready = scene.wait("run", "ready", is_ready).await;
    assert!(last_error(&ready).is_none());
    assert_eq!(scene.committed(), 1);
    scene
        .eventually("told", async || scene.count_events("run", "ExposureRaised").await == 1)
        .await;
    assert_eq!(
        scene.count_events("run", "AccessDenied").await,
        1,
        "once, not once per try"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_what_appconfig_says_of_an_update_with_overrides_or_parameters_is_not_repeated() {
    let scene = Scene::new().await;
    let said = format!("1 validation error detected: Value at 'treatmentOverrides.inline.{CANARY}' is {CANARY}");
    scene.always(
        Operation::UpdateExperimentRun,
        refuse(400, Some("BadRequestException"), &said),
    );
    let operator = scene.operator();
    let overrides = json!({ "treatmentOverrides": { "inline": { CANARY: "t1" } } });
    let parameters = json!({ "dynamicExtensionParameters": { "ext#stage": CANARY } });
    let exposure = json!({ "exposurePercentage": 25, "deploymentParameters": parameters });
    for (number, spec) in (1..).zip([overrides, exposure]) {
        scene.apply("run", &spec).await;
        let held = scene
            .wait("run", "rejected", |run| is_stalled(run, "UpdateRejected"))
            .await;
        let error = last_error(&held).unwrap();
        assert_eq!(
            (error.status_code, error.code.as_deref()),
            (Some(400), Some("BadRequestException"))
        );
        assert_eq!((error.message.as_deref(), error.request_id.is_some()), (None, true));
        assert_eq!(scene.updates().len(), number);
    }
    scene
        .eventually("told", async || scene.count_events("run", "UpdateRejected").await == 2)
        .await;
    for version in scene.versions("run") {
        assert!(!serde_json::to_string(&version.status).unwrap().contains(CANARY));
    }
    let events = serde_json::to_string(&scene.events("run").await).unwrap();
    let (_, metrics) = operator.get("/metrics").await;
    for (what, text) in [("log", operator.log()), ("events", events), ("metrics", metrics)] {
        assert!(!text.contains(CANARY), "{what}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_a_refusal_of_a_mebibyte_is_told_in_a_line() {
    let scene = Scene::new().await;
    let effect = refuse(400, Some("BadRequestException"), &"x".repeat(1024 * 1024));
    scene.once(Operation::UpdateExperimentRun, effect);
    let _operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let held = scene
        .wait("run", "rejected", |run| is_stalled(run, "UpdateRejected"))
        .await;
    let status = serde_json::to_string(&held.status).unwrap();
    assert!(status.len() < 4096, "{status}");
    assert_eq!(last_error(&held).unwrap().code.as_deref(), Some("BadRequestException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_an_update_answered_404_is_told_by_its_kind_and_heals() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let kinds = [
        (refuse(404, Some("ResourceNotFoundException"), "no run"), "RunNotFound"),
        (
            refuse(404, Some("UnknownOperationException"), "no operation"),
            "ExperimentsUnsupported",
        ),
        (raw(404, "text/html", "<html>not here</html>"), "ExperimentsUnsupported"),
    ];
    for (number, (effect, expected)) in (1..).zip(kinds) {
        scene.always(Operation::UpdateExperimentRun, effect);
        scene.apply("run", &json!({ "exposurePercentage": number * 10 })).await;
        let told = scene.wait("run", expected, |run| is_stalled(run, expected)).await;
        assert_eq!(last_error(&told).unwrap().operation, "UpdateExperimentRun");
        let status = told.status.as_ref().unwrap();
        assert!(status.pending_update.is_none(), "a refusal leaves no doubt");
        assert_eq!(
            status.exposure_percentage.unwrap().to_string(),
            ((number - 1) * 10).to_string()
        );
        scene.heal();
        scene.pass("run").await;
        let ready = scene.wait("run", "ready", is_ready).await;
        assert!(last_error(&ready).is_none());
        assert_eq!((scene.updates().len(), scene.committed()), (number * 2, number));
    }
}
