//! What an API server that fails does to the operator: it costs time, and never a second update.

use appconfig_experiment_operator::api::ExperimentRun;
use control_plane::proxy::{Effect, Gate, Proxy, Release, Rule, Stage};
use harness::{Operator, Scene, is_ready, proxy, reason};
use serde_json::json;

const STATUS: &str = "experimentruns/status";

/// The next status write, after so many that go through, is answered so.
fn refuse(proxy: &Proxy, skip: u32, status: u16, retry_after_seconds: Option<u32>) {
    let effect = Effect::Refuse {
        status,
        retry_after_seconds,
    };
    proxy.add(Rule::new("patch", STATUS, effect).skip(skip).times(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_a_fence_that_the_api_server_refuses_is_tried_again_without_obeying_a_long_retry_after() {
    let (scene, proxy) = (Scene::new().await, proxy());
    for (status, retry_after) in [(429, Some(600)), (500, None), (504, None)] {
        refuse(&proxy, 0, status, retry_after);
    }
    let _operator = Operator::start(&scene.flags().through(&proxy));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    // The harness's deadline is far below 600 s.
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(scene.updates().len(), 1);
    let refused = |status| proxy.requests().iter().filter(|it| it.status == Some(status)).count();
    assert_eq!((refused(429), refused(500), refused(504)), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_a_status_write_that_fails_after_the_update_does_not_repeat_the_update() {
    let (scene, proxy) = (Scene::new().await, proxy());
    refuse(&proxy, 1, 500, None);
    let _operator = Operator::start(&scene.flags().through(&proxy));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    let run = scene.wait("run", "ready", is_ready).await;
    assert_eq!(run.status.unwrap().pending_update, None);
    assert_eq!(scene.updates().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_a_status_write_whose_answer_is_lost_after_the_update_does_not_repeat_the_update() {
    let (scene, proxy) = (Scene::new().await, proxy());
    proxy.add(Rule::new("patch", STATUS, Effect::DropAnswer).skip(1).times(1));
    let _operator = Operator::start(&scene.flags().through(&proxy));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.wait("run", "ready", is_ready).await;
    scene.pass("run").await;
    assert_eq!(scene.updates().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_an_update_that_somebody_else_recorded_meanwhile_is_not_erased_with_the_status() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let record = Gate::new(Stage::Request);
    proxy.add(
        Rule::new("patch", STATUS, Effect::Hold(record.clone()))
            .skip(1)
            .times(1),
    );
    let _operator = Operator::start(&scene.flags().through(&proxy));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    record.reached().await;
    // What another replica would write that took over, and has sent a raise since.
    let of_another = json!({ "pendingUpdate": {
        "id": "of-another",
        "generation": 1,
        "member": "ExposurePercentage",
        "exposurePercentage": 50,
        "recordedAt": "2026-01-01T00:00:00Z"
    }});
    scene.patch_status("run", &of_another).await;
    record.release(Release::GoOn);
    let pending = |run: &ExperimentRun| Some(run.status.as_ref()?.pending_update.as_ref()?.id.clone());
    let in_doubt = |run: &ExperimentRun| reason(run) == "OutcomeUnknown";
    let run = scene.wait("run", "in doubt", in_doubt).await;
    assert_eq!(pending(&run).as_deref(), Some("of-another"));
    assert_eq!(scene.updates().len(), 1);
}
