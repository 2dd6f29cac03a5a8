//! Lists and watches of `ExperimentRun`s as they begin, seen where they are sent: kube's watcher begins a watch anew where
//! the last one ended without telling anybody, and yet what comes of it may have been decoded with another schema.

use std::task::{Context, Poll};

use futures::{FutureExt, future::BoxFuture};
use http::{Method, Request, Response, Uri};
use kube::client::{Body, ClientBuilder};
use tower::{Layer, Service};

use super::ServedSchema;
use crate::{api::GROUP, schema::Begun};

impl ServedSchema {
    /// Has each list and each watch that this client begins ask for a read, before anything of it is told.
    pub(in crate::controller) fn observe_watches<S>(
        &self,
        client: ClientBuilder<S>,
    ) -> ClientBuilder<WatchObserver<S>> {
        client.with_layer(&WatchObserverLayer(self.clone()))
    }
}

struct WatchObserverLayer(ServedSchema);

impl<S> Layer<S> for WatchObserverLayer {
    type Service = WatchObserver<S>;

    fn layer(&self, inner: S) -> WatchObserver<S> {
        WatchObserver {
            inner,
            schema: self.0.clone(),
        }
    }
}

/// A way to the API server on which lists and watches are noticed.
pub(in crate::controller) struct WatchObserver<S> {
    inner: S,
    schema: ServedSchema,
}

impl<S, B> Service<Request<Body>> for WatchObserver<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let begins = begins(request.method(), request.uri());
        let (answer, schema) = (self.inner.call(request), self.schema.clone());
        async move {
            let answer = answer.await?;
            if let Some(begun) = begins.filter(|_| answer.status().is_success()) {
                schema.begun(begun);
            }
            Ok(answer)
        }
        .boxed()
    }
}

/// What a request begins, if it is a list or a watch of the resource.
fn begins(method: &Method, uri: &Uri) -> Option<Begun> {
    let rest = uri.path().split_once("/apis/")?.1.strip_prefix(GROUP)?;
    let is_list = method == Method::GET && rest.starts_with('/') && rest.ends_with("/experimentruns");
    let mut parameters = uri.query().unwrap_or_default().split('&');
    let watches = parameters.any(|parameter| parameter == "watch=true");
    is_list.then_some(if watches { Begun::Watch } else { Begun::List })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn lists_and_watches_of_the_resource_are_told_from_all_else() {
        let root = "https://host/prefix/apis/experiments.appconfig.dev/v1alpha1";
        let begun = |method: Method, path: &str| begins(&method, &format!("{root}{path}").parse().unwrap());
        assert_eq!(begun(Method::GET, "/experimentruns?limit=100"), Some(Begun::List));
        let path = "/namespaces/shop/experimentruns?&watch=true&timeoutSeconds=290&resourceVersion=7";
        assert_eq!(begun(Method::GET, path), Some(Begun::Watch));
        for path in ["/namespaces/shop/experimentruns/one", "/other", ""] {
            assert_eq!(begun(Method::GET, path), None, "{path}");
        }
        assert_eq!(begun(Method::PATCH, "/namespaces/shop/experimentruns"), None);
        let other = "https://host/apis/experiments.appconfig.dev.example/v1/experimentruns";
        assert_eq!(begins(&Method::GET, &other.parse().unwrap()), None);
        assert_eq!(begins(&Method::GET, &"/openapi/v3".parse().unwrap()), None);
    }
}
