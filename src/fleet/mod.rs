//! Whose turn it is, where many want what there is little of. Pure: no clock, no I/O, no logging; time is given.
//!
//! On the map this is beside the pass. Two things are scarce: the slots in which passes work, which `controller` hands out
//! by the [`Queue`], and the tokens of a region's rate, which `appconfig` hands out by [`FairQueue`]. Both follow one rule, so
//! that neither one namespace, one region nor everybody's failures hold up what is due elsewhere:
//!
//! * Four [classes](Class), weighted: each class that waits gets at least one turn in eight.
//! * Within a class namespaces take turns, and within a namespace its regions; whoever came first goes first.
//! * No region or namespace takes the last quarter of the slots, and retries hold at most half: [`Shares`].

mod demand;
mod fair_queue;
mod queue;
mod ring;
mod shares;

pub use demand::{Crossed, Demand};
pub use fair_queue::{FairQueue, Level, Place, Turn};
pub use queue::{Granted, Queue};
pub use shares::Shares;

use crate::api::Region;

/// What a look at a resource counts as, where many wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Somebody asks for something new, or this process sees the resource for the first time and it isn't settled.
    Change,
    /// The time has come at which a ramp raises.
    Raise,
    /// A regular look at something that is settled.
    Resync,
    /// The last look ended in a failure, or waits for something to be settled.
    Retry,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 4] = [Self::Change, Self::Raise, Self::Resync, Self::Retry];

    /// The class as metrics name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Raise => "raise",
            Self::Resync => "resync",
            Self::Retry => "retry",
        }
    }
}

/// Whose turn a waiter's turn uses up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    /// What it waits as.
    pub class: Class,
    /// The namespace of its resource.
    pub namespace: String,
    /// The region of its run. None: no region is known, so nothing is asked of `AppConfig`.
    pub region: Option<Region>,
}

#[cfg(test)]
mod tests;
