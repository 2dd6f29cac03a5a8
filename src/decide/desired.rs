//! What is asked for: a spec, parsed once, so that no later step has to check it again.

use std::{collections::BTreeSet, time::Duration};

use jiff::SignedDuration;

use crate::{
    api::{DeploymentParameters, ExperimentRunSpec, Exposure, Member, Region, TreatmentOverrides},
    run::LiveRun,
};

use super::{
    ramp::{InvalidRamp, Ramp},
    text::length,
};

/// The shortest resync interval that a spec may ask for.
pub const MINIMUM_RESYNC_INTERVAL: Duration = Duration::from_secs(30);
/// The longest resync interval that a spec may ask for.
pub const MAXIMUM_RESYNC_INTERVAL: Duration = Duration::from_hours(24);

/// What the operator uses where a spec is silent.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// The operator's own region, if it has one.
    pub region: Option<Region>,
    /// The operator's own resync interval.
    pub resync_interval: Duration,
}

/// A spec that can be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// The application's ID or name.
    pub application_identifier: String,
    /// The experiment definition's ID or name.
    pub experiment_definition_identifier: String,
    /// The run's number.
    pub run: i32,
    /// Where the run is.
    pub region: Region,
    /// The description, if it is managed.
    pub description: Option<String>,
    /// The exposure, if it is managed. With a ramp, its target.
    pub exposure: Option<Exposure>,
    /// How exposure may get there.
    pub ramp: Option<Ramp>,
    /// The whole map of overrides, if it is managed.
    pub overrides: Option<TreatmentOverrides>,
    /// What goes along with exposure and overrides.
    pub parameters: DeploymentParameters,
    /// Observe, change nothing.
    pub suspend: bool,
    /// How often to read when nothing changes.
    pub resync_interval: Duration,
}

