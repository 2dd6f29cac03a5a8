//! What a finding leads to: conditions, and an Event.

use super::Reason;

/// Failed or stale reads in a row after which Ready is Unknown, whatever it was.
pub(super) const PATIENCE: u32 = 3;

/// What a finding makes of Ready, Reconciling and Stalled. "–": the condition is absent.
///
/// | severity | Ready | Reconciling | Stalled | in kstatus |
/// |---|---|---|---|---|
/// | `Stalled` | False | – | True | Failed |
/// | `InProgress` | False | True | – | `InProgress` |
/// | `Unknown` | Unknown | True | – | `InProgress` |
/// | `Retrying` | as it was for this generation, else Unknown | True | – | `InProgress` |
/// | `Current` | True | – | – | Current |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// A person has to act.
    Stalled,
    /// The operator works towards what the spec asks for, or waits for something that passes.
    InProgress,
    /// Whether the run is what the spec asks for can't be told.
    Unknown,
    /// A read failed, and what was last known still counts.
    Retrying,
    /// The run is what the spec asks for now.
    Current,
}

impl Severity {
    /// The severity of trouble that passes by itself. `in_a_row` counts the reads in a row that met it.
    pub(super) const fn of_trouble(in_a_row: u32) -> Self {
        if in_a_row >= PATIENCE {
            Self::Unknown
        } else {
            Self::Retrying
        }
    }

    /// Its place in the order: of several findings, one with a lower rank wins.
    pub(super) const fn rank(self) -> u8 {
        match self {
            Self::Stalled => 0,
            Self::InProgress | Self::Unknown | Self::Retrying => 1,
            Self::Current => 2,
        }
    }
}

/// The Event that entering a finding is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// No Event.
    Silent,
    /// An Event of type Normal.
    Normal,
    /// An Event of type Warning.
    Warning,
    /// A Warning when Ready becomes Unknown by it: a moment of trouble is worth none.
    WarningWhenUnknown,
}

/// Whether live exposure is the spec's target, as far as this pass knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// It is.
    Reached,
    /// Exposure isn't managed.
    NotManaged,
    /// It isn't.
    Ahead,
    /// No answer of this pass tells.
    NotSeen,
}

impl Target {
    /// The reason and the message of `TargetReached` when it is True. `None` when it isn't: then it says what Ready says.
    #[must_use]
    pub const fn reached(self) -> Option<(Reason, &'static str)> {
        match self {
            Self::Reached => Some((Reason::InSync, "live exposure is the target")),
            Self::NotManaged => Some((Reason::Observing, "exposure is not managed: no target is set")),
            Self::Ahead | Self::NotSeen => None,
        }
    }
}
