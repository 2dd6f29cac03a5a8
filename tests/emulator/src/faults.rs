//! Faults: what goes wrong with the next requests, instead of or after what they ask for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{answer::Refusal, route::Operation};

/// What goes wrong, with which requests. A request meets the first fault in the list that matches it and is neither
/// skipping nor used up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// AWS's name of the operation.
    pub operation: Operation,
    /// Only requests that name this application, by the identifier sent or by its ID or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Only requests that name this definition, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// Only requests that name this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u32>,
    /// How many matching requests go by unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// How many matching requests are then hit: 1 if absent, without end if null.
    #[serde(default = "once")]
    pub times: Option<u32>,
    /// What happens to them.
    pub effect: Effect,
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's own type")]
fn once() -> Option<u32> {
    Some(1)
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Refused; nothing is committed.
    Refuse(RefuseWith),
    /// The connection is closed without an answer; nothing is committed.
    DropBeforeCommit,
    /// The connection is closed without an answer, after the commit.
    DropAfterCommit,
    /// Milliseconds of waiting, then the commit and the answer.
    DelayBeforeCommitMs(u64),
    /// The commit, then milliseconds of waiting, then the answer.
    DelayAfterCommitMs(u64),
    /// Never answered; committed after these milliseconds, whether or not the client is still there.
    CommitLaterMs(u64),
    /// Never answered, never committed; the connection stays until the client leaves.
    Stall,
    /// Answered just so.
    Raw(RawAnswer),
    /// Committed; the answer says that it is longer than it is, and the connection is closed in its middle.
    Truncate,
    /// `GetExperimentRun` only: shows the run this many versions ago, at most its first.
    StaleRead(usize),
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefuseWith {
    /// The HTTP status, 400 to 599.
    pub status: u16,
    /// AWS's error code; without it no error header is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The message.
    #[serde(default)]
    pub message: String,
}

impl RefuseWith {
    pub(crate) fn refusal(self) -> Refusal {
        Refusal::new(self.status, &self.code.unwrap_or_default(), self.message)
    }
}

/// An answer given byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawAnswer {
    /// The HTTP status, 200 to 599.
    pub status: u16,
    /// The headers, and no others but `Date` and those that HTTP needs. A length can't be given.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(default)]
    pub body: RawBody,
    /// Whether the request is carried out first. Absent: it is not.
    #[serde(default)]
    pub commit: bool,
}

/// A body as text, or as an array of bytes for what isn't UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RawBody {
    /// UTF-8.
    Text(String),
    /// Anything.
    Bytes(Vec<u8>),
}

impl Default for RawBody {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl RawBody {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// Why a list of faults was not taken.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// A status that can't be sent.
    #[error("fault {0}: status {1} is not one that it can answer")]
    Status(usize, u16),
    /// A header that can't be sent.
    #[error("fault {0}: {1:?} is not a header that it can send")]
    Header(usize, String),
    /// A stale read of something that isn't read.
    #[error("fault {0}: stale-read is for GetExperimentRun")]
    StaleRead(usize),
}

/// The faults in force.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

/// The names by which a fault may mean the request at hand.
#[derive(Debug, Default)]
pub(crate) struct Subject {
    pub(crate) application: Vec<String>,
    pub(crate) definition: Vec<String>,
    pub(crate) run: Option<u32>,
}

impl Faults {
    pub(crate) fn replace(&mut self, faults: Vec<Fault>) -> Result<(), FaultError> {
        for (index, fault) in faults.iter().enumerate() {
            check(index, fault)?;
        }
        self.0 = faults;
        Ok(())
    }

    pub(crate) fn list(&self) -> &[Fault] {
        &self.0
    }

