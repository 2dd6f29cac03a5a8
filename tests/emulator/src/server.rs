//! HTTP/1.1 on a loopback port, with connections that can be ended without an answer.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, request::Parts};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
    task::JoinSet,
    time::Sleep,
};

use crate::{
    answer::Answer,
    clock::host_now,
    control,
    handle::{self, Reply, Shared},
};

/// Ends a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer")]
struct HangUp;

/// Serves until dropped; its connections go with it.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>, stopped: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let (shared, stopped) = (Arc::clone(&shared), stopped.clone());
                connections.spawn(async move {
                    let service = service_fn(move |request| respond(Arc::clone(&shared), stopped.clone(), request));
                    // An error here is a client that left or a fault that closed: both are meant to be.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn respond(
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<()>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, HangUp> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| HangUp)?.to_bytes();
    if head.uri.path().starts_with("/_emulator/") {
        return Ok(response(
            control::answer(&shared, &head.method, head.uri.path(), &body),
            false,
        ));
    }
    let (reply, replied) = oneshot::channel();
    // Held while this future lives: hyper drops it when the client leaves, and a fault may be waiting for that.
    let (_present, client) = oneshot::channel::<Infallible>();
    // In a task of its own, because the service commits what it has begun even if the client has left.
    tokio::spawn(async move {
        tokio::select! {
            () = handle_to_end(shared, head, body, client, reply) => {}
            _ = stopped.changed() => {}
        }
    });
    match replied.await {
        Ok((Reply::Answer { answer, truncated }, mut record)) => {
            record.edit(|record| {
                record.answered_at = Some(host_now());
                record.truncated = truncated;
            });
            Ok(response(answer, truncated))
        }
        Ok((Reply::HangUp, _)) | Err(_) => Err(HangUp),
    }
}

async fn handle_to_end(
    shared: Arc<Shared>,
    head: Parts,
    body: Bytes,
    client: oneshot::Receiver<Infallible>,
    reply: oneshot::Sender<(Reply, crate::log::OpenRecord)>,
) {
    let handled = handle::handle(&shared, &head, body, client).await;
    // When nobody waits for it any more, the record goes with it: unanswered.
    let _ = reply.send(handled);
}

fn response(answer: Answer, truncated: bool) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::new(answer.body.clone(), truncated));
    *response.status_mut() = answer.status_code();
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// A body that is sent whole, or one that breaks off in its middle.
struct AnswerBody {
    rest: Option<Bytes>,
    declared: u64,
    /// Gives hyper the time to send the first half before the body fails.
    break_off: Option<Pin<Box<Sleep>>>,
}

impl AnswerBody {
    fn new(bytes: Bytes, truncated: bool) -> Self {
        let declared = bytes.len() as u64;
        if !truncated {
            return Self {
                rest: Some(bytes),
                declared,
                break_off: None,
            };
        }
        let half = bytes.slice(..bytes.len() / 2);
        let pause = tokio::time::sleep(Duration::from_millis(20));
        Self {
            rest: Some(half),
            declared: declared.max(1),
            break_off: Some(Box::pin(pause)),
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = HangUp;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HangUp>>> {
        if let Some(bytes) = self.rest.take().filter(|bytes| !bytes.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match &mut self.break_off {
            None => Poll::Ready(None),
            Some(pause) => pause.as_mut().poll(context).map(|()| Some(Err(HangUp))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.break_off.is_none() && self.rest.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.declared)
    }
}
