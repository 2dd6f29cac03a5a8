//! What is counted.
//!
//! On the map this is beside the pass: `controller` reports to it, `http` serves it, and it knows neither. A
//! [`Metrics`] is a value that is handed around; there is no global registry. Names are those of controller-runtime
//! where they are true of this operator, so that existing dashboards work
//! (<https://book.kubebuilder.io/reference/metrics-reference>). A label's value always comes from a closed list, but for
//! the names of resources, which are only there when asked for.

mod labels;
mod objects;
mod process;
mod text;
mod totals;

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::{
    api::{Exposure, RampNext},
    appconfig::{Observer, RateKind},
    fleet::Class,
    run::Operation,
};
pub use labels::Reconciled;
use labels::{
    BuildLabels, ClassLabels, ControllerLabels, FieldLabels, KindLabels, LeaseLabels, OperationLabels, RequestLabels,
    ResultLabels,
};
use objects::Objects;
use process::Process;
pub use text::Format;
pub use totals::Counted;
use totals::Totals;

/// The commit that the program was built from, as whoever built it said. `None` when nobody did.
const COMMIT: Option<&str> = option_env!("BUILD_COMMIT");

/// The value of the label `controller`, which controller-runtime takes from the kind.
const CONTROLLER: &str = "experimentrun";

/// The buckets of all durations, in seconds: from an API call on the same machine to a pass that is out of time.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0,
];

type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

/// Everything that is counted. Clones share one registry.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    lease: LeaseLabels,
    reconciles: Family<ResultLabels, Counter>,
    reconcile_errors: Family<ControllerLabels, Counter>,
    reconcile_seconds: Durations<ControllerLabels>,
    leading: Family<LeaseLabels, Gauge>,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Durations<OperationLabels>,
    wait_seconds: Durations<KindLabels>,
    unpublished_events: Counter,
    missing_fields: Family<FieldLabels, Gauge>,
    resync_read_share: Fraction,
    queue_depth: Family<ClassLabels, Gauge>,
    queue_seconds: Durations<ClassLabels>,
    build: Family<BuildLabels, Gauge>,
    totals: Totals,
    objects: Option<Mutex<Objects>>,
    /// Seconds since 1970; 0 while there was none.
    last_good_read: AtomicI64,
}

