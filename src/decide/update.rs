//! Which update a spec asks for, and what a status records of it. What an update *is* stands in [`crate::run`].

use crate::{
    api::{Member, PendingUpdate},
    run::{Change, LiveRun, Raise, Update},
};

use super::{Now, desired::Desired};

impl Update {
    /// The update that brings one member of the live run to what is asked for. `None` when it matches, or when the way
    /// there leads down.
    #[must_use]
    pub fn towards(desired: &Desired, member: Member, live: &LiveRun) -> Option<Self> {
        if desired.matches(member, live) {
            return None;
        }
        let change = match member {
            Member::Description => Change::Description(desired.description.clone()?),
            Member::TreatmentOverrides => Change::TreatmentOverrides(desired.overrides.clone()?),
            Member::ExposurePercentage => Change::ExposurePercentage(Raise::new(live.exposure, desired.exposure?)?),
        };
        Some(Self::new(change, desired.parameters.clone()))
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
}
