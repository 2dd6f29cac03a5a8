//! [`Client`]: the three operations.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use aws_credential_types::provider::SharedCredentialsProvider;
use http::{HeaderMap, HeaderValue, Method, header};
use jiff::Timestamp;
use reqwest::Url;

use super::{
    Answer, Endpoints, Error, ErrorKind, ExperimentRun, ExperimentRunEvent, HttpsProxy, Observer, Operation,
    RunAddress, Timeouts, UpdateError, UpdateExperimentRun,
    answer::{Unusable, experiment_run},
    credentials::{CredentialsCache, CredentialsUnavailable, Held},
    events,
    failure::failure,
    request::{events_path, run_path},
    sign::sign,
    transport::{Body, NoAnswer, RawAnswer, Transport},
};
use crate::api::Region;

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
    /// The proxy for `https://`, see [`HttpsProxy::from_environment`].
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
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client can't be set up: {0}")]
pub struct InvalidSettings(#[from] reqwest::Error);

/// Calls `AppConfig`. Cheap to clone; clones share connections and credentials.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    endpoints: Endpoints,
    transport: Transport,
    credentials: CredentialsCache,
    process_id: String,
    observer: Arc<dyn Observer>,
}

/// One update that is ready to go but for its content: see [`Client::prepare`]. It is used up by the one request.
#[derive(Debug)]
pub struct Prepared {
    shared: Arc<Shared>,
    region: Region,
    credentials: Held,
}

/// One request, before it is signed.
struct Request<'a> {
    operation: Operation,
    region: &'a Region,
    method: Method,
    path: &'a str,
    body: Vec<u8>,
    pending_id: Option<&'a str>,
    /// Whether AWS's error text could echo values of it that must not be shown.
    discreet: bool,
}

/// A request that failed, and whether any byte of it could leave.
struct Failed {
    error: Error,
    sent: bool,
}

impl Client {
    /// A client, with its own connections and no credentials yet.
    ///
    /// # Errors
    /// When the system has no certificates to trust, or the proxy's URL can't be used.
    pub fn new(settings: Settings) -> Result<Self, InvalidSettings> {
        let Settings {
            endpoints,
            timeouts,
            https_proxy,
            process_id,
            credentials,
            observer,
        } = settings;
        let transport = Transport::new(timeouts, https_proxy.as_ref(), endpoints.is_plain_http())?;
        let credentials = CredentialsCache::new(credentials);
        let process_id = user_agent_token(&process_id);
        Ok(Self {
            shared: Arc::new(Shared {
                endpoints,
                transport,
                credentials,
                process_id,
                observer,
            }),
        })
    }

