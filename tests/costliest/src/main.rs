//! Searches the costliest decision that a ramp can ask for: random families of windows, the worst of which are changed again
//! and again. `cargo run --release -p costliest-decision [-- FAMILIES SEED]` prints it, what it looks up and how long that
//! takes.
#![allow(clippy::unwrap_used, reason = "a benchmark: what is not as expected ends it")]

use std::time::{Duration, Instant};

use costliest_decision::{
    api::{ExperimentDefinition, ExperimentRunSpec, ExperimentRunStatus, Exposure, RunStatus, TreatmentOverrides},
    decide::{
        EndedBy, Evidence, Now, Owner, Resource, decide,
        desired::{Defaults, Desired},
        memory::Memory,
        ramp::{next_raise::NextRaise, search::DECISION},
        service_time::ServiceTime,
    },
    run::{LiveRun, RunKey},
};
use fastrand::Rng;
use jiff::Timestamp;
use serde_json::{Value, json};

const MINUTES: [&str; 9] = ["*", "*/2", "1-59/2", "0", "59", "*/7", "0-58/3", "30", "*/60"];
const HOURS: [&str; 6] = ["*", "0", "23", "*/2", "2", "1-3"];
const DAYS: [&str; 6] = ["*", "29", "31", "1", "*/2", "28-31"];
const MONTHS: [&str; 4] = ["*", "2", "12", "2,10"];
const WEEKDAYS: [&str; 4] = ["*", "SUN", "*/2", "1-5"];
const DURATIONS: [&str; 12] = [
    "1m",
    "1m8s",
    "1m55s",
    "2m",
    "59m55s",
    "1h",
    "23h59m55s",
    "24h",
    "26h",
    "168h",
    "720h",
    "8784h",
];
const ZONES: [&str; 7] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
    "America/Santiago",
];
const TIMES: [&str; 5] = [
    "2026-11-25T00:00:30Z",
    "2026-10-25T00:30:00Z",
    "2027-03-01T00:00:00Z",
    "2096-03-01T00:00:00Z",
    "2026-02-14T23:00:00Z",
];

/// A ramp in the making.
#[derive(Clone)]
struct Family {
    windows: Vec<Value>,
    /// How many steps, each with this hold.
    steps: usize,
    hold: &'static str,
    at: &'static str,
}

/// What one decision came to.
#[derive(Clone, Copy)]
struct Cost {
    took: Duration,
    parsing: Duration,
    looked_up: u32,
}

impl Family {
    fn any(rng: &mut Rng) -> Self {
        let windows = rng.usize(1..=20);
        // A few kinds of windows, many times each, are worse than many kinds.
        let kinds: Vec<Value> = (0..rng.usize(1..=6)).map(|_| window(rng)).collect();
        Self {
            windows: (0..windows).map(|_| rng.choice(&kinds).unwrap().clone()).collect(),
            steps: rng.usize(0..=50),
            hold: rng.choice(["1s", "1h", "25h", "8784h"]).unwrap(),
            at: rng.choice(TIMES).unwrap(),
        }
    }

    /// The one of the public report.
    fn reported() -> Self {
        let window = |kind: &str, schedule: &str, duration: &str| json!({"kind": kind, "schedule": schedule, "duration": duration, "timeZone": "Europe/Berlin"});
        let mut windows = vec![
            window("Allow", "* * * * *", "1m"),
            window("Deny", "*/2 * * * *", "1m55s"),
        ];
        windows.extend((0..18).map(|_| window("Allow", "0 0 29 2 *", "1m")));
        Self {
            windows,
            steps: 0,
            hold: "1h",
            at: TIMES[0],
        }
    }

    fn changed(&self, rng: &mut Rng) -> Self {
        let mut family = self.clone();
        match rng.u8(0..8) {
            0 => family.steps = rng.usize(0..=50),
            1 => family.hold = rng.choice(["1s", "1h", "25h", "8784h"]).unwrap(),
            2 => family.at = rng.choice(TIMES).unwrap(),
            3 if family.windows.len() < 20 => family.windows.push(window(rng)),
            4 if family.windows.len() > 1 => {
                family.windows.swap_remove(rng.usize(..family.windows.len()));
            }
            _ => {
                let (one, other) = (rng.usize(..family.windows.len()), rng.usize(..family.windows.len()));
                let new = if rng.bool() {
                    window(rng)
                } else {
                    family.windows[other].clone()
                };
                family.windows[one] = new;
            }
        }
        family
    }

    fn spec(&self) -> ExperimentRunSpec {
        let step = |step: usize| json!({"exposurePercentage": step, "hold": self.hold});
        let steps: Vec<Value> = (1..=self.steps).map(step).collect();
        let ramp = if steps.is_empty() {
            json!({"windows": self.windows})
        } else {
            json!({"windows": self.windows, "steps": steps})
        };
        let spec = json!({
            "applicationIdentifier": "a", "experimentDefinitionIdentifier": "d", "run": 1, "region": "eu-west-1",
            "exposurePercentage": 100, "ramp": ramp,
        });
        serde_json::from_value(spec).unwrap()
    }

