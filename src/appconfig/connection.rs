//! [`Connection`]: the way of one update, made before its fence and used once.
//!
//! Between a fence and its update nothing may wait, so name resolution, TCP, a proxy's tunnel and TLS come before. And what
//! is given up must be over: nobody but the future that sends a request drives its connection, so that dropping it closes
//! the socket at once; and until the answer is complete the socket lingers for no time (`SO_LINGER` 0), so that closing it
//! drops what the kernel has not sent yet. What the peer's kernel has acknowledged can't be recalled.

use std::{error::Error as StdError, fmt, io, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::FutureExt;
use http::{Request, Uri, uri::Scheme};
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::{
    client::{
        legacy::connect::{HttpConnector, proxy::Tunnel},
        proxy::matcher::{Intercept, Matcher},
    },
    rt::TokioIo,
};
use rustix::net::sockopt::set_socket_linger;
use rustls::{ClientConfig, pki_types::ServerName};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tower::{ServiceExt, service_fn};

use super::transport::{Body, HttpsProxy, NoAnswer, RawAnswer, Timeouts, bound_of, read};
use crate::clock::BootInstant;

/// How old a connection may become before its request is sent: servers close those on which nothing comes.
const LIVES_UNUSED: Duration = Duration::from_secs(10);

type AnyError = Box<dyn StdError + Send + Sync>;
type AnyStream = Box<dyn Stream>;

/// What a connection goes through: TCP, and TLS upon it.
trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {
    /// The socket beneath.
    fn socket(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Stream for TlsStream<AnyStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0.socket()
    }
}

/// What is trusted and spoken in TLS: the system's certificates, and HTTP/1.1. One for reads and updates.
///
/// # Errors
/// When the system has no certificates to trust.
pub(super) fn tls() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}

/// Makes connections for one request each.
pub(super) struct Connector {
    tcp: HttpConnector,
    tls: TlsConnector,
    /// To a proxy that is reached over TLS itself.
    tls_to_proxy: TlsConnector,
    proxy: Matcher,
    timeouts: Timeouts,
}

impl Connector {
    pub(super) fn new(timeouts: Timeouts, tls: ClientConfig, proxy: Option<&HttpsProxy>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(timeouts.connect));
        // The kernel gives up by itself, should this process not come to it.
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        tcp.set_tcp_user_timeout(Some(timeouts.update));
        let mut matcher = Matcher::builder();
        if let Some(HttpsProxy { url, no_proxy }) = proxy {
            matcher = matcher.https(url.as_str()).no(no_proxy.as_deref().unwrap_or_default());
        }
        let mut to_proxy = tls.clone();
        to_proxy.alpn_protocols.clear();
        Self {
            tcp,
            tls: Arc::new(tls).into(),
            tls_to_proxy: Arc::new(to_proxy).into(),
            proxy: matcher.build(),
            timeouts,
        }
    }

    /// A connection to a URL's host that a request can be sent on now, or why there is none.
    pub(super) async fn connect(&self, to: &Uri) -> Result<Box<Connection>, String> {
        // Boxed, as it is large: TLS within TLS, and what hyper keeps of a connection.
        match timeout(self.timeouts.connect, self.connected(to).boxed()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(innermost(&*error)),
            Err(_) => Err(format!("timed out after {:?}", self.timeouts.connect)),
        }
    }

    async fn connected(&self, to: &Uri) -> Result<Box<Connection>, AnyError> {
        let stream = match self.proxy.intercept(to) {
            Some(proxy) => self.tunnel(&proxy, to).await?,
            None => self.tcp(to).await?,
        };
        let stream = encrypted(&self.tls, to, stream).await?;
        let (request, wire) = http1::handshake(TokioIo::new(stream)).await?;
        let mut connection = Box::new(Connection {
            request,
            wire,
            made: BootInstant::now(),
            lives: self.timeouts.update,
        });
        if connection.is_ready().await {
            Ok(connection)
        } else {
            Err("the connection was closed at once".into())
        }
    }

    async fn tcp(&self, to: &Uri) -> Result<AnyStream, AnyError> {
        let stream = self.tcp.clone().oneshot(to.clone()).await?.into_inner();
        set_socket_linger(&stream, Some(Duration::ZERO))?;
        Ok(Box::new(stream))
    }

    /// A way through a proxy, by `CONNECT`.
    async fn tunnel(&self, proxy: &Intercept, to: &Uri) -> Result<AnyStream, AnyError> {
        let stream = self.tcp(proxy.uri()).await?;
        let stream = encrypted(&self.tls_to_proxy, proxy.uri(), stream).await?;
        let mut once = Some(TokioIo::new(stream));
        let to_proxy = service_fn(move |_: Uri| {
            let stream = once.take().ok_or_else(|| io::Error::other("the proxy is reached once"));
            std::future::ready(stream)
        });
        let mut tunnel = Tunnel::new(proxy.uri().clone(), to_proxy);
        if let Some(password) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(password.clone());
        }
        // Boxed, since the compiler does not see through its many types that it can be sent to another thread.
        Ok(tunnel.oneshot(to.clone()).boxed().await?.into_inner())
    }
}

