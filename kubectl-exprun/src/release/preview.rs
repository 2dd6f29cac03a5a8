//! What would be sent if the brake were released now: what `plan --from` says, from what the operator read last.

use std::fmt::Write as _;

use appconfig_experiment_operator::{
    api::{ExperimentRunSpec, Region, WaitingFor},
    decide::desired::{Defaults, MINIMUM_RESYNC_INTERVAL},
    pass::timeline::{Raised, Timeline, timeline},
};

use crate::{run::Run, terminal::harmless, times::Clock};

/// How many raises are shown.
const RAISES: usize = 3;

/// What would happen.
#[derive(Clone, Debug)]
pub(super) struct Preview {
    /// The raise that leaves at once.
    pub(super) now: Option<Raised>,
    /// The raises after that.
    pub(super) later: Vec<Raised>,
    /// Why nothing is raised, where nothing is.
    pub(super) message: String,
    /// The other members that may be sent: these are in the spec, and live is not known to match.
    pub(super) members: Vec<&'static str>,
}

impl Preview {
    /// Previews a resource without its brake.
    ///
    /// # Errors
    /// When that can't be said; a sentence.
    pub(super) fn of(run: &Run, clock: &Clock) -> Result<Self, String> {
        let spec = ExperimentRunSpec {
            suspend: None,
            ..run.resource.spec.clone()
        };
        let members = members(run);
        let Some(live) = run.status.exposure_percentage else {
            return Err("no operator has read the run yet, so what is live is not known".to_owned());
        };
        let nothing = |message: String| Self {
            now: None,
            later: Vec::new(),
            message,
            members: members.clone(),
        };
        let ramp = run.status.ramp.as_ref();
        if let Some(target) = run
            .target()
            .filter(|target| spec.ramp.is_none() && ramp.is_some() && *target > live)
        {
            return Ok(nothing(format!(
                "spec.ramp was removed on the way to {target} %: exposure is not raised"
            )));
        }
        let since = ramp.map(|ramp| &ramp.reached);
        let since = since
            .filter(|reached| reached.exposure_percentage == live)
            .map_or(clock.now, |reached| reached.at.0);
        let region = spec.region.as_ref().or(run.status.region.as_ref());
        let defaults = Defaults {
            // Which region it is changes nothing here.
            region: region
                .and_then(|region| region.parse::<Region>().ok())
                .or_else(|| "us-east-1".parse().ok()),
            resync_interval: MINIMUM_RESYNC_INTERVAL,
        };
        let Timeline { raises, message, .. } =
            timeline(&spec, &defaults, live, since, clock.now).map_err(|invalid| invalid.to_string())?;
        let (now, later) = raises.into_iter().partition::<Vec<_>, _>(|raise| raise.at <= clock.now);
        // A ramp rises one step at a time; what has no ramp rises once.
        Ok(Self {
            now: now.first().copied(),
            later,
            message,
            members,
        })
    }

    /// In words.
    pub(super) fn lines(&self, run: &Run, clock: &Clock) -> String {
        let mut text = String::new();
        let exposure = self
            .now
            .map(|raise| format!("exposure from {} % to {} %", raise.from, raise.to));
        let now: Vec<String> = self
            .members
            .iter()
            .map(|&member| member.to_owned())
            .chain(exposure)
            .collect();
        let now = if now.is_empty() {
            "nothing".to_owned()
        } else {
            now.join(", ")
        };
        let _ = writeln!(text, "  would be sent now: {now}");
        for raise in self.later.iter().take(RAISES) {
            let why = raise.waits_for.map_or("then", WaitingFor::opens_when);
            let _ = writeln!(text, "  then: {} % at {}, when {why}", raise.to, clock.at(raise.at));
        }
        if self.later.len() > RAISES {
            let _ = writeln!(text, "  and {} more raises", self.later.len() - RAISES);
        }
        if self.now.is_none() && self.later.is_empty() {
            let _ = writeln!(text, "  exposure: {}", self.message);
        }
        if let Some(ready) = run.ready().filter(|ready| ready.reason == "Suspended" && run.is_seen()) {
            let _ = writeln!(text, "  the operator says: {}", harmless(&ready.message));
        }
        text
    }
}

/// The members beside exposure that may be sent. What overrides are live is not in the status, only how many.
fn members(run: &Run) -> Vec<&'static str> {
    let spec = &run.resource.spec;
    let description = spec.description.is_some() && spec.description != run.status.description;
    let says_not = run
        .ready()
        .is_some_and(|ready| ready.reason == "Suspended" && run.is_seen() && !ready.message.contains("overrides"));
    let overrides = spec.treatment_overrides.is_some() && !says_not;
    let named = [
        (description, "the description"),
        (overrides, "the overrides, unless they match"),
    ];
    named.into_iter().filter_map(|(is, name)| is.then_some(name)).collect()
}