/// A spec that can't be used, for a cause that admission could not see. Each message says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSpec {
    /// Nobody said where the run is.
    #[error("no region is known: set spec.region, or start the operator with --region")]
    NoRegion,
    /// The region is no region name.
    #[error("{0}: correct spec.region")]
    Region(#[from] crate::api::InvalidRegion),
    /// The run was found elsewhere.
    #[error(
        "spec.region is {asked}, but this resource manages a run in {pinned}: set spec.region to {pinned}, or \
             create another resource for a run in {asked}"
    )]
    RegionChanged {
        /// The region of the spec.
        asked: Region,
        /// The region in which the run was first found.
        pinned: Region,
    },
    /// The interval is no duration, or out of bounds.
    #[error("spec.resyncInterval {0:?} is not a duration from 30s to 24h, such as 90s, 10m or 1h30m")]
    ResyncInterval(String),
    /// The ramp can't be used.
    #[error(transparent)]
    Ramp(#[from] InvalidRamp),
    /// An identifier that no URL can carry.
    #[error("{0} can't be an AppConfig ID or name: use 1 to 2048 characters other than . and ..")]
    Identifier(&'static str),
    /// Runs count from 1.
    #[error("spec.run {0} is not a run's number: the first run is 1")]
    Run(i32),
    /// The stored spec has fields that this operator does not know: the CRD is newer. Only names of fields are in them.
    #[error("this operator does not know {}: upgrade the operator, or remove the {}", listed(.0), if .0.len() == 1 { "field" } else { "fields" })]
    UnknownFields(BTreeSet<String>),
    /// A part of the stored object can't be read. The text names the place and no value: it may be an entity ID (P11).
    #[error("this operator can't read {0}: correct it, or remove it")]
    Unreadable(String),
}

impl Desired {
    /// Parses a spec. `pinned` is the region in which the run was first found.
    ///
    /// # Errors
    /// When it can't be used; the error says what to do.
    pub fn parse(spec: &ExperimentRunSpec, pinned: Option<&Region>, defaults: &Defaults) -> Result<Self, InvalidSpec> {
        let region = region(spec, pinned, defaults)?;
        if spec.run < 1 {
            return Err(InvalidSpec::Run(spec.run));
        }
        Ok(Self {
            application_identifier: identifier("spec.applicationIdentifier", &spec.application_identifier)?,
            experiment_definition_identifier: identifier(
                "spec.experimentDefinitionIdentifier",
                &spec.experiment_definition_identifier,
            )?,
            run: spec.run,
            region,
            description: spec.description.clone(),
            exposure: spec.exposure_percentage,
            ramp: ramp(spec)?,
            overrides: spec.treatment_overrides.clone(),
            parameters: spec.deployment_parameters.clone().unwrap_or_default(),
            suspend: spec.suspend.unwrap_or_default(),
            resync_interval: resync_interval(spec, defaults)?,
        })
    }

    /// The same, but for the exposure: a ramp's target is not always what is asked for now.
    #[must_use]
    pub fn asking(&self, exposure: Exposure) -> Self {
        Self {
            exposure: Some(exposure),
            ..self.clone()
        }
    }

    /// The managed members in which live differs, in the order in which they are sent.
    #[must_use]
    pub fn differences(&self, live: &LiveRun) -> Vec<Member> {
        self.managed().filter(|member| !self.matches(*member, live)).collect()
    }

    /// The members that the spec manages, in the order in which they are sent.
    pub fn managed(&self) -> impl Iterator<Item = Member> {
        let description = self.description.as_ref().map(|_| Member::Description);
        let overrides = self.overrides.as_ref().map(|_| Member::TreatmentOverrides);
        let exposure = self.exposure.map(|_| Member::ExposurePercentage);
        description.into_iter().chain(overrides).chain(exposure)
    }

    /// Whether live is what the spec asks for in this member; an unmanaged one always is.
    #[must_use]
    pub fn matches(&self, member: Member, live: &LiveRun) -> bool {
        match member {
            Member::Description => self.description.as_ref().is_none_or(|asked| *asked == live.description),
            Member::TreatmentOverrides => self.overrides.as_ref().is_none_or(|asked| *asked == live.overrides),
            Member::ExposurePercentage => self.exposure.is_none_or(|asked| asked == live.exposure),
        }
    }
}

/// Where the run of a spec is read.
///
/// # Errors
/// When nobody says where, or two say different things.
pub fn region(spec: &ExperimentRunSpec, pinned: Option<&Region>, defaults: &Defaults) -> Result<Region, InvalidSpec> {
    let asked = spec.region.as_deref().map(str::parse::<Region>).transpose()?;
    match (asked, pinned) {
        (Some(asked), Some(pinned)) if asked != *pinned => Err(InvalidSpec::RegionChanged {
            asked,
            pinned: pinned.clone(),
        }),
        (Some(asked), _) => Ok(asked),
        (None, Some(pinned)) => Ok(pinned.clone()),
        (None, None) => defaults.region.clone().ok_or(InvalidSpec::NoRegion),
    }
}

/// How often a spec has its run read when nothing changes.
///
/// # Errors
/// When what it says is no duration, or out of bounds.
pub fn resync_interval(spec: &ExperimentRunSpec, defaults: &Defaults) -> Result<Duration, InvalidSpec> {
    let own = spec.resync_interval.as_deref();
    own.map_or(Ok(defaults.resync_interval), interval)
}

fn ramp(spec: &ExperimentRunSpec) -> Result<Option<Ramp>, InvalidRamp> {
    match (&spec.ramp, spec.exposure_percentage) {
        (Some(_), None) => Err(InvalidRamp::NoTarget),
        (Some(ramp), Some(_)) => Ramp::parse(ramp).map(Some),
        (None, _) => Ok(None),
    }
}

fn identifier(field: &'static str, value: &str) -> Result<String, InvalidSpec> {
    let usable = (1..=2048).contains(&value.chars().count()) && value != "." && value != "..";
    if usable {
        Ok(value.to_owned())
    } else {
        Err(InvalidSpec::Identifier(field))
    }
}

fn interval(text: &str) -> Result<Duration, InvalidSpec> {
    let bounds = (signed(MINIMUM_RESYNC_INTERVAL), signed(MAXIMUM_RESYNC_INTERVAL));
    let length = length(text, bounds).and_then(|length| Duration::try_from(length).ok());
    length.ok_or_else(|| InvalidSpec::ResyncInterval(text.to_owned()))
}

/// The first few, in order.
fn listed(fields: &BTreeSet<String>) -> String {
    let mut told: Vec<&str> = fields.iter().take(5).map(String::as_str).collect();
    if fields.len() > told.len() {
        told.push("and more");
    }
    told.join(", ")
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
