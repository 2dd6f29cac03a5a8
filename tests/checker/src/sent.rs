//! What the operator sent: requests as they left it, with the names that their `User-Agent` gives them.

use std::collections::BTreeMap;

use appconfig_emulator::{Operation, RequestRecord};
use appconfig_experiment_operator::api::Member;
use jiff::Timestamp;
use serde_json::Value;

use crate::answer::{Answer, RunKey, f32_of};

/// The product in the `User-Agent` of the operator's requests. Those of others are none of the checker's business.
const PRODUCT: &str = "appconfig-experiment-operator";

/// One request of the operator.
pub(crate) struct Request<'a> {
    pub(crate) record: &'a RequestRecord,
    /// Which process sent it, in its own words.
    pub(crate) process: &'a str,
    /// The ID of the pending update that it carries out.
    pub(crate) id: Option<&'a str>,
    /// What its answer told.
    pub(crate) answer: Answer,
    pub(crate) region: &'a str,
}

/// One member of a run and what it is to be.
#[derive(Clone, PartialEq)]
pub(crate) enum Change {
    Description(String),
    TreatmentOverrides(BTreeMap<String, String>),
    ExposurePercentage(f32),
}

impl<'a> Request<'a> {
    /// The operator's request that this record is of; none for somebody else's.
    pub(crate) fn of(record: &'a RequestRecord, default_region: &'a str) -> Option<Self> {
        let agent = record.user_agent.as_deref();
        if agent.is_some_and(|agent| !agent.contains(PRODUCT)) {
            return None;
        }
        let named = |prefix: &str| agent?.split(' ').find_map(|word| word.strip_prefix(prefix));
        Some(Self {
            record,
            process: named("process/").unwrap_or_default(),
            id: named("update/"),
            answer: Answer::of(record, default_region),
            region: record.region.as_deref().unwrap_or(default_region),
        })
    }

    pub(crate) fn is(&self, operation: Operation) -> bool {
        self.record.operation == Some(operation)
    }

    pub(crate) fn is_update(&self) -> bool {
        self.is(Operation::UpdateExperimentRun)
    }

    pub(crate) fn is_read(&self) -> bool {
        self.is(Operation::GetExperimentRun)
    }

    pub(crate) fn arrived_at(&self) -> Timestamp {
        self.record.arrived_at
    }

    /// When it was answered, if it was, before a moment.
    pub(crate) fn answered_before(&self, moment: Timestamp) -> bool {
        self.record.answered_at.is_some_and(|at| at < moment)
    }

    /// The run that the path names by IDs, as updates do.
    pub(crate) fn target(&self) -> Option<RunKey> {
        Some(RunKey {
            region: self.region.to_owned(),
            application_id: self.record.application.clone()?,
            experiment_definition_id: self.record.definition.clone()?,
            run: i64::from(self.record.run?),
        })
    }

    /// The members in the body, parameters of the deployment aside.
    pub(crate) fn members(&self) -> Vec<&str> {
        let members = self.record.body.as_object().into_iter().flatten();
        let names = members.map(|(name, _)| name.as_str());
        names.filter(|name| *name != "DeploymentParameters").collect()
    }

    /// The parameters of the deployment.
    pub(crate) fn parameters(&self) -> &Value {
        &self.record.body["DeploymentParameters"]
    }

    /// What it is to change, when that is one member.
    pub(crate) fn change(&self) -> Option<Change> {
        let [member] = self.members()[..] else { return None };
        let value = &self.record.body[member];
        match member {
            "Description" => value.as_str().map(|text| Change::Description(text.to_owned())),
            "TreatmentOverrides" => serde_json::from_value(value["Inline"].clone())
                .ok()
                .map(Change::TreatmentOverrides),
            "ExposurePercentage" => f32_of(value).map(Change::ExposurePercentage),
            _ => None,
        }
    }

    /// The exposure that it asks for.
    pub(crate) fn exposure(&self) -> Option<f32> {
        f32_of(&self.record.body["ExposurePercentage"])
    }
}

impl Change {
    pub(crate) const fn member(&self) -> Member {
        match self {
            Self::Description(_) => Member::Description,
            Self::TreatmentOverrides(_) => Member::TreatmentOverrides,
            Self::ExposurePercentage(_) => Member::ExposurePercentage,
        }
    }

    /// The change in words, without what may be personal.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Description(text) => format!("a description of {} characters", text.chars().count()),
            Self::TreatmentOverrides(overrides) => format!("{} overrides", overrides.len()),
            Self::ExposurePercentage(exposure) => format!("exposure {exposure}"),
        }
    }
}
