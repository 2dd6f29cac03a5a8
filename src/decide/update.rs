//! What can be sent: one changed member, and for exposure only upward.

use std::fmt;

use crate::api::{DeploymentParameters, Exposure, Member, PendingUpdate, TreatmentOverrides};

use super::{Now, desired::Desired, live::Live};

/// One `UpdateExperimentRun`: one changed member, and what goes along with it.
#[derive(Clone, PartialEq)]
pub struct Update {
    change: Change,
    parameters: DeploymentParameters,
}

/// The member that an update changes, and what to.
#[derive(Clone, PartialEq)]
pub enum Change {
    /// The description.
    Description(String),
    /// The whole map of overrides.
    TreatmentOverrides(TreatmentOverrides),
    /// The exposure.
    ExposurePercentage(Raise),
}

/// An exposure above the live one. There is no way to make a lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raise {
    from: Exposure,
    to: Exposure,
}

impl Raise {
    /// The way up from one exposure to another; nothing when it isn't up.
    #[must_use]
    pub fn new(from: Exposure, to: Exposure) -> Option<Self> {
        (to > from).then_some(Self { from, to })
    }

    /// The live exposure that it starts from.
    #[must_use]
    pub const fn from(self) -> Exposure {
        self.from
    }

    /// The exposure that it asks for.
    #[must_use]
    pub const fn to(self) -> Exposure {
        self.to
    }
}

impl Update {
    /// The update that brings one member of the live run to what is asked for; nothing when it matches, or when the way
    /// there leads down.
    #[must_use]
    pub fn towards(desired: &Desired, member: Member, live: &Live) -> Option<Self> {
        if desired.matches(member, live) {
            return None;
        }
        let change = match member {
            Member::Description => Change::Description(desired.description.clone()?),
            Member::TreatmentOverrides => Change::TreatmentOverrides(desired.overrides.clone()?),
            Member::ExposurePercentage => Change::ExposurePercentage(Raise::new(live.exposure, desired.exposure?)?),
        };
        // Only exposure and overrides cause a deployment, so only they take its parameters (seen).
        let parameters = if member == Member::Description {
            DeploymentParameters::default()
        } else {
            desired.parameters.clone()
        };
        Some(Self { change, parameters })
    }

    /// What it changes.
    #[must_use]
    pub const fn change(&self) -> &Change {
        &self.change
    }

    /// What goes along with it.
    #[must_use]
    pub const fn parameters(&self) -> &DeploymentParameters {
        &self.parameters
    }

    /// The member that it changes.
    #[must_use]
    pub const fn member(&self) -> Member {
        match self.change {
            Change::Description(_) => Member::Description,
            Change::TreatmentOverrides(_) => Member::TreatmentOverrides,
            Change::ExposurePercentage(_) => Member::ExposurePercentage,
        }
    }

    /// What a status records of it.
    #[must_use]
    pub fn pending(&self, id: &str, generation: i64, now: &Now) -> PendingUpdate {
        PendingUpdate {
            id: id.to_owned(),
            generation,
            member: self.member(),
            exposure_percentage: self.exposure(),
            recorded_at: now.wall(),
        }
    }

    /// Whether an answer shows what it asked for. Exposure may have risen further meanwhile.
    #[must_use]
    pub fn shown_by(&self, live: &Live) -> bool {
        match &self.change {
            Change::Description(asked) => *asked == live.description,
            Change::TreatmentOverrides(asked) => *asked == live.overrides,
            Change::ExposurePercentage(raise) => live.exposure >= raise.to,
        }
    }

    /// The exposure that it asks for, when that is its member.
    #[must_use]
    pub const fn exposure(&self) -> Option<Exposure> {
        match self.change {
            Change::ExposurePercentage(raise) => Some(raise.to),
            Change::Description(_) | Change::TreatmentOverrides(_) => None,
        }
    }
}

impl fmt::Debug for Update {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.change {
            Change::Description(text) => {
                write!(formatter, "Update(description of {} characters)", text.chars().count())
            }
            Change::TreatmentOverrides(overrides) => write!(formatter, "Update({overrides:?})"),
            Change::ExposurePercentage(raise) => write!(formatter, "Update(exposure {} -> {})", raise.from, raise.to),
        }
    }
}
