//! A resource on its journey: each step is applied, comes to rest, and is compared with what must come of it.

use appconfig_emulator::{Experiment, Operation, Seed};
use appconfig_experiment_operator::api::ExperimentRun;
use harness::{Scene, cases::CANARY, condition, condition_status, last_error, reason, refuse};
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, PostParams},
    core::ApiResource,
};
use serde_json::{Map, Value, json};

use crate::{
    fields::BY_ID,
    journey::{Journey, Step},
    oracle::{self, End, Live, Surroundings, exact},
    ramp::Standing,
    stage::Stage,
};

/// The region of an operator that has one.
const REGION: &str = "eu-west-1";

/// A resource on its journey, and the run that is its own.
pub struct Traveller<'a> {
    scene: &'a Scene,
    journey: &'a Journey,
    application: &'static str,
    surroundings: Surroundings,
    experiment: Experiment,
    resources: Api<DynamicObject>,
    /// The resource's name; the experiment definition's is another, since it may be any text.
    name: String,
    definition: String,
    /// Where a ramp stands.
    ramp: Option<Standing>,
    /// What must have been sent since the beginning.
    pub expected: Vec<Value>,
    /// How many transitions were applied.
    pub applied: usize,
    /// How many of them did exactly what they must.
    pub as_expected: usize,
}

impl<'a> Traveller<'a> {
    /// At the beginning of a journey, with a run at 0 %.
    pub fn new(scene: &'a Scene, stage: &Stage, number: usize, journey: &'a Journey) -> Self {
        let definition = format!("{number} π/%.");
        let seed = Seed {
            application: stage.application.to_owned(),
            definition: definition.clone(),
            ..Seed::default()
        };
        let experiment = scene.emulator.seed(&seed).expect("an experiment");
        scene.emulator.start_run(&experiment, 0.0).expect("a run");
        let kind = ApiResource::erase::<ExperimentRun>(&());
        Self {
            scene,
            journey,
            application: stage.application,
            surroundings: stage.surroundings,
            experiment,
            resources: Api::namespaced_with(scene.client.clone(), &scene.namespace, &kind),
            name: format!("journey-{number}"),
            definition,
            ramp: None,
            expected: vec![],
            applied: 0,
            as_expected: 0,
        }
    }

    /// Takes every step. Panics when one does not come out as it must.
    pub async fn travel(&mut self) {
        let (first, others) = self.journey.steps.split_first().expect("a first step");
        let mut spec = self.spec(first);
        self.create(first, &spec).await;
        for step in others {
            self.applied += 1;
            let after = self.spec(step);
            if self.change(step, &spec, &after).await {
                spec = after;
            }
            self.as_expected += 1;
        }
        // Nothing more comes of it when the operator looks again.
        let before = self.scene.newest(&self.name).expect("it is there");
        let after = self.scene.full_pass(&self.name).await;
        assert_eq!(
            conditions(&after),
            conditions(&before),
            "told otherwise, looked at again"
        );
        assert_eq!(self.sent(), self.expected, "sent, looked at again");
    }

    async fn create(&mut self, step: &Step, spec: &Map<String, Value>) {
        let end = self.end(step, spec);
        let manifest = json!({
            "apiVersion": "experiments.appconfig.dev/v1alpha1",
            "kind": "ExperimentRun",
            "metadata": { "name": self.name },
            "spec": spec
        });
        let manifest = serde_json::from_value(manifest).expect("an object");
        let created = self.resources.create(&PostParams::default(), &manifest).await;
        self.ended(spec, end, created.expect("it is accepted")).await;
    }

    /// Changes the spec, and judges what comes of it. Tells whether the API server took it.
    async fn change(&mut self, step: &Step, before: &Map<String, Value>, after: &Map<String, Value>) -> bool {
        let resource = self.resource().await;
        let found_in = resource.data["status"]["region"].as_str();
        let refused = step.refused.or_else(|| oracle::refused_change(before, after, found_in));
        let end = self.end(step, after);
        if step.appconfig_refuses {
            let refusal = refuse(400, Some("BadRequestException"), "not now");
            self.scene.always(Operation::UpdateExperimentRun, refusal);
        }
        match (self.replace(after).await, refused) {
            (Ok(replaced), None) => {
                self.ended(after, end, replaced).await;
                self.scene.heal();
                true
            }
            (Err(kube::Error::Api(status)), Some(message)) => {
                let answer = json!(status).to_string();
                assert!(answer.contains(message), "not {message:?}: {answer}");
                assert!(!answer.contains(CANARY), "{answer}");
                let still = self.resource().await;
                assert_eq!(still.resource_version(), resource.resource_version(), "somebody wrote");
                assert_eq!(self.sent(), self.expected, "sent for what was refused");
                false
            }
            (answer, _) => panic!(
                "{refused:?} was expected, not {:?}",
                answer.map(|object| object.metadata)
            ),
        }
    }

    /// Puts a spec in the place of the present one, as `kubectl replace` would: server-side apply takes no entity ID of
    /// more than 1,024 characters.
    async fn replace(&self, spec: &Map<String, Value>) -> kube::Result<DynamicObject> {
        loop {
            let mut resource = self.resource().await;
            resource.data["spec"] = json!(spec);
            match self
                .resources
                .replace(&self.name, &PostParams::default(), &resource)
                .await
            {
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                answer => return answer,
            }
        }
    }

