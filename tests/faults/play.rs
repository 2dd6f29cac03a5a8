//! Plays one plan.

use std::time::Duration;

use appconfig_experiment_operator::api::{ExperimentRun, Exposure};
use control_plane::proxy::Proxy;
use harness::{ACTS, Flags, Operator, Scene, condition, condition_status, is_ready, is_stalled, proxy};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    hold::Hold,
    plan::{Fault, Meanwhile, Plan, Reached},
    workload::{Begins, End, Members, Workload, members},
};

/// The resource's name.
pub const NAME: &str = "run";

/// Longer than the operator waits for any answer.
const TOO_LONG: Duration = Duration::from_secs(6);

/// How long an update stays unsettled that no read shows, and what clocks and scheduling may take off it.
const SETTLING: SignedDuration = SignedDuration::from_secs(58);

/// An operator behind the proxy, which reads a run that is at rest only when it is asked to.
pub fn flags(scene: &Scene, proxy: &Proxy) -> Flags {
    scene.flags().with("--resync-interval=24h").through(proxy)
}

/// Makes a resource for the run that asks for nothing now, and waits until the operator has seen that.
pub async fn adopt(scene: &Scene, workload: &Workload) {
    for (member, value) in members(&workload.found) {
        scene.change_from_outside(&serde_json::json!({ member: value }));
    }
    scene.apply(NAME, &workload.adopted).await;
    scene.wait(NAME, "adopted", is_ready).await;
}

/// Has the operator do what the plans are about.
pub async fn begin(scene: &Scene, workload: &Workload) {
    match workload.begins {
        Begins::Asked => drop(scene.apply(NAME, &workload.asked).await),
        Begins::AfterSeconds(hold) => {
            scene.later(hold);
            scene.ask_for_a_pass(NAME).await;
        }
    }
}

/// Whether the operator shows the run as it must be in the end, and has nothing more to do.
pub fn has_come_to(end: &End, run: &ExperimentRun) -> bool {
    let exposure = run.status.as_ref().and_then(|status| status.exposure_percentage);
    let as_it_must = match end.stalled {
        Some(reason) => is_stalled(run, reason),
        None => is_ready(run),
    };
    as_it_must && is_settled(run) && exposure.map(Exposure::shortest) == end.exposure()
}

/// Whether `kubectl wait` and Flux would take it for settled.
pub fn is_settled(run: &ExperimentRun) -> bool {
    let status = run.status.as_ref();
    let observed = status.and_then(|status| status.observed_generation);
    observed == run.metadata.generation
        && status.is_some_and(|status| status.pending_update.is_none())
        && condition(run, "Reconciling").is_none()
        && (is_ready(run) || condition_status(run, "Stalled") == Some("True"))
}

/// Plays a plan. Panics when it does not hold.
pub async fn play(plan: Plan) {
    let (scene, proxy) = (Scene::new().await, proxy());
    let flags = flags(&scene, &proxy);
    let mut operator = Operator::start(&flags);
    adopt(&scene, &plan.workload).await;
    let mut hold = Hold::set(&scene, &proxy, plan.step, plan.reached);
    let next = plan
        .next
        .filter(|_| plan.reached == Reached::Answered && plan.fault != Fault::None);
    let next = next.map(|step| (step, Hold::set(&scene, &proxy, step, Reached::Sent)));
    begin(&scene, &plan.workload).await;
    hold.reached(&plan.step.to_string()).await;
    let passes = operator.passes().await;
    act(&scene, &plan).await;
    if let Some((step, next)) = next {
        hold.go_on();
        next.reached(&step.to_string()).await;
        hold = next;
    }
    match plan.fault {
        Fault::None => hold.go_on(),
        Fault::Kill => {
            operator.kill().await;
            hold.close();
            operator = Operator::start(&flags);
            operator.logged(ACTS).await;
        }
        Fault::Error => hold.answer_with_an_error(),
        Fault::Hang => {
            sleep(TOO_LONG).await;
            hold.close();
        }
    }
    scene.circumstances(|context| {
        context.resync_interval = SignedDuration::from_hours(24);
        context.faults_ended_at = Some(Timestamp::now());
        context.is_final = true;
    });
    if plan.meanwhile == Meanwhile::Deleted && plan.fault != Fault::Kill {
        let ended = async || operator.passes().await > passes;
        scene.eventually("at the end of the pass", ended).await;
    }
    ended_as_it_must(&scene, &plan).await;
    scene.judge();
}

/// Does what the user does, and waits until the API server has it.
async fn act(scene: &Scene, plan: &Plan) {
    match plan.meanwhile {
        Meanwhile::Nothing => return,
        Meanwhile::StatusLost => return drop(scene.patch_status(NAME, &Value::Null).await),
        Meanwhile::Lowered | Meanwhile::Raised | Meanwhile::RampRemoved => {}
        Meanwhile::Deleted | Meanwhile::Recreated => scene.delete(NAME).await,
    }
    if let Some(asked) = plan.workload.asked_in_the_end(plan.meanwhile) {
        scene.apply(NAME, asked).await;
    }
}

/// Waits until everything is at rest, and stays so when the operator looks again.
async fn ended_as_it_must(scene: &Scene, plan: &Plan) {
    let end = plan.end();
    if plan.meanwhile != Meanwhile::Deleted {
        scene.wait(NAME, "at rest", is_settled).await;
        scene.full_pass(NAME).await;
        scene.wait(NAME, "as it must end", |run| has_come_to(&end, run)).await;
    }
    let live = scene.live();
    let managed = |member: &&'static str| (*member, live[*member].clone());
    let live: Members = end.live.keys().map(managed).collect();
    assert_eq!((live, scene.committed()), (end.live, end.committed));
    if let Some(in_vain) = plan.sent_in_vain()
        && let [in_vain, next, ..] = &scene.updates()[in_vain..]
    {
        let waited = next.arrived_at.duration_since(in_vain.arrived_at);
        assert!(
            waited >= SETTLING,
            "an update {waited} after one that may still have come"
        );
    }
}
