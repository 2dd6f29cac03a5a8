//! The decision table: what a pass can find, and what each finding makes of the conditions.
//!
//! | question | where |
//! |---|---|
//! | which situations are there, and what does each speak of? | [`Finding`] |
//! | which reason has it, and what does it make of Ready, Reconciling and Stalled? | [`Finding::reason`], [`Finding::severity`] |
//! | which one wins when several apply? | [`most_severe`]: by severity, then in the order of [`Reason`] |
//! | which Event is entering it worth? | [`Finding::event`] |
//! | what does `TargetReached` say? | [`Target::reached`], else what Ready says |
//! | in which words? | `findings/messages.rs` |
//! | which failed call is which finding? | `findings/failures.rs` |
//!
//! To add a reason, add its name to [`Reason`], in `findings/reason.rs`, at its place in the order, and a variant to [`Finding`]. The compiler leads to
//! the rest, and `decide/tests/findings.rs` compares the whole with `docs/reference.md`.

mod effect;
mod failures;
mod messages;
mod reason;

use jiff::{SignedDuration, Timestamp};

use crate::{
    api::{Exposure, LastError, Member},
    run::RunKey,
};

pub use effect::{Entry, Severity, Target};
pub use failures::FailedCall;
pub use reason::Reason;

use super::{desired::InvalidSpec, service_time::Skew};

/// One row of the decision table that applies, with what it speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The spec can't be used.
    InvalidSpec(InvalidSpec),
    /// An older resource stands for the same run.
    RunAlreadyManaged {
        /// Its name. `None` when it is in another namespace.
        by: Option<String>,
    },
    /// The spec's names mean another run than the one found first.
    RunReplaced {
        /// The run that they mean now.
        now: RunKey,
        /// The run that was found first.
        pinned: RunKey,
    },
    /// `AppConfig` knows no such run.
    RunNotFound(LastError),
    /// The endpoint knows no experiments.
    ExperimentsUnsupported(LastError),
    /// AWS refused the identity or its rights.
    AccessDenied {
        /// The error as the status records it.
        error: LastError,
        /// What to do about it. `None` when AWS's error does not tell.
        advice: Option<&'static str>,
    },
    /// No credentials could be had.
    CredentialsUnavailable(LastError),
    /// The session of the credentials has expired.
    CredentialsExpired(LastError),
    /// AWS does not know the access key ID.
    UnknownAccessKey(LastError),
    /// The secret is not that of the access key ID.
    WrongSecret(LastError),
    /// The run has ended, and matches the spec.
    RunDoneMatching,
    /// A user ended the run after it had matched the spec of this generation.
    RunDoneByUser,
    /// The run has ended and does not match the spec, and who ended it is not known yet.
    RunDoneUnexplained {
        /// Why the run's events could not be read. `None` when they are read next.
        unread: Option<Box<Finding>>,
    },
    /// An alarm or an internal error ended the run before it matched the spec.
    RunStopped {
        /// The trigger of the event that ended it.
        by: String,
    },
    /// The run has ended and does not match the spec.
    RunDoneDiffering,
    /// `spec.suspend` is set.
    Suspended {
        /// The members that would change without it, in the order in which they are sent.
        differing: Vec<Member>,
    },
    /// An override names a treatment that the run does not have.
    UnknownTreatment {
        /// The keys that an override may name. Empty when `AppConfig` does not say which there are.
        keys: Vec<String>,
    },
    /// `AppConfig` refused an update that a fresh read still leads to.
    UpdateRejected {
        /// The member that it changes.
        member: Member,
        /// The refusal as the status records it. `None` when the status has another error, or none.
        error: Option<LastError>,
    },
    /// `AppConfig` accepted an update of this member and did not do it.
    UpdateIneffective(Member),
    /// Somebody else changed this member back for the third time.
    Contested(Member),
    /// The spec asks for less exposure than is live.
    ExposureAboveDesired {
        /// The exposure that is live.
        live: Exposure,
        /// The exposure that the spec asks for.
        desired: Exposure,
    },
    /// The ramp was removed from the spec under way.
    RampRemoved {
        /// The exposure that is live.
        live: Exposure,
        /// The exposure that the spec asks for.
        target: Exposure,
    },
    /// A deployment is under way in the run's environment.
    DeploymentInProgress(LastError),
    /// An update of this member was sent, and its outcome is not known.
    OutcomeUnknown(Member),
    /// AWS limits the rate.
    Throttled(FailedCall),
    /// No connection came about.
    Unreachable(FailedCall),
    /// No answer, or a 5xx.
    ServiceUnavailable(FailedCall),
    /// AWS refused a request for its time: this machine's clock and AWS's differ by more than 5 minutes.
    ClockSkew(FailedCall),
    /// A ramp needs the time, and the `Date` of a good answer does not count.
    RampDateSkewed {
        /// The first such `Date`, and the time that speaks against it.
        skew: Skew,
        /// How many good answers in a row this is of, from 1.
        in_a_row: u32,
    },
    /// The answer is older than what is known.
    StaleRead {
        /// How many reads in a row have failed or were stale, from 1.
        in_a_row: u32,
    },
    /// An answer that can't be used.
    UnusableAnswer(FailedCall),
    /// The run has not been read yet.
    FirstRead,
    /// An update of this member is under way.
    Updating(Member),
    /// The ramp holds the exposure that it has reached.
    RampHolding {
        /// The exposure that is live.
        live: Exposure,
        /// The exposure that follows.
        next: Exposure,
        /// When the hold is over.
        until: Timestamp,
        /// How long it is in all.
        hold: SignedDuration,
    },
    /// The ramp waits for a window.
    RampWaiting {
        /// The exposure that is live.
        live: Exposure,
        /// The exposure that follows.
        next: Exposure,
        /// When a window opens. `None` when none was found to open.
        opens: Option<Timestamp>,
    },
    /// The ramp needs the time, and no answer told it.
    RampWithoutDate,
    /// Live matches the spec.
    InSync {
        /// The live exposure. `None` when exposure is not managed.
        exposure: Option<Exposure>,
    },
    /// Nothing is managed.
    Observing,
    /// What a status told of the last good read, as a process finds it that was not there.
    Recorded {
        /// Ready's reason.
        reason: Reason,
        /// What the conditions say: Stalled or Current.
        severity: Severity,
        /// Ready's message.
        message: String,
    },
}

