//! [`Exposure`]: the one number this project is about.

use std::{fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The percentage of the audience that a run exposes: a 32-bit float from 0 to 100, as in the `AppConfig` API.
///
/// Two exposures are equal when they are the same 32-bit float, however many decimals they were written with
/// (`33.3` and `33.29999923706055` are one value).
#[derive(Clone, Copy, Debug)]
pub struct Exposure(f32);

/// The number is not a percentage.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("exposurePercentage {0} is not between 0 and 100")]
pub struct ExposureOutOfRange(String);

impl Exposure {
    /// Nobody but overridden entities.
    pub const ZERO: Self = Self(0.0);
    /// Everybody in the audience.
    pub const FULL: Self = Self(100.0);

    /// Parses a percentage.
    ///
    /// # Errors
    /// When the number is not finite or lies outside 0 to 100.
    pub fn new(percentage: f32) -> Result<Self, ExposureOutOfRange> {
        if (0.0..=100.0).contains(&percentage) {
            // Adding zero turns -0.0 into 0.0, so that equal numbers have equal bits.
            Ok(Self(percentage + 0.0))
        } else {
            Err(ExposureOutOfRange(percentage.to_string()))
        }
    }

    /// The percentage, 0 to 100.
    #[must_use]
    pub const fn percentage(self) -> f32 {
        self.0
    }

    /// The 64-bit float whose shortest decimal is that of the 32-bit one, which is what JSON should show.
    #[must_use]
    pub fn shortest(self) -> f64 {
        f64::from_str(&self.0.to_string()).unwrap_or_else(|_| f64::from(self.0))
    }
}

impl PartialEq for Exposure {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Exposure {}

impl std::hash::Hash for Exposure {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl PartialOrd for Exposure {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Exposure {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Serialize for Exposure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.shortest())
    }
}

impl<'de> Deserialize<'de> for Exposure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f32::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for Exposure {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Exposure".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "format": "float", "minimum": 0.0, "maximum": 100.0 })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn widened_and_shortest_decimals_are_one_exposure() {
        let shortest: Exposure = serde_json::from_str("33.3").unwrap();
        let widened: Exposure = serde_json::from_str("33.29999923706055").unwrap();
        assert_eq!(shortest, widened);
        assert_eq!(serde_json::to_string(&widened).unwrap(), "33.3");
        assert_eq!(serde_json::to_value(widened).unwrap().to_string(), "33.3");
        assert_eq!(widened.to_string(), "33.3");
    }

    #[test]
    fn numbers_outside_a_percentage_are_refused() {
        for text in ["-0.1", "100.001", "1e9"] {
            assert!(serde_json::from_str::<Exposure>(text).is_err(), "{text}");
        }
        assert!(Exposure::new(f32::NAN).is_err());
        assert_eq!(Exposure::new(-0.0).unwrap(), Exposure::ZERO);
    }
}
