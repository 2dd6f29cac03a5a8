//! Starts what a pass needs, runs the loop, and stops in order: no update starts after the signal, the status of those
//! under way is written, the Events are sent, and the Lease is given up last.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use kube::client::ClientBuilder;
use tokio::{
    runtime::Handle,
    signal::unix::{SignalKind, signal},
    sync::{mpsc, oneshot, watch},
};

use crate::{
    appconfig::{Client, InvalidSettings, Observer, RateLimits},
    cli,
    clock::BootInstant,
    decide::{desired::Defaults, findings::Reason},
    http::{self, Heartbeat, Readiness, Sources},
    leader::{self, Leadership, LeadershipLost, Publish, Published},
    metrics::Metrics,
};

use super::{
    Shared, cache,
    claims::Claims,
    dispatch::Dispatcher,
    events::Publisher,
    served_schema::{Reader, Report, ServedSchema},
    service_clock::ServiceClocks,
};

/// The loop beats every 10 s; one that is silent for this long is stuck.
const STUCK_AFTER: Duration = Duration::from_mins(2);
/// How long the last Events may take at the end.
const FLUSH: Duration = Duration::from_secs(3);
/// How long the API server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// A watch is silent for a minute at most, since it asks for bookmarks; a silent connection is a dead one.
const SILENCE: Duration = Duration::from_secs(150);

/// Why the operator ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no cluster to talk to.
    #[error("no Kubernetes cluster is configured: {0}; run in a Pod, or set KUBECONFIG")]
    Cluster(String),
    /// The HTTP client can't be made.
    #[error(transparent)]
    Client(#[from] InvalidSettings),
    /// The address for metrics and probes can't be used, or a signal can't be heard.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The Lease was lost: another replica may act now.
    #[error("{0}")]
    LeaseLost(#[from] LeadershipLost),
    /// A pass panicked.
    #[error("a pass panicked; restart the operator, and report this error")]
    Panicked,
}

/// Runs the operator until SIGTERM or SIGINT. The passes run where this does; what keeps the Lease and answers the probes
/// runs on `keeper`, so that it never waits for a decision.
///
/// # Errors
/// When it can't start, and when it may not go on.
pub async fn run(settings: cli::Run, keeper: &Handle) -> Result<(), Error> {
    // First of all: a process that holds the Lease must not end without giving it up.
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(hear_signals(stop.clone())?);
    let process_id = uuid::Uuid::new_v4().to_string();
    let metrics = Metrics::new(settings.lease_name.as_str(), Reason::NAMES, settings.per_object_metrics);
    let readiness = Readiness::default();
    let synced = readiness.require("the cache of ExperimentRuns");
    let served = readiness.require("the schema of ExperimentRuns");
    let heartbeat = Heartbeat::new(STUCK_AFTER);
    let listener = on(keeper, http::bind(settings.http_address)).await??;
    let schema = ServedSchema::new(BootInstant::now);
    let client = kubernetes(schema.clone(), settings.https_proxies.clone()).await?;
    // A client's connections live where it was made.
    let of_lease = on(keeper, kubernetes(schema.clone(), settings.https_proxies.clone())).await??;
    let leadership = leadership(&settings, &of_lease, &metrics, keeper);
    let publisher = Publisher::new(client.clone(), &cli::host_name(), metrics.clone());
    let observer: Arc<dyn Observer> = Arc::new(metrics.clone());
    let (wake, wakes) = mpsc::unbounded_channel();
    let appconfig = Client::new(settings.service.client_settings(&process_id, Arc::clone(&observer)))?;
    let endpoints = appconfig.endpoints().clone();
    let shared = Arc::new(Shared {
        appconfig,
        rates: RateLimits::new(settings.read_rate, settings.write_rate, endpoints.clone(), observer),
        claims: Claims::new(endpoints, wake),
        service_clocks: ServiceClocks::default(),
        leadership,
        schema: schema.clone(),
        publisher: publisher.clone(),
        defaults: Arc::new(Defaults {
            region: settings.service.region.clone(),
            resync_interval: settings.resync_interval,
        }),
        clock: BootInstant::now,
        started: Instant::now(),
        stop,
        selector: settings.selector.as_ref().map(|selector| selector.parsed().clone()),
        metrics: metrics.clone(),
        client: client.clone(),
    });
    let report = Report::new(served, metrics.clone(), publisher);
    tokio::spawn(Reader::new(schema, client.clone(), report).run());
    let sources = Sources {
        metrics,
        readiness,
        heartbeat: heartbeat.clone(),
    };
    let (serving, end) = oneshot::channel::<()>();
    let served = keeper.spawn(http::serve(listener, sources, async move {
        let _ = end.await;
    }));
    let namespaces: Vec<String> = settings
        .namespaces
        .iter()
        .map(|namespace| namespace.as_str().to_owned())
        .collect();
    let changes = cache::watch(
        &client,
        &namespaces,
        settings.selector.as_ref().map(cli::Selector::as_str),
    );
    let concurrency = usize::from(settings.concurrency.get());
    let dispatcher = Dispatcher::new(
        Arc::clone(&shared),
        concurrency,
        settings.read_rate.get(),
        namespaces,
        synced,
        heartbeat,
    );
    let result = dispatcher.run(changes, wakes, stopped).await;
    shared.publisher.flush(FLUSH).await;
    shared.leadership.release().await;
    drop(serving);
    let _ = served.await;
    result
}

/// Waits for something that is done on another runtime.
async fn on<T: Send + 'static>(runtime: &Handle, work: impl Future<Output = T> + Send + 'static) -> Result<T, Error> {
    runtime.spawn(work).await.map_err(|_| Error::Panicked)
}

