//! [`Observer`]: what is measured, told to whoever counts it.

use std::time::Duration;

use super::RateKind;
use crate::run::Operation;

/// Told of each request and each wait, to count them. It must return at once: it is called between a fence and its
/// update.
pub trait Observer: Send + Sync {
    /// One request has ended, tried once. `code` is `OK` or the name of an [`crate::run::FailureKind`], so that a metric's
    /// label is never free text. `duration` spans sending and reading the answer; for a read, and for an update that found no
    /// connection, connecting too.
    fn request(&self, operation: Operation, code: &'static str, duration: Duration);

    /// A token was granted after `duration`, which may be zero.
    fn rate_wait(&self, kind: RateKind, duration: Duration);
}

/// Nobody is told: for tests and one-shot commands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn request(&self, _: Operation, _: &'static str, _: Duration) {}

    fn rate_wait(&self, _: RateKind, _: Duration) {}
}
