//! [`Update`]: what can be sent, one changed member at a time, and for exposure only upward.

use std::fmt;

use super::LiveRun;
use crate::api::{DeploymentParameters, Exposure, Member, TreatmentOverrides};

/// One `UpdateExperimentRun`: one changed member, since `AppConfig` refuses a request with two deployment attributes, and
/// what goes along with it. The client writes the request's body from it.
///
/// `Debug` shows which member it changes, and of overrides and parameters only how many there are.
#[derive(Clone, PartialEq)]
pub struct Update {
    change: Change,
    parameters: DeploymentParameters,
}

/// The member that an update changes, and what to.
#[derive(Clone, PartialEq)]
pub enum Change {
    /// The description, 0 to 1024 characters. The empty one clears it.
    Description(String),
    /// The whole map of overrides, 0 to 32 entities. The empty one clears it.
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
    /// The way up from one exposure to another. `None` when it isn't up.
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
    /// An update of one member. `parameters` are those of the deployment that it causes; a description causes none (seen),
    /// so they are left out there.
    #[must_use]
    pub fn new(change: Change, parameters: DeploymentParameters) -> Self {
        let parameters = match change {
            Change::Description(_) => DeploymentParameters::default(),
            Change::TreatmentOverrides(_) | Change::ExposurePercentage(_) => parameters,
        };
        Self { change, parameters }
    }

    /// What it changes.
    #[must_use]
    pub const fn change(&self) -> &Change {
        &self.change
    }

    /// What goes along with it. Empty with a description.
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

    /// The exposure that it asks for. `None` when it changes another member.
    #[must_use]
    pub const fn exposure(&self) -> Option<Exposure> {
        match self.change {
            Change::ExposurePercentage(raise) => Some(raise.to),
            Change::Description(_) | Change::TreatmentOverrides(_) => None,
        }
    }

    /// Whether an answer shows what it asked for. Exposure may have risen further meanwhile.
    #[must_use]
    pub fn shown_by(&self, live: &LiveRun) -> bool {
        match &self.change {
            Change::Description(asked) => *asked == live.description,
            Change::TreatmentOverrides(asked) => *asked == live.overrides,
            Change::ExposurePercentage(raise) => live.exposure >= raise.to,
        }
    }

    /// Whether it carries entity IDs or values of parameters, which the text of an error may echo.
    #[must_use]
    pub fn carries_sensitive_values(&self) -> bool {
        let DeploymentParameters {
            dynamic_extension_parameters,
            tags,
        } = &self.parameters;
        let overrides = matches!(self.change, Change::TreatmentOverrides(_));
        overrides || !dynamic_extension_parameters.is_empty() || !tags.is_empty()
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn exposure(percentage: f32) -> Exposure {
        Exposure::new(percentage).unwrap()
    }

    fn raise(from: f32, to: f32) -> Option<Change> {
        Raise::new(exposure(from), exposure(to)).map(Change::ExposurePercentage)
    }

    fn overrides() -> Change {
        Change::TreatmentOverrides(TreatmentOverrides {
            inline: [("canary".to_owned(), "t1".to_owned())].into(),
        })
    }

    fn tags() -> DeploymentParameters {
        DeploymentParameters {
            tags: [("team".to_owned(), "canary".to_owned())].into(),
            ..DeploymentParameters::default()
        }
    }

    fn extension() -> DeploymentParameters {
        DeploymentParameters {
            dynamic_extension_parameters: [("ext#stage".to_owned(), "canary".to_owned())].into(),
            ..DeploymentParameters::default()
        }
    }

    #[test]
    fn p2_there_is_no_raise_that_does_not_lead_up() {
        assert!(raise(10.0, 10.0).is_none() && raise(10.0, 9.9).is_none());
        let up = Raise::new(exposure(10.0), exposure(25.0)).unwrap();
        assert_eq!((up.from(), up.to()), (exposure(10.0), exposure(25.0)));
    }

    #[test]
    fn p3_an_update_has_one_member_and_a_description_takes_no_parameters() {
        let description = Update::new(Change::Description("new".to_owned()), tags());
        assert_eq!(description.member(), Member::Description);
        assert_eq!(description.parameters(), &DeploymentParameters::default());
        assert_eq!(description.exposure(), None);
        let overrides = Update::new(overrides(), tags());
        assert_eq!(
            (overrides.member(), overrides.exposure()),
            (Member::TreatmentOverrides, None)
        );
        assert_eq!(overrides.parameters(), &tags());
        let raise = Update::new(raise(0.0, 25.0).unwrap(), extension());
        assert_eq!(raise.member(), Member::ExposurePercentage);
        assert_eq!(raise.exposure(), Some(exposure(25.0)));
        assert_eq!(raise.parameters(), &extension());
    }

    #[test]
    fn p11_debug_shows_no_entity_and_no_value_and_what_carries_some_says_so() {
        let none = DeploymentParameters::default;
        for (update, sensitive, shown) in [
            (
                Update::new(Change::Description("canary".to_owned()), tags()),
                false,
                "Update(description of 6 characters)",
            ),
            (
                Update::new(overrides(), none()),
                true,
                "Update(TreatmentOverrides(1 entities))",
            ),
            (
                Update::new(Change::TreatmentOverrides(TreatmentOverrides::default()), none()),
                true,
                "Update(TreatmentOverrides(0 entities))",
            ),
            (
                Update::new(raise(10.0, 25.0).unwrap(), none()),
                false,
                "Update(exposure 10 -> 25)",
            ),
            (
                Update::new(raise(10.0, 25.0).unwrap(), tags()),
                true,
                "Update(exposure 10 -> 25)",
            ),
            (
                Update::new(raise(10.0, 25.0).unwrap(), extension()),
                true,
                "Update(exposure 10 -> 25)",
            ),
        ] {
            assert_eq!(format!("{update:?}"), shown);
            assert_eq!(update.carries_sensitive_values(), sensitive, "{shown}");
        }
    }
}
