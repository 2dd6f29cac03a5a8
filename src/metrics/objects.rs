//! The metrics of each resource, and what has to go when it goes.

use std::collections::HashMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use prometheus_client::{metrics::family::Family, metrics::gauge::Gauge, registry::Registry};

use super::{
    Fraction,
    labels::{ConditionLabels, ObjectLabels},
};
use crate::api::{ConditionType, Exposure, Reason};

/// The value of a label whose list does not have it: a condition that an older or newer operator left behind.
const OTHER: &str = "other";

/// The metrics of every resource that is known.
pub(super) struct Objects {
    live: Family<ObjectLabels, Fraction>,
    desired: Family<ObjectLabels, Fraction>,
    conditions: Family<ConditionLabels, Gauge>,
    /// The conditions shown of each resource: the family can't be asked for them.
    shown: HashMap<ObjectLabels, Vec<ConditionLabels>>,
}

impl Objects {
    /// Adds the families to the registry.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let objects = Self {
            live: Family::default(),
            desired: Family::default(),
            conditions: Family::default(),
            shown: HashMap::new(),
        };
        let help = "Percentage of the audience that is exposed, as AppConfig last said";
        registry.register("experimentrun_exposure_percentage", help, objects.live.clone());
        let help = "Percentage of the audience that the spec asks for";
        registry.register(
            "experimentrun_desired_exposure_percentage",
            help,
            objects.desired.clone(),
        );
        let help = "1 for each condition as it stands";
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
        conditions: &[Condition],
    ) {
        let object = ObjectLabels {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        for (family, value) in [(&self.live, live), (&self.desired, desired)] {
            match value {
                Some(value) => {
                    family.get_or_create(&object).set(value.shortest());
                }
                None => {
                    family.remove(&object);
                }
            }
        }
        let now: Vec<_> = conditions.iter().map(|condition| labels(&object, condition)).collect();
        for label in &now {
            self.conditions.get_or_create(label).set(1);
        }
        for label in self.shown.insert(object, now.clone()).unwrap_or_default() {
            if !now.contains(&label) {
                self.conditions.remove(&label);
            }
        }
    }

    /// Shows nothing of a resource any longer.
    pub(super) fn forget(&mut self, namespace: &str, name: &str) {
        let object = ObjectLabels {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        self.live.remove(&object);
        self.desired.remove(&object);
        for label in self.shown.remove(&object).unwrap_or_default() {
            self.conditions.remove(&label);
        }
    }
}

fn labels(object: &ObjectLabels, condition: &Condition) -> ConditionLabels {
    let types = [
        ConditionType::Ready,
        ConditionType::TargetReached,
        ConditionType::Reconciling,
        ConditionType::Stalled,
    ];
    let types = types.into_iter().map(ConditionType::as_str);
    let reasons = Reason::ALL.iter().map(|reason| reason.as_str());
    ConditionLabels {
        namespace: object.namespace.clone(),
        name: object.name.clone(),
        r#type: listed(types, &condition.type_),
        status: listed(["True", "False", "Unknown"], &condition.status),
        reason: listed(reasons, &condition.reason),
    }
}

/// The entry of the list that equals the text.
fn listed(list: impl IntoIterator<Item = &'static str>, text: &str) -> &'static str {
    list.into_iter().find(|entry| *entry == text).unwrap_or(OTHER)
}
