//! [`Region`]: where a run lives.

use std::{fmt, str::FromStr};

/// An AWS region's name, such as `eu-west-1` or `us-gov-west-1`: lower-case words and a number, with hyphens between them,
/// at most 32 characters. Every region that AWS has is of this shape; its zones, such as `eu-west-1a`, and their IDs, such
/// as `euw1-az1`, are not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(String);

/// The text is no region name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRegion {
    /// It is the name of a zone of this region.
    #[error("{0}{1} is a zone; write {0}")]
    Zone(Region, char),
    /// It is something else.
    #[error("region {0:?} is not an AWS region name such as eu-west-1")]
    Name(String),
}

impl Region {
    /// The name, as AWS writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let (words, number) = text.rsplit_once('-')?;
        let is_word = |word: &str| !word.is_empty() && word.chars().all(|letter| letter.is_ascii_lowercase());
        let is_number = !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit());
        (text.len() <= 32 && is_number && words.split('-').all(is_word)).then(|| Self(text.to_owned()))
    }
}

impl FromStr for Region {
    type Err = InvalidRegion;

    /// # Errors
    /// When the text is not of the shape of a region's name: it ends up in a host name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let zone = || {
            let letter = text.chars().next_back().filter(char::is_ascii_lowercase)?;
            Some(InvalidRegion::Zone(Self::parse(text.strip_suffix(letter)?)?, letter))
        };
        Self::parse(text).ok_or_else(|| zone().unwrap_or_else(|| InvalidRegion::Name(text.to_owned())))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_of_aws_is_one() {
        for name in [
            "us-east-1",
            "us-west-2",
            "ca-central-1",
            "ca-west-1",
            "mx-central-1",
            "sa-east-1",
            "eu-west-3",
            "eu-north-1",
            "eu-central-2",
            "eu-south-2",
            "af-south-1",
            "il-central-1",
            "me-central-1",
            "me-south-1",
            "ap-northeast-3",
            "ap-southeast-7",
            "ap-east-2",
            "cn-north-1",
            "cn-northwest-1",
            "us-gov-east-1",
            "us-gov-west-1",
            "us-iso-east-1",
            "us-isob-east-1",
            "us-isof-south-1",
            "eu-isoe-west-1",
            "eusc-de-east-1",
            "an-unusually-long-region-name-12",
        ] {
            assert_eq!(
                name.parse::<Region>().map(|region| region.to_string()),
                Ok(name.to_owned())
            );
        }
    }

    #[test]
    fn a_zone_is_none_and_is_told_its_region() {
        for (zone, region) in [("us-east-1a", "us-east-1"), ("us-gov-west-1c", "us-gov-west-1")] {
            let invalid = zone.parse::<Region>().err();
            let letter = zone.chars().next_back();
            let expected = region
                .parse()
                .ok()
                .zip(letter)
                .map(|(region, letter)| InvalidRegion::Zone(region, letter));
            assert_eq!(invalid, expected);
            let words = invalid.map(|invalid| invalid.to_string());
            assert_eq!(words, Some(format!("{zone} is a zone; write {region}")));
        }
    }

    #[test]
    fn anything_else_is_none() {
        // Local and wavelength zones, IDs of zones, and what could not be part of a host name.
        for text in [
            "us-west-2-lax-1",
            "us-west-2-lax-1a",
            "us-east-1-wl1-bos-wlz-1",
            "use1-az1",
            "us-east-1ab",
            "",
            "1",
            "-1",
            "eu-",
            "-eu-1",
            "eu--west-1",
            "EU (Ireland)",
            "eu_west_1",
            "eu-west-1.evil",
            "eu-west-1\n",
            "eu-west-١",
            "an-unusually-long-region-name-123",
        ] {
            assert_eq!(text.parse::<Region>(), Err(InvalidRegion::Name(text.to_owned())));
        }
    }
}
