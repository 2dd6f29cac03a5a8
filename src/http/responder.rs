//! The response to each request, by its path.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Sources;
use crate::metrics::Format;

/// How many responses with metrics are written and sent at a time, one after the other for whoever else asks. With metrics
/// per object one takes megabytes, which stay in memory until the other side has read them.
const METRICS_AT_A_TIME: usize = 2;

/// A whole body, which is known before the first byte of it is sent.
pub(super) type ResponseBody = Full<Bytes>;

/// Responds to requests. Cheap to clone.
#[derive(Clone)]
pub(super) struct Responder {
    sources: Sources,
    metrics: Arc<Semaphore>,
}

impl Responder {
    pub(super) fn new(sources: Sources) -> Self {
        Self {
            sources,
            metrics: Arc::new(Semaphore::new(METRICS_AT_A_TIME)),
        }
    }

    pub(super) async fn respond<B>(&self, request: &Request<B>) -> Response<ResponseBody> {
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "use GET or HEAD\n".to_owned());
            let allow = header::HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(header::ALLOW, allow);
            return response;
        }
        match request.uri().path() {
            "/livez" => self.livez(),
            "/readyz" => self.readyz(),
            "/metrics" => self.metrics(request.headers()).await,
            _ => text(
                StatusCode::NOT_FOUND,
                "not found; use /metrics, /livez or /readyz\n".to_owned(),
            ),
        }
    }

    fn livez(&self) -> Response<ResponseBody> {
        match self.sources.heartbeat.stuck_for() {
            None => text(StatusCode::OK, "ok\n".to_owned()),
            Some(silent) => {
                let body = format!("the main loop has been stuck for {} s\n", silent.as_secs());
                text(StatusCode::SERVICE_UNAVAILABLE, body)
            }
        }
    }

    fn readyz(&self) -> Response<ResponseBody> {
        let missing = self.sources.readiness.missing();
        if missing.is_empty() {
            text(StatusCode::OK, "ok\n".to_owned())
        } else {
            let body = format!("waiting for {}\n", missing.join(", "));
            text(StatusCode::SERVICE_UNAVAILABLE, body)
        }
    }

    async fn metrics(&self, headers: &HeaderMap) -> Response<ResponseBody> {
        let Ok(permit) = Arc::clone(&self.metrics).acquire_owned().await else {
            return text(StatusCode::SERVICE_UNAVAILABLE, String::new());
        };
        let accept = headers.get_all(header::ACCEPT).iter().filter_map(|it| it.to_str().ok());
        let format = Format::accepted(accept);
        match self.sources.metrics.encode(format) {
            Ok(text) => {
                let body = Bytes::from_owner(Sent { text, _permit: permit });
                let mut response = Response::new(Full::new(body));
                let media_type = header::HeaderValue::from_static(format.media_type());
                response.headers_mut().insert(header::CONTENT_TYPE, media_type);
                response
            }
            Err(error) => text(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("metrics can't be written: {error}\n"),
            ),
        }
    }
}

/// Metrics that are being sent: nobody else's are written until they are.
struct Sent {
    text: String,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

fn text(status: StatusCode, body: String) -> Response<ResponseBody> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let media_type = header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::time::Duration;

    use futures::FutureExt;
    use http_body_util::BodyExt;

    use super::*;
    use crate::{
        http::{Heartbeat, Readiness},
        metrics::Metrics,
    };

    fn responder() -> Responder {
        Responder::new(Sources {
            metrics: Metrics::new("lease", &[], false),
            readiness: Readiness::default(),
            heartbeat: Heartbeat::new(Duration::from_mins(1)),
        })
    }

    async fn get(responder: &Responder, path: &str) -> (u16, String) {
        let response = responder.respond(&Request::get(path).body(()).unwrap()).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn ready_once_nothing_is_missing() {
        let responder = responder();
        let cache = responder.sources.readiness.require("the cache of ExperimentRuns");
        let definition = responder.sources.readiness.require("a CRD");
        let waiting = "waiting for a CRD, the cache of ExperimentRuns\n".to_owned();
        assert_eq!(get(&responder, "/readyz").await, (503, waiting));
        cache.set(true);
        definition.wait_for("a CRD with spec.ramp".to_owned());
        assert_eq!(get(&responder, "/readyz").await.1, "waiting for a CRD with spec.ramp\n");
        definition.set(true);
        assert_eq!(get(&responder, "/readyz").await.0, 200);
    }

    #[tokio::test(start_paused = true)]
    async fn alive_while_the_heart_beats() {
        let responder = responder();
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(get(&responder, "/livez").await.0, 200);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(get(&responder, "/livez").await.0, 503);
        responder.sources.heartbeat.beat();
        assert_eq!(get(&responder, "/livez").await.0, 200);
    }

    #[tokio::test]
    async fn other_paths_and_methods_are_refused() {
        let responder = responder();
        assert_eq!(get(&responder, "/").await.0, 404);
        let post = responder.respond(&Request::post("/livez").body(()).unwrap()).await;
        assert_eq!(
            (post.status().as_u16(), &post.headers()["allow"]),
            (405, &"GET, HEAD".parse().unwrap())
        );
    }

    #[tokio::test]
    async fn metrics_come_in_the_format_that_is_asked_for() {
        let responder = responder();
        for (accept, expected) in [
            (None, "text/plain; version=0.0.4; charset=utf-8"),
            (Some("*/*"), "text/plain; version=0.0.4; charset=utf-8"),
            (
                Some("application/openmetrics-text"),
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            ),
        ] {
            let mut request = Request::get("/metrics").body(()).unwrap();
            if let Some(accept) = accept {
                request.headers_mut().insert("accept", accept.parse().unwrap());
            }
            assert_eq!(responder.respond(&request).await.headers()["content-type"], expected);
        }
    }

    #[tokio::test]
    async fn metrics_that_nobody_reads_keep_none_from_being_probed() {
        let responder = responder();
        let request = Request::get("/metrics").body(()).unwrap();
        let held = [responder.respond(&request).await, responder.respond(&request).await];
        assert!(
            responder.respond(&request).now_or_never().is_none(),
            "a third is not written"
        );
        assert_eq!(get(&responder, "/livez").await.0, 200);
        drop(held);
        assert_eq!(responder.respond(&request).await.status(), StatusCode::OK);
    }
}
