//! Plays a case: the resource as the API server has it, the run as `AppConfig` has it, and the operator between them.

use super::{
    case::{Case, Clocks, Happening, Outside, Wait},
    driver::{Acts, ClockReadings, Operator, Reply, Stored},
    record::CaseRecord,
    run::SimulatedRun,
    time::{START, timestamp},
};

/// The status that the API server gives a new resource.
const NEW: &str = "{\"observedGeneration\":-1,\"conditions\":[{\"type\":\"Ready\",\"status\":\"Unknown\",\
                   \"reason\":\"Pending\",\"message\":\"no operator has looked at this yet\",\
                   \"lastTransitionTime\":\"1970-01-01T00:00:00Z\"}]}";

/// One case being played.
pub struct Player {
    pub record: CaseRecord,
    /// How many decisions were taken.
    pub decisions: usize,
    /// How many updates were sent.
    pub updates: usize,
    pub(super) stored: Stored,
    pub(super) acts: Acts,
    pub(super) operator: Operator,
    /// Every state of the run, the last one being that of now.
    pub(super) runs: Vec<SimulatedRun>,
    /// An update that is on its way still.
    pub(super) late: Option<String>,
    /// Events that no status has been written for yet.
    pub(super) unpublished: Vec<(String, String)>,
    /// How long the operator means to wait, in milliseconds.
    pub(super) means_to_wait: u64,
    /// Since the machine was booted, in milliseconds.
    boot: u64,
    clocks: Clocks,
    ids: u32,
    requests: u32,
}

/// Plays a whole case.
pub fn played(number: usize, case: &Case) -> Player {
    let stored = Stored {
        generation: 1,
        requested_at: None,
        spec: case.spec.clone(),
        status: NEW.to_owned(),
    };
    let clocks = Clocks {
        local: 0,
        date: Some(0),
    };
    let boot = 3_600_000;
    let operator = Operator::started(&stored, &moment(boot, clocks));
    let mut player = Player {
        record: CaseRecord::default(),
        decisions: 0,
        updates: 0,
        stored,
        acts: Acts::This,
        operator,
        runs: vec![case.run.clone()],
        late: None,
        unpublished: Vec::new(),
        means_to_wait: 0,
        boot,
        clocks,
        ids: 0,
        requests: 0,
    };
    // Every digest has this line, so its words stay as they are.
    player.line(&format!("story {number}: {}", case.theme));
    player.line(&format!("spec {}", case.spec));
    player.line(&format!("run {}", case.run.answer("abc1234", "bsxyd7k", 1)));
    for happening in &case.happens {
        player.happens(happening);
    }
    player
}

fn moment(boot: u64, clocks: Clocks) -> ClockReadings {
    let time = START + i64::try_from(boot).unwrap() - 3_600_000;
    ClockReadings {
        boot,
        local: time + clocks.local,
        date: clocks.date.map(|date| time + date),
    }
}

impl Player {
    pub(super) fn line(&mut self, line: &str) {
        self.record.line(line);
    }

    pub(super) fn moment(&self) -> ClockReadings {
        moment(self.boot, self.clocks)
    }

    /// The time by nobody's clock, in milliseconds since the epoch.
    pub(super) fn time(&self) -> i64 {
        let right = Clocks { local: 0, date: None };
        moment(self.boot, right).local
    }

    pub(super) fn pass_time(&mut self, milliseconds: u64) {
        self.boot += milliseconds;
    }

    pub(super) fn next_id(&mut self) -> String {
        self.ids += 1;
        format!("update-{}", self.ids)
    }

    pub(super) fn next_request(&mut self) -> String {
        self.requests += 1;
        format!("request-{}", self.requests)
    }

    pub(super) fn run(&self) -> &SimulatedRun {
        self.runs.last().unwrap()
    }

    /// The run changes.
    pub(super) fn run_changes(&mut self, change: impl FnOnce(&mut SimulatedRun, i64)) {
        let mut run = self.run().clone();
        change(&mut run, self.time());
        self.runs.push(run);
    }

    pub(super) fn write_spec(&mut self, spec: &str) {
        self.line(&format!("somebody writes the spec {spec}"));
        if self.stored.spec != spec {
            spec.clone_into(&mut self.stored.spec);
            self.stored.generation += 1;
        }
    }

