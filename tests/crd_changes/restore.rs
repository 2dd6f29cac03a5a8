//! Resources come back from a backup as most tools restore them: the spec alone, under a new uid. What only the status had is
//! gone, and so is what was written since.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use appconfig_emulator::{Experiment, Seed};
use appconfig_experiment_operator::api::ExperimentRun;
use harness::{Operator, Scene, is_ready, is_stalled, kubectl, reason};
use serde_json::{Value, json};

use crate::alone;

/// Two runs at 5 %: of one the ramp was removed, of the other the brake was pulled after the backup.
struct Restored {
    scene: Scene,
    braked: Experiment,
}

/// A resource as a backup has it: without status, and without what the API server gave it.
fn backed_up(run: &ExperimentRun) -> Value {
    let mut object = json!(run);
    object.as_object_mut().expect("an object").remove("status");
    let kept = json!({ "name": object["metadata"]["name"], "namespace": object["metadata"]["namespace"] });
    object["metadata"] = kept;
    object
}

fn write(scene: &Scene, name: &str, manifest: &Value) -> String {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}.json", scene.namespace));
    fs::write(&file, manifest.to_string()).unwrap();
    file.to_str().expect("a path").to_owned()
}

fn exposure(run: &Value) -> f64 {
    run["ExposurePercentage"].as_f64().expect("an exposure")
}

impl Restored {
    /// The operator is stopped, both resources are lost, and both are restored.
    async fn new() -> Self {
        let scene = Scene::new().await;
        let definition = Scene::definition(1);
        let seed = Seed {
            definition: definition.clone(),
            ..Seed::default()
        };
        let braked = scene.emulator.seed(&seed).expect("an experiment");
        scene.emulator.start_run(&braked, 0.0).expect("a run");
        let restored = Self { scene, braked };
        let mut operator = restored.scene.operator();
        let backups = restored.prepare(&definition).await;
        operator.stop().await;
        let scene = &restored.scene;
        for name in ["removed", "braked"] {
            scene.delete(name).await;
        }
        // The hold of the run whose brake was pulled is over by now.
        scene.later(150);
        for (name, backup) in ["removed", "braked"].into_iter().zip(&backups) {
            let created = kubectl(&["create", "-f", &write(scene, name, backup)]).await;
            assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
        }
        restored
    }

    /// Brings both resources to where they are lost, and gives the backups.
    async fn prepare(&self, definition: &str) -> [Value; 2] {
        let scene = &self.scene;
        let steps = json!({ "steps": [{ "exposurePercentage": 5, "hold": "100s" }] });
        let up = json!({ "exposurePercentage": 100, "ramp": steps });
        let mut other = up.clone();
        other["experimentDefinitionIdentifier"] = json!(definition);
        scene.apply("removed", &up).await;
        scene.apply("braked", &other).await;
        let holds = |run: &ExperimentRun| is_ready(run) && reason(run) == "RampHolding";
        scene.wait("removed", "held", holds).await;
        let before_the_brake = scene.wait("braked", "held", holds).await;
        scene.apply("removed", &json!({ "exposurePercentage": 100 })).await;
        let removed = |run: &ExperimentRun| is_stalled(run, "RampRemoved");
        let removed = scene.wait("removed", "without its ramp", removed).await;
        scene.patch("braked", &json!({ "spec": { "suspend": true } })).await;
        let suspended = |run: &ExperimentRun| reason(run) == "Suspended";
        scene.wait("braked", "braked", suspended).await;
        [backed_up(&removed), backed_up(&before_the_brake)]
    }

    /// What `plan` says of what the cluster has now, as the page tells to ask it, and whether it says that something would be
    /// sent.
    async fn plan(&self) -> (Vec<Value>, bool) {
        let stored = self.scene.kubectl(&["get", "exprun", "-o", "json"]).await;
        let mut plan = Command::new(env!("CARGO_BIN_EXE_appconfig-experiment-operator"));
        plan.args(["plan", "-o", "json", "-f", "-"])
            .args(["--endpoint-url", &self.scene.emulator.endpoint()])
            .env_clear()
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut plan = plan.spawn().unwrap();
        plan.stdin.take().unwrap().write_all(stored.as_bytes()).unwrap();
        let output = plan.wait_with_output().unwrap();
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap());
        (lines.collect(), output.status.code() == Some(2))
    }

    /// Both live exposures.
    fn live(&self) -> [f64; 2] {
        let braked = self.scene.emulator.run(&self.braked, 1).expect("the run is there");
        [exposure(&self.scene.live()), exposure(&braked)]
    }

    async fn run_at(&self, live: [f64; 2]) {
        self.scene
            .eventually("live", async || self.live().map(f64::to_bits) == live.map(f64::to_bits))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_without_status_releases_a_removed_ramp_and_an_old_backup_the_brake_and_plan_says_so() {
    let _alone = alone().await;
    let restored = Restored::new().await;
    let (previews, sends) = restored.plan().await;
    assert!(sends && previews.len() == 2, "{previews:?}");
    for preview in previews {
        let first = &preview["timeline"][0];
        let raise = (first["to"].as_f64(), first["because"].as_str());
        assert_eq!(raise, (Some(100.0), Some("Now")), "{preview}");
    }
    assert_eq!(
        restored.live().map(f64::to_bits),
        [5.0, 5.0].map(f64::to_bits),
        "plan sends nothing"
    );
    let _operator = restored.scene.operator();
    restored.run_at([100.0, 100.0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_what_a_restore_would_raise_is_held_by_a_brake_that_is_pulled_before_the_operator_starts() {
    let _alone = alone().await;
    let restored = Restored::new().await;
    let scene = &restored.scene;
    for name in ["removed", "braked"] {
        scene.patch(name, &json!({ "spec": { "suspend": true } })).await;
    }
    let _operator: Operator = scene.operator();
    for name in ["removed", "braked"] {
        let suspended = |run: &ExperimentRun| is_stalled(run, "Suspended");
        scene.wait(name, "suspended", suspended).await;
        scene.pass(name).await;
    }
    assert_eq!(restored.live().map(f64::to_bits), [5.0, 5.0].map(f64::to_bits));
    // With what the run should be in the manifest again, the brake can go.
    let ramp =
        json!({ "steps": [{ "exposurePercentage": 5, "hold": "1h" }, { "exposurePercentage": 20, "hold": "1h" }] });
    scene
        .patch("removed", &json!({ "spec": { "suspend": null, "ramp": ramp } }))
        .await;
    let holds = |run: &ExperimentRun| is_ready(run) && reason(run) == "RampHolding";
    scene.wait("removed", "held", holds).await;
    assert_eq!(restored.live().map(f64::to_bits), [5.0, 5.0].map(f64::to_bits));
}
