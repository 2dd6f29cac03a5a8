//! The events of a watch, on their way through the proxy.

use std::sync::Arc;

use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};

use super::Shared;
use super::forward::{Body, BoxError};
use super::request::Request;
use super::rule::{Effect, Met};

struct Watch {
    request: Request,
    events: Incoming,
    shared: Arc<Shared>,
    met: Met,
    changes: tokio::sync::watch::Receiver<()>,
}

/// Passes on the events of a watch as the rules let it, those that come later too.
pub(super) fn pass_on(request: Request, events: Incoming, shared: Arc<Shared>) -> Body {
    let changes = shared.rules.changes();
    let watch = Watch {
        request,
        events,
        shared,
        met: Met::default(),
        changes,
    };
    StreamBody::new(futures::stream::unfold(watch, |mut watch| async {
        Some((watch.next().await?, watch))
    }))
    .boxed_unsync()
}

impl Watch {
    async fn next(&mut self) -> Option<Result<Frame<Bytes>, BoxError>> {
        loop {
            self.changes.borrow_and_update();
            match self.shared.rules.take_stream(&self.request, &mut self.met) {
                Some(Effect::Cut) => return Some(Err("a rule cut the watch".into())),
                Some(_) => self.changes.changed().await.ok()?,
                None => tokio::select! {
                    biased;
                    changed = self.changes.changed() => changed.ok()?,
                    frame = self.events.frame() => return frame.map(|frame| frame.map_err(BoxError::from)),
                },
            }
        }
    }
}
