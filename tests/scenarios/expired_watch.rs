//! Scenario 5: the watch is lost while an update is pending: it ends and goes on, is answered 410 Gone, or has to begin
//! with a list, which may be refused as well.

use appconfig_emulator::{Operation, Release, Stage};
use control_plane::proxy::{Effect, Proxy, Rule};
use harness::{Operator, Scene, is_stalled, proxy};
use serde_json::json;

use crate::updates::{is_pending, is_unknown, sent_only, was_ready};

const RUNS: &str = "experimentruns";

/// The API server has forgotten the versions that are asked for.
fn gone(verb: &str) -> Rule {
    let gone = Effect::Refuse {
        status: 410,
        retry_after_seconds: None,
    };
    Rule::new(verb, RUNS, gone)
}

/// How the operator gets its watch back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Back {
    /// It goes on where it was.
    GoesOn,
    /// Where it was is gone, until the operator has listed what there is.
    AfterList,
    /// So is what the first list asks for.
    AfterSecondList,
}

/// How many requests of this verb the API server has answered.
fn answered(proxy: &Proxy, verb: &str) -> usize {
    let requests = proxy.requests().into_iter();
    let of_runs = requests.filter(|it| it.verb == verb && it.full_resource() == RUNS);
    of_runs.filter(|it| it.status == Some(200)).count()
}

/// A scene whose operator has a raise to 25 % pending: `AppConfig` has it and does not carry it out yet.
struct Pending {
    scene: Scene,
    proxy: Proxy,
    update: appconfig_emulator::Gate,
    _operator: Operator,
}

impl Pending {
    async fn new() -> Self {
        let (scene, proxy) = (Scene::new().await, proxy());
        let update = scene
            .emulator
            .hold(Operation::UpdateExperimentRun, 0, Stage::BeforeCommit);
        let operator = Operator::start(&scene.flags().through(&proxy));
        scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
        update.reached().await;
        scene.wait("run", "pending", is_pending).await;
        Self {
            scene,
            proxy,
            update,
            _operator: operator,
        }
    }

    /// The watch is cut, and until something else has happened there is no other.
    async fn without_watch(&self, back: Back, meanwhile: impl Future<Output = ()>) {
        let (watched, listed) = (answered(&self.proxy, "watch"), answered(&self.proxy, "list"));
        let away = self.proxy.add(Rule::new("watch", RUNS, Effect::Hang));
        self.proxy.add(Rule::new("watch", RUNS, Effect::Cut).times(1));
        meanwhile.await;
        let gone_watch = (back != Back::GoesOn).then(|| self.proxy.add(gone("watch")));
        if back == Back::AfterSecondList {
            self.proxy.add(gone("list").times(1));
        }
        self.proxy.remove(away);
        if let Some(gone_watch) = gone_watch {
            let has_listed = async || answered(&self.proxy, "list") > listed;
            self.scene.eventually("listed", has_listed).await;
            self.proxy.remove(gone_watch);
        }
        let again = async || answered(&self.proxy, "watch") > watched;
        self.scene.eventually("watched again", again).await;
    }

    /// The pending update is carried out, and nothing else ever is: the spec is below it by now.
    async fn is_carried_out_alone(&self) {
        self.scene.wait("run", "in doubt", is_unknown).await;
        self.update.release(Release::GoOn);
        let above = |run: &_| is_stalled(run, "ExposureAboveDesired");
        let settled = self.scene.wait("run", "above what is desired", above).await;
        assert!(!is_pending(&settled));
        self.scene.pass("run").await;
        sent_only(&self.scene, 25.0);
        assert!(!was_ready(&self.scene, "run"), "it never was what was asked for");
        self.scene.judge();
    }

    async fn is_lowered(&self) {
        self.scene.apply("run", &json!({ "exposurePercentage": 10 })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s05_a_watch_that_ends_while_an_update_is_pending_causes_no_second_one() {
    let pending = Pending::new().await;
    pending.without_watch(Back::GoesOn, pending.is_lowered()).await;
    pending.is_carried_out_alone().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s05_a_watch_that_is_gone_while_an_update_is_pending_causes_no_second_one() {
    let pending = Pending::new().await;
    pending.without_watch(Back::AfterList, pending.is_lowered()).await;
    pending.is_carried_out_alone().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s05_a_list_that_is_refused_as_well_while_an_update_is_pending_causes_no_second_one() {
    let pending = Pending::new().await;
    pending.without_watch(Back::AfterSecondList, pending.is_lowered()).await;
    pending.is_carried_out_alone().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s05_a_namesake_that_a_list_brings_waits_for_the_update_that_is_pending() {
    let pending = Pending::new().await;
    let replaced = async {
        pending.scene.delete("run").await;
        pending.is_lowered().await;
    };
    pending.without_watch(Back::AfterList, replaced).await;
    pending.is_carried_out_alone().await;
}