    pub(super) fn wipe_status(&mut self) {
        self.line("somebody empties the status");
        "{}".clone_into(&mut self.stored.status);
    }

    pub(super) fn restart(&mut self) {
        self.line("the process ends, and another one starts");
        self.pass_time(5_000);
        self.unpublished.clear();
        self.operator = Operator::started(&self.stored, &self.moment());
    }

    pub(super) fn decide(&mut self, evidence: &Reply) -> super::driver::Given {
        self.decisions += 1;
        let moment = self.moment();
        self.operator.decide(&self.stored, self.acts, evidence, &moment)
    }

    fn happens(&mut self, happening: &Happening) {
        match happening {
            Happening::Pass(pass) => self.pass(pass),
            Happening::Spec(spec) => self.write_spec(spec),
            Happening::PassRequested => {
                let asked = format!("asked-{}", self.boot);
                self.line(&format!("somebody asks for a pass: {asked}"));
                self.stored.requested_at = Some(asked);
            }
            Happening::Wait(wait) => self.wait(*wait),
            Happening::Outside(outside) => self.outside(*outside),
            Happening::Restart => self.restart(),
            Happening::Wiped => self.wipe_status(),
            Happening::Older(name) => {
                self.acts = name.map_or(Acts::Elsewhere, Acts::Older);
                self.line(&format!("an older resource acts for the run: {:?}", self.acts));
            }
            Happening::Acts => {
                self.acts = Acts::This;
                self.line("this resource acts for the run");
            }
            Happening::Inherits(record) => {
                self.acts = Acts::This;
                self.line(&format!("this resource takes over the unsettled update {record}"));
                let moment = self.moment();
                self.operator.inherits(record, &moment);
            }
            Happening::Clocks(clocks) => {
                self.clocks = *clocks;
                let Clocks { local, date } = clocks;
                self.line(&format!(
                    "this machine's clock is {local} ms ahead, answers are dated {date:?}"
                ));
            }
            Happening::Restored(spec) => {
                spec.clone_into(&mut self.stored.spec);
                self.stored.generation = (self.stored.generation - 1).max(1);
                let generation = self.stored.generation;
                self.line(&format!("a backup is restored: generation {generation} is {spec}"));
                self.operator.restored(&self.stored);
            }
        }
    }

    fn wait(&mut self, wait: Wait) {
        let milliseconds = match wait {
            Wait::Milliseconds(milliseconds) => milliseconds,
            Wait::AsSaid => self.means_to_wait.max(1),
            Wait::UntilTheRaise(more) => {
                let status: serde_json::Value = serde_json::from_str(&self.stored.status).unwrap();
                let at = status["ramp"]["next"]["notBefore"].as_str();
                let at = at.map_or(0, |at| at.parse::<jiff::Timestamp>().unwrap().as_millisecond());
                // At most two months: the corpus ends in the next spring.
                u64::try_from(at + more - self.time())
                    .unwrap_or(1)
                    .clamp(1, 5_000_000_000)
            }
        };
        self.pass_time(milliseconds);
        let now = timestamp(self.time());
        self.line(&format!("{milliseconds} ms later it is {now}"));
        if let Some(body) = self.late.take().filter(|_| !self.run().done) {
            self.line(&format!("AppConfig has applied what was given up: {body}"));
            self.run_changes(|run, at| run.update(&body, at - 1));
        }
    }

    fn outside(&mut self, outside: Outside) {
        if self.run().done {
            return;
        }
        // Most people take longer than a second, which is what the times of answers are compared in.
        self.pass_time(1_500);
        match outside {
            Outside::Raise(to) if to <= self.run().exposure => return,
            Outside::Raise(to) => self.run_changes(|run, at| run.raise(to, at)),
            Outside::Describe(text) => self.run_changes(|run, at| run.describe(text, at)),
            Outside::Override(json) => {
                let overrides = serde_json::from_str(json).unwrap();
                self.run_changes(|run, at| run.override_with(overrides, at));
            }
            Outside::End(by, result) => self.run_changes(|run, at| run.end(by, result, at)),
            Outside::LosesSnapshot => self.run_changes(|run, at| {
                run.has_snapshot = false;
                run.updated_at = at;
            }),
        }
        self.line(&format!("somebody else changes the run: {outside:?}"));
    }
}