    /// The effect on this request, counted.
    pub(crate) fn strike(&mut self, operation: Operation, subject: &Subject) -> Option<Effect> {
        for fault in self.0.iter_mut().filter(|fault| fault.matches(operation, subject)) {
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            match &mut fault.times {
                Some(0) => continue,
                Some(times) => *times -= 1,
                None => {}
            }
            return Some(fault.effect.clone());
        }
        None
    }
}

impl Fault {
    /// A fault that hits the next request of this operation once.
    #[must_use]
    pub fn once(operation: Operation, effect: Effect) -> Self {
        Self {
            operation,
            application: None,
            definition: None,
            run: None,
            skip: 0,
            times: Some(1),
            effect,
        }
    }

    /// A fault that hits every request of this operation until the list is replaced.
    #[must_use]
    pub fn always(operation: Operation, effect: Effect) -> Self {
        Self {
            times: None,
            ..Self::once(operation, effect)
        }
    }

    fn matches(&self, operation: Operation, subject: &Subject) -> bool {
        let among = |wanted: &Option<String>, names: &[String]| wanted.as_ref().is_none_or(|name| names.contains(name));
        self.operation == operation
            && among(&self.application, &subject.application)
            && among(&self.definition, &subject.definition)
            && self.run.is_none_or(|run| subject.run == Some(run))
    }
}

fn check(index: usize, fault: &Fault) -> Result<(), FaultError> {
    match &fault.effect {
        Effect::Refuse(with) if !(400..=599).contains(&with.status) => Err(FaultError::Status(index, with.status)),
        Effect::Raw(raw) if !(200..=599).contains(&raw.status) => Err(FaultError::Status(index, raw.status)),
        Effect::Raw(raw) => {
            for (name, value) in &raw.headers {
                // The body's length is what it is; a wrong one is what `truncate` is for.
                let framing = ["content-length", "transfer-encoding"].contains(&name.to_lowercase().as_str());
                if framing || http::HeaderName::try_from(name).is_err() || http::HeaderValue::try_from(value).is_err() {
                    return Err(FaultError::Header(index, name.clone()));
                }
            }
            Ok(())
        }
        Effect::StaleRead(_) if fault.operation != Operation::GetExperimentRun => Err(FaultError::StaleRead(index)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_effect_has_its_json_form() -> serde_json::Result<()> {
        for effect in [
            r#""drop-before-commit""#,
            r#""drop-after-commit""#,
            r#"{"delay-before-commit-ms":1}"#,
            r#"{"delay-after-commit-ms":1}"#,
            r#"{"commit-later-ms":12000}"#,
            r#""stall""#,
            r#""truncate""#,
            r#"{"stale-read":2}"#,
            r#"{"refuse":{"status":429,"message":"slow"}}"#,
            r#"{"raw":{"status":200,"headers":{"a":"b"},"body":[255],"commit":true}}"#,
        ] {
            let parsed: Effect = serde_json::from_str(effect)?;
            assert_eq!(serde_json::to_string(&parsed)?, effect);
        }
        Ok(())
    }

    #[test]
    fn skip_then_times() -> Result<(), FaultError> {
        let mut faults = Faults::default();
        faults.replace(vec![
            Fault {
                skip: 1,
                ..Fault::once(Operation::GetExperimentRun, Effect::Stall)
            },
            Fault {
                run: Some(2),
                ..Fault::once(Operation::GetExperimentRun, Effect::Truncate)
            },
        ])?;
        let subject = Subject::default();
        let struck: Vec<_> = (0..3)
            .map(|_| faults.strike(Operation::GetExperimentRun, &subject))
            .collect();
        assert_eq!(struck, [None, Some(Effect::Stall), None]);
        Ok(())
    }

    #[test]
    fn absent_times_is_one_and_null_is_without_end() -> serde_json::Result<()> {
        let one: Fault = serde_json::from_str(r#"{"operation":"GetExperimentRun","effect":"stall"}"#)?;
        let endless: Fault = serde_json::from_str(r#"{"operation":"GetExperimentRun","times":null,"effect":"stall"}"#)?;
        assert_eq!((one.times, endless.times), (Some(1), None));
        Ok(())
    }
}
