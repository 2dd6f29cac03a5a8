//! [`RunAddress`]: which run a request is about.

use std::fmt;

/// One identifier of a request's path: an ID or a name of 1 to 2048 characters (the service model's bounds).
///
/// It is never `.` or `..`: a URL parser drops such path segments even when they are percent-encoded, so the request
/// would go to another path than the one signed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Segment(String);

/// The number of a run: 1 or more (the service model's bound).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunNumber(i32);

/// Where a run is: names or IDs for a read, the IDs that a read answered for an update.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunAddress {
    /// The application's ID or name.
    pub application: Segment,
    /// The experiment definition's ID or name.
    pub experiment_definition: Segment,
    /// The run's number.
    pub run: RunNumber,
}

/// No request can be made for such an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// An identifier has no character, or more than 2048.
    #[error("{0} has {1} characters, and an identifier has 1 to 2048")]
    Length(&'static str, usize),
    /// An identifier is `.` or `..`.
    #[error("{0} is \".\" or \"..\", which cannot be sent in a URL: use the ID instead of the name")]
    Dots(&'static str),
    /// The run's number is less than 1.
    #[error("run {0} is not a run's number: runs are numbered from 1")]
    Run(i32),
}

impl Segment {
    const MAX_CHARACTERS: usize = 2048;

    fn parse(field: &'static str, text: &str) -> Result<Self, InvalidAddress> {
        let characters = text.chars().count();
        if !(1..=Self::MAX_CHARACTERS).contains(&characters) {
            return Err(InvalidAddress::Length(field, characters));
        }
        if matches!(text, "." | "..") {
            return Err(InvalidAddress::Dots(field));
        }
        Ok(Self(text.to_owned()))
    }

    /// The identifier as it was written, without any encoding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl RunNumber {
    /// The number, 1 or more.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }
}

impl fmt::Display for RunNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl RunAddress {
    /// Parses an address from the fields of a spec or of an answer.
    ///
    /// # Errors
    /// When an identifier is empty, longer than 2048 characters, `.` or `..`, or the run's number is less than 1.
    pub fn parse(application: &str, experiment_definition: &str, run: i32) -> Result<Self, InvalidAddress> {
        if run < 1 {
            return Err(InvalidAddress::Run(run));
        }
        Ok(Self {
            application: Segment::parse("applicationIdentifier", application)?,
            experiment_definition: Segment::parse("experimentDefinitionIdentifier", experiment_definition)?,
            run: RunNumber(run),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_a_url_would_drop_or_appconfig_would_refuse_is_no_address() {
        assert_eq!(
            RunAddress::parse(".", "d", 1),
            Err(InvalidAddress::Dots("applicationIdentifier"))
        );
        assert_eq!(
            RunAddress::parse("a", "..", 1),
            Err(InvalidAddress::Dots("experimentDefinitionIdentifier"))
        );
        assert_eq!(
            RunAddress::parse("", "d", 1),
            Err(InvalidAddress::Length("applicationIdentifier", 0))
        );
        assert_eq!(RunAddress::parse("a", "d", 0), Err(InvalidAddress::Run(0)));
        let long = "ü".repeat(2049);
        assert_eq!(
            RunAddress::parse("a", &long, 1),
            Err(InvalidAddress::Length("experimentDefinitionIdentifier", 2049))
        );
    }

    #[test]
    fn names_of_every_legal_kind_are_addresses() {
        let long = "\u{1F600}".repeat(2048);
        for name in ["a", "...", ".a", "my app/π", "100 %", "a/../b", long.as_str()] {
            assert_eq!(
                RunAddress::parse(name, "d", i32::MAX).unwrap().application.as_str(),
                name
            );
        }
    }
}
