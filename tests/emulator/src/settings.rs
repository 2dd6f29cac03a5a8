//! What is unknown about the real service, each with a switch, and the state of its surroundings.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How the emulator behaves where AWS's behaviour is unknown or varies.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// An `ExposurePercentage` equal to the live one (unknown).
    pub equal_exposure: Acceptance,
    /// A `Description` in one update with another member (unknown).
    pub description_with_other_member: Acceptance,
    /// Whether an update of the description alone is a deployment (unknown).
    pub description_deploys: bool,
    /// Whether new overrides replace the old ones (guess, strong) or are merged into them.
    pub overrides: OverrideUpdate,
    /// How a cleared override map reads back (unknown).
    pub cleared_map: Cleared,
    /// How an empty description reads back (unknown).
    pub cleared_description: Cleared,
    /// How 32-bit floats are printed (unknown).
    pub decimals: Decimals,
    /// `GetExperimentRun` shows the state of this long ago (unknown; nothing is promised about it).
    pub read_lag_milliseconds: u64,
    /// Which one wins when a name looks like an ID (unknown).
    pub identifier_precedence: IdentifierPrecedence,
    /// Requests per second that are answered; the rest is throttled.
    pub rate_limits: RateLimits,
    /// What a throttled request is answered.
    pub throttle_answer: ThrottleAnswer,
    /// Environments, by ID or name, in which a user's deployment is under way (guess: it causes 409).
    pub deployment_in_progress: Vec<String>,
    /// How far the service's clock (its `Date`, its timestamps, its judgement of signatures) is from the host's.
    pub clock_offset_seconds: i32,
}

/// Whether the service takes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Acceptance {
    /// It does.
    Accept,
    /// It answers 400: the safer guess.
    #[default]
    Refuse,
}

/// What an update of the overrides does to those that it doesn't name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OverrideUpdate {
    /// They go.
    #[default]
    Replace,
    /// They stay, so that nothing is ever removed.
    Merge,
}

/// How a member reads back after it was set to its empty value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cleared {
    /// It isn't there.
    #[default]
    Absent,
    /// It is there and empty.
    Empty,
}

/// How a 32-bit float is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Decimals {
    /// `33.3`.
    #[default]
    Shortest,
    /// `33.29999923706055`: the same float, printed as a 64-bit one.
    Widened,
}

/// Which meaning of an identifier wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum IdentifierPrecedence {
    /// What has it as its ID.
    #[default]
    Id,
    /// What has it as its name.
    Name,
}

/// Requests per second and class of operation; `null` is no limit. AWS's own: get 100, list 10, update 10 (doc).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RateLimits {
    /// `Get*`.
    pub get: Option<u32>,
    /// `List*`.
    pub list: Option<u32>,
    /// `Update*`.
    pub update: Option<u32>,
    /// `Create*`, `Delete*`, `Start*` and `Stop*`.
    pub other: Option<u32>,
}

/// How a throttled request is answered; neither is in the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ThrottleAnswer {
    /// 429 `TooManyRequestsException`.
    #[default]
    TooManyRequests,
    /// 400 `ThrottlingException`.
    Throttling,
}

/// Why settings were not taken.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(pub(crate) String);

impl Settings {
    /// These settings with the members of `change` put in their place; the rest stays.
    ///
    /// # Errors
    /// When a member is unknown or its value is not one of those it can have.
    pub fn changed(&self, change: &Value) -> Result<Self, SettingsError> {
        if !change.is_object() {
            return Err(SettingsError("settings must be a JSON object".to_owned()));
        }
        let mut settings = serde_json::to_value(self).map_err(|error| SettingsError(error.to_string()))?;
        overlay(&mut settings, change);
        serde_json::from_value(settings).map_err(|error| SettingsError(error.to_string()))
    }

    /// An f32 as the service would print it.
    pub(crate) fn decimal(&self, value: f32) -> Value {
        match self.decimals {
            Decimals::Widened => Value::from(f64::from(value)),
            Decimals::Shortest => value.to_string().parse::<f64>().map_or(Value::Null, Value::from),
        }
    }
}

fn overlay(target: &mut Value, change: &Value) {
    match (target, change) {
        (Value::Object(target), Value::Object(change)) => {
            for (key, value) in change {
                overlay(target.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (target, change) => *target = change.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_leaves_the_rest_alone() -> Result<(), SettingsError> {
        let first = Settings::default().changed(&json!({"decimals": "widened", "rateLimits": {"get": 5}}))?;
        let second = first.changed(&json!({"rateLimits": {"update": 1}}))?;
        assert_eq!(second.decimals, Decimals::Widened);
        assert_eq!(
            second.rate_limits,
            RateLimits {
                get: Some(5),
                update: Some(1),
                ..RateLimits::default()
            }
        );
        Ok(())
    }

    #[test]
    fn an_unknown_setting_or_value_is_refused() {
        for change in [json!({"decimal": "widened"}), json!({"decimals": "wide"}), json!([])] {
            assert!(Settings::default().changed(&change).is_err(), "{change}");
        }
    }

    #[test]
    fn both_forms_are_the_same_float() {
        let mut settings = Settings::default();
        assert_eq!(settings.decimal(33.3).to_string(), "33.3");
        settings.decimals = Decimals::Widened;
        assert_eq!(settings.decimal(33.3).to_string(), "33.29999923706055");
    }
}
