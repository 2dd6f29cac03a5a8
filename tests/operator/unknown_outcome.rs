//! Updates whose outcome is not known: nothing more is sent, and Ready is not True, until it is settled (P4).

use appconfig_emulator::{Effect, Fault, Operation, RawAnswer, RawBody};
use appconfig_experiment_operator::api::ExperimentRun;
use futures::future::join_all;
use harness::{Scene, condition_status, is_ready, is_stalled, last_error, raw, reason, refuse};
use jiff::SignedDuration;
use serde_json::json;

/// How long an update stays unsettled that no read shows, and what clocks and scheduling may take off it.
const SETTLING: SignedDuration = SignedDuration::from_secs(58);

fn is_unknown(run: &ExperimentRun) -> bool {
    reason(run) == "OutcomeUnknown" && condition_status(run, "Ready") == Some("Unknown")
}

fn exposure(run: &ExperimentRun) -> Option<f32> {
    Some(run.status.as_ref()?.exposure_percentage?.percentage())
}

/// Whether the resource was ever said to be ready while the update was unsettled.
fn was_ready_too_early(scene: &Scene) -> bool {
    let pending = |run: &ExperimentRun| {
        run.status
            .as_ref()
            .is_some_and(|status| status.pending_update.is_some())
    };
    let ready = |run: &ExperimentRun| condition_status(run, "Ready") == Some("True");
    scene.versions("run").iter().any(|run| pending(run) && ready(run))
}

async fn assert_one_event(scene: &Scene, event: &str) {
    scene
        .eventually(event, async || scene.count_events("run", event).await > 0)
        .await;
    scene.pass("run").await;
    assert_eq!(scene.count_events("run", event).await, 1);
}

/// The answer to an update that was carried out, spoilt.
fn spoilt(status: u16, body: &str) -> Effect {
    Effect::Raw(RawAnswer {
        status,
        headers: [].into(),
        body: RawBody::Text(body.to_owned()),
        commit: true,
    })
}