impl Metrics {
    /// An empty registry: `lease` is the name of the Lease, and `reasons` are those that a condition may have. With `per_object`
    /// there are metrics of each resource too.
    #[must_use]
    pub fn new(lease: &str, reasons: &'static [&'static str], per_object: bool) -> Self {
        let mut registry = Registry::default();
        let mut inner = Inner {
            lease: LeaseLabels { name: lease.to_owned() },
            reconciles: Family::default(),
            reconcile_errors: Family::default(),
            reconcile_seconds: durations(),
            leading: Family::default(),
            requests: Family::default(),
            request_seconds: durations(),
            wait_seconds: durations(),
            unpublished_events: Counter::default(),
            missing_fields: Family::default(),
            resync_read_share: Fraction::default(),
            queue_depth: Family::default(),
            queue_seconds: durations(),
            build: Family::default(),
            totals: Totals::register(&mut registry, reasons),
            objects: per_object.then(|| Mutex::new(Objects::register(&mut registry, reasons))),
            last_good_read: AtomicI64::new(0),
            registry,
        };
        inner.registry.register_collector(Box::new(Process::started()));
        inner.register();
        let metrics = Self(Arc::new(inner));
        metrics.start_at_zero();
        metrics
    }

    /// A pass ended, after so long.
    pub fn reconciled(&self, result: Reconciled, duration: Duration) {
        let controller = ControllerLabels { controller: CONTROLLER };
        self.0
            .reconciles
            .get_or_create(&ResultLabels {
                controller: CONTROLLER,
                result,
            })
            .inc();
        if result == Reconciled::Error {
            self.0.reconcile_errors.get_or_create(&controller).inc();
        }
        self.0
            .reconcile_seconds
            .get_or_create(&controller)
            .observe(duration.as_secs_f64());
    }

    /// This replica leads, or no longer does. Resources count anew from now on: only a replica that leads has metrics of
    /// them.
    pub fn leading(&self, leading: bool) {
        self.0.leading.get_or_create(&self.0.lease).set(i64::from(leading));
        self.0.totals.show(leading);
    }

    /// A resource counts among all by its conditions and by the raise that its ramp makes next, in place of what it counted
    /// as before. Gives what it counts as now.
    #[must_use]
    pub fn count(&self, before: Option<Counted>, conditions: &[Condition], raise: Option<&RampNext>) -> Counted {
        self.0.totals.count(before, conditions, raise)
    }

    /// A resource does not count any longer.
    pub fn uncount(&self, counted: &Counted) {
        self.0.totals.forget(counted);
    }

    /// So many resources of this class are due and wait for a slot.
    pub fn queue_depth(&self, class: Class, depth: usize) {
        let class = ClassLabels { class: class.as_str() };
        let depth = i64::try_from(depth).unwrap_or(i64::MAX);
        self.0.queue_depth.get_or_create(&class).set(depth);
    }

    /// A pass of this class begins, so long after its resource was due.
    pub fn queue_wait(&self, class: Class, wait: Duration) {
        let class = ClassLabels { class: class.as_str() };
        self.0.queue_seconds.get_or_create(&class).observe(wait.as_secs_f64());
    }

    /// When `AppConfig` last answered a read well, in whole seconds. `None` while it has not.
    #[must_use]
    pub fn last_good_read(&self) -> Option<Timestamp> {
        let seconds = self.0.last_good_read.load(Ordering::Relaxed);
        Timestamp::from_second(seconds).ok().filter(|_| seconds > 0)
    }

    /// An Event was given up: the queue was full, or the API server did not take it.
    pub fn event_unpublished(&self) {
        self.0.unpublished_events.inc();
    }

    /// The served schema lacks these fields, and no others.
    pub fn missing_fields(&self, fields: &[String]) {
        self.0.missing_fields.clear();
        for field in fields {
            let field = field.clone();
            self.0.missing_fields.get_or_create(&FieldLabels { field }).set(1);
        }
    }

    /// The share of the read rate that regular reads need, in the region where they need most.
    pub fn resync_read_share(&self, share: f64) {
        self.0.resync_read_share.set(share);
    }

    /// What is known of a resource now, in place of what was before. Without metrics per object this does nothing.
    pub fn object(
        &self,
        namespace: &str,
        name: &str,
        live: Option<Exposure>,
        desired: Option<Exposure>,
        next: Option<&RampNext>,
        conditions: &[Condition],
    ) {
        if let Some(objects) = &self.0.objects {
            let mut objects = objects.lock().unwrap_or_else(PoisonError::into_inner);
            objects.set(namespace, name, live, desired, next, conditions);
        }
    }

    /// A resource is gone, and its metrics with it.
    pub fn forget(&self, namespace: &str, name: &str) {
        if let Some(objects) = &self.0.objects {
            objects
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .forget(namespace, name);
        }
    }

    /// Everything.
    ///
    /// # Errors
    /// Only when a label can't be written as text, which those here can.
    pub fn encode(&self, format: Format) -> Result<String, fmt::Error> {
        // What a scrape sees of one resource is of one moment.
        let still = self
            .0
            .objects
            .as_ref()
            .map(|objects| objects.lock().unwrap_or_else(PoisonError::into_inner));
        let mut text = String::new();
        encode(&mut text, &self.0.registry)?;
        drop(still);
        Ok(match format {
            Format::OpenMetrics => text,
            Format::Prometheus => text::in_prometheus_format(&text),
        })
    }

    /// Counters that are missing until something happens can't be told from an operator that is not there.
    fn start_at_zero(&self) {
        for result in Reconciled::ALL {
            let _ = self.0.reconciles.get_or_create(&ResultLabels {
                controller: CONTROLLER,
                result,
            });
        }
        let controller = ControllerLabels { controller: CONTROLLER };
        let _ = self.0.reconcile_errors.get_or_create(&controller);
        let _ = self.0.reconcile_seconds.get_or_create(&controller);
        self.leading(false);
        for class in Class::ALL {
            self.queue_depth(class, 0);
            let _ = self
                .0
                .queue_seconds
                .get_or_create(&ClassLabels { class: class.as_str() });
        }
        let (version, commit) = (env!("CARGO_PKG_VERSION"), COMMIT.unwrap_or_default());
        self.0.build.get_or_create(&BuildLabels { version, commit }).set(1);
    }
}