    /// Waits until everything is at rest, and compares.
    async fn ended(&mut self, spec: &Map<String, Value>, end: End, written: DynamicObject) {
        let generation = written.metadata.generation;
        let settled = |run: &ExperimentRun| run.metadata.generation == generation && is_at_rest(run);
        let run = self.scene.wait(&self.name, "at rest", settled).await;
        self.expected.extend(end.bodies.iter().map(exact));
        assert_eq!(self.sent(), self.expected, "sent in all");
        let told = (
            reason(&run),
            condition_status(&run, "Ready"),
            condition_status(&run, "TargetReached"),
        );
        let text = |is_so| Some(if is_so { "True" } else { "False" });
        assert_eq!(told, (end.reason, text(end.ready), text(end.target_reached)), "told");
        let stalled = condition(&run, "Stalled").map(|stalled| stalled.reason.as_str());
        assert_eq!(stalled, (!end.ready).then_some(end.reason), "Stalled");
        let failed = ["UpdateRejected", "RunNotFound"].contains(&end.reason);
        assert_eq!(last_error(&run).is_some(), failed, "lastError");
        assert_eq!(self.live(spec), end.live, "live");
        // What can't be used is no reason to look at the run.
        if let Some(live) = end.live.filter(|_| end.reason != "InvalidSpec") {
            self.shown(spec, &live, &run);
        }
        self.ramp = end.ramp;
    }

    /// Compares what the status shows of the run.
    fn shown(&self, spec: &Map<String, Value>, live: &Live, run: &ExperimentRun) {
        let region = spec.get("region").and_then(Value::as_str).or(self.region());
        let status = json!(run.status);
        assert_eq!(status["region"].as_str(), region);
        assert_eq!(status["description"].as_str().unwrap_or_default(), live.description);
        assert_eq!(status["treatmentOverrideCount"], live.overrides.len());
        let exposure = exact(&json!({ "ExposurePercentage": status["exposurePercentage"] }));
        assert_eq!(exposure, exact(&json!({ "ExposurePercentage": live.exposure })));
    }

    /// What must come of a step from here.
    fn end(&self, step: &Step, spec: &Map<String, Value>) -> End {
        let surroundings = Surroundings {
            updates_are_refused: step.appconfig_refuses,
            ..self.surroundings
        };
        oracle::end(spec, self.live(spec), self.ramp, surroundings)
    }

    /// The whole spec of a step.
    fn spec(&self, step: &Step) -> Map<String, Value> {
        let own = [
            (
                "applicationIdentifier",
                self.application,
                &self.experiment.application_id,
            ),
            (
                "experimentDefinitionIdentifier",
                &self.definition,
                &self.experiment.definition_id,
            ),
        ];
        let mut spec = step.spec.clone();
        for (member, name, id) in own {
            match spec.get(member).map(|value| value == BY_ID) {
                None => drop(spec.insert(member.to_owned(), json!(name))),
                Some(true) => drop(spec.insert(member.to_owned(), json!(id))),
                Some(false) => {}
            }
        }
        spec.entry("run").or_insert(json!(1));
        spec
    }

    /// The run that a spec names, as `AppConfig` has it, if it is this journey's.
    fn live(&self, spec: &Map<String, Value>) -> Option<Live> {
        let experiment = &self.experiment;
        let names = |member: &str, name: &str, id: &str| spec[member] == name || spec[member] == id;
        let own = names("applicationIdentifier", self.application, &experiment.application_id)
            && names(
                "experimentDefinitionIdentifier",
                &self.definition,
                &experiment.definition_id,
            )
            && spec["run"] == 1;
        let run = || self.scene.emulator.run(experiment, 1).expect("it is there");
        own.then(|| Live::of(&run()))
    }

    fn region(&self) -> Option<&'static str> {
        (!self.surroundings.no_region).then_some(REGION)
    }

    async fn resource(&self) -> DynamicObject {
        self.resources.get(&self.name).await.expect("it is there")
    }

    /// What was sent to this journey's run, in order.
    fn sent(&self) -> Vec<Value> {
        let own = |definition: Option<&String>| definition == Some(&self.experiment.definition_id);
        let mut updates = self.scene.updates();
        updates.retain(|update| own(update.definition.as_ref()));
        updates.iter().map(|update| exact(&update.body)).collect()
    }
}

/// Whether the operator has done all that it will do now, and says so.
fn is_at_rest(run: &ExperimentRun) -> bool {
    let status = run.status.as_ref();
    status.and_then(|status| status.observed_generation) == run.metadata.generation
        && status.is_some_and(|status| status.pending_update.is_none())
        && condition(run, "Reconciling").is_none()
        && condition_status(run, "Ready") != Some("Unknown")
}

/// The conditions, as far as a person reads them.
fn conditions(run: &ExperimentRun) -> Vec<(String, String, String, String)> {
    let conditions = run.status.iter().flat_map(|status| &status.conditions);
    let read = conditions.map(|condition| {
        let condition = condition.clone();
        (condition.type_, condition.status, condition.reason, condition.message)
    });
    read.collect()
}
