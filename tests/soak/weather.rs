//! Faults of both sides that come and go: on the way to the API server, and at `AppConfig`.

use std::time::Duration;

use appconfig_emulator::{Effect, Fault, Operation, RateLimits, Settings};
use control_plane::proxy::{self, Proxy, Rule, RuleId};
use fastrand::Rng;
use harness::{Scene, raw, refuse};
use tokio::time::Instant;

/// What goes wrong at the moment.
pub struct Weather {
    random: Rng,
    rules_until: Vec<(RuleId, Instant)>,
    faults: Vec<Fault>,
    settings_until: Option<Instant>,
    /// How many requests to `AppConfig` have met a fault.
    pub met: u64,
    /// How many rules were set on the way to the API server.
    pub rules: u64,
}

/// How many faults wait for their requests at a time.
const FAULTS: usize = 8;

impl Weather {
    /// Nothing is wrong yet.
    pub fn new(random: Rng) -> Self {
        Self {
            random,
            rules_until: Vec::new(),
            faults: Vec::new(),
            settings_until: None,
            met: 0,
            rules: 0,
        }
    }

    /// Something goes wrong, or right again, or neither.
    pub fn change(&mut self, scene: &Scene, proxy: &Proxy) {
        self.end_rules(proxy, Instant::now());
        if self.random.u32(..100) < 12 {
            let rule = self.rule();
            let until = Instant::now() + Duration::from_millis(self.random.u64(500..6000));
            self.rules_until.push((proxy.add(rule), until));
            self.rules += 1;
        }
        if self.random.u32(..100) < 30 {
            self.count(scene);
            let fault = self.fault();
            self.faults.push(fault);
            let surplus = self.faults.len().saturating_sub(FAULTS);
            self.faults.drain(..surplus);
            scene.emulator.set_faults(self.faults.clone()).unwrap();
        }
        if self.settings_until.is_some_and(|until| Instant::now() > until) {
            self.settings_until = None;
            scene.emulator.set_settings(Settings::default()).unwrap();
        } else if self.settings_until.is_none() && self.random.u32(..100) < 3 {
            self.settings_until = Some(Instant::now() + Duration::from_millis(self.random.u64(1000..8000)));
            scene.emulator.set_settings(self.settings()).unwrap();
        }
    }

    /// Nothing goes wrong any more.
    pub fn clear_up(&mut self, scene: &Scene, proxy: &Proxy) {
        self.count(scene);
        self.faults.clear();
        scene.emulator.set_faults(Vec::new()).unwrap();
        self.rules_until.clear();
        proxy.remove_all();
        self.settings_until = None;
    }

    fn end_rules(&mut self, proxy: &Proxy, now: Instant) {
        self.rules_until.retain(|(rule, until)| {
            if now > *until {
                proxy.remove(*rule);
            }
            now <= *until
        });
    }

    /// Counts the requests that have met a fault since the faults were set.
    fn count(&mut self, scene: &Scene) {
        let left = scene.emulator.faults();
        for (set, left) in self.faults.iter().zip(&left) {
            self.met += u64::from(set.times.unwrap_or_default() - left.times.unwrap_or_default());
        }
        self.faults = left;
        self.faults.retain(|fault| fault.times != Some(0));
    }

    fn rule(&mut self) -> Rule {
        use proxy::Effect;
        let random = &mut self.random;
        let delay = Duration::from_millis(random.u64(100..9000));
        let effect = match random.u32(..16) {
            0..2 => Effect::DelayRequest(delay),
            2..5 => Effect::DelayAnswer(delay),
            5..7 => Effect::DropRequest,
            7..10 => Effect::DropAnswer,
            10 => return Rule::new("watch", "experimentruns", Effect::Freeze),
            11 => return Rule::new("watch", "experimentruns", Effect::Cut).times(1),
            _ => Effect::Refuse {
                status: [409, 429, 500, 504][random.usize(..4)],
                retry_after_seconds: random.bool().then_some(1),
            },
        };
        let (verb, resource) = [
            ("patch", "experimentruns/status"),
            ("patch", "experimentruns/status"),
            ("get", "experimentruns"),
            ("create", "events"),
            ("*", "*"),
        ][random.usize(..5)];
        Rule::new(verb, resource, effect)
            .skip(random.u32(..4))
            .times(random.u32(1..6))
    }

    fn fault(&mut self) -> Fault {
        let operation = match self.random.u32(..10) {
            0..5 => Operation::UpdateExperimentRun,
            5..9 => Operation::GetExperimentRun,
            _ => Operation::ListExperimentRunEvents,
        };
        let effect = self.effect(operation);
        Fault {
            skip: self.random.u32(..3),
            times: Some(self.random.u32(1..5)),
            ..Fault::once(operation, effect)
        }
    }

    fn effect(&mut self, operation: Operation) -> Effect {
        let random = &mut self.random;
        let milliseconds = random.u64(100..9000);
        let json = "application/json";
        match random.u32(..20) {
            0 => refuse(429, None, "slow down"),
            1 => refuse(400, Some("ThrottlingException"), "slow down"),
            2 => refuse(500, Some("InternalServerException"), "no"),
            3 => refuse(503, None, "no"),
            4 => refuse(408, None, "too late"),
            5 => refuse(409, Some("ConflictException"), "a deployment is under way"),
            6 => refuse(400, Some("BadRequestException"), "no"),
            7 => refuse(403, Some("AccessDeniedException"), "no"),
            8 => raw(404, "text/html", "<html>not here</html>"),
            9 => raw(200, json, "{}"),
            10 => raw(200, json, "not JSON"),
            11 => raw(302, json, ""),
            12 => Effect::DropBeforeCommit,
            13 => Effect::DropAfterCommit,
            14 => Effect::DelayBeforeCommitMs(milliseconds),
            15 => Effect::DelayAfterCommitMs(milliseconds),
            16 => Effect::CommitLaterMs(milliseconds * 3),
            17 => Effect::Stall,
            18 if operation == Operation::GetExperimentRun => Effect::StaleRead(random.usize(1..4)),
            _ => Effect::Truncate,
        }
    }

    fn settings(&mut self) -> Settings {
        let limited = RateLimits {
            get: Some(20),
            update: Some(2),
            ..RateLimits::default()
        };
        match self.random.u32(..3) {
            0 => Settings {
                rate_limits: limited,
                ..Settings::default()
            },
            1 => Settings {
                read_lag_milliseconds: self.random.u64(500..4000),
                ..Settings::default()
            },
            _ => Settings {
                deployment_in_progress: vec!["production".to_owned()],
                ..Settings::default()
            },
        }
    }
}
