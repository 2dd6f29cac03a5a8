//! The metrics of each resource, and what has to go when it goes.

use std::collections::HashMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use prometheus_client::{metrics::family::Family, metrics::gauge::Gauge, registry::Registry};

use super::{
    Fraction,
    labels::{ConditionLabels, ObjectLabels},
};
use crate::api::{ConditionType, Exposure, RampNext};

/// The value of a label whose list does not have it: a condition that an older or newer operator left behind.
pub(super) const OTHER: &str = "other";

/// The metrics of every resource that is known.
pub(super) struct Objects {
    live: Family<ObjectLabels, Fraction>,
    desired: Family<ObjectLabels, Fraction>,
    next: Family<ObjectLabels, Fraction>,
    next_raise: Family<ObjectLabels, Fraction>,
    target_reached: Family<ObjectLabels, Fraction>,
    conditions: Family<ConditionLabels, Gauge>,
    /// The reasons that a condition may have.
    reasons: &'static [&'static str],
    /// The conditions shown of each resource: the family can't be asked for them.
    shown: HashMap<ObjectLabels, Vec<ConditionLabels>>,
}

impl Objects {
    /// Adds the families to the registry. `reasons` are those that a condition may have.
    pub(super) fn register(registry: &mut Registry, reasons: &'static [&'static str]) -> Self {
        let objects = Self {
            live: Family::default(),
            desired: Family::default(),
            next: Family::default(),
            next_raise: Family::default(),
            target_reached: Family::default(),
            conditions: Family::default(),
            reasons,
            shown: HashMap::new(),
        };
        let help = "Percentage of the audience that is exposed, as AppConfig last reported";
        registry.register("experimentrun_exposure_percentage", help, objects.live.clone());
        let help = "Percentage of the audience that the spec asks for";
        registry.register(
            "experimentrun_desired_exposure_percentage",
            help,
            objects.desired.clone(),
        );
        let help = "Percentage of the audience that the ramp raises exposure to next";
        registry.register(
            "experimentrun_ramp_next_exposure_percentage",
            help,
            objects.next.clone(),
        );
        let help = "Unix time at which the ramp may raise exposure next, at the earliest";
        registry.register(
            "experimentrun_ramp_next_raise_timestamp_seconds",
            help,
            objects.next_raise.clone(),
        );
        let help = "1 when live exposure is the spec's, or is not managed";
        registry.register("experimentrun_target_reached", help, objects.target_reached.clone());
        let help = "1 for each condition, with its status and reason";
        registry.register("experimentrun_condition", help, objects.conditions.clone());
        objects
    }

    /// Shows a resource as it is now, and nothing of what it was.
    pub(super) fn set(
        &mut self,
        namespace: &str,
        name: &str,
        live: Option<Exposure>,
        desired: Option<Exposure>,
        next: Option<&RampNext>,
        conditions: &[Condition],
    ) {
        let object = ObjectLabels {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        let reached = conditions
            .iter()
            .find(|condition| condition.type_ == ConditionType::TargetReached.as_str());
        let raise = next.and_then(|next| next.not_before.as_ref());
        let values = [
            live.map(Exposure::shortest),
            desired.map(Exposure::shortest),
            next.map(|next| next.exposure_percentage.shortest()),
            raise.map(|at| std::time::Duration::try_from(at.0.as_duration()).map_or(0.0, |since| since.as_secs_f64())),
            reached.map(|condition| f64::from(u8::from(condition.status == "True"))),
        ];
        for (family, value) in self.fractions().into_iter().zip(values) {
            match value {
                Some(value) => {
                    family.get_or_create(&object).set(value);
                }
                None => {
                    family.remove(&object);
                }
            }
        }
        let labels = |condition| labels(&object, condition, self.reasons);
        let now: Vec<_> = conditions.iter().map(labels).collect();
        for label in &now {
            self.conditions.get_or_create(label).set(1);
        }
        for label in self.shown.insert(object, now.clone()).unwrap_or_default() {
            if !now.contains(&label) {
                self.conditions.remove(&label);
            }
        }
    }

    /// The families that have one value of each resource at most.
    fn fractions(&self) -> [&Family<ObjectLabels, Fraction>; 5] {
        [
            &self.live,
            &self.desired,
            &self.next,
            &self.next_raise,
            &self.target_reached,
        ]
    }

    /// Shows nothing of a resource any longer.
    pub(super) fn forget(&mut self, namespace: &str, name: &str) {
        let object = ObjectLabels {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        for family in self.fractions() {
            family.remove(&object);
        }
        for label in self.shown.remove(&object).unwrap_or_default() {
            self.conditions.remove(&label);
        }
    }
}

fn labels(object: &ObjectLabels, condition: &Condition, reasons: &[&'static str]) -> ConditionLabels {
    let types = [
        ConditionType::Ready,
        ConditionType::TargetReached,
        ConditionType::Reconciling,
        ConditionType::Stalled,
    ];
    let types = types.into_iter().map(ConditionType::as_str);
    ConditionLabels {
        namespace: object.namespace.clone(),
        name: object.name.clone(),
        r#type: listed(types, &condition.type_),
        status: listed(["True", "False", "Unknown"], &condition.status),
        reason: listed(reasons.iter().copied(), &condition.reason),
    }
}

/// The entry of the list that equals the text.
pub(super) fn listed(list: impl IntoIterator<Item = &'static str>, text: &str) -> &'static str {
    list.into_iter().find(|entry| *entry == text).unwrap_or(OTHER)
}
