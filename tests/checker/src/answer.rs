//! What `AppConfig` told the operator, read from the request log independently of the operator's own parser.

use std::collections::BTreeMap;

use appconfig_emulator::RequestRecord;
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde_json::{Map, Value};

use crate::sent::Request;

/// Which run: the region asked, the application's and the experiment definition's ID, the number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RunKey {
    pub(crate) region: String,
    pub(crate) application_id: String,
    pub(crate) experiment_definition_id: String,
    pub(crate) run: i64,
}

impl RunKey {
    /// The IDs alone: the emulator is one endpoint for all regions, and has the same runs in each.
    pub(crate) fn by_ids(&self) -> (String, String, i64) {
        let (application, definition) = (&self.application_id, &self.experiment_definition_id);
        (application.clone(), definition.clone(), self.run)
    }
}

/// The answer to a request, as far as whoever sent it can know.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A run as it is: a good answer.
    Run(Box<LiveRun>),
    /// A refusal: a 4xx other than 408. Nothing has changed.
    Refused,
    /// Nothing that tells what happened: no answer, half of one, a 5xx, or a 2xx that is no run.
    Nothing,
}

/// A run as a good answer shows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LiveRun {
    pub(crate) key: RunKey,
    pub(crate) done: bool,
    pub(crate) exposure: f32,
    pub(crate) description: String,
    pub(crate) overrides: BTreeMap<String, String>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) updated_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
    answer: Value,
}

impl Answer {
    /// What became of a request, as far as whoever sent it can know.
    pub(crate) fn of(record: &RequestRecord, default_region: &str) -> Self {
        let Some(status) = record.status.filter(|_| record.answered_at.is_some()) else {
            return Self::Nothing;
        };
        match status {
            200..=299 if !record.truncated => {
                LiveRun::parse(record, default_region).map_or(Self::Nothing, |run| Self::Run(Box::new(run)))
            }
            400..=499 if status != 408 => Self::Refused,
            _ => Self::Nothing,
        }
    }

    pub(crate) fn run(&self) -> Option<&LiveRun> {
        match self {
            Self::Run(run) => Some(run),
            Self::Refused | Self::Nothing => None,
        }
    }
}

impl LiveRun {
    fn parse(record: &RequestRecord, default_region: &str) -> Option<Self> {
        let answer = &record.answer;
        let text = |member: &str| answer[member].as_str();
        let overrides = match &answer["TreatmentOverrides"] {
            Value::Null => BTreeMap::new(),
            union => serde_json::from_value(union["Inline"].clone()).ok()?,
        };
        let exposure = f32_of(&answer["ExposurePercentage"]).filter(|exposure| (0.0..=100.0).contains(exposure))?;
        let done = match text("Status")? {
            "RUNNING" => false,
            "DONE" => true,
            _ => return None,
        };
        Some(Self {
            key: RunKey {
                region: record.region.clone().unwrap_or_else(|| default_region.to_owned()),
                application_id: text("ApplicationId")?.to_owned(),
                experiment_definition_id: text("ExperimentDefinitionId")?.to_owned(),
                run: answer["Run"].as_i64()?,
            },
            done,
            exposure,
            description: text("Description").unwrap_or_default().to_owned(),
            overrides,
            started_at: seconds(&answer["StartedAt"]),
            updated_at: seconds(&answer["UpdatedAt"]),
            ended_at: seconds(&answer["EndedAt"]).filter(|_| done),
            answer: answer.clone(),
        })
    }

    /// The run that a request was, or would have been, answered with, whether or not it ever was.
    pub(crate) fn of_record(request: &Request<'_>) -> Option<Self> {
        Self::parse(request.record, request.region)
    }

    /// What a status copies of the result: only what is there.
    pub(crate) fn result(&self) -> Value {
        let result = &self.answer["Result"];
        let members = [
            ("executiveSummary", "ExecutiveSummary"),
            ("reasonsToLaunch", "ReasonsToLaunch"),
            ("reasonsNotToLaunch", "ReasonsNotToLaunch"),
        ];
        present(members.map(|(name, member)| (name, result[member].clone())))
    }

    /// What a status copies of the experiment definition's snapshot.
    pub(crate) fn definition(&self) -> Value {
        let snapshot = &self.answer["ExperimentDefinitionSnapshot"];
        let members = [
            ("name", "Name"),
            ("flagKey", "FlagKey"),
            ("environmentId", "EnvironmentId"),
            ("configurationProfileId", "ConfigurationProfileId"),
        ];
        let mut copied = present(members.map(|(name, member)| (name, snapshot[member].clone())));
        let mut treatments: Vec<Value> = Vec::new();
        let listed = snapshot["Treatments"].as_array().into_iter().flatten();
        for treatment in std::iter::once(&snapshot["Control"]).chain(listed) {
            let key = &treatment["Key"];
            if key.is_string() && treatments.iter().all(|known| known["key"] != *key) {
                // As a 32-bit float, which is what the service's model says: the status shows its shortest decimal.
                let weight = f32_of(&treatment["Weight"]).map_or(Value::Null, |weight| Value::from(shortest(weight)));
                treatments.push(present([("key", key.clone()), ("weight", weight)]));
            }
        }
        if !treatments.is_empty() {
            copied["treatments"] = Value::Array(treatments);
        }
        copied
    }

    /// Whether this is an older state than another one, since something went back that never does.
    pub(crate) fn precedes(&self, other: &Self) -> bool {
        let earlier = self
            .updated_at
            .zip(other.updated_at)
            .is_some_and(|(it, other)| it < other);
        earlier || (other.done && !self.done) || self.exposure < other.exposure
    }
}

/// A number as the 32-bit float that the API says it is.
pub(crate) fn f32_of(value: &Value) -> Option<f32> {
    serde_json::from_value(value.clone()).ok()
}

/// The 64-bit float with the same shortest decimal.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| f64::from(value))
}

fn seconds(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok().map(whole_seconds)
}

/// A time cut to whole seconds, which is all that a status shows.
pub(crate) fn whole_seconds(at: Timestamp) -> Timestamp {
    let floor = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Floor);
    at.round(floor).unwrap_or(at)
}

fn present<const N: usize>(members: [(&str, Value); N]) -> Value {
    let there = members.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(
        there
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<Map<_, _>>(),
    )
}
