//! One pass, step by step, as the controller makes it: read, decide, fence, update, decide, record.

use super::{
    case::{EventsOutcome, PassOutcomes, ReadOutcome, RecordOutcome, UpdateOutcome},
    driver::{Given, Reply, UpdateResult},
    player::Player,
    time::timestamp,
    wire::{FailedReply, WireError},
};

/// How many steps one pass takes at most.
const STEPS: usize = 12;

/// What a step leads to.
enum Then {
    Decide(Reply),
    ReadAgain,
    Over,
}

impl Player {
    pub(super) fn pass(&mut self, pass: &PassOutcomes) {
        let now = timestamp(self.time());
        self.line(&format!("pass at {now}"));
        self.operator.begins();
        let mut reads = pass.reads.iter();
        let mut updates = pass.updates.iter();
        let mut records = pass.records.iter();
        let mut read = |player: &mut Self| player.read(reads.next().copied().unwrap_or(ReadOutcome::Good), pass.events);
        let mut evidence = read(self);
        for _ in 0..STEPS {
            let given = self.decide(&evidence);
            for event in &given.events {
                if !self.unpublished.contains(event) {
                    self.unpublished.push(event.clone());
                }
            }
            let then = match &given.update {
                Some(body) => self.send(body, updates.next().unwrap_or(&UpdateOutcome::Applied)),
                None => self.record(&given, records.next().unwrap_or(&RecordOutcome::Written)),
            };
            evidence = match then {
                Then::Decide(evidence) => evidence,
                Then::ReadAgain => read(self),
                Then::Over => return,
            };
        }
        self.line("  the pass takes too many steps");
    }

    fn read(&mut self, read: ReadOutcome, events: EventsOutcome) -> Reply {
        if !self.operator.can_ask(&self.stored) {
            return Reply::Nothing;
        }
        self.pass_time(40);
        let request = self.next_request();
        self.line(&format!("  GetExperimentRun: {read:?}"));
        let answer = match read {
            ReadOutcome::Fails(error) => return Reply::ReadFailed(failed(error, request)),
            ReadOutcome::Good => self.answer(0, false),
            ReadOutcome::Old(changes) => self.answer(changes, false),
            ReadOutcome::OtherRun => self.answer(0, true),
        };
        let moment = self.moment();
        self.operator.hears(&moment, false);
        if !self.operator.asks_for_events(&self.stored, &answer) {
            return Reply::Run(answer, None);
        }
        self.line(&format!("  ListExperimentRunEvents: {events:?}"));
        self.pass_time(40);
        let request = self.next_request();
        let events = match events {
            EventsOutcome::Good => Ok(self.run().events()),
            EventsOutcome::Empty => Ok("{\"Items\":[]}".to_owned()),
            EventsOutcome::Fails(error) => Err(failed(error, request)),
        };
        Reply::Run(answer, Some(events))
    }

    /// The run as it was so many changes ago. Each application's name has an ID of its own.
    fn answer(&self, changes: usize, other_run: bool) -> String {
        let run = &self.runs[self.runs.len().saturating_sub(1 + changes)];
        let spec: serde_json::Value = serde_json::from_str(&self.stored.spec).unwrap();
        let corrected = spec["applicationIdentifier"] != "shop";
        let application = if corrected { "def5678" } else { "abc1234" };
        let definition = if other_run { "zzzzzz1" } else { "bsxyd7k" };
        let number = spec["run"].as_i64().and_then(|number| i32::try_from(number).ok());
        run.answer(application, definition, number.unwrap())
    }

    /// Everything that can wait, the fence, the update.
    fn send(&mut self, body: &str, sending: &UpdateOutcome) -> Then {
        match sending {
            UpdateOutcome::NotSent(error) => {
                self.line(&format!("  can't be sent: {error:?}"));
                let failed = failed(*error, String::new());
                return Then::Decide(Reply::Update(None, UpdateResult::NotSent(Some(failed))));
            }
            UpdateOutcome::SlowPreparation => {
                self.line("  what comes before the fence takes too long");
                self.pass_time(2_500);
                return Then::ReadAgain;
            }
            _ => {}
        }
        let id = self.next_id();
        self.pass_time(20);
        let moment = self.moment();
        let fence = self.operator.fence(&self.stored, &id, &moment);
        match sending {
            UpdateOutcome::SpecBefore(spec) => self.write_spec(spec),
            UpdateOutcome::WipedBefore => self.wipe_status(),
            _ => {}
        }
        if matches!(sending, UpdateOutcome::SpecBefore(_) | UpdateOutcome::WipedBefore) {
            self.line("  the fence is refused");
            self.operator.sent_nothing(&id);
            return Then::ReadAgain;
        }
        self.write_status(&fence);
        if matches!(sending, UpdateOutcome::FenceUnanswered) {
            self.line("  the fence is not answered");
            self.operator.sent_nothing(&id);
            return Then::Over;
        }
        self.operator.recorded();
        self.publish();
        self.pass_time(if matches!(sending, UpdateOutcome::SlowFence) {
            2_500
        } else {
            30
        });
        let moment = self.moment();
        if matches!(sending, UpdateOutcome::SlowFence) || !self.operator.may_send(&moment) {
            self.line("  the update may not leave any more");
            return Then::Decide(Reply::Update(Some(id), UpdateResult::NotSent(None)));
        }
        if matches!(sending, UpdateOutcome::CrashBefore) {
            self.restart();
            return Then::Over;
        }
        self.line(&format!("  UpdateExperimentRun {id} {body}: {sending:?}"));
        self.updates += 1;
        self.pass_time(120);
        let Some(result) = self.outcome(body, sending) else {
            self.restart();
            return Then::Over;
        };
        Then::Decide(Reply::Update(Some(id), result))
    }

