//! How all resources stand together, without their names.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{family::Family, gauge::ConstGauge, gauge::Gauge},
    registry::Registry,
};

use super::{
    labels::ReasonLabels,
    objects::{OTHER, listed},
};
use crate::api::{ConditionType, Exposure, PENDING, RampNext};

/// One resource as it counts among all. Whoever has it can take the resource out again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    reason: &'static str,
    is_stalled: bool,
    /// The next raise of its ramp, and from when on it may leave.
    raise: Option<(Exposure, Timestamp)>,
}

/// What is counted of all resources.
pub(super) struct Totals {
    reasons: &'static [&'static str],
    by_reason: Family<ReasonLabels, Gauge>,
    stalled: Family<ReasonLabels, Gauge>,
    raises: Raises,
}

/// When the next raises may leave, and of how many resources.
#[derive(Clone, Debug, Default)]
struct Raises(Arc<Mutex<BTreeMap<Timestamp, usize>>>);

impl Totals {
    /// Adds the families to the registry. `reasons` are those that a condition may have.
    pub(super) fn register(registry: &mut Registry, reasons: &'static [&'static str]) -> Self {
        let totals = Self {
            reasons,
            by_reason: Family::default(),
            stalled: Family::default(),
            raises: Raises::default(),
        };
        let help = "Resources by the reason of their condition Ready";
        registry.register("appconfig_operator_experimentruns", help, totals.by_reason.clone());
        let help = "Resources whose condition Stalled is True, by its reason: a person has to act";
        registry.register(
            "appconfig_operator_experimentruns_stalled",
            help,
            totals.stalled.clone(),
        );
        registry.register_collector(Box::new(totals.raises.clone()));
        totals
    }

    /// Shows every reason with no resource, or nothing of resources any longer.
    pub(super) fn show(&self, shown: bool) {
        self.by_reason.clear();
        self.stalled.clear();
        self.raises.lock().clear();
        for reason in self.reasons.iter().copied().filter(|_| shown) {
            let _ = self.by_reason.get_or_create(&ReasonLabels { reason });
            let _ = self.stalled.get_or_create(&ReasonLabels { reason });
        }
    }

    /// A resource counts by its conditions, and by the raise that its ramp makes next. A raise of a resource that is stalled
    /// is none that is late: a person has to act.
    pub(super) fn count(&self, before: Option<Counted>, conditions: &[Condition], raise: Option<&RampNext>) -> Counted {
        let find = |kind: ConditionType| conditions.iter().find(|condition| condition.type_ == kind.as_str());
        let reason = find(ConditionType::Ready).map_or(PENDING, |ready| ready.reason.as_str());
        let is_stalled = find(ConditionType::Stalled).is_some();
        let raise = raise.filter(|_| !is_stalled);
        let raise = raise.and_then(|next| Some((next.exposure_percentage, next.not_before.as_ref()?.0)));
        // A status that tells of a raise as due has the end of its hold, and forgets the window that opened after it.
        let earlier = before.as_ref().and_then(|counted| counted.raise);
        let raise = raise.map(|(to, at)| match earlier {
            Some((same, since)) if same == to => (to, at.max(since)),
            _ => (to, at),
        });
        let now = Counted {
            reason: listed(self.reasons.iter().copied(), reason),
            is_stalled,
            raise,
        };
        if let Some(before) = before {
            self.forget(&before);
        }
        let labels = ReasonLabels { reason: now.reason };
        self.by_reason.get_or_create(&labels).inc();
        if now.is_stalled {
            self.stalled.get_or_create(&labels).inc();
        }
        if let Some((_, at)) = now.raise {
            *self.raises.lock().entry(at).or_default() += 1;
        }
        now
    }

    /// A resource does not count any longer.
    pub(super) fn forget(&self, counted: &Counted) {
        let labels = ReasonLabels { reason: counted.reason };
        self.by_reason.get_or_create(&labels).dec();
        if counted.is_stalled {
            self.stalled.get_or_create(&labels).dec();
        }
        if let Some((_, at)) = counted.raise {
            let mut raises = self.raises.lock();
            if let Some(count) = raises.get_mut(&at) {
                *count -= 1;
                if *count == 0 {
                    raises.remove(&at);
                }
            }
        }
        if counted.reason == OTHER {
            self.drop_other(&labels);
        }
    }

    /// A reason that this operator does not know is shown only while there is a resource that has it.
    fn drop_other(&self, labels: &ReasonLabels) {
        for family in [&self.by_reason, &self.stalled] {
            if family.get(labels).is_some_and(|gauge| gauge.get() == 0) {
                family.remove(labels);
            }
        }
    }
}

impl Raises {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Timestamp, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For how many seconds the raise that has been due for the longest has been; 0 when none is.
    fn oldest(&self, now: Timestamp) -> f64 {
        let first = self.lock().keys().next().copied();
        first.map_or(0.0, |first| now.duration_since(first).as_secs_f64().max(0.0))
    }
}

impl Collector for Raises {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let oldest = ConstGauge::new(self.oldest(Timestamp::now()));
        let metric = encoder.encode_descriptor(
            "appconfig_operator_oldest_due_raise_age_seconds",
            "For how long the raise that has been due for the longest has been; 0 when none is due.",
            None,
            oldest.metric_type(),
        )?;
        oldest.encode(metric)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_oldest_raise_is_the_one_that_may_leave_since_the_longest_and_none_is_due_before_its_time() {
        let raises = Raises::default();
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        assert!(raises.oldest(at(100)).abs() < f64::EPSILON);
        raises.lock().extend([(at(200), 1), (at(300), 2)]);
        assert!(raises.oldest(at(199)).abs() < f64::EPSILON);
        assert!((raises.oldest(at(301)) - 101.0).abs() < f64::EPSILON);
    }
}