/// A client without the library's retries, which repeat any call up to 15 times and wait as long as a server asks, and
/// without the proxies for AWS.
async fn kubernetes(schema: ServedSchema, https_proxies: Vec<::http::Uri>) -> Result<kube::Client, Error> {
    let mut config = kube::Config::infer()
        .await
        .map_err(|error| Error::Cluster(error.to_string()))?;
    // kube would reach the API server through HTTPS_PROXY too, whatever NO_PROXY says. Here that variable is for AWS.
    config.proxy_url.take_if(|proxy| https_proxies.contains(proxy));
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(SILENCE);
    let client = ClientBuilder::try_from(config).map_err(|error| Error::Cluster(error.to_string()))?;
    Ok(schema.observe_watches(client).build())
}

fn leadership(settings: &cli::Run, client: &kube::Client, metrics: &Metrics, keeper: &Handle) -> Leadership {
    if !settings.leader_elect {
        return Leadership::always();
    }
    let namespace = settings
        .lease_namespace
        .as_ref()
        .map_or_else(leader::default_namespace, |name| name.as_str().to_owned());
    let identity = leader::identity(&cli::host_name());
    let _on_keeper = keeper.enter();
    let name = settings.lease_name.as_str();
    leader::start(client.clone(), &namespace, name, &identity, publish(settings, metrics))
}

/// What the Lease tells of this operator.
fn publish(settings: &cli::Run, metrics: &Metrics) -> Publish {
    let (metrics, fixed) = (
        metrics.clone(),
        Published {
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            namespaces: settings.namespaces.iter().map(ToString::to_string).collect(),
            selector: settings.selector.as_ref().map(|selector| selector.as_str().to_owned()),
            region: settings.service.region.as_ref().map(ToString::to_string),
            last_read: None,
        },
    );
    Arc::new(move || Published {
        last_read: metrics.last_good_read(),
        ..fixed.clone()
    })
}

/// Tells everybody to stop at the first SIGTERM or SIGINT.
fn hear_signals(stop: watch::Sender<bool>) -> Result<impl Future<Output = ()>, Error> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping; no new update is sent");
        stop.send_replace(true);
    })
}
