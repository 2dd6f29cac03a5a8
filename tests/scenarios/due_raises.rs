//! Scenario 18: two thousand resources that time out, are throttled, are refused or are annotated in a loop, beside ramps.
//! Whatever becomes of the crowd, each raise leaves within 5 s of its time.

use std::time::Duration;

use appconfig_emulator::{Effect, Fault, Operation, RequestRecord, Seed};
use appconfig_experiment_operator::{
    api::{Exposure, RECONCILE_REQUESTED_AT},
    appconfig::Timeouts,
};
use futures::{StreamExt, stream};
use harness::{ACTS, Operator, Scene, condition_status, refuse};
use jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

const CROWD: usize = 2_000;
/// The crowd's application, which alone meets the faults.
const APPLICATION: &str = "crowd";
const RAMPS: usize = 4;
/// The exposures that each ramp holds, for 4 s each.
const STEPS: [f32; 4] = [1.0, 2.0, 3.0, 4.0];
/// How late a raise may leave.
const LATE: Duration = Duration::from_secs(5);
/// How many writes of the crowd's are under way at a time.
const AT_A_TIME: usize = 8;

/// What becomes of the crowd.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    TimeOut,
    Throttled,
    Refused,
    Annotated,
}

impl Trouble {
    fn fault(self) -> Option<Fault> {
        let effect = match self {
            Self::TimeOut => Effect::Stall,
            Self::Throttled => refuse(429, Some("TooManyRequestsException"), "slow down"),
            Self::Refused => refuse(403, Some("AccessDeniedException"), "not you"),
            Self::Annotated => return None,
        };
        Some(Fault {
            application: Some(APPLICATION.to_owned()),
            ..Fault::always(Operation::GetExperimentRun, effect)
        })
    }

    /// Where the crowd's runs are: a region that is down is another one than that of the ramps. All else happens in the
    /// ramps' own, whose rate the crowd uses up.
    fn region(self) -> &'static str {
        if self == Self::TimeOut {
            "us-east-1"
        } else {
            "eu-west-1"
        }
    }

    /// How many reads of the crowd show that it keeps the operator busy: a slot is held for as long as a read takes.
    fn busy(self) -> usize {
        if self == Self::TimeOut { 12 } else { 40 }
    }
}

/// A namespace with ramps, and one with a crowd whose runs are at the same `AppConfig`.
struct Neighbours {
    ramps: Scene,
    crowd: Scene,
}

impl Neighbours {
    /// Makes the crowd and its runs. No resource names its region: it is the operator's own.
    async fn gather(&self) {
        let created = (0..CROWD).map(|number| async move {
            let definition = Scene::definition(number);
            let seed = Seed {
                application: APPLICATION.to_owned(),
                definition: definition.clone(),
                ..Seed::default()
            };
            let experiment = self.ramps.emulator.seed(&seed).unwrap();
            self.ramps.emulator.start_run(&experiment, 5.0).unwrap();
            let spec = json!({
                "applicationIdentifier": APPLICATION, "experimentDefinitionIdentifier": definition, "exposurePercentage": 5
            });
            let mut manifest = self.crowd.manifest(&definition, &spec);
            manifest["spec"].as_object_mut().unwrap().remove("region");
            let run = serde_json::from_value(manifest).unwrap();
            self.crowd.runs.create(&PostParams::default(), &run).await.unwrap();
        });
        stream::iter(created).buffer_unordered(AT_A_TIME).collect::<()>().await;
    }

    /// Asks for a pass of each of the crowd, over and over.
    async fn annotate(&self) {
        let asked = (0_usize..).map(|turn| async move {
            let annotations = json!({ RECONCILE_REQUESTED_AT: format!("turn-{turn}") });
            let patch = Patch::Merge(json!({ "metadata": { "annotations": annotations } }));
            let name = Scene::definition(turn % CROWD);
            let patched = self.crowd.runs.patch(&name, &PatchParams::default(), &patch).await;
            patched.unwrap();
        });
        stream::iter(asked).buffer_unordered(2).collect::<()>().await;
    }

    fn reads_of_crowd(&self, since: Timestamp) -> usize {
        let of_crowd = |read: &RequestRecord| read.application.as_deref() == Some(APPLICATION);
        let since = |read: &RequestRecord| read.arrived_at >= since;
        let reads = self.ramps.reads();
        reads.iter().filter(|read| of_crowd(read) && since(read)).count()
    }

