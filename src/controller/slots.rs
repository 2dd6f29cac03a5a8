//! [`Slot`]: what a pass holds while it works. Who gets one is decided in [`crate::fleet`], by the loop that owns the queue;
//! passes tell it when they need theirs for a while no longer.

use std::{mem, pin::pin};

use futures::future::poll_immediate;
use tokio::sync::{mpsc, oneshot};

use crate::fleet::Lane;

/// What passes tell the loop.
pub(super) enum SlotRequest {
    /// A slot is free again.
    GivenBack(Lane),
    /// A pass that has begun wants one.
    Wanted(Lane, oneshot::Sender<Slot>),
}

/// One of the slots in which passes work. It is given back when it is dropped.
pub(super) struct Slot {
    lane: Lane,
    requests: mpsc::UnboundedSender<SlotRequest>,
    held: bool,
}

impl Slot {
    /// A slot that the queue has granted.
    pub(super) fn granted(lane: Lane, requests: &mpsc::UnboundedSender<SlotRequest>) -> Self {
        Self {
            lane,
            requests: requests.clone(),
            held: true,
        }
    }

    /// As what it was granted.
    pub(super) const fn lane(&self) -> &Lane {
        &self.lane
    }

    /// Waits for something that depends on others, so that it may take long. Meanwhile somebody else has the slot; what
    /// there is at once costs no slot.
    pub(super) async fn given_back_while<T>(&mut self, waiting: impl Future<Output = T>) -> T {
        let mut waiting = pin!(waiting);
        if let Some(done) = poll_immediate(&mut waiting).await {
            return done;
        }
        self.give_back();
        let done = waiting.await;
        self.get_back().await;
        done
    }

    async fn get_back(&mut self) {
        let (grant, granted) = oneshot::channel();
        let _ = self.requests.send(SlotRequest::Wanted(self.lane.clone(), grant));
        match granted.await {
            Ok(slot) => *self = slot,
            // The loop has ended, and nothing goes on any more: the process is stopping.
            Err(_) => std::future::pending().await,
        }
    }

    fn give_back(&mut self) {
        if mem::take(&mut self.held) {
            // Without the loop nobody waits.
            let _ = self.requests.send(SlotRequest::GivenBack(self.lane.clone()));
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.give_back();
    }
}
