//! [`Client`]: the three operations.

use std::{fmt, sync::Arc, time::Duration};

use aws_credential_types::provider::SharedCredentialsProvider;
use http::Method;

use super::{
    Answer, Endpoints, HttpsProxy, Observer, Timeouts,
    answer::{Unusable, live_run},
    connection::Connection,
    credentials::Held,
    event_page,
    exchange::{Exchange, Failed, Request, Way},
    request::{body, events_path, run_path},
};
use crate::{
    api::Region,
    run::{ExperimentRunEvent, Failure, FailureKind, LiveRun, Operation, RunAddress, RunKey, Update, UpdateError},
};

/// The most pages of events that are read, of up to 50 events each: a run has far fewer events.
const MAX_EVENT_PAGES: usize = 20;
/// How long credentials must live on when an update is prepared: longer than fence and update may take together.
const UPDATE_MARGIN: Duration = Duration::from_mins(1);

/// What a [`Client`] is made of. All of it is values: nothing is read from the environment later.
#[derive(Clone)]
pub struct Settings {
    /// Which host a region's requests go to.
    pub endpoints: Endpoints,
    /// How long a request may take.
    pub timeouts: Timeouts,
    /// The proxy for `https://`. `None` when there is none.
    pub https_proxy: Option<HttpsProxy>,
    /// What identifies this process in the `User-Agent`: letters, digits, `-`, `.`, `_`; others are left out.
    pub process_id: String,
    /// Where credentials come from, see [`super::default_credentials`]. The client keeps them until shortly before
    /// they expire.
    pub credentials: SharedCredentialsProvider,
    /// Who is told of each request.
    pub observer: Arc<dyn Observer>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

/// No client can be made of the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the HTTP client can't be set up: {0}")]
pub struct InvalidSettings(pub(super) String);

/// Calls `AppConfig`. Cheap to clone; clones share connections and credentials.
#[derive(Clone, Debug)]
pub struct Client {
    exchange: Arc<Exchange>,
}

/// One update that is ready to go but for its content: see [`Client::prepare`]. It is used up by the one request.
#[derive(Debug)]
pub struct Prepared {
    exchange: Arc<Exchange>,
    region: Region,
    credentials: Held,
    connection: Box<Connection>,
}

impl Client {
    /// A client, with its own connections and no credentials yet.
    ///
    /// # Errors
    /// When the system has no certificates to trust, or the proxy's URL can't be used.
    pub fn new(settings: Settings) -> Result<Self, InvalidSettings> {
        Exchange::new(settings).map(|exchange| Self {
            exchange: Arc::new(exchange),
        })
    }

    /// Which host a region's requests go to.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.exchange.endpoints
    }

    /// Reads a run, by names or IDs: `GetExperimentRun`.
    ///
    /// Tried once, and once more with new credentials when AWS refuses the old ones.
    ///
    /// # Errors
    /// Any [`FailureKind`] except `Conflict` and `Refused`. An answer that lacks an ID, the run's number, its status or
    /// exposure, or has one that the API does not define, or is about another run number, is `UnusableAnswer`.
    pub async fn get_experiment_run(&self, region: &Region, address: &RunAddress) -> Result<Answer<LiveRun>, Failure> {
        let parse = |body: &[u8]| match live_run(region, body) {
            Ok(live) if live.key.run != address.run.get() => Err(Unusable::invalid("Run")),
            parsed => parsed,
        };
        self.read(Operation::GetExperimentRun, region, &run_path(address), parse)
            .await
    }

    /// Reads all events of a run, in the order in which the service lists them: `ListExperimentRunEvents`, up to 20
    /// pages of 50, each one request.
    ///
    /// The answer's date and request ID are those of the last page.
    ///
    /// # Errors
    /// As [`Self::get_experiment_run`]. More than 20 pages, or pages that go round in a circle, are `UnusableAnswer`: a
    /// part of the events is not a value.
    pub async fn list_experiment_run_events(
        &self,
        region: &Region,
        address: &RunAddress,
    ) -> Result<Answer<Vec<ExperimentRunEvent>>, Failure> {
        let operation = Operation::ListExperimentRunEvents;
        let mut events = Vec::new();
        let mut next_token: Option<String> = None;
        for _ in 0..MAX_EVENT_PAGES {
            let path = events_path(address, next_token.as_deref());
            let Answer {
                value: page,
                date,
                request_id,
            } = self.read(operation, region, &path, event_page::page).await?;
            events.extend(page.events);
            if page.next_token.is_none() {
                return Ok(Answer {
                    value: events,
                    date,
                    request_id,
                });
            }
            if page.next_token == next_token {
                break;
            }
            next_token = page.next_token;
        }
        Err(Failure::without_answer(
            operation,
            FailureKind::UnusableAnswer,
            "the pages of the answer do not end",
        ))
    }

