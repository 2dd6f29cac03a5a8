//! How requests travel, and what comes back: bounds, proxies, answers; and the client that sends reads, once each.
//!
//! Nothing here repeats a request. reqwest and hyper would, in three ways, and two are off: reqwest's retry policy
//! (`retry::never`) and redirects (`Policy::none`). The third, hyper-util's `retry_canceled_requests`, has no switch in
//! reqwest: it sends a request again when a *reused* connection turns out to be closed. To a read that does no harm;
//! updates go on a [`super::connection::Connection`] of their own, where there is nothing that could repeat them.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use reqwest::{NoProxy, Proxy, Url, redirect, retry};
use rustls::ClientConfig;

use super::connection::innermost;
use crate::run::one_line;

/// From sending an update until its answer's last byte: it is given up then (P1). A real one took 0.4 to 0.6 s; five times
/// that is enough for one that will be answered, and what is answered later is settled by reading.
pub const UPDATE_LIVES: Duration = Duration::from_secs(3);

/// How long a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands, name resolution and TLS included. 3 s by default. Less than `read`: a connection
    /// that is given up here is known to have carried nothing.
    pub connect: Duration,
    /// From the start of a read until its answer's last byte. 5 s by default.
    pub read: Duration,
    /// From sending an update until its answer's last byte: [`UPDATE_LIVES`] by default. Its connection stands before.
    pub update: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            read: Duration::from_secs(5),
            update: UPDATE_LIVES,
        }
    }
}

/// The proxy for `https://` requests, of which it sees only the host name.
///
/// AWS's own tools honour `HTTPS_PROXY` and `NO_PROXY`, and clusters without another way out rely on it; so does this
/// client. `http://` requests (a custom endpoint, a credentials agent on the node) never go through a proxy: it would
/// read them, and might repeat an update.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpsProxy {
    /// The proxy's URL, which may hold a password.
    pub url: String,
    /// Hosts that are reached directly, as in `NO_PROXY`.
    pub no_proxy: Option<String>,
}

/// The URL is none that a proxy can have. It is not told, since it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the URL of the proxy can't be used: {0}")]
pub struct InvalidProxy(String);

impl HttpsProxy {
    /// The proxy at a URL, but for the hosts of `no_proxy`.
    ///
    /// # Errors
    /// When the URL is none that a proxy can have.
    pub fn new(url: String, no_proxy: Option<String>) -> Result<Self, InvalidProxy> {
        Proxy::https(url.as_str()).map_err(|error| InvalidProxy(innermost(&error)))?;
        Ok(Self { url, no_proxy })
    }
}

impl fmt::Debug for HttpsProxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpsProxy")
            .field("no_proxy", &self.no_proxy)
            .finish_non_exhaustive()
    }
}

/// Sends reads, and keeps their connections.
#[derive(Clone, Debug)]
pub(super) struct Transport(reqwest::Client);

/// An answer, or the part of it that arrived within bounds.
#[derive(Debug)]
pub(super) struct RawAnswer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Body,
}

/// An answer's body.
#[derive(Debug)]
pub(super) enum Body {
    /// All of it.
    Whole(Vec<u8>),
    /// Its start: it was longer than the bound.
    Cut(Vec<u8>),
    /// The connection failed, or time was up, before its end.
    Broken(&'static str),
}

impl Body {
    pub(super) const LATE: &str = "the answer was not complete in time";
    pub(super) const LOST: &str = "the connection was lost before the answer was complete";
}

/// There was no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// No connection came about, so no byte of the request left.
    Unreachable(String),
    /// No byte of the request left.
    NotSent(&'static str),
    /// The request may have arrived.
    Lost(&'static str),
}

/// The longest answer that is read to its end: the largest run (32 overrides, a 16 KB audience rule, long texts) is far
/// smaller.
const MAX_ANSWER_BYTES: usize = 2 * 1024 * 1024;
/// The longest error that is read.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// How much of an answer is read.
pub(super) fn bound_of(status: StatusCode) -> usize {
    if status.is_success() {
        MAX_ANSWER_BYTES
    } else {
        MAX_ERROR_BYTES
    }
}

impl Transport {
    /// A client without connections.
    pub(super) fn new(
        timeouts: Timeouts,
        tls: ClientConfig,
        proxy: Option<&HttpsProxy>,
    ) -> Result<Self, reqwest::Error> {
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .tcp_nodelay(true)
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.read)
            .pool_idle_timeout(Duration::from_secs(20));
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        let builder = builder.tcp_user_timeout(timeouts.read);
        let builder = match proxy {
            Some(HttpsProxy { url, no_proxy }) => {
                let no_proxy = no_proxy.as_deref().and_then(NoProxy::from_string);
                builder.proxy(Proxy::https(url)?.no_proxy(no_proxy))
            }
            None => builder,
        };
        builder.build().map(Self)
    }

    /// Sends a GET once. The URL must be one that a URL parser leaves as it is, since exactly it was signed.
    pub(super) async fn get(&self, url: Url, headers: HeaderMap) -> Result<RawAnswer, NoAnswer> {
        let response = self.0.get(url).headers(headers).send().await;
        let response = http::Response::from(response.map_err(|error| no_answer(&error))?);
        let (head, body) = response.into_parts();
        let broken = |error: &reqwest::Error| if error.is_timeout() { Body::LATE } else { Body::LOST };
        let body = read(body, bound_of(head.status), broken).await;
        Ok(RawAnswer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
}

impl RawAnswer {
    /// The `Date` header.
    pub(super) fn date(&self) -> Option<Timestamp> {
        DateTimeParser::new().parse_timestamp(self.header("date")?).ok()
    }

    /// AWS's request ID.
    pub(super) fn request_id(&self) -> Option<String> {
        self.header("x-amzn-requestid").map(|id| one_line(id, 128))
    }

    /// A header, when it is visible ASCII.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Reads a body up to a bound. `broken` says what an error means.
pub(super) async fn read<B>(mut body: B, bound: usize, broken: impl Fn(&B::Error) -> &'static str) -> Body
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
{
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let chunk = match frame {
            Ok(frame) => frame.into_data().unwrap_or_default(),
            Err(error) => return Body::Broken(broken(&error)),
        };
        let room = bound.saturating_sub(whole.len());
        if chunk.len() > room {
            whole.extend_from_slice(&chunk[..room]);
            return Body::Cut(whole);
        }
        whole.extend_from_slice(&chunk);
    }
    Body::Whole(whole)
}

fn no_answer(error: &reqwest::Error) -> NoAnswer {
    if error.is_builder() {
        return NoAnswer::NotSent("the request could not be built");
    }
    if error.is_connect() {
        return NoAnswer::Unreachable(if error.is_timeout() {
            "timed out".to_owned()
        } else {
            innermost(error)
        });
    }
    NoAnswer::Lost(if error.is_timeout() {
        "no answer arrived in time"
    } else {
        "the connection was lost before an answer arrived"
    })
}
