//! Scenario 17: several resources, and several operators, for one run.

use appconfig_emulator::{Experiment, KeyPair, Operation, RequestRecord, Seed, Stage};
use appconfig_experiment_operator::api::ExperimentRun;
use harness::{Operator, Scene, bodies, is_ready, is_stalled};
use kube::ResourceExt;
use promise_checker::{History, OtherChange, check};
use serde_json::{Value, json};

use crate::updates::{is_unknown, raise, was_ready};

/// The owner of a run is deleted while its raise to 25 % is pending and another resource, which wants this much, waits.
async fn takes_over(exposure: u32, is_settled: impl Fn(&ExperimentRun) -> bool) -> Scene {
    let scene = Scene::new().await;
    let update = scene
        .emulator
        .hold(Operation::UpdateExperimentRun, 0, Stage::BeforeCommit);
    let _operator = scene.operator();
    scene.apply("older", &json!({ "exposurePercentage": 25 })).await;
    update.reached().await;
    let spec = json!({ "exposurePercentage": exposure });
    scene.apply("younger", &spec).await;
    let waits = |run: &ExperimentRun| is_stalled(run, "RunAlreadyManaged");
    scene.wait("younger", "told", waits).await;
    scene.delete("older").await;
    scene.wait("younger", "in doubt", is_unknown).await;
    scene.pass("younger").await;
    assert_eq!(bodies(&scene.updates()), [raise(25.0)]);
    update.release(appconfig_emulator::Release::GoOn);
    scene.wait("younger", "settled", is_settled).await;
    scene.pass("younger").await;
    scene.judge();
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn s17_who_takes_over_from_a_deleted_owner_waits_for_its_pending_raise_and_goes_on_from_there() {
    let scene = takes_over(40, is_ready).await;
    let updates = scene.updates();
    assert_eq!(bodies(&updates), [raise(25.0), raise(40.0)]);
    assert!(updates[1].arrived_at > updates[0].committed_at.unwrap());
    assert_eq!(scene.committed(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn s17_who_takes_over_from_a_deleted_owner_tells_that_its_pending_raise_went_too_far() {
    let scene = takes_over(10, |run| is_stalled(run, "ExposureAboveDesired")).await;
    assert_eq!(bodies(&scene.updates()), [raise(25.0)]);
    assert!(!was_ready(&scene, "younger"));
}

/// How many pairs of resources there are, each for a run of its own.
const PAIRS: usize = 8;

/// Makes a resource that names its run by name, and one that names the same by ID.
async fn apply_pair(scene: &Scene, number: usize) -> (Experiment, [ExperimentRun; 2]) {
    let definition = Scene::definition(number);
    let seed = Seed {
        definition: definition.clone(),
        ..Seed::default()
    };
    let experiment = scene.emulator.seed(&seed).unwrap();
    scene.emulator.start_run(&experiment, 0.0).unwrap();
    let by_name = json!({ "experimentDefinitionIdentifier": definition, "exposurePercentage": 5 });
    let by_id = json!({
        "applicationIdentifier": experiment.application_id,
        "experimentDefinitionIdentifier": experiment.definition_id,
        "exposurePercentage": 40
    });
    // Of two of the same second, the name decides: now for the one, now for the other.
    let mut names = [format!("a-{number}"), format!("b-{number}")];
    names.rotate_left(number % 2);
    let made = tokio::join!(scene.apply(&names[0], &by_name), scene.apply(&names[1], &by_id));
    (experiment, made.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn s17_of_two_new_resources_by_name_and_by_id_at_the_same_instant_the_older_acts() {
    let scene = Scene::new().await;
    let mut pairs = Vec::new();
    for number in 0..PAIRS {
        pairs.push(apply_pair(&scene, number).await);
    }
    // It hears of all of them in its first list.
    let _operator = scene.operator();
    for (experiment, mut pair) in pairs {
        pair.sort_by_key(|run| (run.creation_timestamp(), run.name_any()));
        let [older, younger] = pair;
        let waits = |run: &ExperimentRun| is_stalled(run, "RunAlreadyManaged");
        scene.wait(&younger.name_any(), "told", waits).await;
        let acts = |run: &ExperimentRun| is_ready(run) || is_stalled(run, "ExposureAboveDesired");
        scene.wait(&older.name_any(), "settled", acts).await;
        let of_run = |update: &RequestRecord| update.definition.as_deref() == Some(&experiment.definition_id);
        let updates: Vec<_> = scene.updates().into_iter().filter(of_run).collect();
        let wanted = |run: &ExperimentRun| raise(f64::from(run.spec.exposure_percentage.unwrap().percentage()));
        let sent = bodies(&updates);
        // The younger may have been resolved first, but nothing of it comes after something of the older.
        let allowed = [
            vec![wanted(&older)],
            vec![wanted(&younger)],
            vec![wanted(&younger), wanted(&older)],
        ];
        assert!(allowed.contains(&sent), "{sent:?}: {older:?}");
        assert!(updates.iter().all(|update| update.committed), "{updates:?}");
    }
    scene.judge();
}

/// The access key of the operator in the other cluster.
const ACCESS_KEY_ELSEWHERE: &str = "AKIDELSEWHERE";

/// What happened in a scene, with the updates of the other cluster's operator as somebody else's.
fn history_of(scene: &Scene, requests: &[RequestRecord], is_own: impl Fn(&RequestRecord) -> bool) -> History {
    let (own, others): (Vec<_>, Vec<_>) = requests.iter().cloned().partition(is_own);
    let mut history = scene.history();
    history.requests = own;
    let updates = others.iter().filter(|request| request.changed);
    history.context.other_writers = updates
        .map(|update| OtherChange {
            at: update.committed_at.unwrap(),
            application_id: update.application.clone().unwrap(),
            experiment_definition_id: update.definition.clone().unwrap(),
            run: 1,
            what: "TreatmentOverrides".to_owned(),
        })
        .collect();
    history
}

fn overrides(treatment: &str) -> Value {
    json!({ "treatmentOverrides": { "inline": { "qa-bob": treatment } } })
}

#[tokio::test(flavor = "multi_thread")]
async fn s17_operators_of_two_clusters_with_other_overrides_do_not_fight_for_ever() {
    // Neither sees the other's namespace, as if it were in another cluster.
    let (here, elsewhere) = (Scene::new().await, Scene::new().await);
    let secret = "a-secret-of-the-other-cluster";
    here.emulator
        .set_key_pairs(vec![KeyPair::example(), KeyPair::new(ACCESS_KEY_ELSEWHERE, secret)]);
    let mut flags = elsewhere
        .flags()
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ELSEWHERE)
        .env("AWS_SECRET_ACCESS_KEY", secret);
    flags.endpoint = here.emulator.endpoint();
    let _operators = [here.operator(), Operator::start(&flags)];
    here.apply("run", &overrides("t1")).await;
    here.wait("run", "ready", is_ready).await;
    // Between two looks, seconds go by: within one second, nobody can tell somebody else's change from an old answer.
    here.later(2);
    elsewhere.apply("run", &overrides("t2")).await;
    elsewhere.wait("run", "ready", is_ready).await;
    for _ in 0..5 {
        for scene in [&here, &elsewhere] {
            here.later(2);
            scene.full_pass("run").await;
        }
    }
    let (ours, theirs) = (here.newest("run").unwrap(), elsewhere.newest("run").unwrap());
    assert!(
        is_stalled(&ours, "Contested") && is_ready(&theirs),
        "{:?} and {:?}",
        ours.status,
        theirs.status
    );
    let updates = here.updates();
    let is_from_elsewhere = |update: &RequestRecord| update.access_key_id.as_deref() == Some(ACCESS_KEY_ELSEWHERE);
    let (theirs, ours): (Vec<_>, Vec<_>) = updates.iter().cloned().partition(is_from_elsewhere);
    assert_eq!(
        (ours.len(), theirs.len()),
        (3, 3),
        "each sends what it wants, and corrects it twice"
    );
    let requests = here.emulator.requests();
    assert_eq!(check(&history_of(&elsewhere, &requests, is_from_elsewhere)), []);
    assert_eq!(check(&history_of(&here, &requests, |it| !is_from_elsewhere(it))), []);
}
