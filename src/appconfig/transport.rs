//! Sends a signed request once, and reads a bounded answer.
//!
//! Nothing here repeats a request. reqwest and hyper would, in three ways, and each is off: reqwest's retry policy
//! (`retry::never`), redirects (`Policy::none`), and hyper-util's `retry_canceled_requests`, which sends a request
//! again when a *reused* connection turns out to be closed. reqwest has no switch for the last one, so updates have a
//! client of their own that keeps no idle connection: each PATCH opens a new one, on which hyper never retries.

use std::{fmt, time::Duration};

use http::{HeaderMap, Method, StatusCode};
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use reqwest::{NoProxy, Proxy, Url, redirect, retry};

use super::error::bounded;

/// How long a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands, name resolution and TLS included. 3 s by default. Less than `total`: a connection
    /// that is given up here is known to have carried nothing.
    pub connect: Duration,
    /// From the start until the answer's last byte. 5 s by default: an update is given up then.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            total: Duration::from_secs(5),
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

impl HttpsProxy {
    /// The proxy that `HTTPS_PROXY` or `https_proxy` names, with `NO_PROXY` or `no_proxy`.
    #[must_use]
    pub fn from_environment() -> Option<Self> {
        let variable = |names: [&str; 2]| {
            names
                .into_iter()
                .filter_map(|name| std::env::var(name).ok())
                .find(|value| !value.is_empty())
        };
        let url = variable(["HTTPS_PROXY", "https_proxy"])?;
        Some(Self {
            url,
            no_proxy: variable(["NO_PROXY", "no_proxy"]),
        })
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

/// Two HTTP clients: one that keeps connections for reads, and one that never reuses one, for updates.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    reads: reqwest::Client,
    updates: reqwest::Client,
}

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

/// There was no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// No connection came about, so no byte of the request left.
    NotSent(String),
    /// The request may have arrived.
    Lost(&'static str),
}

/// The longest answer that is read to its end: the largest run (32 overrides, a 16 KB audience rule, long texts) is far
/// smaller.
const MAX_ANSWER_BYTES: usize = 2 * 1024 * 1024;
/// The longest error that is read.
const MAX_ERROR_BYTES: usize = 64 * 1024;

impl Transport {
    /// Both clients, with `ring` as the TLS provider and the system's certificates.
    pub(super) fn new(
        timeouts: Timeouts,
        proxy: Option<&HttpsProxy>,
        plain_http: bool,
    ) -> Result<Self, reqwest::Error> {
        // reqwest is built without a provider of its own and takes the process's. An earlier choice stands.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let proxy = proxy.filter(|_| !plain_http);
        let reads = builder(timeouts, proxy)?
            .pool_idle_timeout(Duration::from_secs(20))
            .build()?;
        let updates = builder(timeouts, proxy)?.pool_max_idle_per_host(0).build()?;
        Ok(Self { reads, updates })
    }

    /// Sends a request once. The URL must be one that a URL parser leaves as it is, since exactly it was signed.
    pub(super) async fn send(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<RawAnswer, NoAnswer> {
        let client = if method == Method::GET {
            &self.reads
        } else {
            &self.updates
        };
        let request = client.request(method, url).headers(headers);
        let request = if body.is_empty() { request } else { request.body(body) };
        let mut response = request.send().await.map_err(|error| no_answer(&error))?;
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let bound = if status.is_success() {
            MAX_ANSWER_BYTES
        } else {
            MAX_ERROR_BYTES
        };
        let body = read(response, bound).await;
        Ok(RawAnswer { status, headers, body })
    }
}

impl RawAnswer {
    /// The `Date` header.
    pub(super) fn date(&self) -> Option<Timestamp> {
        DateTimeParser::new().parse_timestamp(self.header("date")?).ok()
    }

    /// AWS's request ID.
    pub(super) fn request_id(&self) -> Option<String> {
        self.header("x-amzn-requestid").map(|id| bounded(id, 128))
    }

    /// A header, when it is visible ASCII.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

fn builder(timeouts: Timeouts, proxy: Option<&HttpsProxy>) -> Result<reqwest::ClientBuilder, reqwest::Error> {
    let builder = reqwest::Client::builder()
        .http1_only()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .tcp_nodelay(true)
        .connect_timeout(timeouts.connect)
        .timeout(timeouts.total);
    // So that the kernel does not go on sending, after we have given up, what the network did not take.
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let builder = builder.tcp_user_timeout(timeouts.total);
    Ok(match proxy {
        Some(HttpsProxy { url, no_proxy }) => {
            let no_proxy = no_proxy.as_deref().and_then(NoProxy::from_string);
            builder.proxy(Proxy::https(url)?.no_proxy(no_proxy))
        }
        None => builder,
    })
}

async fn read(mut response: reqwest::Response, bound: usize) -> Body {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = bound.saturating_sub(body.len());
                if chunk.len() > room {
                    body.extend_from_slice(&chunk[..room]);
                    return Body::Cut(body);
                }
                body.extend_from_slice(&chunk);
            }
            Ok(None) => return Body::Whole(body),
            Err(error) if error.is_timeout() => return Body::Broken("the answer did not end in time"),
            Err(_) => return Body::Broken("the connection was lost within the answer"),
        }
    }
}

/// The innermost cause says it best ("Connection refused"), and holds nothing of the request.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

fn no_answer(error: &reqwest::Error) -> NoAnswer {
    if error.is_builder() {
        return NoAnswer::NotSent("the request could not be built".to_owned());
    }
    if error.is_connect() {
        if error.is_timeout() {
            return NoAnswer::NotSent("no connection came about in time".to_owned());
        }
        let cause = innermost(error);
        return NoAnswer::NotSent(format!("no connection came about: {cause}"));
    }
    NoAnswer::Lost(if error.is_timeout() {
        "no answer came in time"
    } else {
        "the connection was lost before an answer"
    })
}