    /// Plays ramps from their beginning to their end, and gives by how much each raise was late that had to wait.
    async fn play_ramps(&self, trouble: Trouble) -> Vec<Duration> {
        let steps = STEPS.map(|exposure| json!({ "exposurePercentage": exposure, "hold": "4s" }));
        let mut ramps = Vec::new();
        for name in (0..RAMPS).map(|number| format!("{trouble:?}-{number}").to_lowercase()) {
            let seed = Seed {
                definition: name.clone(),
                ..Seed::default()
            };
            let experiment = self.ramps.emulator.seed(&seed).unwrap();
            self.ramps.emulator.start_run(&experiment, 0.0).unwrap();
            let spec = json!({
                "experimentDefinitionIdentifier": name, "exposurePercentage": 5, "ramp": { "steps": steps }
            });
            self.ramps.apply(&name, &spec).await;
            ramps.push((name, experiment.definition_id));
        }
        let mut late = Vec::new();
        for (name, definition) in ramps {
            let reached = |run: &_| condition_status(run, "TargetReached") == Some("True");
            self.ramps.wait(&name, "at its target", reached).await;
            late.extend(self.late(&name, &definition));
        }
        late
    }

    /// By how much each raise of a ramp was late, but for the first, which had nothing to wait for.
    fn late(&self, name: &str, definition: &str) -> Vec<Duration> {
        let versions = self.ramps.versions(name);
        let due = |exposure: Exposure| {
            let announced = versions.iter().filter_map(|run| run.status.as_ref()?.ramp.as_ref());
            let next = announced.filter_map(|ramp| ramp.next.as_ref());
            let of_raise = next.filter(|next| next.exposure_percentage == exposure);
            of_raise
                .filter_map(|next| Some(next.not_before.as_ref()?.0))
                .next_back()
        };
        let updates = self.ramps.updates();
        let own = updates
            .iter()
            .filter(|update| update.committed && update.definition.as_deref() == Some(definition));
        let raises: Vec<_> = own
            .map(|update| {
                let exposure: Exposure = serde_json::from_value(update.body["ExposurePercentage"].clone()).unwrap();
                (exposure, update.arrived_at)
            })
            .collect();
        assert_eq!(raises.len(), STEPS.len() + 1, "{name}: {raises:?}");
        let waited = raises.iter().skip(1);
        waited
            .map(|(exposure, left)| left.duration_since(due(*exposure).unwrap()).unsigned_abs())
            .collect()
    }

    /// What the crowd met is nobody's promise as long as it lasts; the ramps' is.
    fn judge(&self) {
        let mut history = self.ramps.history();
        history
            .requests
            .retain(|request| request.application.as_deref() != Some(APPLICATION));
        assert_eq!(promise_checker::check(&history), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s18_raises_leave_on_time_beside_2000_resources_in_any_trouble() {
    let neighbours = Neighbours {
        ramps: Scene::new().await,
        crowd: Scene::new().await,
    };
    neighbours.gather().await;
    for trouble in [
        Trouble::TimeOut,
        Trouble::Throttled,
        Trouble::Refused,
        Trouble::Annotated,
    ] {
        let faults = trouble.fault().into_iter().collect();
        neighbours.ramps.emulator.set_faults(faults).unwrap();
        let flags = neighbours.ramps.flags().with("--log-level=info");
        let flags = flags
            .with(&format!("--namespace={}", neighbours.crowd.namespace))
            .env("AWS_REGION", trouble.region());
        let (began, mut operator) = (Timestamp::now(), Operator::start(&flags));
        operator.logged(ACTS).await;
        let play = async {
            let busy = async || neighbours.reads_of_crowd(began) >= trouble.busy();
            neighbours.ramps.eventually("busy with the crowd", busy).await;
            neighbours.play_ramps(trouble).await
        };
        let late = if trouble == Trouble::Annotated {
            tokio::select! {
                late = play => late,
                () = neighbours.annotate() => unreachable!("it goes on for ever"),
            }
        } else {
            play.await
        };
        let (most, reads) = (late.iter().max().unwrap(), neighbours.reads_of_crowd(began));
        println!(
            "s18: {trouble:?}: of {} raises the latest left {most:.2?} after its time, beside {reads} reads of the crowd",
            late.len()
        );
        assert!(*most <= LATE, "{trouble:?}: {late:.2?}");
        operator.stop().await;
        neighbours.judge();
    }
    // A read that brings no answer is what the slots are for: it holds one for longer than a raise may be late.
    assert!(Timeouts::default().read >= LATE);
}
