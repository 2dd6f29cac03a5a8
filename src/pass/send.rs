//! How an update leaves: what can be waited for comes first, then the fence, then the update and nothing in between (P1).

use std::time::Duration;

use jiff::Timestamp;

use super::{Moment, Pass, SendWindow, ServiceClock, Step, Written, step_of_a_pass};
use crate::{
    api::{ExperimentRunStatus, Region},
    clock::BootInstant,
    decide::{Decision, Evidence, Outcome, memory::Memory, service_time::Untold},
    run::{Failure, RunKey, Update},
};

/// When preparing took longer than this, what was observed is too old to be acted upon.
const OBSERVATION_HOLDS: Duration = Duration::from_secs(2);

/// Get all that an update needs, so that nothing is waited for once it is fenced.
#[derive(Clone, Debug)]
pub struct Prepare<P> {
    pub(super) pass: Box<Pass<P>>,
    intent: Intent,
    observed: BootInstant,
}

/// Write the status that records what is about to be sent: it succeeds only while the spec is the latest.
#[derive(Clone, Debug)]
pub struct Fence<P> {
    pub(super) pass: Box<Pass<P>>,
    intent: Intent,
    permit: P,
    id: String,
    window: SendWindow,
    status: Box<ExperimentRunStatus>,
}

/// `UpdateExperimentRun`, at once.
#[derive(Clone, Debug)]
pub struct Send<P> {
    pub(super) pass: Box<Pass<P>>,
    intent: Intent,
    permit: P,
    id: String,
}

/// An update on its way.
#[derive(Clone, Debug)]
pub struct Sent<P> {
    pass: Box<Pass<P>>,
    intent: Intent,
    id: String,
}

/// What came of an update.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Whether it was applied.
    pub outcome: Outcome,
    /// What its answer told of `AppConfig`'s time.
    pub service: Result<ServiceClock, Untold>,
}

/// What is meant to be sent.
#[derive(Clone, Debug)]
struct Intent {
    decision: Box<Decision>,
    update: Update,
    run: RunKey,
}

step_of_a_pass!(Prepare);
step_of_a_pass!(Fence);
step_of_a_pass!(Send);

impl<P> Pass<P> {
    /// Begins to send what was decided upon what was observed just now.
    pub(super) fn prepare(self: Box<Self>, decision: Decision, update: Update, moment: &Moment) -> Step<P> {
        let Some(run) = self.run.clone() else {
            return self.observe(moment);
        };
        let intent = Intent {
            decision: Box::new(decision),
            update,
            run,
        };
        Step::Prepare(Prepare {
            pass: self,
            intent,
            observed: moment.boot,
        })
    }

    /// Decides what an update that ended so leads to.
    fn sent(self: Box<Self>, intent: Intent, id: Option<String>, outcome: Outcome, moment: &Moment) -> Step<P> {
        let update = intent.update;
        self.decide(&Evidence::Updated { update, id, outcome }, moment)
    }

    /// The time in which an update may leave whose fence is written next. Without `AppConfig`'s clock nobody knows whether a
    /// window of the ramp is open.
    fn send_window(&self, until: Option<Timestamp>, moment: &Moment) -> SendWindow {
        let window = SendWindow::open(moment.boot);
        let Some(until) = until else { return window };
        let closes = self.service.map_or(BootInstant::BOOT, |clock| clock.reaches(until));
        window.closing(closes)
    }
}

impl<P> Prepare<P> {
    #[cfg(test)]
    pub(super) const fn decision(&self) -> &Decision {
        &self.intent.decision
    }

    /// Where the update goes.
    #[must_use]
    pub const fn region(&self) -> &Region {
        &self.intent.run.region
    }

    /// What was prepared for an update that did not come to be sent: it serves again as far as it still holds.
    pub const fn take_kept(&mut self) -> Option<P> {
        self.pass.permit.take()
    }

