//! Without `--from`, the run is read from `AppConfig`, here the emulator, with the client and flags of the operator.

use appconfig_emulator::{Emulator, Experiment, Operation, Options, Seed};
use harness::cases::spec;
use serde_json::{Value, json};

use crate::command::{Folder, Printed, command, manifest, run};

struct Stage {
    emulator: Emulator,
    experiment: Experiment,
    folder: Folder,
}

impl Stage {
    /// A run at 5 %.
    async fn new() -> Self {
        let emulator = Emulator::start(Options {
            require_signature: true,
            ..Options::default()
        })
        .await
        .unwrap();
        let experiment = emulator.seed(&Seed::default()).unwrap();
        emulator.start_run(&experiment, 0.0).unwrap();
        let raise = json!({"ExposurePercentage": 5.0});
        emulator.update_run(&experiment, 1, &raise).unwrap();
        Self {
            emulator,
            experiment,
            folder: Folder::new(),
        }
    }

    fn plan(&self, members: Value, more: &[&str]) -> Printed {
        let manifest = manifest("add-to-cart-1", &spec(members));
        let file = self.folder.write("run.yaml", &manifest.to_string());
        let endpoint = self.emulator.endpoint();
        let credentials = [
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        ];
        let own = [
            "-f",
            &file,
            "-o",
            "json",
            "--region=eu-west-1",
            "--endpoint-url",
            &endpoint,
        ];
        let printed = run(command(&[&own, more].concat(), &credentials), "");
        let operations: Vec<_> = self
            .emulator
            .requests()
            .iter()
            .filter_map(|request| request.operation)
            .collect();
        assert!(
            !operations.contains(&Operation::UpdateExperimentRun),
            "P7: {operations:?}"
        );
        printed
    }
}

fn members(exposure: f32) -> Value {
    json!({"exposurePercentage": exposure, "description": "Button", "treatmentOverrides": {"inline": {"qa-bob": "t1"}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_differs_is_sent_in_order_and_nothing_once_it_matches() {
    let stage = Stage::new().await;
    let printed = stage.plan(members(25.0), &[]);
    assert_eq!(printed.code, 2, "{printed:?}");
    let line = &printed.lines()[0];
    assert_eq!(
        line["send"],
        json!(["description", "treatmentOverrides", "exposurePercentage"])
    );
    assert_eq!(
        (&line["timeline"][0]["from"], &line["timeline"][0]["to"]),
        (&json!(5), &json!(25))
    );
    assert_eq!(line.get("unknown"), None);
    assert!(!printed.out.contains("qa-bob"), "{}", printed.out);

    for update in [
        json!({"Description": "Button"}),
        json!({"TreatmentOverrides": {"Inline": {"qa-bob": "t1"}}}),
        json!({"ExposurePercentage": 25.0}),
    ] {
        stage.emulator.update_run(&stage.experiment, 1, &update).unwrap();
    }
    let printed = stage.plan(members(25.0), &[]);
    assert_eq!(printed.code, 0, "{printed:?}");
    assert_eq!(printed.lines()[0]["send"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exposure_waits_for_overrides_that_cannot_be_sent() {
    let stage = Stage::new().await;
    let unknown = json!({"exposurePercentage": 25, "treatmentOverrides": {"inline": {"qa-bob": "t9"}}});
    let printed = stage.plan(unknown, &[]);
    assert_eq!(printed.code, 0, "{printed:?}");
    let line = &printed.lines()[0];
    assert_eq!(line["stays"]["reason"], "UnknownTreatment", "{line}");
    assert!(!printed.out.contains("qa-bob"), "{}", printed.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_counts_from_the_event_that_tells_of_the_live_exposure() {
    let stage = Stage::new().await;
    let steps = json!({"steps": [{"exposurePercentage": 5, "hold": "1h"}]});
    let ramp = || json!({"exposurePercentage": 50, "ramp": steps.clone()});
    let printed = stage.plan(ramp(), &[]);
    let line = printed.lines()[0].clone();
    assert_eq!(line["send"], json!([]), "{line}");
    assert_eq!(line["timeline"][0]["because"], "Hold");
    let at: jiff::Timestamp = line["timeline"][0]["at"].as_str().unwrap().parse().unwrap();
    // Events count up to the next whole second, which the first plan may not have seen begin.
    let at = at + jiff::SignedDuration::from_secs(1);
    let later = plan_at(&stage, ramp(), at);
    assert_eq!(
        later["timeline"][0],
        json!({"at": at.to_string(), "from": 5, "to": 50, "because": "Now"}),
        "the hold does not begin anew with each plan"
    );
}

fn plan_at(stage: &Stage, members: Value, at: jiff::Timestamp) -> Value {
    stage.plan(members, &["--at", &at.to_string()]).lines()[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_has_ended_is_told_with_who_ended_it() {
    let stage = Stage::new().await;
    stage.emulator.stop_run(&stage.experiment, 1).unwrap();
    let printed = stage.plan(json!({"exposurePercentage": 50}), &[]);
    assert_eq!(printed.code, 0, "{printed:?}");
    assert_eq!(printed.lines()[0]["stays"]["reason"], "RunDone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_be_read_is_an_error_that_names_the_document() {
    let stage = Stage::new().await;
    let printed = stage.plan(json!({"run": 7}), &[]);
    assert_eq!(printed.code, 1, "{printed:?}");
    assert!(printed.error.contains("run.yaml, document 1: "), "{}", printed.error);
    assert_eq!(printed.error.lines().count(), 1);
}

#[test]
fn without_credentials_it_says_how_to_plan_without_them() {
    let folder = Folder::new();
    let file = folder.write(
        "run.yaml",
        &manifest("run", &spec(json!({"region": "eu-west-1"}))).to_string(),
    );
    // Nobody listens there: credentials come first.
    let printed = run(command(&["-f", &file, "--endpoint-url", "http://127.0.0.1:9"], &[]), "");
    assert_eq!(printed.code, 1, "{printed:?}");
    assert!(printed.error.contains("use --from"), "{}", printed.error);
}