impl Finding {
    /// The table: the reason of Ready and of the condition beside it, and the severity.
    fn row(&self) -> (Reason, Severity) {
        use Severity::{Current, InProgress, Stalled, Unknown};
        match self {
            Self::InvalidSpec(_) => (Reason::InvalidSpec, Stalled),
            Self::RunAlreadyManaged { .. } => (Reason::RunAlreadyManaged, Stalled),
            Self::RunReplaced { .. } => (Reason::RunReplaced, Stalled),
            Self::RunNotFound(_) => (Reason::RunNotFound, Stalled),
            Self::ExperimentsUnsupported(_) => (Reason::ExperimentsUnsupported, Stalled),
            Self::AccessDenied { .. } => (Reason::AccessDenied, Stalled),
            Self::CredentialsUnavailable(_)
            | Self::CredentialsExpired(_)
            | Self::UnknownAccessKey(_)
            | Self::WrongSecret(_) => (Reason::CredentialsUnavailable, Stalled),
            Self::RunDoneMatching | Self::RunDoneByUser => (Reason::RunDone, Current),
            Self::RunDoneUnexplained { .. } => (Reason::RunDone, Unknown),
            Self::RunDoneDiffering => (Reason::RunDone, Stalled),
            Self::RunStopped { .. } => (Reason::RunStopped, Stalled),
            Self::Suspended { differing } if differing.is_empty() => (Reason::Suspended, Current),
            Self::Suspended { .. } => (Reason::Suspended, Stalled),
            Self::UnknownTreatment { .. } => (Reason::UnknownTreatment, Stalled),
            Self::UpdateRejected { .. } => (Reason::UpdateRejected, Stalled),
            Self::UpdateIneffective(_) => (Reason::UpdateIneffective, Stalled),
            Self::Contested(_) => (Reason::Contested, Stalled),
            Self::ExposureAboveDesired { .. } => (Reason::ExposureAboveDesired, Stalled),
            Self::RampRemoved { .. } => (Reason::RampRemoved, Stalled),
            Self::DeploymentInProgress(_) => (Reason::DeploymentInProgress, InProgress),
            Self::OutcomeUnknown(_) => (Reason::OutcomeUnknown, Unknown),
            Self::Throttled(call) => (Reason::Throttled, Severity::of_trouble(call.in_a_row)),
            Self::Unreachable(call) | Self::ServiceUnavailable(call) => {
                (Reason::ServiceUnavailable, Severity::of_trouble(call.in_a_row))
            }
            Self::ClockSkew(call) => (Reason::ClockSkew, Severity::of_trouble(call.in_a_row)),
            Self::RampDateSkewed { in_a_row, .. } => (Reason::ClockSkew, Severity::of_trouble(*in_a_row)),
            Self::StaleRead { in_a_row } => (Reason::StaleRead, Severity::of_trouble(*in_a_row)),
            Self::UnusableAnswer(call) => (Reason::UnusableAnswer, Severity::of_trouble(call.in_a_row)),
            Self::FirstRead => (Reason::Progressing, Unknown),
            Self::Updating(_) => (Reason::Progressing, InProgress),
            Self::RampHolding { .. } => (Reason::RampHolding, Current),
            Self::RampWaiting { .. } | Self::RampWithoutDate => (Reason::RampWaiting, Current),
            Self::InSync { .. } => (Reason::InSync, Current),
            Self::Observing => (Reason::Observing, Current),
            Self::Recorded { reason, severity, .. } => (*reason, *severity),
        }
    }

    /// The Event that entering it is worth: each Stalled reason has one, and few others.
    #[must_use]
    pub fn event(&self) -> Entry {
        use Severity::{Current, Retrying, Stalled, Unknown};
        match self.row() {
            // Somebody asked for these, or they end well.
            (Reason::Suspended, Stalled | Current) | (Reason::RunDone, Current) => Entry::Normal,
            (_, Stalled) | (Reason::DeploymentInProgress, _) => Entry::Warning,
            (
                Reason::Throttled
                | Reason::ServiceUnavailable
                | Reason::ClockSkew
                | Reason::StaleRead
                | Reason::UnusableAnswer,
                Retrying | Unknown,
            ) => Entry::WarningWhenUnknown,
            _ => Entry::Silent,
        }
    }

    /// The reason of Ready and of the condition beside it.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.row().0
    }

    /// What it makes of Ready, Reconciling and Stalled.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.row().1
    }
}

/// The finding that the conditions tell: the first that is Stalled, else the first that is Reconciling, else the first, in the
/// order of [`Reason`]. `None` when there is none.
#[must_use]
pub fn most_severe<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Option<&'a Finding> {
    findings
        .into_iter()
        .min_by_key(|finding| (finding.severity().rank(), finding.reason()))
}
