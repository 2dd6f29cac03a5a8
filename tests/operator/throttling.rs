//! Updates that have to wait, for AWS's rates or for a deployment: sent once, and only what is still asked for.

use std::time::Duration;

use appconfig_emulator::{Operation, RateLimits, Seed, Settings, ThrottleAnswer};
use appconfig_experiment_operator::api::ExperimentRun;
use harness::{Operator, Scene, condition, condition_status, is_ready, last_error, reason, refuse};
use jiff::Timestamp;
use serde_json::json;

/// Raises to 50 %, which is refused, lowers to 10 % and lets go: 50 % must not be sent any more.
async fn withdrawn_while(scene: &Scene, told: &str, let_go: impl FnOnce(&Scene)) {
    let _operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 50 })).await;
    scene.wait("run", told, |run| reason(run) == told).await;
    scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    let withdrawn = Timestamp::now();
    // So that a process which had not heard of the new spec would have the time to send the old value once more.
    let sent_later = || {
        let later = withdrawn + Duration::from_secs(3);
        scene.updates().into_iter().any(|update| update.arrived_at > later)
    };
    scene
        .eventually("tried again", async || {
            scene.pass("run").await;
            sent_later()
        })
        .await;
    let_go(scene);
    scene.pass("run").await;
    scene.wait("run", "ready", is_ready).await;
    let updates = scene.updates();
    let sent_after: Vec<_> = updates.iter().filter(|update| update.arrived_at > withdrawn).collect();
    assert!(
        sent_after
            .iter()
            .all(|update| update.body == json!({ "ExposurePercentage": 10.0 })),
        "{sent_after:?}"
    );
    assert_eq!(
        (scene.committed(), &scene.live()["ExposurePercentage"]),
        (1, &json!(10.0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_raise_withdrawn_while_a_deployment_is_in_progress_is_not_sent() {
    let scene = Scene::new().await;
    scene.deployment_in_progress(true);
    withdrawn_while(&scene, "DeploymentInProgress", |scene| {
        scene.deployment_in_progress(false);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_raise_withdrawn_while_aws_limits_the_rate_is_not_sent() {
    let scene = Scene::new().await;
    scene.always(Operation::UpdateExperimentRun, refuse(429, None, "slow down"));
    withdrawn_while(&scene, "Throttled", Scene::heal).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_a_throttled_update_is_tried_again_until_it_is_carried_out_once() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let throttled = [
        refuse(429, Some("TooManyRequestsException"), "slow down"),
        refuse(429, None, "slow down"),
        refuse(400, Some("ThrottlingException"), "Rate exceeded"),
    ];
    for (number, effect) in (1..).zip(throttled) {
        scene.once(Operation::UpdateExperimentRun, effect);
        scene.apply("run", &json!({ "exposurePercentage": number * 10 })).await;
        let ready = scene.wait("run", "ready", is_ready).await;
        assert!(last_error(&ready).is_none());
        assert_eq!((scene.updates().len(), scene.committed()), (number * 2, number));
        let throttled = |run: &ExperimentRun| {
            let generation = condition(run, "Ready").and_then(|ready| ready.observed_generation);
            reason(run) == "Throttled" && generation == i64::try_from(number).ok()
        };
        let versions = scene.versions("run");
        let told = versions.iter().find(|run| throttled(run)).expect("it was told");
        assert_eq!(condition_status(told, "Ready"), Some("False"), "it was False before");
        assert_eq!(last_error(told).unwrap().operation, "UpdateExperimentRun");
    }
    assert_eq!(scene.live()["ExposurePercentage"], 30.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_a_rate_below_what_is_asked_for_only_slows_down() {
    let scene = Scene::new().await;
    let settings = Settings {
        rate_limits: RateLimits {
            get: Some(1),
            update: Some(1),
            ..RateLimits::default()
        },
        throttle_answer: ThrottleAnswer::Throttling,
        ..Settings::default()
    };
    scene.emulator.set_settings(settings).unwrap();
    let _operator = scene.operator();
    let spec = json!({
        "description": "new", "exposurePercentage": 25, "treatmentOverrides": { "inline": { "qa-bob": "t1" } }
    });
    scene.apply("run", &spec).await;
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(scene.committed(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_an_update_that_waited_long_for_its_token_is_decided_anew_and_sent_once() {
    let scene = Scene::new().await;
    let _operator = Operator::start(&scene.flags().with("--write-rate=0.2"));
    scene
        .apply("run", &json!({ "description": "new", "exposurePercentage": 25 }))
        .await;
    scene.wait("run", "ready", is_ready).await;
    let (reads, updates) = (scene.reads(), scene.updates());
    assert_eq!((reads.len(), updates.len(), scene.fences("run")), (2, 2, 2));
    // The token is kept: with one for each look, none would ever be left for the update.
    assert!(reads[1].arrived_at > updates[0].arrived_at && reads[1].arrived_at < updates[1].arrived_at);
    // What the first decision was about to tell is told, though it came to no fence.
    for event in ["DescriptionUpdated", "ExposureRaised"] {
        scene
            .eventually(event, async || scene.count_events("run", event).await == 1)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_raise_withdrawn_while_it_waits_for_its_token_is_not_sent() {
    let scene = Scene::new().await;
    let _operator = Operator::start(&scene.flags().with("--write-rate=0.2"));
    scene
        .apply("run", &json!({ "description": "new", "exposurePercentage": 50 }))
        .await;
    scene.eventually("sent", async || scene.updates().len() == 1).await;
    scene
        .apply("run", &json!({ "description": "new", "exposurePercentage": 10 }))
        .await;
    scene.wait("run", "ready", is_ready).await;
    let sent: Vec<_> = scene.updates().into_iter().map(|update| update.body).collect();
    assert_eq!(
        sent,
        [json!({ "Description": "new" }), json!({ "ExposurePercentage": 10.0 })]
    );
    let doubted = |run: &ExperimentRun| reason(run) == "OutcomeUnknown";
    assert!(
        !scene.versions("run").iter().any(doubted),
        "what was never sent leaves no doubt"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_who_waits_for_its_token_or_for_another_pass_of_its_run_holds_no_slot() {
    let scene = Scene::new().await;
    let seed = Seed {
        definition: "search".to_owned(),
        ..Seed::default()
    };
    let other = scene.emulator.seed(&seed).unwrap();
    scene.emulator.start_run(&other, 5.0).unwrap();
    // A token every 40 s, and the first at once. Of two slots a region has one.
    let flags = scene.flags().with("--write-rate=0.025").with("--concurrency=2");
    let operator = Operator::start(&flags);
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    scene.wait("run", "ready", is_ready).await;
    let read_by_now = async |count: usize| {
        let read = async || scene.reads().len() >= count;
        scene.eventually("read", read).await;
    };
    let reads = scene.reads().len();
    scene.apply("run", &json!({ "exposurePercentage": 50 })).await;
    read_by_now(reads + 1).await;
    scene.apply("twin", &json!({ "exposurePercentage": 50 })).await;
    read_by_now(reads + 2).await;
    let spec = json!({ "experimentDefinitionIdentifier": "search", "exposurePercentage": 5 });
    scene.apply("other", &spec).await;
    scene.wait("other", "ready", is_ready).await;
    assert_eq!(scene.updates().len(), 1, "the second waits for its token");
    let log = operator.log();
    assert!(
        !log.contains("reconcile not finished"),
        "nobody had to give up for it:\n{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_a_pass_that_waits_longer_for_its_token_than_30_s_ends_and_a_later_one_sends_what_is_then_asked_for() {
    let scene = Scene::new().await;
    // A token every 40 s, and the first at once.
    let operator = Operator::start(&scene.flags().with("--write-rate=0.025"));
    scene.circumstances(|context| context.write_rate = 0.025);
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    scene.wait("run", "ready", is_ready).await;
    scene.apply("run", &json!({ "exposurePercentage": 50 })).await;
    operator.logged("reconcile not finished within 30 s; retrying").await;
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.wait("run", "ready", is_ready).await;
    let sent: Vec<_> = scene.updates().into_iter().map(|update| update.body).collect();
    assert_eq!(sent, [5.0, 25.0].map(|to| json!({ "ExposurePercentage": to })));
    scene.judge();
}
