//! Steps 3 to 5 of a pass: everything that can wait, the fence, the update.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    appconfig::Prepared,
    clock::BootInstant,
    decide::{Decision, Outcome, Seen, desired::Desired, failure::Failure, service_time::Untold, update::Update},
};

use super::{Interrupted, Pass, observe::logged};
use crate::controller::{answers, call::CallError, send_window::SendWindow, service_clock::ServiceClock, status};

/// When preparing took longer than this, what was observed is too old to be acted upon.
const OBSERVATION_HOLDS: Duration = Duration::from_secs(2);

impl Pass {
    /// Steps 3 to 5: everything that can wait, the fence, the update.
    pub(super) async fn send(&mut self, decision: &Decision, update: Update) -> Result<Seen, Interrupted> {
        let Ok(desired) = self.desired() else {
            return Ok(Seen::Nothing);
        };
        let Some(run) = self.run.clone() else {
            return self.observe().await;
        };
        let began = Instant::now();
        let prepared = match self.prepare(&desired).await? {
            Ok(prepared) => prepared,
            Err(failure) => {
                return Ok(Seen::Updated {
                    update,
                    id: None,
                    outcome: Outcome::NotSent(Some(failure)),
                });
            }
        };
        if began.elapsed() > OBSERVATION_HOLDS {
            self.prepared = Some(prepared);
            return self.observe().await;
        }
        let id = uuid::Uuid::new_v4().to_string();
        let window = self.send_window(decision);
        if !self.fence(decision, &update, &id).await? {
            self.prepared = Some(prepared);
            return self.observe().await;
        }
        if !window.is_open((self.shared.clock)()) || !self.shared.may_act() {
            return Ok(Seen::Updated {
                update,
                id: Some(id),
                outcome: Outcome::NotSent(None),
            });
        }
        self.has_write_token = false;
        let asked = (self.shared.clock)();
        let request = answers::request(&update);
        let answer = prepared.update_experiment_run(&run, &request, &id).await;
        match &answer {
            Ok(answer) => {
                self.heard(self.told(&desired.region, answer.date, asked));
                tracing::info!(
                    ?update,
                    pending_update = id,
                    request_id = answer.request_id,
                    "AppConfig applied an update"
                );
            }
            Err(error) => {
                let request_id = error.error().request_id.as_deref();
                tracing::warn!(?update, pending_update = id, request_id, %error, "an update was not confirmed");
            }
        }
        let outcome = answers::outcome(&desired.region, answer.map(|answer| answer.value));
        Ok(Seen::Updated {
            update,
            id: Some(id),
            outcome,
        })
    }

    /// Goes by the clock that an update's answer told, or on by that of the read before it.
    fn heard(&mut self, told: Result<ServiceClock, Untold>) {
        self.service = match (told, self.service) {
            (Err(_), Ok(before)) => Ok(before.answered_anew((self.shared.clock)())),
            (told, _) => told,
        };
    }

    /// The time in which the update may leave. Without `AppConfig`'s clock nobody knows whether a window is open.
    fn send_window(&self, decision: &Decision) -> SendWindow {
        let window = SendWindow::open((self.shared.clock)());
        let Some(until) = decision.until else {
            return window;
        };
        let closes = self.service.map_or(BootInstant::BOOT, |clock| clock.reaches(until));
        window.closing(closes)
    }

    /// Step 3, in the order in which things last: the write token until it is used, credentials while they are valid, a
    /// connection for 10 s. What was prepared and not used serves again.
    async fn prepare(&mut self, desired: &Desired) -> Result<Result<Prepared, Failure>, Interrupted> {
        if !self.has_write_token {
            let (rates, namespace, class) = (self.shared.rates.clone(), self.key.namespace.clone(), self.class());
            self.without_slot(rates.write(&desired.region, &namespace, class))
                .await?;
            self.has_write_token = true;
        }
        let kept = self.prepared.take();
        let prepared = self
            .within(self.shared.appconfig.prepare(&desired.region, kept))
            .await?;
        Ok(prepared.map_err(logged))
    }

    /// Step 4: records what is about to be sent, which succeeds only while the spec is the latest. False when it is not, or
    /// when the answer holds another one than was decided upon: then the newest object has been read.
    async fn fence(&mut self, decision: &Decision, update: &Update, id: &str) -> Result<bool, Interrupted> {
        let generation = self.object.identity.generation;
        let fence = decision.fence(update, id, generation, &self.now());
        let (schema, selector) = (&self.shared.schema, self.shared.selector.as_ref());
        match status::write(schema, &self.api, selector, &self.object, &fence).await {
            Ok(Some(written)) => {
                self.memory.recorded();
                let holds = !self.contradicted_by(&written);
                self.object = written;
                if holds {
                    self.publish();
                } else {
                    self.memory.resolve(id);
                }
                Ok(holds)
            }
            // Nothing was written, so nothing says that the spec is the latest.
            Ok(None) => self.refresh().await.map(|()| false),
            Err(error) => {
                // Whatever became of the write, nothing was sent under this ID.
                self.memory.resolve(id);
                match error {
                    CallError::Conflict => self.refresh().await.map(|()| false),
                    error => Err(error.into()),
                }
            }
        }
    }
}
