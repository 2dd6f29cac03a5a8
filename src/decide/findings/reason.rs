//! [`Reason`]: the reasons of conditions, in the order in which they win.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Why a condition is what it is. The order is that of the decision table: of several findings that are as severe,
        /// the one with the earlier reason wins.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// Every reason, in the order of the decision table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// The names of [`Reason::ALL`].
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name),)*];

            /// The reason as it stands in the condition.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

reasons! {
    /// The spec can't be used, for a cause that admission could not see.
    InvalidSpec,
    /// An older resource stands for the same run.
    RunAlreadyManaged,
    /// The names of the spec now resolve to another run than the one seen first.
    RunReplaced,
    /// `AppConfig` knows no such run.
    RunNotFound,
    /// The endpoint does not know experiments at all.
    ExperimentsUnsupported,
    /// AWS refused the operator's identity or its rights.
    AccessDenied,
    /// The operator has no usable AWS credentials.
    CredentialsUnavailable,
    /// The run has ended.
    RunDone,
    /// The run was ended by an alarm or an internal error.
    RunStopped,
    /// `spec.suspend` is set.
    Suspended,
    /// An override names a treatment that the run does not have.
    UnknownTreatment,
    /// `AppConfig` refused an update that a fresh read still leads to.
    UpdateRejected,
    /// `AppConfig` accepted an update and did not do it.
    UpdateIneffective,
    /// Somebody else keeps changing a member back.
    Contested,
    /// The spec asks for less exposure than is live, which can't be had.
    ExposureAboveDesired,
    /// The ramp was removed from the spec before it reached the target.
    RampRemoved,
    /// A deployment is under way in the run's environment.
    DeploymentInProgress,
    /// An update was sent and its outcome is not known yet.
    OutcomeUnknown,
    /// AWS limits the rate of requests.
    Throttled,
    /// AWS did not answer, or answered that it can't now.
    ServiceUnavailable,
    /// The clocks of this machine and of AWS differ by more than 5 minutes, or a ramp needs the time and the `Date` of a good
    /// answer does not count.
    ClockSkew,
    /// The answer is older than what is already known.
    StaleRead,
    /// The answer can't be understood.
    UnusableAnswer,
    /// A first read or an update is under way.
    Progressing,
    /// The ramp holds the exposure that it has reached.
    RampHolding,
    /// The ramp waits for a window.
    RampWaiting,
    /// Live matches what is asked for.
    InSync,
    /// Nothing is managed: the run is only observed.
    Observing,
    /// No operator has looked at the resource yet: the default of `status`. No finding has it.
    Pending,
}

impl Reason {
    /// The reason of this name. `None` when there is no such reason.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == name)
    }

    /// Whether it is what a good read of the run leads to, so that it still holds after a restart. The others tell of a spec
    /// that no call was made for, of a call that failed, or of what passes.
    pub(in crate::decide) const fn is_of_a_good_read(self) -> bool {
        match self {
            Self::RunAlreadyManaged
            | Self::RunReplaced
            | Self::RunDone
            | Self::RunStopped
            | Self::Suspended
            | Self::UnknownTreatment
            | Self::UpdateRejected
            | Self::UpdateIneffective
            | Self::Contested
            | Self::ExposureAboveDesired
            | Self::RampRemoved
            | Self::RampHolding
            | Self::RampWaiting
            | Self::InSync
            | Self::Observing => true,
            Self::InvalidSpec
            | Self::RunNotFound
            | Self::ExperimentsUnsupported
            | Self::AccessDenied
            | Self::CredentialsUnavailable
            | Self::DeploymentInProgress
            | Self::OutcomeUnknown
            | Self::Throttled
            | Self::ServiceUnavailable
            | Self::ClockSkew
            | Self::StaleRead
            | Self::UnusableAnswer
            | Self::Progressing
            | Self::Pending => false,
        }
    }

    /// Whether only a resource that has a ramp, or had one, has it.
    pub(in crate::decide) const fn is_of_a_ramp(self) -> bool {
        matches!(self, Self::RampHolding | Self::RampWaiting | Self::RampRemoved)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
