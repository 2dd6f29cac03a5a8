//! A broken promise, told as one sentence and a short timeline. No entity ID and no value of an override is in it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The promises that histories can tell of. P11, discretion, is about texts, and tests of its own look for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Promise {
    /// Authorised.
    P1,
    /// Upward only.
    P2,
    /// Minimal.
    P3,
    /// At most once.
    P4,
    /// Identity.
    P5,
    /// No evidence, no action.
    P6,
    /// Scope.
    P7,
    /// One owner.
    P8,
    /// Truthful.
    P9,
    /// Quiet.
    P10,
    /// Converges.
    P12,
}

impl Promise {
    /// Its name in the design.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::P1 => "authorised",
            Self::P2 => "upward only",
            Self::P3 => "minimal",
            Self::P4 => "at most once",
            Self::P5 => "identity",
            Self::P6 => "no evidence, no action",
            Self::P7 => "scope",
            Self::P8 => "one owner",
            Self::P9 => "truthful",
            Self::P10 => "quiet",
            Self::P12 => "converges",
        }
    }
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// Which one.
    pub promise: Promise,
    /// The namespace of the resource; empty when no resource is concerned.
    pub namespace: String,
    /// Its name, likewise.
    pub name: String,
    /// What happened, in one sentence.
    pub what: String,
    /// What was recorded, asked, sent and answered around it, in order.
    pub timeline: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (promise, title) = (self.promise, self.promise.title());
        write!(formatter, "{promise:?} ({title}) ")?;
        if !self.name.is_empty() {
            write!(formatter, "{}/{}: ", self.namespace, self.name)?;
        }
        formatter.write_str(&self.what)?;
        for line in &self.timeline {
            write!(formatter, "\n    {line}")?;
        }
        Ok(())
    }
}
