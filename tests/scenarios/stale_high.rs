//! Scenario 1: a high exposure that is wanted again and again, and withdrawn behind the operator's back.

use appconfig_emulator::{Fault, Operation};
use control_plane::proxy::{Effect, Rule};
use serde_json::json;

use crate::{
    harness::{Operator, Scene, bodies, condition_status, is_ready, proxy, reason, refuse},
    updates::{conflicts, raise},
};

#[tokio::test(flavor = "multi_thread")]
async fn s01_stale_high_50_is_never_sent_after_5() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let throttled = || refuse(429, Some("TooManyRequestsException"), "slow down");
    // Reads are throttled from then on as well, so that 50 is sent once, however soon the back-off fires.
    let reads = Fault {
        skip: 1,
        ..Fault::always(Operation::GetExperimentRun, throttled())
    };
    let updates = Fault::once(Operation::UpdateExperimentRun, throttled());
    scene.emulator.set_faults(vec![updates, reads]).unwrap();
    let _operator = Operator::start(&scene.flags().through(&proxy));
    scene.apply("run", &json!({ "exposurePercentage": 50 })).await;
    // The third failure in a row is the last that a status tells of.
    scene
        .wait("run", "throttled", |run| {
            reason(run) == "Throttled" && condition_status(run, "Ready") == Some("Unknown")
        })
        .await;
    assert_eq!(bodies(&scene.updates()), [raise(50.0)]);

    let frozen = proxy.add(Rule::new("watch", "experimentruns", Effect::Freeze));
    let before = conflicts(&proxy);
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    scene.heal();
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(bodies(&scene.updates()), [raise(50.0), raise(5.0)]);
    assert!(conflicts(&proxy) > before, "the fence for 50 was refused");
    proxy.remove(frozen);
    scene.pass("run").await;
    assert_eq!(scene.updates().len(), 2);
    scene.judge();
}
