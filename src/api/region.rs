//! [`Region`]: where a run lives.

use std::{fmt, str::FromStr};

/// An AWS region's name, such as `eu-west-1`: lower-case letters, digits and hyphens, at most 32 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(String);

/// The text is no region name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("region {0:?} is not an AWS region name such as eu-west-1")]
pub struct InvalidRegion(String);

impl Region {
    /// The name, as AWS writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = InvalidRegion;

    /// # Errors
    /// When the text could not be part of a host name, where a region ends up.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let legal = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
        let bounded = (1..=32).contains(&text.len()) && !text.starts_with('-') && !text.ends_with('-');
        if bounded && text.chars().all(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidRegion(text.to_owned()))
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