    /// What comes of an update that has left; `None` when the process ends before it is known.
    fn outcome(&mut self, body: &str, sending: &UpdateOutcome) -> Option<UpdateResult> {
        let request = self.next_request();
        // Of a request that carries what is sensitive, the client keeps no text of AWS's.
        let sensitive = body.contains("TreatmentOverrides") || body.contains("DeploymentParameters");
        let failed = |error: WireError| {
            let message = error.message.filter(|_| !sensitive);
            failed(WireError { message, ..error }, request)
        };
        let applies = matches!(
            sending,
            UpdateOutcome::Applied
                | UpdateOutcome::AnsweredOld
                | UpdateOutcome::AnswerLost(_)
                | UpdateOutcome::CrashAfter
        );
        if applies && !self.run().done {
            self.run_changes(|run, at| run.update(body, at));
        }
        Some(match sending {
            UpdateOutcome::Ineffective(touched) => {
                if *touched {
                    self.run_changes(|run, at| run.updated_at = at);
                }
                self.hears_update();
                UpdateResult::Applied(self.answer(0, false))
            }
            UpdateOutcome::AnsweredOld => {
                self.hears_update();
                UpdateResult::Applied(self.answer(2, false))
            }
            UpdateOutcome::Refused(error) => UpdateResult::Refused(failed(*error)),
            UpdateOutcome::AnswerLost(error) | UpdateOutcome::Lost(error) => UpdateResult::Unknown(failed(*error)),
            UpdateOutcome::Late(error) => {
                self.late = Some(body.to_owned());
                UpdateResult::Unknown(failed(*error))
            }
            UpdateOutcome::CrashAfter => return None,
            _ => {
                self.hears_update();
                UpdateResult::Applied(self.answer(0, false))
            }
        })
    }

    fn hears_update(&mut self) {
        let moment = self.moment();
        self.operator.hears(&moment, true);
    }

    /// The status, when it differs; onto the newest object when that has changed meanwhile.
    fn record(&mut self, given: &Given, recording: &RecordOutcome) -> Then {
        let decided_upon = self.stored.clone();
        match recording {
            RecordOutcome::Written => {}
            RecordOutcome::Fails => {
                self.line("  the API server takes no status");
                return Then::Over;
            }
            RecordOutcome::Crash => {
                self.restart();
                return Then::Over;
            }
            RecordOutcome::SpecBefore(spec) => {
                self.write_spec(spec);
                if self.stored.generation != decided_upon.generation && self.operator.keeps_a_pin() {
                    return Then::ReadAgain;
                }
            }
            RecordOutcome::WipedBefore => {
                self.wipe_status();
                if self.stored.status != decided_upon.status {
                    return Then::ReadAgain;
                }
            }
        }
        self.write_status(&given.status);
        self.operator.recorded();
        self.publish();
        if given.again || self.stored.generation != decided_upon.generation {
            return Then::ReadAgain;
        }
        let (when, at_most) = &given.next;
        self.line(&format!("  looks again {when}"));
        self.means_to_wait = u64::try_from(at_most.as_millis()).unwrap();
        Then::Over
    }

    fn write_status(&mut self, status: &str) {
        let before = std::mem::replace(&mut self.stored.status, status.to_owned());
        self.record.status(&before, status);
    }

    fn publish(&mut self) {
        for (head, note) in std::mem::take(&mut self.unpublished) {
            self.record.event(&head, &note);
        }
    }
}

fn failed(error: WireError, request: String) -> FailedReply {
    FailedReply {
        error,
        request_id: error.status.map(|_| request),
    }
}
