//! One request: signed, sent once, and its answer read.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use http_body_util::Full;
use jiff::Timestamp;
use reqwest::Url;

use super::{
    Answer, Endpoints, InvalidSettings, Observer, Settings,
    answer::Unusable,
    connection::{Connection, Connector, innermost, tls},
    credentials::{CredentialsCache, CredentialsUnavailable, Held},
    error_answer::failure,
    sign::sign,
    transport::{Body, NoAnswer, RawAnswer, Transport},
};
use crate::{
    api::Region,
    run::{Failure, FailureKind, Operation},
};

/// What every request needs.
pub(super) struct Exchange {
    pub(super) endpoints: Endpoints,
    transport: Transport,
    connector: Connector,
    credentials: CredentialsCache,
    process_id: String,
    observer: Arc<dyn Observer>,
}

/// How a request travels.
pub(super) enum Way {
    /// On a connection that reads share.
    Shared,
    /// On one of its own, which stands.
    Own(Box<Connection>),
}

/// One request, before it is signed.
pub(super) struct Request<'a> {
    pub operation: Operation,
    pub region: &'a Region,
    pub method: Method,
    pub path: &'a str,
    pub body: Vec<u8>,
    pub pending_id: Option<&'a str>,
    /// Whether AWS's error text could echo values of it that must not be shown.
    pub sensitive: bool,
}

/// A request that failed, and whether any byte of it could leave.
pub(super) struct Failed {
    pub failure: Failure,
    pub sent: bool,
}

const UNSENDABLE: &str = "the endpoint gives no valid URL";

impl Exchange {
    /// With connections of its own and no credentials yet.
    pub(super) fn new(settings: Settings) -> Result<Self, InvalidSettings> {
        let Settings {
            endpoints,
            timeouts,
            https_proxy,
            process_id,
            credentials,
            observer,
        } = settings;
        let proxy = https_proxy.as_ref().filter(|_| !endpoints.is_plain_http());
        let tls = tls().map_err(|error| InvalidSettings(error.to_string()))?;
        let transport =
            Transport::new(timeouts, tls.clone(), proxy).map_err(|error| InvalidSettings(innermost(&error)))?;
        let connector = Connector::new(timeouts, tls, proxy);
        let (credentials, process_id) = (CredentialsCache::new(credentials), user_agent_token(&process_id));
        Ok(Self {
            endpoints,
            transport,
            connector,
            credentials,
            process_id,
            observer,
        })
    }

    /// Credentials that are valid for `margin` more.
    pub(super) async fn credentials(&self, operation: Operation, margin: Duration) -> Result<Held, Failure> {
        let held = self.credentials.valid_for(margin).await;
        held.map_err(|CredentialsUnavailable(why)| {
            Failure::without_answer(operation, FailureKind::CredentialsUnavailable, &why)
        })
    }

    /// AWS has refused these credentials: see [`CredentialsCache::refused`].
    pub(super) fn refused(&self, credentials: &Held) -> bool {
        self.credentials.refused(credentials)
    }

    /// A connection for one request to the region's endpoint: the one that is kept, if it still serves.
    pub(super) async fn connection(
        &self,
        operation: Operation,
        region: &Region,
        kept: Option<Box<Connection>>,
    ) -> Result<Box<Connection>, Failure> {
        if let Some(mut kept) = kept
            && kept.is_ready().await
        {
            return Ok(kept);
        }
        let started = Instant::now();
        let why = match self.endpoints.base(region).parse::<Uri>() {
            Ok(to) => match self.connector.connect(&to).await {
                Ok(connection) => return Ok(connection),
                Err(why) => why,
            },
            Err(error) => error.to_string(),
        };
        let failure = self.unreachable(operation, region, &why);
        self.observer
            .request(operation, failure.kind.as_str(), started.elapsed());
        Err(failure)
    }

    fn unreachable(&self, operation: Operation, region: &Region, why: &str) -> Failure {
        let base = self.endpoints.base(region);
        let host = base.split("://").nth(1).and_then(|rest| rest.split('/').next());
        let host = host.unwrap_or_default();
        let what = format!("could not connect to {host} for region {region}: {why}");
        Failure::without_answer(operation, FailureKind::Unreachable, &what)
    }

