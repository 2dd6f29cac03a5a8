//! `deploy/` as it runs in a cluster: kubelet, containerd and runc start both replicas from the image that `make image` assembles.
//! Each has its service account's own token, and the rights that `deploy/` gives it. Pods are deleted, replaced and cut off from
//! the API server, in the middle of ramps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod images;
mod installed;
mod machine;

use std::{env, time::Instant};

use appconfig_emulator::{Experiment, Seed};
use control_plane::{Binaries, Node, NodeBinaries, Options, Tool};
use harness::{ACTS, Scene, condition_status, control_plane, control_plane_with};
use serde_json::json;
use tokio::task::spawn_blocking;

use crate::{
    images::Images,
    installed::{Installed, forward},
    machine::{Machine, say},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
#[ignore = "it takes root, Linux and the image: `make pods` runs it"]
fn both_replicas_run_as_pods_and_ramps_survive_their_end() {
    if machine::is_inside() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(journey());
    }
    let Some(machine) = Machine::find() else { return };
    Binaries::ensure().unwrap();
    NodeBinaries::ensure().unwrap();
    Tool::Crane.ensure().unwrap();
    images::build();
    machine.run_inside("both_replicas_run_as_pods_and_ramps_survive_their_end");
}

async fn journey() {
    let started = Instant::now();
    let images = spawn_blocking(|| {
        control_plane_with(Options {
            node: true,
            // It stays until the logs in it have been kept, and then goes with the mounts.
            directory: Some(env::temp_dir().join("control-plane")),
            ..Options::default()
        });
        Images::push()
    });
    let images = images.await.unwrap();
    let scene = Scene::new().await;
    forward((Node::API_SERVER, 443), &control_plane().url()).await;
    let emulator = forward((Node::ADDRESS, 0), &scene.emulator.endpoint()).await;
    let installed = Installed::apply(&images.operator, &emulator).await;
    let pause = images.pause.clone();
    let node = spawn_blocking(move || Node::start(control_plane(), &pause).unwrap());
    let node = node.await.unwrap();
    installed.rolled_out().await;
    assert_eq!(installed.digests().await, [images::digest()].into());
    let leader = installed.leader().await;
    let seconds = started.elapsed().as_secs();
    say(&format!(
        "{seconds} s from nothing to two Ready replicas; {leader} has the Lease"
    ));

    the_leader_is_deleted(&scene, &installed).await;
    the_rollout_is_restarted(&scene, &installed).await;
    // Before the API server forgets which versions there were.
    scene.judge();
    the_api_server_restarts(&scene, &installed).await;
    installed.delete().await;
    spawn_blocking(move || drop(node)).await.unwrap();
    say(&format!("all of it took {} s", started.elapsed().as_secs()));
}

/// A ramp of its own run, which goes up by itself for about a quarter of a minute.
struct Ramp<'a> {
    scene: &'a Scene,
    name: &'static str,
    experiment: Experiment,
}

impl<'a> Ramp<'a> {
    const EXPOSURES: [f64; 6] = [1.0, 5.0, 10.0, 20.0, 30.0, 50.0];

    /// Applies it and waits until it is under way.
    async fn begin(scene: &'a Scene, name: &'static str) -> Self {
        let definition = name.to_owned();
        let seed = Seed {
            definition,
            ..Seed::default()
        };
        let experiment = scene.emulator.seed(&seed).unwrap();
        scene.emulator.start_run(&experiment, 0.0).unwrap();
        let [steps @ .., target] = Self::EXPOSURES;
        let steps = steps.map(|exposure| json!({"exposurePercentage": exposure, "hold": "3s"}));
        let spec =
            json!({"experimentDefinitionIdentifier": name, "exposurePercentage": target, "ramp": {"steps": steps}});
        scene.apply(name, &spec).await;
        let ramp = Self {
            scene,
            name,
            experiment,
        };
        scene.eventually("under way", async || ramp.raises().len() >= 2).await;
        ramp
    }

    /// The exposures that were sent to `AppConfig`, in order, whatever came of it.
    fn raises(&self) -> Vec<f64> {
        let updates = self.scene.updates().into_iter();
        let own = updates.filter(|update| update.definition.as_deref() == Some(&self.experiment.definition_id));
        own.filter_map(|update| update.body["ExposurePercentage"].as_f64())
            .collect()
    }

    /// Waits until it is at its target, each step of it having been sent once.
    async fn reaches_its_target(&self) {
        let reached = |run: &_| condition_status(run, "TargetReached") == Some("True");
        self.scene.wait(self.name, "at its target", reached).await;
        assert_eq!(self.raises(), Self::EXPOSURES, "{}", self.name);
    }
}

async fn the_leader_is_deleted(scene: &Scene, installed: &Installed) {
    let ramp = Ramp::begin(scene, "leader-deleted").await;
    let leader = installed.leader().await;
    let deleted = Instant::now();
    installed.kubectl(&["delete", "pod", &leader, "--wait=false"]).await;
    // The one that has waited, or the one that takes the place of the deleted: whoever looks first after the Lease was let go.
    let next = installed.leader_other_than(&leader).await;
    let took = deleted.elapsed();
    let raised = ramp.raises().len();
    assert!(raised < Ramp::EXPOSURES.len(), "the ramp is still under way");
    ramp.reaches_its_target().await;
    let log = installed.kubectl(&["logs", &next]).await;
    assert!(log.contains(ACTS), "{log}");
    installed.rolled_out().await;
    assert_eq!(installed.restarts().await, 0);
    say(&format!(
        "{next} had the Lease {} ms after {leader} was deleted, and went on after raise {raised}",
        took.as_millis()
    ));
}

async fn the_rollout_is_restarted(scene: &Scene, installed: &Installed) {
    let ramp = Ramp::begin(scene, "rollout-restarted").await;
    let before = installed.pods().await;
    let restarted = Instant::now();
    let deployment = format!("deployment/{}", harness::NAME);
    installed.kubectl(&["rollout", "restart", &deployment]).await;
    installed.rolled_out().await;
    let (took, raised) = (restarted.elapsed(), ramp.raises().len());
    ramp.reaches_its_target().await;
    let after = installed.pods().await;
    assert!(before.is_disjoint(&after), "{before:?} {after:?}");
    assert_eq!(installed.restarts().await, 0);
    say(&format!(
        "both were replaced within {} s, up to raise {raised}",
        took.as_secs()
    ));
}

async fn the_api_server_restarts(scene: &Scene, installed: &Installed) {
    let ramp = Ramp::begin(scene, "api-server-restarted").await;
    let before = installed.pods().await;
    let stopped = Instant::now();
    spawn_blocking(|| control_plane().restart_apiserver().unwrap())
        .await
        .unwrap();
    let (took, raised) = (stopped.elapsed(), ramp.raises().len());
    ramp.reaches_its_target().await;
    installed.rolled_out().await;
    assert_eq!(installed.pods().await, before, "the same Pods go on");
    say(&format!(
        "the API server was away for {} s, at raise {raised}; containers that began anew: {}",
        took.as_secs(),
        installed.restarts().await
    ));
}