/// The stream itself, or TLS upon it where the URL asks for that.
async fn encrypted(tls: &TlsConnector, to: &Uri, stream: AnyStream) -> Result<AnyStream, AnyError> {
    if to.scheme() != Some(&Scheme::HTTPS) {
        return Ok(stream);
    }
    let host = to.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok(Box::new(tls.connect(ServerName::try_from(host)?, stream).await?))
}

/// A connection on which nothing has been sent.
pub(super) struct Connection {
    request: SendRequest<Full<Bytes>>,
    wire: http1::Connection<TokioIo<AnyStream>, Full<Bytes>>,
    made: BootInstant,
    lives: Duration,
}

impl Connection {
    /// Whether a request can be sent on it: it is not too old, and nobody has closed it as far as is known.
    pub(super) async fn is_ready(&mut self) -> bool {
        if self.made.elapsed() >= LIVES_UNUSED {
            return false;
        }
        tokio::select! {
            biased;
            _ended = &mut self.wire => false,
            ready = self.request.ready() => ready.is_ok(),
        }
    }

    /// Sends the one request, and reads a bounded answer. The connection has ended when this has, by being dropped too.
    pub(super) async fn send(self: Box<Self>, request: Request<Full<Bytes>>) -> Result<RawAnswer, NoAnswer> {
        let Self {
            request: mut sender,
            mut wire,
            lives,
            ..
        } = *self;
        let until = Instant::now() + lives;
        let mut answer = pin!(answer(&mut sender, request, until));
        let answered = tokio::select! {
            biased;
            answered = &mut answer => Some(answered),
            _ended = &mut wire => None,
        };
        // From here on nothing is sent or received any more: an answer that has not come whole breaks off.
        let stream = wire.into_parts().io.into_inner();
        let answered = match answered {
            Some(answered) => answered,
            None => answer.await,
        };
        if matches!(&answered, Ok(answer) if matches!(answer.body, Body::Whole(_))) {
            // Nothing is left that could be dropped, so it may be closed in the usual way.
            let _ = set_socket_linger(stream.socket(), None);
        }
        answered
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connection").finish_non_exhaustive()
    }
}

async fn answer(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
    until: Instant,
) -> Result<RawAnswer, NoAnswer> {
    let response = match timeout_at(until, sender.try_send_request(request)).await {
        Ok(Ok(response)) => response,
        // hyper hands back what it has not begun to write, and nothing else.
        Ok(Err(error)) if error.message().is_some() => {
            return Err(NoAnswer::NotSent(
                "the connection was closed before the request was sent",
            ));
        }
        Ok(Err(_)) => return Err(NoAnswer::Lost("the connection was lost before an answer arrived")),
        Err(_) => return Err(NoAnswer::Lost("no answer arrived in time")),
    };
    let (head, body) = response.into_parts();
    let body = timeout_at(until, read(body, bound_of(head.status), |_| Body::LOST)).await;
    Ok(RawAnswer {
        status: head.status,
        headers: head.headers,
        body: body.unwrap_or(Body::Broken(Body::LATE)),
    })
}

/// The innermost cause says it best ("Connection refused"), and holds nothing of the request.
pub(super) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
