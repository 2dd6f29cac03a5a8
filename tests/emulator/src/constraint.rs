//! The service model's bounds, and the message in which AWS says that one doesn't hold.

use std::{collections::BTreeMap, fmt::Display};

use serde::de::DeserializeOwned;

use crate::answer::Refusal;

/// Collects every violation, as AWS reports all of them in one answer (doc).
#[derive(Default)]
pub(crate) struct Violations(Vec<String>);

impl Violations {
    pub(crate) fn add(&mut self, at: &str, value: impl Display, constraint: &str) {
        self.0.push(format!(
            "Value {value} at '{at}' failed to satisfy constraint: {constraint}"
        ));
    }

    pub(crate) fn missing(&mut self, at: &str) {
        self.add(at, "null", "Member must not be null");
    }

    /// Lengths count characters, not bytes (model).
    pub(crate) fn length(&mut self, at: &str, value: &str, min: usize, max: usize) {
        let length = value.chars().count();
        let quoted = format!("'{value}'");
        if length < min {
            self.add(
                at,
                quoted,
                &format!("Member must have length greater than or equal to {min}"),
            );
        } else if length > max {
            self.add(
                at,
                quoted,
                &format!("Member must have length less than or equal to {max}"),
            );
        }
    }

    pub(crate) fn optional_length(&mut self, at: &str, value: Option<&str>, max: usize) {
        if let Some(value) = value {
            self.length(at, value, 0, max);
        }
    }

    pub(crate) fn count(&mut self, at: &str, length: usize, min: usize, max: usize) {
        if length < min {
            self.add(
                at,
                format!("of length {length}"),
                &format!("Member must have length greater than or equal to {min}"),
            );
        } else if length > max {
            self.add(
                at,
                format!("of length {length}"),
                &format!("Member must have length less than or equal to {max}"),
            );
        }
    }

    pub(crate) fn percentage(&mut self, at: &str, value: f32) {
        if value < 0.0 {
            self.add(
                at,
                format!("'{value:?}'"),
                "Member must have value greater than or equal to 0",
            );
        } else if value > 100.0 {
            self.add(
                at,
                format!("'{value:?}'"),
                "Member must have value less than or equal to 100",
            );
        }
    }

    pub(crate) fn pattern(&mut self, at: &str, value: &str, pattern: &str, holds: bool) {
        if !holds {
            self.add(
                at,
                format!("'{value}'"),
                &format!("Member must satisfy regular expression pattern: {pattern}"),
            );
        }
    }

    /// 0 to 50 tags, keys of 1 to 128 characters, values of at most 256 (model).
    pub(crate) fn tags(&mut self, at: &str, tags: Option<&BTreeMap<String, String>>) {
        let Some(tags) = tags else { return };
        self.count(at, tags.len(), 0, 50);
        for (key, value) in tags {
            self.length(at, key, 1, 128);
            self.length(at, value, 0, 256);
        }
    }

    pub(crate) fn one_of(&mut self, at: &str, value: Option<&str>, among: &[&str]) {
        if let Some(value) = value.filter(|value| !among.contains(value)) {
            let constraint = format!("Member must satisfy enum value set: [{}]", among.join(", "));
            self.add(at, format!("'{value}'"), &constraint);
        }
    }

    pub(crate) fn into_result(self) -> Result<(), Refusal> {
        if self.0.is_empty() {
            return Ok(());
        }
        let (count, plural) = (self.0.len(), if self.0.len() == 1 { "" } else { "s" });
        Err(Refusal::bad_request(format!(
            "{count} validation error{plural} detected: {}",
            self.0.join("; ")
        )))
    }
}

/// Reads a request's body. Members unknown to the model are ignored, and null means absent, as AWS does.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| Refusal::new(400, "SerializationException", error.to_string()))
}

/// `^[a-zA-Z0-9]{1,8}`, matched whole.
pub(crate) fn is_treatment_key(value: &str) -> bool {
    (1..=8).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// `^[a-z][a-zA-Z0-9_-]{1,64}`, matched whole.
pub(crate) fn is_flag_key(value: &str) -> bool {
    let mut bytes = value.bytes();
    (2..=65).contains(&value.len())
        && bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// `^(?!AWS\.).{1,64}$`.
pub(crate) fn is_definition_name(value: &str) -> bool {
    !value.starts_with("AWS.") && (1..=64).contains(&value.chars().count()) && !value.contains('\n')
}

/// `^([^#\n]{1,96})#([^\/#\n]{1,64})$`.
pub(crate) fn is_dynamic_parameter_key(value: &str) -> bool {
    let Some((extension, parameter)) = value.split_once('#') else {
        return false;
    };
    (1..=96).contains(&extension.chars().count())
        && (1..=64).contains(&parameter.chars().count())
        && !value.contains('\n')
        && !parameter.contains(['#', '/'])
}
