//! What happens to the run of a manifest: passes over a run that is simulated from what is live.

use std::{sync::Arc, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use tokio::runtime::{self, Runtime};

use crate::{
    api::{ExperimentRunStatus, Exposure, Member, Region},
    appconfig::{Client, Unobserved},
    cli,
    decide::{
        self,
        desired::{Defaults, Desired, InvalidSpec, MINIMUM_RESYNC_INTERVAL},
        memory::Memory,
        ramp::{
            remarks::{Remark, remarks},
            schedule::{time_zone, time_zone_data},
        },
        service_time::Dates,
    },
    pass::timeline::{Timeline, timeline, timeline_of_run},
    run::{ExperimentRunEvent, Failure, FailureKind, LiveRun, RunAddress, exposed_at},
};

use super::{Manifest, Problem};

/// What happens, and on what ground that is said.
#[derive(Clone, Debug)]
pub(super) struct Preview {
    pub(super) manifest: Manifest,
    /// The exposure that it begins with.
    pub(super) live: Exposure,
    /// Since when that is live, as far as is known.
    pub(super) since: Option<Timestamp>,
    /// When it begins.
    pub(super) at: Timestamp,
    /// The managed members of which is not known whether they match.
    pub(super) unknown: Vec<Member>,
    pub(super) timeline: Timeline,
    /// The zone of the ramp's first window.
    pub(super) zone: TimeZone,
    /// What is to be said of the ramp's windows.
    pub(super) remarks: Vec<Remark>,
}

impl Preview {
    /// Whether anything is sent, now or later.
    pub(super) fn sends_something(&self) -> bool {
        !self.timeline.sends.is_empty() || !self.timeline.raises.is_empty()
    }

    /// Which edition of the time zones its windows are read in, if it has some.
    pub(super) fn time_zones(&self) -> Option<&'static str> {
        let ramp = self.manifest.spec.ramp.as_ref()?;
        (!ramp.windows.is_empty()).then(time_zone_data)
    }

    /// The exposure that stays for good although the spec asks for another one.
    pub(super) fn stays(&self) -> Option<Exposure> {
        let last = self.timeline.raises.last().map_or(self.live, |raise| raise.to);
        let target = self.manifest.spec.exposure_percentage?;
        (last != target).then_some(last)
    }
}

/// The name of a member in the spec.
pub(super) const fn field(member: Member) -> &'static str {
    match member {
        Member::Description => "description",
        Member::TreatmentOverrides => "treatmentOverrides",
        Member::ExposurePercentage => "exposurePercentage",
    }
}

/// Where the live run comes from.
pub(super) struct Source<'a> {
    settings: &'a cli::Plan,
    now: Timestamp,
    /// None: nothing is read.
    service: Option<(Runtime, Client)>,
}

impl<'a> Source<'a> {
    /// Makes ready what is needed.
    ///
    /// # Errors
    /// A sentence, when that can't be done.
    pub(super) fn new(settings: &'a cli::Plan) -> Result<Self, String> {
        let now = Timestamp::now();
        let service = if settings.from.is_none() {
            let client = Client::new(settings.service.client_settings(cli::PLAN, Arc::new(Unobserved)));
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            Some((
                runtime.map_err(|error| error.to_string())?,
                client.map_err(|error| error.to_string())?,
            ))
        } else {
            None
        };
        Ok(Self {
            settings,
            now: Timestamp::from_second(now.as_second()).unwrap_or(now),
            service,
        })
    }

    /// Previews one manifest.
    ///
    /// # Errors
    /// When it can't be used, or its run can't be read.
    pub(super) fn preview(&self, manifest: &Manifest) -> Result<Preview, Problem> {
        let unusable = |invalid: InvalidSpec| problem(manifest, invalid.to_string());
        let desired = Desired::parse(&manifest.spec, None, &self.defaults()).map_err(unusable)?;
        match (self.settings.from, &self.service) {
            (Some(from), _) => self.offline(manifest, &desired, from).map_err(unusable),
            (None, Some((runtime, client))) => {
                let run = runtime.block_on(read(client, &desired));
                let begins = run.and_then(|run| Ok((self.begins(&desired, run.date)?, run)));
                match begins {
                    Ok((at, run)) => self.online(manifest, &desired, &run, at).map_err(unusable),
                    Err(what) => Err(problem(manifest, what)),
                }
            }
            (None, None) => Err(problem(
                manifest,
                "the live exposure is not known: use --from".to_owned(),
            )),
        }
    }