/// A raise to 25 % that is carried out, and whose answer is spoilt, ends as if nothing had happened.
async fn settles_at_once(effect: Effect) {
    let scene = Scene::new().await;
    scene.once(Operation::UpdateExperimentRun, effect);
    let _operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let settled = scene.wait("run", "ready", is_ready).await;
    assert!(last_error(&settled).is_none() && settled.status.unwrap().pending_update.is_none());
    assert_eq!(
        (scene.updates().len(), scene.committed(), scene.fences("run")),
        (1, 1, 1)
    );
    assert!(
        scene.versions("run").iter().any(is_unknown),
        "it was told that the outcome is unknown"
    );
    assert!(!was_ready_too_early(&scene));
    assert_one_event(&scene, "ExposureRaised").await;
    assert_eq!(scene.count_events("run", "ExposureChangedExternally").await, 0);
    assert_eq!((scene.updates().len(), scene.committed()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_an_answer_lost_after_commit_is_settled_without_a_second_update() {
    settles_at_once(Effect::DropAfterCommit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_an_answer_spoilt_after_commit_is_settled_without_a_second_update() {
    let spoilt = [
        Effect::Truncate,
        Effect::DelayAfterCommitMs(8_000),
        spoilt(200, "{\"Run\": 1, "),
        spoilt(200, "{\"Status\": \"PAUSED\"}"),
        spoilt(500, ""),
        spoilt(503, "<html>Service Unavailable</html>"),
        spoilt(408, ""),
    ];
    join_all(spoilt.map(settles_at_once)).await;
}

/// A raise to 25 % that was not carried out, though nobody says so, is sent again when it can't come any more.
async fn sends_again_after_a_minute(effect: Effect) {
    let scene = Scene::new().await;
    scene.once(Operation::UpdateExperimentRun, effect);
    let _operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let unknown = scene.wait("run", "in doubt", is_unknown).await;
    assert_eq!(exposure(&unknown), Some(0.0));
    let error = last_error(&unknown).expect("what happened to the update");
    assert_eq!(error.operation, "UpdateExperimentRun");
    scene.pass("run").await;
    assert_eq!(scene.fences("run"), 1, "a read that shows nothing settles nothing");
    scene.wait("run", "ready", is_ready).await;
    let updates = scene.updates();
    assert_eq!((updates.len(), scene.committed()), (2, 1));
    let waited = updates[1].arrived_at.duration_since(updates[0].arrived_at);
    assert!(waited >= SETTLING, "{waited}");
    assert!(last_error(&scene.newest("run").unwrap()).is_none());
    assert_one_event(&scene, "ExposureRaised").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_an_update_that_may_have_been_lost_is_sent_again_only_when_it_can_not_come_any_more() {
    let lost = [
        Effect::DropBeforeCommit,
        Effect::Stall,
        refuse(500, Some("InternalServerException"), "oops"),
        raw(503, "text/html", "<html>Service Unavailable</html>"),
        raw(200, "application/json", "{\"Run\": 1, "),
    ];
    join_all(lost.map(sends_again_after_a_minute)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_an_update_carried_out_after_it_was_given_up_is_found_and_told() {
    let scene = Scene::new().await;
    scene.once(Operation::UpdateExperimentRun, Effect::CommitLaterMs(12_000));
    let _operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.wait("run", "in doubt", is_unknown).await;
    scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    let lowered = scene.pass("run").await;
    assert_eq!(exposure(&lowered), Some(0.0), "it has not come yet");
    assert!(is_unknown(&lowered), "{:?}", lowered.status);
    assert_eq!(lowered.status.as_ref().unwrap().observed_generation, Some(2));
    let found = |run: &ExperimentRun| is_stalled(run, "ExposureAboveDesired");
    let found = scene.wait("run", "above what is desired", found).await;
    assert_eq!(exposure(&found), Some(25.0));
    assert!(last_error(&found).is_none() && found.status.unwrap().pending_update.is_none());
    let ready = |run: &ExperimentRun| condition_status(run, "Ready") == Some("True");
    assert!(
        !scene.versions("run").iter().any(ready),
        "it never was what was asked for"
    );
    scene.pass("run").await;
    assert_eq!(
        (scene.updates().len(), scene.committed(), scene.fences("run")),
        (1, 1, 1)
    );
    assert_eq!(scene.live()["ExposurePercentage"], 25.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_raise_that_was_lost_and_is_withdrawn_meanwhile_is_not_sent_again() {
    let scene = Scene::new().await;
    scene.once(Operation::UpdateExperimentRun, Effect::DropBeforeCommit);
    let _operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.wait("run", "in doubt", is_unknown).await;
    scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    scene.wait("run", "ready", is_ready).await;
    let sent: Vec<_> = scene.updates().into_iter().map(|update| update.body).collect();
    assert_eq!(
        sent,
        [
            json!({ "ExposurePercentage": 25.0 }),
            json!({ "ExposurePercentage": 10.0 })
        ]
    );
    assert_eq!(scene.live()["ExposurePercentage"], 10.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_reads_that_fail_or_are_old_settle_nothing() {
    let scene = Scene::new().await;
    scene.change_from_outside(&json!({ "ExposurePercentage": 5 }));
    // Each fault lets one read go by, and that is the same one for all of them: the first.
    let second_and_later = |effect| Fault {
        skip: 1,
        ..Fault::once(Operation::GetExperimentRun, effect)
    };
    let faults = vec![
        Fault::once(Operation::UpdateExperimentRun, Effect::DropAfterCommit),
        second_and_later(refuse(500, None, "oops")),
        // Two versions behind is the state before anybody raised it, one is the state before the operator did.
        second_and_later(Effect::StaleRead(2)),
        second_and_later(Effect::StaleRead(1)),
    ];
    scene.emulator.set_faults(faults).unwrap();
    let _operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.wait("run", "in doubt", is_unknown).await;
    let settled = scene.wait("run", "ready", is_ready).await;
    assert_eq!(exposure(&settled), Some(25.0));
    assert_eq!(
        scene.reads().len(),
        5,
        "the first, one that failed, two old ones, and the one that tells"
    );
    assert_eq!(
        (scene.updates().len(), scene.committed(), scene.fences("run")),
        (1, 1, 1)
    );
    let seen: Vec<_> = scene.versions("run").iter().filter_map(exposure).collect();
    assert!(seen.is_sorted(), "the status never goes back: {seen:?}");
    assert_one_event(&scene, "ExposureRaised").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_overrides_whose_answer_was_lost_are_settled_without_a_second_update() {
    let scene = Scene::new().await;
    scene.once(Operation::UpdateExperimentRun, Effect::DropAfterCommit);
    let _operator = scene.operator();
    let spec = json!({ "exposurePercentage": 25, "treatmentOverrides": { "inline": { "qa-bob": "t1" } } });
    scene.apply("run", &spec).await;
    let settled = scene.wait("run", "ready", is_ready).await;
    assert!(last_error(&settled).is_none());
    let updates = scene.updates();
    assert_eq!(
        (updates.len(), scene.committed()),
        (2, 2),
        "the overrides once, then the exposure once"
    );
    assert_eq!(updates[1].body, json!({ "ExposurePercentage": 25.0 }));
    assert!(!was_ready_too_early(&scene));
    assert_one_event(&scene, "TreatmentOverridesUpdated").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_a_new_process_settles_what_an_old_one_left_unknown() {
    let scene = Scene::new().await;
    scene.once(Operation::UpdateExperimentRun, Effect::CommitLaterMs(8_000));
    let mut operator = scene.operator();
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.eventually("sent", async || scene.updates().len() == 1).await;
    operator.kill().await;
    let _operator = scene.operator();
    scene.wait("run", "in doubt", is_unknown).await;
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(
        (scene.updates().len(), scene.committed(), scene.fences("run")),
        (1, 1, 1)
    );
    assert!(!was_ready_too_early(&scene));
    assert_one_event(&scene, "ExposureRaised").await;
}