    /// Signs a request, sends it once, and reads its answer.
    pub(super) async fn send_once<T>(
        &self,
        request: Request<'_>,
        way: Way,
        credentials: &Held,
        parse: impl Fn(&[u8]) -> Result<T, Unusable>,
    ) -> Result<Answer<T>, Failed> {
        let Request {
            operation, sensitive, ..
        } = request;
        let not_sent = |kind, why| Failed {
            failure: Failure::without_answer(operation, kind, why),
            sent: false,
        };
        let (url, headers) = self
            .signed(&request, credentials)
            .map_err(|(kind, why)| not_sent(kind, why))?;
        let region = request.region;
        let started = Instant::now();
        let answer = match way {
            Way::Shared => self.transport.get(url, headers).await,
            Way::Own(connection) => match on_the_wire(request, &url, headers) {
                Some(request) => Box::pin(connection.send(request)).await,
                None => Err(NoAnswer::NotSent(UNSENDABLE)),
            },
        };
        let outcome = match answer {
            Ok(answer) => {
                evaluate(operation, sensitive, &answer, parse).map_err(|failure| Failed { failure, sent: true })
            }
            Err(NoAnswer::Unreachable(why)) => Err(Failed {
                failure: self.unreachable(operation, region, &why),
                sent: false,
            }),
            Err(NoAnswer::NotSent(why)) => Err(not_sent(FailureKind::Unavailable, why)),
            Err(NoAnswer::Lost(why)) => Err(Failed {
                failure: Failure::without_answer(operation, FailureKind::Unavailable, why),
                sent: true,
            }),
        };
        let code = outcome
            .as_ref()
            .map_or_else(|failed| failed.failure.kind.as_str(), |_| "OK");
        self.observer.request(operation, code, started.elapsed());
        if let Err(Failed { failure, .. }) = &outcome {
            let Failure {
                status,
                code,
                request_id,
                ..
            } = failure;
            tracing::debug!(%operation, kind = failure.kind.as_str(), status, code, request_id, "AppConfig request failed");
        }
        outcome
    }

    /// The URL, built once, and the headers with the signature of exactly that URL.
    fn signed(&self, request: &Request<'_>, held: &Held) -> Result<(Url, HeaderMap), (FailureKind, &'static str)> {
        let text = format!("{}{}", self.endpoints.base(request.region), request.path);
        let url = Url::parse(&text).ok().filter(|url| url.as_str() == text);
        let unsendable = (FailureKind::Unavailable, UNSENDABLE);
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
                FailureKind::CredentialsUnavailable,
                "the credentials contain characters that can't be sent",
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

impl fmt::Debug for Exchange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Exchange")
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

/// The request as hyper writes it, which adds nothing but its length. None when the URL is no target of a request.
fn on_the_wire(request: Request<'_>, url: &Url, headers: HeaderMap) -> Option<http::Request<Full<Bytes>>> {
    let to = url.as_str().parse::<Uri>().ok()?.into_parts();
    let mut sent = http::Request::new(Full::from(request.body));
    *sent.method_mut() = request.method;
    *sent.uri_mut() = to.path_and_query?.into();
    *sent.headers_mut() = headers;
    let host = HeaderValue::from_str(to.authority?.as_str()).ok()?;
    sent.headers_mut().insert(header::HOST, host);
    Some(sent)
}

fn evaluate<T>(
    operation: Operation,
    sensitive: bool,
    answer: &RawAnswer,
    parse: impl Fn(&[u8]) -> Result<T, Unusable>,
) -> Result<Answer<T>, Failure> {
    if !answer.status.is_success() {
        return Err(failure(operation, sensitive, answer, Timestamp::now()));
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
            Err(Unusable(why)) => (FailureKind::UnusableAnswer, why),
        },
        Body::Cut(_) => (
            FailureKind::UnusableAnswer,
            "the answer is longer than 2 MiB".to_owned(),
        ),
        Body::Broken(why) => (FailureKind::Unavailable, (*why).to_owned()),
    };
    Err(Failure {
        status: Some(answer.status.as_u16()),
        request_id: answer.request_id(),
        date: answer.date(),
        ..Failure::without_answer(operation, kind, &why)
    })
}

/// What may stand in a `User-Agent` and be found again by a program.
fn user_agent_token(text: &str) -> String {
    let legal = |character: &char| character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '_');
    text.chars().filter(legal).take(128).collect()
}