impl Observer for Metrics {
    fn request(&self, operation: Operation, code: &'static str, duration: Duration) {
        if code == "OK" && operation != Operation::UpdateExperimentRun {
            let now = Timestamp::now().as_second();
            self.0.last_good_read.store(now, Ordering::Relaxed);
        }
        let operation = operation.as_str();
        self.0.requests.get_or_create(&RequestLabels { operation, code }).inc();
        self.0
            .request_seconds
            .get_or_create(&OperationLabels { operation })
            .observe(duration.as_secs_f64());
    }

    fn rate_wait(&self, kind: RateKind, duration: Duration) {
        let kind = kind.as_str();
        self.0
            .wait_seconds
            .get_or_create(&KindLabels { kind })
            .observe(duration.as_secs_f64());
    }
}

impl Inner {
    /// The encoder appends `_total` to counters.
    fn register(&mut self) {
        let registry = &mut self.registry;
        let help = "Passes over ExperimentRuns by result";
        registry.register("controller_runtime_reconcile", help, self.reconciles.clone());
        let help = "Passes that ended in an error";
        registry.register(
            "controller_runtime_reconcile_errors",
            help,
            self.reconcile_errors.clone(),
        );
        let help = "Time a pass took";
        registry.register(
            "controller_runtime_reconcile_time_seconds",
            help,
            self.reconcile_seconds.clone(),
        );
        let help = "Whether this replica holds the Lease";
        registry.register("leader_election_master_status", help, self.leading.clone());
        let help = "Requests to AppConfig by operation and how they ended";
        registry.register("appconfig_requests", help, self.requests.clone());
        let help = "Time an AppConfig request took";
        registry.register("appconfig_request_duration_seconds", help, self.request_seconds.clone());
        let help = "Time a request waited for its turn";
        registry.register("appconfig_rate_limit_wait_seconds", help, self.wait_seconds.clone());
        let help = "Events that the API server did not take";
        registry.register(
            "appconfig_operator_events_unpublished",
            help,
            self.unpublished_events.clone(),
        );
        let help = "1 for each field that this operator knows and the CRD lacks; the operator does nothing while \
                    there is one";
        registry.register(
            "appconfig_operator_served_schema_missing_fields",
            help,
            self.missing_fields.clone(),
        );
        let help = "Share of the read rate that regular reads need, in the region where they need most";
        registry.register(
            "appconfig_operator_resync_read_share",
            help,
            self.resync_read_share.clone(),
        );
        let help = "Resources that are due and wait for a slot, by what they wait for it as";
        registry.register("appconfig_operator_queue_depth", help, self.queue_depth.clone());
        let help = "Time from when a resource is due until its pass begins";
        registry.register(
            "appconfig_operator_queue_wait_seconds",
            help,
            self.queue_seconds.clone(),
        );
        let help = "1, with the version and the commit of the program";
        registry.register("appconfig_operator_build_info", help, self.build.clone());
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Metrics")
    }
}

fn durations<L: Clone + std::hash::Hash + Eq>() -> Durations<L> {
    Family::new_with_constructor(|| Histogram::new(SECONDS))
}

/// A gauge of fractions.
type Fraction = Gauge<f64, AtomicU64>;

#[cfg(test)]
mod tests;
