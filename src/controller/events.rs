//! Events of `events.k8s.io/v1` about `ExperimentRun`s: what people see in `kubectl describe`.
//!
//! On the map this is part of step 7, report, which can't fail or hold up a pass: [`Publisher::publish`] only puts the
//! Event into a queue of bounded length. Own code, because kube's `Recorder` folds the Events of one reason for 6
//! minutes and keeps the first note, so that of two raises only one could be read; and because it waits for the answer.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
    runtime::events::EventType,
};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use crate::{cli::PROGRAM, metrics::Metrics};

/// How many Events wait for the API server at most; later ones are given up.
const QUEUE: usize = 256;

/// How long one call to the API server may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest note that the API server takes, in bytes
/// (<https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/>).
const NOTE_BYTES: usize = 1024;

/// What a note that was cut ends with.
const CUT: &str = "…";

/// Publishes Events, in the order in which they were given, in the background. Clones share one queue.
#[derive(Clone)]
pub struct Publisher(Arc<Shared>);

struct Shared {
    instance: String,
    /// Makes names unique among the Events of one nanosecond.
    published: AtomicU64,
    metrics: Metrics,
    queue: Mutex<Option<mpsc::Sender<Event>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Publisher {
    /// Starts the background task on the current runtime. `instance` is the Pod's or host's name, up to 128 bytes.
    ///
    /// `client` should be one without kube's retry layer: each call is given up after 5 s.
    #[must_use]
    pub fn new(client: Client, instance: &str, metrics: Metrics) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let task = tokio::spawn(deliver(client, receiver, metrics.clone()));
        Self(Arc::new(Shared {
            instance: cut(instance, 128),
            published: AtomicU64::new(0),
            metrics,
            queue: Mutex::new(Some(sender)),
            task: Mutex::new(Some(task)),
        }))
    }

    /// Puts an Event into the queue and returns at once; when the queue is full or closed, the Event is given up.
    ///
    /// `regarding` carries API version, kind, namespace, name, uid and resource version, as
    /// `kube::Resource::object_ref` makes it. `reason` and `action` are words of up to 128 bytes; of `note` 1 KiB is
    /// kept. None of them may hold an entity ID.
    pub fn publish(&self, regarding: &ObjectReference, kind: EventType, reason: &str, action: &str, note: &str) {
        let event = self.event(regarding, kind, reason, action, note);
        let queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.as_ref().is_none_or(|queue| queue.try_send(event).is_err()) {
            self.0.metrics.event_unpublished();
            tracing::warn!(reason, "an Event was dropped, since too many wait for the API server");
        }
    }

    /// Waits until all Events in the queue were sent or given up, at most until `deadline` has passed. Those published
    /// later are given up.
    pub async fn flush(&self, deadline: Duration) {
        drop(self.0.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let task = self.0.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut task) = task
            && timeout(deadline, &mut task).await.is_err()
        {
            task.abort();
            tracing::warn!("Events were dropped, since the operator is stopping");
        }
    }

    fn event(&self, regarding: &ObjectReference, kind: EventType, reason: &str, action: &str, note: &str) -> Event {
        let now = Timestamp::now();
        let number = self.0.published.fetch_add(1, Ordering::Relaxed);
        let object = regarding.name.as_deref().unwrap_or(PROGRAM);
        // A name is a DNS subdomain of up to 253 characters, and so is the object's; the end is what makes it unique.
        let unique = format!(".{:x}-{number:x}", now.as_nanosecond());
        let start: String = object.chars().take(253 - unique.len()).collect();
        let name = format!("{}{unique}", start.trim_end_matches(['-', '.']));
        let namespace = regarding.namespace.clone().or_else(|| Some("default".to_owned()));
        Event {
            metadata: ObjectMeta {
                name: Some(name),
                namespace,
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(now)),
            type_: Some(if kind == EventType::Normal { "Normal" } else { "Warning" }.to_owned()),
            reason: Some(cut(reason, 128)),
            action: Some(cut(action, 128)),
            note: Some(cut(note, NOTE_BYTES)),
            regarding: Some(regarding.clone()),
            reporting_controller: Some(PROGRAM.to_owned()),
            reporting_instance: Some(self.0.instance.clone()),
            ..Event::default()
        }
    }
}