    fn defaults(&self) -> Defaults {
        // Without a run to read, the region is the operator's business.
        let any = self.settings.from.and_then(|_| "us-east-1".parse::<Region>().ok());
        Defaults {
            region: self.settings.service.region.clone().or(any),
            resync_interval: MINIMUM_RESYNC_INTERVAL,
        }
    }

    fn offline(&self, manifest: &Manifest, desired: &Desired, live: Exposure) -> Result<Preview, InvalidSpec> {
        let at = self.settings.at.unwrap_or(self.now);
        let since = self.settings.since.unwrap_or(at);
        let not_exposure = |member: &Member| *member != Member::ExposurePercentage;
        let timeline = timeline(&manifest.spec, &self.defaults(), live, since, at)?;
        Ok(Preview {
            live,
            since: Some(since),
            at,
            unknown: desired.managed().filter(not_exposure).collect(),
            remarks: remarks_of(desired, at, &timeline),
            timeline,
            zone: zone(manifest),
            manifest: manifest.clone(),
        })
    }

    /// When a run that was read begins. With a `Date` that the operator would not go by, a ramp does not go on.
    fn begins(&self, desired: &Desired, date: Option<Timestamp>) -> Result<Timestamp, String> {
        let (Some(date), None) = (date, self.settings.at) else {
            return Ok(self.settings.at.unwrap_or(self.now));
        };
        match Dates::default().accept(date, Timestamp::now(), Duration::ZERO) {
            Ok(()) => Ok(date),
            Err(_) if desired.ramp.is_none() => Ok(self.now),
            Err(skew) => Err(format!("{skew}; to plan for another time, use --at")),
        }
    }

    fn online(
        &self,
        manifest: &Manifest,
        desired: &Desired,
        run: &Read,
        at: Timestamp,
    ) -> Result<Preview, InvalidSpec> {
        let timeline = timeline_of_run(&manifest.spec, &self.defaults(), &run.live, &run.events, at)?;
        Ok(Preview {
            live: run.live.exposure,
            since: run.live.exposed_at,
            at,
            unknown: Vec::new(),
            remarks: remarks_of(desired, at, &timeline),
            timeline,
            zone: zone(manifest),
            manifest: manifest.clone(),
        })
    }
}

fn zone(manifest: &Manifest) -> TimeZone {
    let window = manifest.spec.ramp.iter().flat_map(|ramp| &ramp.windows).next();
    let zone = window.and_then(|window| time_zone(&window.time_zone).ok());
    zone.unwrap_or(TimeZone::UTC)
}

/// What is to be said of the windows until the last raise.
fn remarks_of(desired: &Desired, at: Timestamp, timeline: &Timeline) -> Vec<Remark> {
    let until = timeline.raises.last().map_or(at, |raise| raise.at);
    let ramp = desired.ramp.iter();
    ramp.flat_map(|ramp| remarks(ramp.windows(), at, until)).collect()
}

fn problem(manifest: &Manifest, what: String) -> Problem {
    Problem {
        file: manifest.file.clone(),
        document: Some(manifest.document),
        field: None,
        what,
    }
}

/// A run as `AppConfig` has it.
struct Read {
    live: LiveRun,
    /// Empty when nothing is asked of them.
    events: Vec<ExperimentRunEvent>,
    /// `AppConfig`'s own time.
    date: Option<Timestamp>,
}

/// Reads a run, and its events where `decide` asks for them.
async fn read(client: &Client, desired: &Desired) -> Result<Read, String> {
    let address = RunAddress::parse(
        &desired.application_identifier,
        &desired.experiment_definition_identifier,
        desired.run,
    )
    .map_err(|invalid| invalid.to_string())?;
    let answer = client
        .get_experiment_run(&desired.region, &address)
        .await
        .map_err(|error| describe(&error))?;
    let mut live = answer.value;
    let (status, memory) = (ExperimentRunStatus::default(), Memory::default());
    let since_when = decide::asks_since_when(desired, &live, &status, &memory);
    let mut events = Vec::new();
    if since_when || decide::asks_who_ended_it(&live, &status) {
        let answer = client.list_experiment_run_events(&desired.region, &address).await;
        events = answer.map_err(|error| describe(&error))?.value;
    }
    if since_when {
        live.exposed_at = exposed_at(&events, live.exposure);
    }
    Ok(Read {
        live,
        events,
        date: answer.date,
    })
}

/// A failure in words, with what to do about it where something is known.
fn describe(failure: &Failure) -> String {
    let advice = match failure.kind {
        FailureKind::CredentialsUnavailable => Some("to plan without AWS, use --from"),
        _ => failure.advice,
    };
    advice.map_or_else(|| failure.to_string(), |advice| format!("{failure}; {advice}"))
}
