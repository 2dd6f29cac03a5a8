//! What names the run is corrected: it is taken until the run is found, and what was found by the old names is never taken
//! for what the new ones mean.

use appconfig_emulator::{Experiment, Seed};
use appconfig_experiment_operator::api::ExperimentRun;
use control_plane::proxy::{Effect, Gate, Release, Rule, Stage};
use harness::{Operator, Scene, bodies, is_ready, is_stalled, proxy, reason};
use serde_json::{Value, json};

const STATUS: &str = "experimentruns/status";
/// A definition that somebody names by mistake.
const MISTAKEN: &str = "add-to-card";

/// Another experiment of the same application, with run 1 at 0 %.
fn mistaken(scene: &Scene) -> Experiment {
    let seed = Seed {
        definition: MISTAKEN.to_owned(),
        ..Seed::default()
    };
    let experiment = scene.emulator.seed(&seed).unwrap();
    scene.emulator.start_run(&experiment, 0.0).unwrap();
    experiment
}

/// The definition that a status has pinned.
fn pinned(run: &ExperimentRun) -> Option<String> {
    run.status.as_ref()?.experiment_definition_id.clone()
}

/// What admission says to a change.
async fn refusal(scene: &Scene, change: Value) -> String {
    match scene.try_apply(&scene.manifest("run", &change)).await {
        Err(kube::Error::Api(status)) => status.message.clone(),
        answer => panic!("{change} is not refused: {answer:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_in_what_names_the_run_is_corrected_in_place_until_the_run_is_found() {
    let scene = Scene::new().await;
    let _operator = scene.operator();
    let slip = json!({ "run": 11, "applicationIdentifier": "shpo", "experimentDefinitionIdentifier": MISTAKEN, "exposurePercentage": 5 });
    let created = scene.apply("run", &slip).await;
    scene.wait("run", "told", |run| is_stalled(run, "RunNotFound")).await;
    // One after the other, as people find them.
    for corrected in [
        json!({ "run": 11, "experimentDefinitionIdentifier": MISTAKEN, "exposurePercentage": 5 }),
        json!({ "run": 11, "exposurePercentage": 5 }),
    ] {
        let generation = scene.apply("run", &corrected).await.metadata.generation;
        let told = |run: &ExperimentRun| {
            is_stalled(run, "RunNotFound") && run.status.as_ref().and_then(|it| it.observed_generation) == generation
        };
        scene.wait("run", "told again", told).await;
    }
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    let run = scene.wait("run", "ready", is_ready).await;
    assert_eq!(run.metadata.uid, created.metadata.uid, "it is the same resource");
    let status = json!(run.status);
    assert_eq!(status["run"], 1);
    assert_eq!(status["region"], "eu-west-1");
    assert_eq!(status["applicationId"], scene.experiment.application_id);
    assert_eq!(status["experimentDefinitionId"], scene.experiment.definition_id);
    assert_eq!(status["lastError"], Value::Null, "what was wrong is not told any more");

    for change in [
        json!({ "run": 2 }),
        json!({ "applicationIdentifier": "search" }),
        json!({ "experimentDefinitionIdentifier": MISTAKEN }),
        json!({ "region": "us-east-1" }),
    ] {
        let said = refusal(&scene, change).await;
        assert!(said.contains("delete and recreate"), "{said}");
    }
    assert_eq!(bodies(&scene.updates()), [json!({ "ExposurePercentage": 5.0 })]);
    scene.judge();
}

/// The status write that tells of the run found by the mistaken name is on its way when the name is corrected.
async fn corrected_before_it_is_recorded(asked: Value) {
    let (scene, proxy) = (Scene::new().await, proxy());
    let other = mistaken(&scene);
    let write = Gate::new(Stage::Request);
    proxy.add(Rule::new("patch", STATUS, Effect::Hold(write.clone())).times(1));
    let _operator = Operator::start(&scene.flags().through(&proxy));
    let mut slip = asked.clone();
    slip["experimentDefinitionIdentifier"] = json!(MISTAKEN);
    scene.apply("run", &slip).await;
    write.reached().await;
    scene.apply("run", &asked).await;
    write.release(Release::GoOn);
    let found = scene.wait("run", "found", |run| pinned(run).is_some()).await;
    assert_eq!(pinned(&found).as_ref(), Some(&scene.experiment.definition_id));
    scene.wait("run", "ready", is_ready).await;
    let ever: Vec<_> = scene.versions("run").iter().filter_map(pinned).collect();
    assert!(!ever.contains(&other.definition_id), "{ever:?}");
    let to = |id: &String| {
        scene
            .updates()
            .iter()
            .filter(|it| it.definition.as_ref() == Some(id))
            .count()
    };
    assert_eq!(to(&other.definition_id), 0, "nothing is sent by the name of before");
    assert_eq!(
        scene.updates().len(),
        usize::from(asked.get("exposurePercentage").is_some())
    );
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_a_run_that_was_found_by_corrected_names_is_not_recorded_for_the_new_ones() {
    corrected_before_it_is_recorded(json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_an_update_of_a_run_that_was_found_by_corrected_names_is_not_sent() {
    corrected_before_it_is_recorded(json!({ "exposurePercentage": 5 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_a_run_that_could_not_be_recorded_is_let_go_of_when_its_name_is_corrected() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let other = mistaken(&scene);
    let refused = Effect::Refuse {
        status: 500,
        retry_after_seconds: None,
    };
    let unrecorded = proxy.add(Rule::new("patch", STATUS, refused));
    let _operator = Operator::start(&scene.flags().through(&proxy));
    let named = |definition: &str| json!({ "experimentDefinitionIdentifier": definition, "exposurePercentage": 5 });
    scene.apply("run", &named(MISTAKEN)).await;
    let fenced = async || proxy.requests().iter().any(|it| it.status == Some(500));
    scene.eventually("found, and not recorded", fenced).await;
    scene.apply("run", &named("no-such-definition")).await;
    proxy.remove(unrecorded);
    scene.wait("run", "told", |run| is_stalled(run, "RunNotFound")).await;

    // Whoever does mean that run has it, though younger (P8).
    scene.apply("younger", &named(MISTAKEN)).await;
    let decided = |run: &ExperimentRun| is_ready(run) || is_stalled(run, "RunAlreadyManaged");
    let younger = scene.wait("younger", "decided upon", decided).await;
    assert_eq!(reason(&younger), "InSync");
    assert_eq!(pinned(&younger).as_ref(), Some(&other.definition_id));

    scene.apply("run", &json!({ "exposurePercentage": 40 })).await;
    let run = scene.wait("run", "ready", is_ready).await;
    assert_eq!(pinned(&run).as_ref(), Some(&scene.experiment.definition_id));
    assert_eq!(scene.live()["ExposurePercentage"], 40.0);
    scene.judge();
}
