//! Does what passes ask for. What is done is decided in [`crate::decide`], and in which order in [`crate::pass`].
//!
//! | step of the map | where |
//! |---|---|
//! | what has changed | `cache` |
//! | what the API server sends | `resource` |
//! | whose turn it is | `dispatch`, `slots`; the rules are in [`crate::fleet`] |
//! | one pass, as [`crate::pass`] asks for it | `execute` |
//! | 1, who acts for a run | `claims` |
//! | which `Date` counts | `service_clock` |
//! | 4 and 6, the status | `status`, `call` |
//! | 7, Events | `events` |
//! | objects that can't be parsed | `unreadable` |
//! | whether the API server keeps every field | `served_schema` |

mod cache;
mod call;
mod claims;
mod dispatch;
mod events;
mod execute;
mod resource;
mod served_schema;
mod service_clock;
mod slots;
mod start;
mod status;
mod unreadable;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::EventType;
use tokio::sync::watch;

use crate::{
    api::RunStatus,
    appconfig::{Client, RateLimits},
    clock::{BootInstant, Clock},
    decide::{desired::Defaults, event::Event},
    leader::Leadership,
    metrics::{Counted, Metrics},
};

use claims::Claims;
use events::Publisher;
use resource::Object;
use served_schema::ServedSchema;
use service_clock::ServiceClocks;
pub use start::{Error, run};

/// What the operator was doing when an Event came about, in the Event's own field.
const ACTION: &str = "Reconcile";

/// What all passes share.
struct Shared {
    client: kube::Client,
    appconfig: Client,
    rates: RateLimits,
    claims: Claims,
    service_clocks: ServiceClocks,
    leadership: Leadership,
    schema: ServedSchema,
    publisher: Publisher,
    metrics: Metrics,
    defaults: Arc<Defaults>,
    clock: Clock,
    started: Instant,
    /// Whether the process is stopping. Passes that wait for something stop waiting.
    stop: watch::Sender<bool>,
    /// Which resources are this operator's; all when there is none.
    selector: Option<kube::core::Selector>,
}

impl Shared {
    /// Since the process started, on a clock that never goes back.
    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// From when on nothing may be sent. The Lease is looked at here last before an update leaves.
    fn acts_until(&self) -> BootInstant {
        if *self.stop.borrow() {
            BootInstant::BOOT
        } else {
            self.leadership.acting_until()
        }
    }

    /// Brings the metrics of one object up to date. Gives what it counts as now among all, in place of `before`.
    fn count_object(&self, object: &Object, before: Option<Counted>) -> Counted {
        let run = match object {
            Object::Readable(run) => run,
            Object::Unreadable(object) => return self.metrics.count(before, &object.status.conditions, None),
        };
        let (status, key) = (&run.status, &run.identity.key);
        let (live, desired) = (status.exposure_percentage, run.exposure());
        let next = status.ramp.as_ref().and_then(|ramp| ramp.next.as_ref());
        self.metrics
            .object(&key.namespace, &key.name, live, desired, next, &status.conditions);
        let raises = status.status == Some(RunStatus::Running) && !run.is_suspended();
        self.metrics.count(before, &status.conditions, next.filter(|_| raises))
    }

    /// Step 7: tells people of what happened, in an Event and in the log.
    fn publish(&self, regarding: &ObjectReference, event: &Event) {
        tracing::info!(reason = event.reason, warning = event.warning, "{}", event.note);
        let kind = if event.warning {
            EventType::Warning
        } else {
            EventType::Normal
        };
        self.publisher
            .publish(regarding, kind, event.reason, ACTION, &event.note);
    }
}