    /// Reads a run, by names or IDs: `GetExperimentRun`.
    ///
    /// Tried once, and once more with new credentials when AWS refuses the old ones as expired or unknown.
    ///
    /// # Errors
    /// Any [`ErrorKind`] except `Conflict` and `Refused`. An answer that lacks an ID, the run's number, its status or
    /// exposure, or has one that the API does not define, or is about another run number, is `UnusableAnswer`.
    pub async fn get_experiment_run(
        &self,
        region: &Region,
        address: &RunAddress,
    ) -> Result<Answer<ExperimentRun>, Error> {
        let parse = |body: &[u8]| match experiment_run(body) {
            Ok(run) if run.run != address.run => Err(Unusable::invalid("Run")),
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
    ) -> Result<Answer<Vec<ExperimentRunEvent>>, Error> {
        let operation = Operation::ListExperimentRunEvents;
        let mut events = Vec::new();
        let mut next_token: Option<String> = None;
        for _ in 0..MAX_EVENT_PAGES {
            let path = events_path(address, next_token.as_deref());
            let Answer {
                value: page,
                date,
                request_id,
            } = self.read(operation, region, &path, events::page).await?;
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
        Err(Error::local(
            operation,
            ErrorKind::UnusableAnswer,
            "its pages do not come to an end",
        ))
    }

    /// Everything of an update that can wait: credentials that live for at least 60 s more.
    ///
    /// What is left for [`Prepared::update_experiment_run`] is one connection and one request, 5 s at most.
    ///
    /// # Errors
    /// `CredentialsUnavailable`.
    pub async fn prepare(&self, region: &Region) -> Result<Prepared, Error> {
        let credentials = self
            .shared
            .credentials(Operation::UpdateExperimentRun, UPDATE_MARGIN)
            .await?;
        Ok(Prepared {
            shared: Arc::clone(&self.shared),
            region: region.clone(),
            credentials,
        })
    }

    async fn read<T>(
        &self,
        operation: Operation,
        region: &Region,
        path: &str,
        parse: impl Fn(&[u8]) -> Result<T, Unusable>,
    ) -> Result<Answer<T>, Error> {
        let request = || Request {
            operation,
            region,
            method: Method::GET,
            path,
            body: vec![],
            pending_id: None,
            discreet: false,
        };
        let credentials = self.shared.credentials(operation, Duration::ZERO).await?;
        let first = self.shared.exchange(request(), &credentials, &parse).await;
        match first {
            Err(Failed { error, .. }) if error.kind == ErrorKind::CredentialsExpired => {
                if !self.shared.credentials.refused(&credentials) {
                    return Err(error);
                }
                let credentials = self.shared.credentials(operation, Duration::ZERO).await?;
                self.shared
                    .exchange(request(), &credentials, &parse)
                    .await
                    .map_err(|failed| failed.error)
            }
            first => first.map_err(|failed| failed.error),
        }
    }
}

impl Prepared {
    /// Sends the update, once, on a new connection: `UpdateExperimentRun`. `run_ids` are the IDs that a read answered;
    /// `pending_id` goes into the `User-Agent`.
    ///
    /// # Errors
    /// [`UpdateError`] says whether the run may have changed. An answer about another run than the one asked for is
    /// `Unknown`.
    pub async fn update_experiment_run(
        self,
        run_ids: &RunAddress,
        update: &UpdateExperimentRun,
        pending_id: &str,
    ) -> Result<Answer<ExperimentRun>, UpdateError> {
        let operation = Operation::UpdateExperimentRun;
        let body = update.body().map_err(|_| {
            UpdateError::NotSent(Error::local(
                operation,
                ErrorKind::Refused,
                "its body could not be written",
            ))
        })?;
        let path = format!("{}/update", run_path(run_ids));
        let request = Request {
            operation,
            region: &self.region,
            method: Method::PATCH,
            path: &path,
            body,
            pending_id: Some(pending_id),
            discreet: update.carries_discreet_values(),
        };
        let parse = |body: &[u8]| match experiment_run(body) {
            Ok(run) if run.address() != *run_ids => {
                Err(Unusable::invalid("ApplicationId, ExperimentDefinitionId or Run"))
            }
            parsed => parsed,
        };
        self.shared
            .exchange(request, &self.credentials, parse)
            .await
            .map_err(|Failed { error, sent }| {
                if error.kind == ErrorKind::CredentialsExpired {
                    self.shared.credentials.refused(&self.credentials);
                }
                match error.status {
                    _ if !sent => UpdateError::NotSent(error),
                    Some(408) => UpdateError::Unknown(error),
                    Some(400..=499) => UpdateError::Refused(error),
                    _ => UpdateError::Unknown(error),
                }
            })
    }
}

impl Shared {
    async fn credentials(&self, operation: Operation, margin: Duration) -> Result<Held, Error> {
        let held = self.credentials.valid_for(margin).await;
        held.map_err(|CredentialsUnavailable(why)| Error::local(operation, ErrorKind::CredentialsUnavailable, why))
    }

    /// Signs a request, sends it once, and reads its answer.
    async fn exchange<T>(
        &self,
        request: Request<'_>,
        credentials: &Held,
        parse: impl Fn(&[u8]) -> Result<T, Unusable>,
    ) -> Result<Answer<T>, Failed> {
        let Request {
            operation, discreet, ..
        } = request;
        let not_sent = |kind, why| Failed {
            error: Error::local(operation, kind, why),
            sent: false,
        };
        let (url, headers) = self
            .signed(&request, credentials)
            .map_err(|(kind, why)| not_sent(kind, why))?;
        let started = Instant::now();
        let answer = self.transport.send(request.method, url, headers, request.body).await;
        let outcome = match answer {
            Ok(answer) => evaluate(operation, discreet, &answer, parse).map_err(|error| Failed { error, sent: true }),
            Err(NoAnswer::NotSent(why)) => Err(Failed {
                error: Error::local(operation, ErrorKind::Unavailable, why),
                sent: false,
            }),
            Err(NoAnswer::Lost(why)) => Err(Failed {
                error: Error::local(operation, ErrorKind::Unavailable, why),
                sent: true,
            }),
        };
        let code = outcome
            .as_ref()
            .map_or_else(|failed| failed.error.kind.as_str(), |_| "OK");
        self.observer.request(operation, code, started.elapsed());
        if let Err(Failed { error, .. }) = &outcome {
            let Error {
                status,
                code,
                request_id,
                ..
            } = error;
            tracing::debug!(%operation, kind = error.kind.as_str(), status, code, request_id, "AppConfig request failed");
        }
        outcome
    }

    /// The URL, built once, and the headers with the signature of exactly that URL.
    fn signed(&self, request: &Request<'_>, held: &Held) -> Result<(Url, HeaderMap), (ErrorKind, &'static str)> {
        let text = format!("{}{}", self.endpoints.base(request.region), request.path);
        let url = Url::parse(&text).ok().filter(|url| url.as_str() == text);
        let unsendable = (
            ErrorKind::Unavailable,
            "the endpoint does not lead to a URL that can be sent",
        );
        let url = url.ok_or(unsendable)?;
        let mut headers = HeaderMap::new();
        if !request.body.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let agent = self.user_agent(request.pending_id);
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_str(&agent).map_err(|_| unsendable)?,
        );
        sign(
            &request.method,
            &text,
            &mut headers,
            &request.body,
            &held.credentials,
            request.region,
            SystemTime::now(),
        )
        .map_err(|_| {
            (
                ErrorKind::CredentialsUnavailable,
                "the credentials hold characters that can't be sent",
            )
        })?;
        Ok((url, headers))
    }

    fn user_agent(&self, pending_id: Option<&str>) -> String {
        let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        let process = format!("{name}/{version} process/{}", self.process_id);
        match pending_id {
            Some(id) => format!("{process} update/{}", user_agent_token(id)),
            None => process,
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

fn evaluate<T>(
    operation: Operation,
    discreet: bool,
    answer: &RawAnswer,
    parse: impl Fn(&[u8]) -> Result<T, Unusable>,
) -> Result<Answer<T>, Error> {
    if !answer.status.is_success() {
        return Err(failure(operation, discreet, answer, Timestamp::now()));
    }
    let (kind, why) = match &answer.body {
        Body::Whole(body) => match parse(body) {
            Ok(value) => {
                return Ok(Answer {
                    value,
                    date: answer.date(),
                    request_id: answer.request_id(),
                });
            }
            Err(Unusable(why)) => (ErrorKind::UnusableAnswer, why),
        },
        Body::Cut(_) => (ErrorKind::UnusableAnswer, "it is longer than 2 MiB".to_owned()),
        Body::Broken(why) => (ErrorKind::Unavailable, (*why).to_owned()),
    };
    Err(Error {
        status: Some(answer.status.as_u16()),
        request_id: answer.request_id(),
        date: answer.date(),
        ..Error::local(operation, kind, why)
    })
}

/// What may stand in a `User-Agent` and be found again by a program.
fn user_agent_token(text: &str) -> String {
    let legal = |character: &char| character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '_');
    text.chars().filter(legal).take(128).collect()
}
