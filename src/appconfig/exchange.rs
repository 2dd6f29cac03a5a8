//! One request: signed, sent once, and its answer read.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use http::{HeaderMap, HeaderValue, Method, header};
use jiff::Timestamp;
use reqwest::Url;

use super::{
    Answer, Endpoints, Error, ErrorKind, InvalidSettings, Observer, Operation, Settings,
    answer::Unusable,
    credentials::{CredentialsCache, CredentialsUnavailable, Held},
    failure::failure,
    sign::sign,
    transport::{Body, NoAnswer, RawAnswer, Transport, innermost},
};
use crate::api::Region;

/// What every request needs.
pub(super) struct Exchange {
    pub(super) endpoints: Endpoints,
    transport: Transport,
    credentials: CredentialsCache,
    process_id: String,
    observer: Arc<dyn Observer>,
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
    pub discreet: bool,
}

/// A request that failed, and whether any byte of it could leave.
pub(super) struct Failed {
    pub error: Error,
    pub sent: bool,
}

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
        let transport = Transport::new(timeouts, https_proxy.as_ref(), endpoints.is_plain_http())
            .map_err(|error| InvalidSettings(innermost(&error)))?;
        let (credentials, process_id) = (CredentialsCache::new(credentials), user_agent_token(&process_id));
        Ok(Self {
            endpoints,
            transport,
            credentials,
            process_id,
            observer,
        })
    }

    /// Credentials that are valid for `margin` more.
    pub(super) async fn credentials(&self, operation: Operation, margin: Duration) -> Result<Held, Error> {
        let held = self.credentials.valid_for(margin).await;
        held.map_err(|CredentialsUnavailable(why)| Error::local(operation, ErrorKind::CredentialsUnavailable, &why))
    }

    /// AWS has refused these credentials: see [`CredentialsCache::refused`].
    pub(super) fn refused(&self, credentials: &Held) -> bool {
        self.credentials.refused(credentials)
    }

    /// Signs a request, sends it once, and reads its answer.
    pub(super) async fn once<T>(
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
                error: Error::local(operation, ErrorKind::Unavailable, &why),
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

impl fmt::Debug for Exchange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Exchange")
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
        ..Error::local(operation, kind, &why)
    })
}

/// What may stand in a `User-Agent` and be found again by a program.
fn user_agent_token(text: &str) -> String {
    let legal = |character: &char| character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '_');
    text.chars().filter(legal).take(128).collect()
}
