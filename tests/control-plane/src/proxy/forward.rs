//! Takes requests and passes them on, as the rules let them.

use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Response, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::gate::{Release, Stage};
use super::request::Request;
use super::rule::Effect;
use super::{Shared, watch};
use crate::control_plane::ControlPlane;
use crate::error::Error;
use crate::probe;

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(super) type Body = UnsyncBoxBody<Bytes, BoxError>;

/// The way to the API server.
#[derive(Debug)]
pub(super) struct Forward {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: String,
    shared: Arc<Shared>,
}

/// Takes connections for as long as the runtime lives.
pub(super) async fn accept(listener: TcpListener, tls: TlsAcceptor, forward: Arc<Forward>) {
    loop {
        // A connection that failed before it was taken is its client's to try again.
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (tls, forward) = (tls.clone(), Arc::clone(&forward));
        tokio::spawn(async move {
            // Clients that break off a connection, and rules that close one, are what tests do on purpose.
            let _ = forward.serve(tls, stream).await;
        });
    }
}

impl Forward {
    pub(super) fn new(control_plane: &ControlPlane, shared: Arc<Shared>) -> Result<Self, Error> {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(probe::tls_client(control_plane.ca_pem())?)
            .https_only()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self {
            client,
            url: control_plane.url(),
            shared,
        })
    }

    async fn serve(self: Arc<Self>, tls: TlsAcceptor, stream: TcpStream) -> Result<(), BoxError> {
        stream.set_nodelay(true)?;
        let stream = tls.accept(stream).await?;
        let service = service_fn(move |request| {
            let forward = Arc::clone(&self);
            // A task of its own: what is on its way arrives, even if the client has given up meanwhile.
            async {
                let answer = tokio::spawn(forward.answer(request))
                    .await
                    .map_err(std::io::Error::other)?;
                answer.map_err(std::io::Error::other)
            }
        });
        hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await?;
        Ok(())
    }

    /// Answers a request; an error closes the connection without an answer.
    async fn answer(self: Arc<Self>, asked: hyper::Request<Incoming>) -> Result<Response<Body>, BoxError> {
        let request = Request::new(asked.method(), asked.uri());
        let (head, body) = asked.into_parts();
        let body = body.collect().await?.to_bytes();
        let request = Request {
            length: body.len(),
            ..request
        };
        let place = self.shared.note(request.clone());
        let rule = self.shared.rules.take(&request);
        let effect = rule.as_ref().map(|(_, effect)| effect);
        if let Some(answer) = self.hold(effect, Stage::Request, &request, place).await {
            return answer;
        }
        match &rule {
            Some((_, Effect::DelayRequest(delay))) => tokio::time::sleep(*delay).await,
            Some((_, Effect::DropRequest)) => return Err("a rule dropped the request".into()),
            Some((
                _,
                Effect::Refuse {
                    status,
                    retry_after_seconds,
                },
            )) => {
                self.shared.note_status(place, *status);
                return refusal(*status, *retry_after_seconds);
            }
            Some((id, Effect::Hang)) => {
                self.shared.rules.until_removed(*id).await;
                return Err("a rule let the request hang".into());
            }
            _ => {}
        }
        let answer = self.ask(head, body).await?;
        self.shared.note_status(place, answer.status().as_u16());
        if let Some(answer) = self.hold(effect, Stage::Answer, &request, place).await {
            return answer;
        }
        match &rule {
            Some((_, Effect::DelayAnswer(delay))) => tokio::time::sleep(*delay).await,
            Some((_, Effect::DropAnswer)) => return Err("a rule dropped the answer".into()),
            _ => {}
        }
        let watched = request.verb == "watch" && answer.status() == StatusCode::OK;
        let (mut head, body) = answer.into_parts();
        if let Some((_, Effect::AlterAnswer { from, to })) = &rule {
            let text = body.collect().await?.to_bytes();
            let text = String::from_utf8_lossy(&text).replace(from, to);
            head.headers.remove(CONTENT_LENGTH);
            let body = Full::from(text).map_err(|never: Infallible| match never {});
            return Ok(Response::from_parts(head, body.boxed_unsync()));
        }
        let body = if watched {
            watch::pass_on(request, body, Arc::clone(&self.shared))
        } else {
            body.map_err(BoxError::from).boxed_unsync()
        };
        Ok(Response::from_parts(head, body))
    }

    /// Holds the request where its rule says so; the answer, if it is not to go on.
    async fn hold(
        &self,
        effect: Option<&Effect>,
        stage: Stage,
        request: &Request,
        place: usize,
    ) -> Option<Result<Response<Body>, BoxError>> {
        let Some(Effect::Hold(gate)) = effect else { return None };
        match gate.hold(stage, request).await {
            Release::GoOn => None,
            Release::Close => Some(Err("a gate closed the connection".into())),
            Release::Refuse {
                status,
                retry_after_seconds,
            } => {
                self.shared.note_status(place, status);
                Some(refusal(status, retry_after_seconds))
            }
        }
    }

    async fn ask(&self, head: hyper::http::request::Parts, body: Bytes) -> Result<Response<Incoming>, BoxError> {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = hyper::Request::new(Full::new(body));
        *request.uri_mut() = format!("{}{path}", self.url).parse::<Uri>()?;
        *request.method_mut() = head.method;
        *request.headers_mut() = head.headers;
        // The client names the API server itself.
        request.headers_mut().remove(HOST);
        Ok(self.client.request(request).await?)
    }
}

/// What the API server answers when it refuses.
fn refusal(status: u16, retry_after_seconds: Option<u32>) -> Result<Response<Body>, BoxError> {
    let reason = match status {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "",
    };
    let body = serde_json::json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": format!("the proxy refused the request with {status} {reason}"),
        "reason": reason,
        "details": { "retryAfterSeconds": retry_after_seconds.unwrap_or_default() },
        "code": status,
    });
    let body = Full::from(body.to_string())
        .map_err(|never: Infallible| match never {})
        .boxed_unsync();
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(status)?;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = retry_after_seconds {
        answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(answer)
}
