//! The names of conditions, as `docs/reference.md` lists them. Their reasons are the decision table's: `decide/findings.rs`.

/// The types of condition in `status.conditions`, as kstatus reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConditionType {
    /// Live is what the spec asks for now.
    Ready,
    /// Live exposure is the spec's target.
    TargetReached,
    /// The operator is working towards it, or waiting for something that passes. Present only while true.
    Reconciling,
    /// Nothing will move until a person acts. Present only while true.
    Stalled,
}

impl ConditionType {
    /// The name as it stands in the condition.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::TargetReached => "TargetReached",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
        }
    }
}

/// The reason of `Ready` in the default of `status`: no operator has looked at the resource yet.
pub const PENDING: &str = "Pending";