    /// Goes on with all that the update needs and an ID that no update has had, or with why it can't be sent.
    #[must_use]
    pub fn answered(mut self, answer: Result<(P, String), Failure>, moment: &Moment) -> Step<P> {
        let (permit, id) = match answer {
            Ok(prepared) => prepared,
            Err(failure) => {
                return self
                    .pass
                    .sent(self.intent, None, Outcome::NotSent(Some(failure)), moment);
            }
        };
        if moment.boot - self.observed > OBSERVATION_HOLDS {
            self.pass.permit = Some(permit);
            return self.pass.observe(moment);
        }
        let decision = &self.intent.decision;
        let generation = self.pass.resource.identity.generation;
        let now = self.pass.now(moment);
        Step::Fence(Fence {
            window: self.pass.send_window(decision.until, moment),
            status: Box::new(decision.fence(&self.intent.update, &id, generation, &now)),
            pass: self.pass,
            intent: self.intent,
            permit,
            id,
        })
    }
}

impl<P> Fence<P> {
    /// What to write onto [`Fence::resource`].
    #[must_use]
    pub fn status(&self) -> &ExperimentRunStatus {
        &self.status
    }

    /// Goes on with the update while it may leave. What the fence's answer holds must be the spec that was decided upon.
    #[must_use]
    pub fn answered(mut self, written: Written, moment: &Moment) -> Step<P> {
        match written {
            Written::Written(answer) => {
                self.pass.memory.recorded();
                if self.pass.replace(answer) {
                    self.pass.publish();
                    return self.leave(moment);
                }
                self.pass.memory.resolve(&self.id);
                self.pass.permit = Some(self.permit);
                self.pass.observe(moment)
            }
            // Nothing was written, so nothing says that the spec is the latest.
            Written::Unchanged => self.not_the_latest(),
            Written::Conflict => {
                self.pass.memory.resolve(&self.id);
                self.not_the_latest()
            }
            Written::Failed(why) => {
                // Whatever became of the write, nothing was sent under this ID.
                self.pass.memory.resolve(&self.id);
                self.pass.end(Err(why))
            }
        }
    }

    fn not_the_latest(mut self) -> Step<P> {
        self.pass.permit = Some(self.permit);
        self.pass.refresh()
    }

    /// The last look before the update leaves: its window, and whether this process still acts.
    fn leave(self, moment: &Moment) -> Step<P> {
        if !self.window.is_open(moment.boot) || moment.forbids().is_some() {
            let outcome = Outcome::NotSent(None);
            return self.pass.sent(self.intent, Some(self.id), outcome, moment);
        }
        Step::Send(Send {
            pass: self.pass,
            intent: self.intent,
            permit: self.permit,
            id: self.id,
        })
    }
}

impl<P> Send<P> {
    /// What the update is sent with, and the update on its way.
    #[must_use]
    pub fn departs(self) -> (P, Sent<P>) {
        let sent = Sent {
            pass: self.pass,
            intent: self.intent,
            id: self.id,
        };
        (self.permit, sent)
    }
}

impl<P> Sent<P> {
    /// What the pass remembers by now.
    #[must_use]
    pub const fn memory(&self) -> &Memory {
        &self.pass.memory
    }

    /// What is sent.
    #[must_use]
    pub const fn update(&self) -> &Update {
        &self.intent.update
    }

    /// To which run, by its IDs.
    #[must_use]
    pub const fn run(&self) -> &RunKey {
        &self.intent.run
    }

    /// Under which ID it was recorded.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Goes on with what came of it. Where its answer told no time, that of the read before it counts on.
    #[must_use]
    pub fn answered(mut self, answer: Answered, moment: &Moment) -> Step<P> {
        self.pass.service = match (answer.service, self.pass.service) {
            (Err(_), Ok(before)) => Ok(before.answered_anew(moment.boot)),
            (service, _) => service,
        };
        self.pass.sent(self.intent, Some(self.id), answer.outcome, moment)
    }
}
