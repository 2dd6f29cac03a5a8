//! What users and others do: specs that rise and fall, overrides, descriptions, the brake, resources deleted and created
//! again, and runs that somebody else changes.

use appconfig_emulator::{Experiment, Seed};
use fastrand::Rng;
use futures::{StreamExt, stream};
use harness::Scene;
use jiff::Timestamp;
use promise_checker::OtherChange;
use serde_json::{Value, json};

/// Everybody but the operator.
pub struct Users {
    random: Rng,
    subjects: Vec<Subject>,
}

/// One run and its resource.
struct Subject {
    name: String,
    experiment: Experiment,
    /// What its resource asked for last, in hundredths of a percent: small steps, since exposure never falls.
    asked: u32,
}

impl Users {
    /// Makes so many runs, each with a resource that asks for what it is already.
    pub async fn prepare(scene: &Scene, count: usize, random: Rng) -> Self {
        let subjects: Vec<_> = (0..count).map(|number| Subject::new(scene, number)).collect();
        let created = stream::iter(&subjects).map(|subject| subject.create(scene));
        created.buffer_unordered(16).collect::<()>().await;
        Self { random, subjects }
    }

    /// The names of all resources.
    pub fn names(&self) -> Vec<&str> {
        self.subjects.iter().map(|subject| subject.name.as_str()).collect()
    }

    /// Does one thing to one resource or its run.
    pub async fn act(&mut self, scene: &Scene) {
        let random = &mut self.random;
        let place = random.usize(..self.subjects.len());
        let subject = &mut self.subjects[place];
        let spec = match random.u32(..100) {
            0..40 => subject.raised_by(random.u32(10..200)),
            40..48 => json!({ "exposurePercentage": percentage(subject.asked.saturating_sub(random.u32(1..300))) }),
            48..60 => json!({ "description": format!("text {}", random.u32(..1000)) }),
            60..70 => json!({ "treatmentOverrides": { "inline": overrides(random) } }),
            70..74 => json!({ "treatmentOverrides": Value::Null, "exposurePercentage": Value::Null }),
            74..80 => json!({ "suspend": random.bool() }),
            80..84 => json!({ "deploymentParameters": { "tags": { "number": random.u32(..9).to_string() } } }),
            84..87 => json!({ "resyncInterval": format!("{}s", random.u32(30..90)) }),
            87..92 => {
                scene.delete(&subject.name).await;
                return subject.create(scene).await;
            }
            _ => return subject.change_from_outside(scene, random),
        };
        scene.patch(&subject.name, &json!({ "spec": spec })).await;
    }
}

impl Subject {
    fn new(scene: &Scene, number: usize) -> Self {
        let name = Scene::definition(number);
        let seed = Seed {
            definition: name.clone(),
            ..Seed::default()
        };
        let experiment = scene.emulator.seed(&seed).unwrap();
        scene.emulator.start_run(&experiment, 1.0).unwrap();
        Self {
            name,
            experiment,
            asked: 100,
        }
    }

    async fn create(&self, scene: &Scene) {
        let asked = percentage(self.asked);
        let spec = json!({ "experimentDefinitionIdentifier": self.name, "exposurePercentage": asked });
        scene.apply(&self.name, &spec).await;
    }

    fn raised_by(&mut self, hundredths: u32) -> Value {
        self.asked = (self.asked + hundredths).min(10_000);
        json!({ "exposurePercentage": percentage(self.asked) })
    }

    /// Somebody else changes the run, if `AppConfig` lets them; now and then they end it.
    fn change_from_outside(&mut self, scene: &Scene, random: &mut Rng) {
        let (what, done) = if random.u32(..40) == 0 {
            let stopped = scene.emulator.stop_run(&self.experiment, 1);
            ("ended the run", stopped.is_ok())
        } else if random.bool() {
            self.asked = (self.asked + random.u32(..50)).min(10_000);
            let body = json!({ "ExposurePercentage": percentage(self.asked) });
            ("raised the exposure", self.update(scene, &body))
        } else {
            let body = json!({ "Description": format!("by hand {}", random.u32(..1000)) });
            ("changed the description", self.update(scene, &body))
        };
        let change = OtherChange {
            at: Timestamp::now(),
            application_id: self.experiment.application_id.clone(),
            experiment_definition_id: self.experiment.definition_id.clone(),
            run: 1,
            what: what.to_owned(),
        };
        if done {
            scene.circumstances(|context| context.other_writers.push(change));
        }
    }

    fn update(&self, scene: &Scene, body: &Value) -> bool {
        scene.emulator.update_run(&self.experiment, 1, body).is_ok()
    }
}

fn percentage(hundredths: u32) -> f64 {
    f64::from(hundredths) / 100.0
}

/// Some overrides; now and then one that names no treatment of the run.
fn overrides(random: &mut Rng) -> Value {
    let mut inline = serde_json::Map::new();
    for _ in 0..random.u32(..4) {
        let treatment = if random.u32(..20) == 0 { "t9" } else { "t1" };
        inline.insert(format!("entity-{}", random.u32(..100)), json!(treatment));
    }
    Value::Object(inline)
}
