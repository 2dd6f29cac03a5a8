//! What a search is bounded by, and what is broken on purpose to see it find something.

use appconfig_experiment_operator::api::Exposure;

/// A bounded part of everything that can happen.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Its name.
    pub name: &'static str,
    /// The exposures that a spec may ask for. The run starts at zero.
    pub exposures: Vec<Exposure>,
    /// The exposures that the first spec may ask for.
    pub first: Vec<Exposure>,
    /// How many replicas there are. Several hold elections.
    pub replicas: usize,
    /// How many versions the cache of a new process is behind, at most; later, each is up to two behind.
    pub behind: usize,
    /// How long a short wait is, in seconds.
    pub short: u16,
    /// How often each thing may happen.
    pub left: Left,
}

/// How often each thing may yet happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Left {
    /// A user changes the spec.
    pub edits: u8,
    /// A user deletes the resource and creates one of the same name.
    pub namesakes: u8,
    /// The spec's names come to mean another run.
    pub renames: u8,
    /// A process dies; another one starts in its place.
    pub crashes: u8,
    /// An update or its answer is lost.
    pub lost: u8,
    /// A read, or a request to the API server or its answer, is lost.
    pub errors: u8,
    /// `AppConfig` does an update after its sender gave it up.
    pub late: u8,
    /// `AppConfig` answers a read with the version before.
    pub stale: u8,
    /// The Lease is written.
    pub renewals: u8,
    /// A short time passes.
    pub short: u8,
    /// As long passes as it takes for an update to be settled by time.
    pub long: u8,
}

/// A lie of the world around the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lie {
    /// The fence carries no resourceVersion.
    FenceWithoutVersion,
    /// A new process takes no notice of an update that may have been sent.
    PendingForgotten,
    /// An update without an answer counts as one that was not sent.
    UnknownForNotSent,
    /// What is known of the run is forgotten before each pass.
    KnownForgotten,
    /// The process's clock stands still.
    ClockStandsStill,
}

/// How long [`Left::long`] is, in seconds.
pub const LONG: u16 = 60;

/// How late `AppConfig` may do an update, in seconds: less than the settling time, or nothing could ever be settled.
pub const LATEST: u16 = 50;

/// How long a request is waited for, in seconds.
pub const REQUEST: u16 = 5;
