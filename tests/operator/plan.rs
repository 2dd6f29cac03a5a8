//! The timeline that `plan` prints is what the operator then does, raise by raise.
//!
//! In simulated time the laws beside `src/pass/timeline.rs` hold the two against each other, for any ramp.

use std::{fs, path::Path, process::Command};

use appconfig_experiment_operator::api::{ExperimentRun, RampStatus};
use harness::{Scene, bodies, condition_status, reason};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The preview of a manifest by the live run, and the exit code.
fn preview(scene: &Scene, manifest: &Value) -> (Value, Option<i32>) {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.json", scene.namespace));
    fs::write(&file, manifest.to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_appconfig-experiment-operator"))
        .args(["plan", "-o", "json", "--endpoint-url", &scene.emulator.endpoint(), "-f"])
        .arg(&file)
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let line = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    (line, output.status.code())
}

/// From, to, how long after the one before, and why then.
type Raise = (f64, f64, Option<SignedDuration>, String);

fn planned(line: &Value) -> Vec<Raise> {
    let at = |raise: &Value| raise["at"].as_str().unwrap().parse::<Timestamp>().unwrap();
    let raises = line["timeline"].as_array().unwrap();
    let before = std::iter::once(None).chain(raises.iter().map(|raise| Some(at(raise))));
    let number = |raise: &Value, field: &str| raise[field].as_f64().unwrap();
    let raise = |(raise, before): (&Value, Option<Timestamp>)| {
        let after = before.map(|before| at(raise).duration_since(before));
        let because = raise["because"].as_str().unwrap().to_owned();
        (number(raise, "from"), number(raise, "to"), after, because)
    };
    raises.iter().zip(before).map(raise).collect()
}

fn ramps(scene: &Scene) -> Vec<RampStatus> {
    let ramp = |run: ExperimentRun| run.status.and_then(|status| status.ramp);
    scene.versions("run").into_iter().filter_map(ramp).collect()
}

/// The same by what the operator said while it waited.
fn announced_raises(scene: &Scene) -> Vec<Raise> {
    let mut raises: Vec<Raise> = Vec::new();
    for ramp in ramps(scene) {
        let (Some(next), Some(waiting_for)) = (&ramp.next, ramp.waiting_for) else {
            continue;
        };
        let from = ramp.reached.exposure_percentage.shortest();
        let not_before = next.not_before.as_ref().unwrap().0;
        let after = (!raises.is_empty()).then(|| not_before.duration_since(ramp.reached.at.0));
        if raises.last().is_none_or(|last| last.0 < from) {
            let to = next.exposure_percentage.shortest();
            raises.push((from, to, after, format!("{waiting_for:?}")));
        }
    }
    raises
}

#[tokio::test(flavor = "multi_thread")]
async fn the_timeline_of_plan_is_what_the_operator_then_does() {
    let scene = Scene::new().await;
    // It opens in four minutes, which AppConfig's clock skips, and is open for as long as anything may take here.
    let opens = (Timestamp::now() + SignedDuration::from_mins(4))
        .strftime("%M %H * * *")
        .to_string();
    let window = json!({"kind": "Allow", "schedule": opens, "duration": "2h", "timeZone": "UTC"});
    let steps = [(1, "2s"), (5, "4s"), (20, "3s")]
        .map(|(exposure, hold)| json!({"exposurePercentage": exposure, "hold": hold}));
    let spec = json!({"exposurePercentage": 50, "ramp": {"steps": steps, "windows": [window]}});
    let manifest = scene.manifest("run", &spec);
    let (plan, code) = preview(&scene, &manifest);
    assert_eq!((code, planned(&plan).len()), (Some(2), 4), "{plan}");

    let _operator = scene.operator();
    scene.apply("run", &spec).await;
    let waits = |run: &ExperimentRun| reason(run) == "RampWaiting";
    let run = scene.wait("run", "waiting for the window", waits).await;
    let ramp = run.status.unwrap().ramp.unwrap();
    let said = serde_json::to_value(&ramp).unwrap();
    assert_eq!(said["next"]["notBefore"], plan["timeline"][0]["at"]);
    assert_eq!(said["completesAt"], plan["completesAt"]);
    let skipped = 250;
    scene.much_later("run", skipped).await;
    scene.pass("run").await;
    let reached = |run: &ExperimentRun| condition_status(run, "TargetReached") == Some("True");
    scene.wait("run", "at its target", reached).await;

    assert_eq!(announced_raises(&scene), planned(&plan));
    let sent: Vec<Value> = bodies(&scene.updates());
    let raises: Vec<Value> = planned(&plan)
        .iter()
        .map(|raise| json!({"ExposurePercentage": raise.1}))
        .collect();
    assert_eq!(sent, raises);
    let due = ramps(&scene);
    for (update, raise) in scene.updates().iter().zip(planned(&plan)) {
        let mut waited = due.iter().filter(|ramp| ramp.waiting_for.is_some());
        let ramp = waited.rfind(|ramp| ramp.reached.exposure_percentage.shortest().to_bits() == raise.0.to_bits());
        let not_before = ramp.unwrap().next.as_ref().unwrap().not_before.as_ref().unwrap().0;
        let arrived = update.arrived_at + SignedDuration::from_secs(skipped.into());
        assert!(arrived >= not_before, "{update:?}");
    }
    let (plan, code) = preview(&scene, &manifest);
    assert_eq!((code, &plan["timeline"]), (Some(0), &json!([])), "{plan}");
}