    /// Everything of an update that can wait: credentials that live for at least 60 s more, and a connection of its own,
    /// on which a request can be sent now. `kept` is what was prepared before and not used: its connection serves again
    /// while nobody has closed it, for 10 s from when it was made.
    ///
    /// What is left for [`Prepared::update_experiment_run`] is one request, [`super::UPDATE_LIVES`] at most.
    ///
    /// # Errors
    /// `CredentialsUnavailable` and `Unreachable`. Nothing was sent.
    pub async fn prepare(&self, region: &Region, kept: Option<Prepared>) -> Result<Prepared, Failure> {
        let operation = Operation::UpdateExperimentRun;
        let credentials = self.exchange.credentials(operation, UPDATE_MARGIN).await?;
        let kept = kept.filter(|kept| kept.region == *region).map(|kept| kept.connection);
        let connection = self.exchange.connection(operation, region, kept).await?;
        Ok(Prepared {
            exchange: Arc::clone(&self.exchange),
            region: region.clone(),
            credentials,
            connection,
        })
    }

    async fn read<T>(
        &self,
        operation: Operation,
        region: &Region,
        path: &str,
        parse: impl Fn(&[u8]) -> Result<T, Unusable>,
    ) -> Result<Answer<T>, Failure> {
        let request = || Request {
            operation,
            region,
            method: Method::GET,
            path,
            body: vec![],
            pending_id: None,
            sensitive: false,
        };
        let credentials = self.exchange.credentials(operation, Duration::ZERO).await?;
        let first = self
            .exchange
            .send_once(request(), Way::Shared, &credentials, &parse)
            .await;
        match first {
            Err(Failed { failure, .. }) if failure.kind.refuses_credentials() => {
                if !self.exchange.refused(&credentials) {
                    return Err(failure);
                }
                let credentials = self.exchange.credentials(operation, Duration::ZERO).await?;
                self.exchange
                    .send_once(request(), Way::Shared, &credentials, &parse)
                    .await
                    .map_err(|failed| failed.failure)
            }
            first => first.map_err(|failed| failed.failure),
        }
    }
}

impl Prepared {
    /// Sends the update, once, on the connection that was made for it, and never on another: `UpdateExperimentRun`. `run`
    /// is the one that a read answered, in the region that this was prepared for; `pending_id` goes into the `User-Agent`.
    ///
    /// # Errors
    /// [`UpdateError`] says whether the run may have changed. An answer about another run than the one asked for is
    /// `Unknown`; a run of another region, or one whose IDs no URL can carry, is `NotSent`.
    pub async fn update_experiment_run(
        self,
        run: &RunKey,
        update: &Update,
        pending_id: &str,
    ) -> Result<Answer<LiveRun>, UpdateError> {
        let operation = Operation::UpdateExperimentRun;
        let not_sent = |why: &str| UpdateError::NotSent(Failure::without_answer(operation, FailureKind::Refused, why));
        if run.region != self.region {
            return Err(not_sent("the connection is for another region"));
        }
        let address = RunAddress::parse(&run.application_id, &run.experiment_definition_id, run.run)
            .map_err(|invalid| not_sent(&invalid.to_string()))?;
        let path = format!("{}/update", run_path(&address));
        let request = Request {
            operation,
            region: &self.region,
            method: Method::PATCH,
            path: &path,
            body: body(update).map_err(|_| not_sent("the body of the request could not be written"))?,
            pending_id: Some(pending_id),
            sensitive: update.carries_sensitive_values(),
        };
        let parse = |body: &[u8]| match live_run(&self.region, body) {
            Ok(live) if live.key != *run => Err(Unusable::invalid("ApplicationId, ExperimentDefinitionId or Run")),
            parsed => parsed,
        };
        self.exchange
            .send_once(request, Way::Own(self.connection), &self.credentials, parse)
            .await
            .map_err(|Failed { failure, sent }| {
                if failure.kind.refuses_credentials() {
                    self.exchange.refused(&self.credentials);
                }
                match failure.status {
                    _ if !sent => UpdateError::NotSent(failure),
                    Some(408) => UpdateError::Unknown(failure),
                    Some(400..=499) => UpdateError::Refused(failure),
                    _ => UpdateError::Unknown(failure),
                }
            })
    }
}