    /// None: the spec can't be used.
    fn cost(&self, times: usize) -> Option<Cost> {
        let (spec, at) = (self.spec(), self.at.parse().unwrap());
        let began = Instant::now();
        let defaults = Defaults {
            region: None,
            resync_interval: Duration::from_mins(10),
        };
        let desired = Desired::parse(&spec, None, &defaults).ok()?;
        let parsing = began.elapsed();
        let live = live(&desired, at);
        let once = || {
            let began = Instant::now();
            std::hint::black_box(decided(&desired, &live, &defaults, at));
            began.elapsed()
        };
        let took = (0..times).map(|_| once()).min().unwrap_or_default();
        Some(Cost {
            took,
            parsing,
            looked_up: looked_up(&desired, at),
        })
    }
}

fn window(rng: &mut Rng) -> Value {
    let mut of = |list: &[&'static str]| *rng.choice(list).unwrap();
    let schedule = [of(&MINUTES), of(&HOURS), of(&DAYS), of(&MONTHS), of(&WEEKDAYS)].join(" ");
    json!({
        "kind": of(&["Allow", "Deny"]), "schedule": schedule, "duration": of(&DURATIONS), "timeZone": of(&ZONES),
    })
}

fn live(desired: &Desired, at: Timestamp) -> LiveRun {
    LiveRun {
        key: RunKey {
            region: desired.region.clone(),
            application_id: "a".to_owned(),
            experiment_definition_id: "d".to_owned(),
            run: 1,
        },
        status: RunStatus::Running,
        exposure: Exposure::ZERO,
        exposed_at: Some(at),
        description: String::new(),
        overrides: TreatmentOverrides::default(),
        started_at: None,
        updated_at: None,
        ended_at: None,
        result: None,
        definition: ExperimentDefinition::default(),
    }
}

fn decided(desired: &Desired, live: &LiveRun, defaults: &Defaults, at: Timestamp) -> bool {
    let status = ExperimentRunStatus::default();
    let resource = Resource {
        uid: "",
        generation: 1,
        reconcile_requested_at: None,
        desired: Ok(desired),
        status: &status,
        defaults,
    };
    let now = Now {
        elapsed: Duration::ZERO,
        local: at,
        service: Ok(ServiceTime::exactly(at)),
    };
    let seen = Evidence::Read(live.clone(), EndedBy::NotAsked);
    decide(&resource, &Memory::default(), &Owner::Itself, &seen, &now)
        .update
        .is_some()
}

/// What such a decision looks up.
fn looked_up(desired: &Desired, at: Timestamp) -> u32 {
    let ramp = desired.ramp.as_ref().unwrap();
    let mut search = ramp.windows().search(at);
    let position = ramp.position(Exposure::ZERO, Exposure::FULL, at);
    let leaves = match ramp.next_raise(&position, Exposure::FULL, at, &mut search) {
        NextRaise::Due { to, .. } => Some((to, at)),
        NextRaise::Waiting { to, at, .. } => Some((to, at)),
        _ => None,
    };
    if let Some((to, at)) = leaves {
        let _ = ramp.completes_at(to, at, Exposure::FULL, &mut search);
    }
    DECISION - search.left()
}

fn print(what: &str, family: &Family, cost: Cost) {
    println!(
        "{what}: {:?} for {} of {DECISION} look-ups ({:?} to parse)",
        cost.took, cost.looked_up, cost.parsing
    );
    println!("  at {}, {} steps of {}", family.at, family.steps, family.hold);
    let mut windows: Vec<String> = family.windows.iter().map(Value::to_string).collect();
    windows.sort();
    for same in windows.chunk_by(|one, other| one == other) {
        println!("  {} x {}", same.len(), same[0]);
    }
}

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|argument| argument.parse::<u64>().unwrap());
    let (families, seed) = (arguments.next().unwrap_or(2_000), arguments.next().unwrap_or(12));
    let mut rng = Rng::with_seed(seed);
    let reported = Family::reported();
    print("the one that was reported", &reported, reported.cost(5).unwrap());
    let mut worst: Vec<(Family, Cost)> = Vec::new();
    for tried in 0..families {
        // Half of them from nothing, the rest from the worst so far.
        let family = match rng.choice(&worst) {
            Some((family, _)) if tried > families / 2 => family.changed(&mut rng),
            _ => Family::any(&mut rng),
        };
        worst.extend(family.cost(3).map(|cost| (family, cost)));
        worst.sort_by_key(|(_, cost)| std::cmp::Reverse(cost.took));
        worst.truncate(10);
    }
    // Measured anew: the first time may have been somebody else's on a busy machine.
    let again = worst.iter().filter_map(|(family, _)| Some((family, family.cost(25)?)));
    let (family, cost) = again.max_by_key(|(_, cost)| cost.took).unwrap();
    print(&format!("the worst of {families} families (seed {seed})"), family, cost);
}