/// Sends Events one after the other until the queue is closed and empty. One that fails is not sent again: its answer
/// may have been lost, and the next transition is told anyway.
async fn deliver(client: Client, mut queue: mpsc::Receiver<Event>, metrics: Metrics) {
    let mut complaint = None;
    while let Some(event) = queue.recv().await {
        let namespace = event.metadata.namespace.clone().unwrap_or_default();
        let api: Api<Event> = Api::namespaced(client.clone(), &namespace);
        let failure = match timeout(CALL_TIMEOUT, api.create(&PostParams::default(), &event)).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!(
                "the API server did not answer within {} s",
                CALL_TIMEOUT.as_secs()
            )),
        };
        if failure.is_some() {
            metrics.event_unpublished();
        }
        if failure != complaint {
            if let Some(reason) = &failure {
                tracing::warn!(namespace, reason, "Events can't be published");
            }
            complaint = failure;
        }
    }
}

/// The text, or as much of it as fits into so many bytes.
fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes - CUT.len());
    format!("{}{CUT}", &text[..end])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use axum::{
        Router,
        body::Bytes,
        extract::State,
        http::StatusCode,
        response::{IntoResponse, Response},
        routing::post,
    };
    use serde_json::Value;

    use super::*;

    /// An API server that takes Events, after so long.
    #[derive(Clone, Default)]
    struct ApiServer {
        taken: Arc<Mutex<Vec<Value>>>,
        delay: Duration,
    }

    impl ApiServer {
        fn publisher(&self) -> (Publisher, Metrics) {
            let path = "/apis/events.k8s.io/v1/namespaces/shop/events";
            let client = Client::new(Router::new().route(path, post(take)).with_state(self.clone()), "shop");
            let metrics = Metrics::new("lease", &[], false);
            (Publisher::new(client, "pod-1", metrics.clone()), metrics)
        }

        fn notes(&self) -> Vec<Value> {
            self.taken
                .lock()
                .unwrap()
                .iter()
                .map(|event| event["note"].clone())
                .collect()
        }
    }

    async fn take(State(server): State<ApiServer>, body: Bytes) -> Response {
        tokio::time::sleep(server.delay).await;
        server
            .taken
            .lock()
            .unwrap()
            .push(serde_json::from_slice(&body).unwrap());
        (StatusCode::CREATED, body).into_response()
    }

    fn regarding() -> ObjectReference {
        ObjectReference {
            namespace: Some("shop".to_owned()),
            name: Some("run-1".to_owned()),
            uid: Some("u-1".to_owned()),
            ..ObjectReference::default()
        }
    }

    fn raise(publisher: &Publisher, note: &str) {
        publisher.publish(
            &regarding(),
            EventType::Normal,
            "ExposureRaised",
            "UpdateExperimentRun",
            note,
        );
    }

    #[tokio::test]
    async fn two_raises_are_two_events_with_their_own_notes() {
        let server = ApiServer::default();
        let (publisher, _) = server.publisher();
        raise(&publisher, "0 to 5");
        raise(&publisher, "5 to 25");
        publisher.flush(Duration::from_secs(5)).await;
        assert_eq!(server.notes(), ["0 to 5", "5 to 25"]);
        let taken = server.taken.lock().unwrap();
        assert_ne!(taken[0]["metadata"]["name"], taken[1]["metadata"]["name"]);
        assert_eq!(taken[0]["regarding"]["uid"], "u-1");
        let reporter = (&taken[0]["reportingController"], &taken[0]["reportingInstance"]);
        assert_eq!(reporter, (&PROGRAM.into(), &"pod-1".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_api_server_holds_up_nobody() {
        let server = ApiServer {
            delay: Duration::from_mins(1),
            ..ApiServer::default()
        };
        let (publisher, metrics) = server.publisher();
        let start = tokio::time::Instant::now();
        for number in 0..QUEUE + 10 {
            raise(&publisher, &number.to_string());
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert!(
            metrics
                .encode(crate::metrics::Format::OpenMetrics)
                .unwrap()
                .contains("appconfig_operator_events_unpublished_total 10")
        );
        publisher.flush(Duration::from_secs(3)).await;
        assert!(start.elapsed() < Duration::from_secs(4) && server.notes().is_empty());
        raise(&publisher, "too late");
    }

    #[tokio::test]
    async fn names_and_notes_keep_the_bounds_of_the_api_server() {
        let (publisher, _) = ApiServer::default().publisher();
        let long = ObjectReference {
            name: Some("a.".repeat(126)),
            ..regarding()
        };
        let event = publisher.event(&long, EventType::Warning, "Reason", "Action", &"é".repeat(1000));
        let name = event.metadata.name.unwrap();
        assert!(name.len() <= 253 && !name.contains(".."), "{name}");
        let note = event.note.unwrap();
        assert!(note.len() <= NOTE_BYTES && note.ends_with(CUT));
        assert_eq!(event.type_.unwrap(), "Warning");
    }
}
