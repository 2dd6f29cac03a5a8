//! One request from arrival to answer: identity, faults, rates, the operation, the record of it all.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::request::Parts;
use jiff::Timestamp;
use serde_json::Value;
use tokio::{sync::oneshot, time::sleep};

use crate::{
    answer::{Answer, Refusal, logged},
    clock::{host_now, http_date, service_now},
    faults::{Effect, Faults, RawAnswer, Subject},
    gate::{Gate, Gates, Release, Stage},
    log::{OpenRecord, RequestLog, RequestRecord},
    operations::{Done, Turn},
    rate::Rate,
    route::Route,
    settings::Settings,
    signature::{Authorization, KeyPair, Signed, verify},
    store::{Identified as _, Staleness, World},
};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
    pub(crate) log: Arc<RequestLog>,
    pub(crate) require_signature: bool,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) settings: Settings,
    pub(crate) faults: Faults,
    pub(crate) gates: Gates,
    pub(crate) key_pairs: Vec<KeyPair>,
    pub(crate) rate: Rate,
}

impl Shared {
    /// The state. No operation leaves it half changed, so a panic elsewhere is no reason not to go on.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(crate) fn now(&self) -> Timestamp {
        service_now(self.settings.clock_offset_seconds)
    }

    /// Carries out an operation.
    pub(crate) fn perform(&mut self, route: &Route, body: &[u8], versions_behind: usize) -> Result<Done, Refusal> {
        let staleness = Staleness {
            versions: versions_behind,
            milliseconds: self.settings.read_lag_milliseconds,
        };
        let now = self.now();
        Turn {
            world: &mut self.world,
            settings: &self.settings,
            now,
            route,
            body,
            staleness,
        }
        .perform()
    }

    /// The identifiers as sent, and the IDs and names that they mean.
    fn subject(&self, route: &Route) -> Subject {
        let mut subject = Subject {
            run: route.run.as_deref().and_then(|run| run.parse().ok()),
            ..Subject::default()
        };
        let precedence = self.settings.identifier_precedence;
        if let Some(sent) = &route.application {
            subject.application.push(sent.clone());
            if let Ok(index) = self.world.application(sent, precedence) {
                let found = &self.world.applications[index];
                subject
                    .application
                    .extend([found.id().to_owned(), found.name().to_owned()]);
            }
            if let Some(sent_definition) = &route.definition {
                subject.definition.push(sent_definition.clone());
                if let Ok(place) = self.world.place(sent, sent_definition, precedence) {
                    let found = self.world.definition(place);
                    subject
                        .definition
                        .extend([found.id().to_owned(), found.name().to_owned()]);
                }
            }
        }
        subject
    }
}

/// What becomes of the connection.
#[derive(Debug)]
pub(crate) enum Reply {
    Answer { answer: Answer, truncated: bool },
    HangUp,
}

/// Handles a request; `client` resolves when the client has left.
pub(crate) async fn handle(
    shared: &Shared,
    head: &Parts,
    body: Bytes,
    client: oneshot::Receiver<Infallible>,
) -> (Reply, OpenRecord) {
    let route = Route::parse(&head.method, head.uri.path(), head.uri.query());
    let record = shared.log.open(arrived(head, route.as_ref(), &body));
    let mut request = InHand {
        shared,
        body,
        record,
        client,
    };
    let reply = match request.admitted(head, route) {
        Ok((route, Met::Gate(gate))) => request.held(&route, &gate).await,
        Ok((route, Met::Fault(effect))) => request.struck(&route, effect).await,
        Err(refusal) => request.answered(refusal.into_answer()),
    };
    (reply, request.record)
}

fn arrived(head: &Parts, route: Option<&Route>, body: &Bytes) -> RequestRecord {
    let authorization = Authorization::of(&head.headers);
    let user_agent = head.headers.get("user-agent");
    RequestRecord {
        arrived_at: host_now(),
        committed_at: None,
        answered_at: None,
        truncated: false,
        operation: route.map(|route| route.operation),
        application: route.and_then(|route| route.application.clone()),
        definition: route.and_then(|route| route.definition.clone()),
        run: route.and_then(|route| route.run.as_deref()?.parse().ok()),
        method: head.method.to_string(),
        path: head.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        body: logged(body),
        status: None,
        code: None,
        answer: Value::Null,
        committed: false,
        changed: false,
        access_key_id: authorization
            .as_ref()
            .map(|authorization| authorization.access_key_id.to_owned()),
        region: authorization
            .as_ref()
            .map(|authorization| authorization.region.to_owned()),
        user_agent: user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        request_id: uuid::Uuid::new_v4().to_string(),
    }
}

/// What a request meets before it is carried out.
enum Met {
    Gate(Gate),
    Fault(Option<Effect>),
}

/// A request that is being handled.
struct InHand<'a> {
    shared: &'a Shared,
    body: Bytes,
    record: OpenRecord,
    client: oneshot::Receiver<Infallible>,
}

impl InHand<'_> {
    /// What stands before the operation, in the order of the real front end (guess): route, signature, rate.
    fn admitted(&self, head: &Parts, route: Option<Route>) -> Result<(Route, Met), Refusal> {
        let Some(route) = route else {
            let message = format!("No operation is known for {} {}", head.method, head.uri.path());
            return Err(Refusal::new(404, "UnknownOperationException", message));
        };
        let mut state = self.shared.lock();
        if self.shared.require_signature {
            let query = head.uri.query().unwrap_or_default();
            let (path, headers) = (head.uri.path(), &head.headers);
            let signed = Signed {
                method: &head.method,
                path,
                query,
                headers,
                body: &self.body,
            };
            verify(&signed, &state.key_pairs, state.now())?;
        }
        if let Some(gate) = state.gates.take(route.operation) {
            return Ok((route, Met::Gate(gate)));
        }
        let subject = state.subject(&route);
        let effect = state.faults.strike(route.operation, &subject);
        if effect.is_none() {
            let State { rate, settings, .. } = &mut *state;
            rate.admit(route.operation, settings, Instant::now())?;
        }
        Ok((route, Met::Fault(effect)))
    }

    async fn held(&mut self, route: &Route, gate: &Gate) -> Reply {
        let mut answer = None;
        let mut release = gate.hold(Stage::BeforeCommit).await;
        if release == Release::GoOn {
            answer = Some(self.commit(route, 0));
            release = gate.hold(Stage::AfterCommit).await;
        }
        match (release, answer) {
            (Release::GoOn, Some(answer)) => self.answered(answer),
            (Release::Refuse(with), _) => self.answered(with.refusal().into_answer()),
            (Release::Close, _) | (Release::GoOn, None) => Reply::HangUp,
        }
    }

    async fn struck(&mut self, route: &Route, effect: Option<Effect>) -> Reply {
        let milliseconds = |count| sleep(Duration::from_millis(count));
        let answer = match effect {
            None => self.commit(route, 0),
            Some(Effect::StaleRead(versions)) => self.commit(route, versions),
            Some(Effect::Refuse(with)) => with.refusal().into_answer(),
            Some(Effect::Raw(raw)) => return self.raw(route, raw),
            Some(Effect::Truncate) => {
                let answer = self.commit(route, 0);
                return self.reply(self.identified(answer), true);
            }
            Some(Effect::DelayBeforeCommitMs(count)) => {
                milliseconds(count).await;
                self.commit(route, 0)
            }
            Some(Effect::DelayAfterCommitMs(count)) => {
                let answer = self.commit(route, 0);
                milliseconds(count).await;
                answer
            }
            Some(Effect::DropBeforeCommit) => return Reply::HangUp,
            Some(Effect::DropAfterCommit) => {
                self.commit(route, 0);
                return Reply::HangUp;
            }
            Some(Effect::CommitLaterMs(count)) => {
                milliseconds(count).await;
                self.commit(route, 0);
                return Reply::HangUp;
            }
            Some(Effect::Stall) => {
                let _ = (&mut self.client).await;
                return Reply::HangUp;
            }
        };
        self.answered(answer)
    }

    /// Carries the request out, and notes what it would have been answered even if it never will be.
    fn commit(&mut self, route: &Route, versions_behind: usize) -> Answer {
        let done = self.shared.lock().perform(route, &self.body, versions_behind);
        let (answer, committed, changed) = match done {
            Ok(done) => (done.answer, done.committed, done.changed),
            Err(refusal) => (refusal.into_answer(), false, false),
        };
        self.record.edit(|record| {
            record.status = Some(answer.status);
            record.code.clone_from(&answer.code);
            record.answer = logged(&answer.body);
            record.committed = committed;
            record.changed = changed;
            record.committed_at = committed.then(host_now);
        });
        answer
    }

    fn raw(&mut self, route: &Route, raw: RawAnswer) -> Reply {
        if raw.commit {
            self.commit(route, 0);
        }
        let body = Bytes::from(raw.body.into_bytes());
        let headers = raw.headers.into_iter().collect();
        self.reply(
            Answer {
                status: raw.status,
                headers,
                body,
                code: None,
            },
            false,
        )
    }

    fn answered(&mut self, answer: Answer) -> Reply {
        self.reply(self.identified(answer), false)
    }

    fn identified(&self, mut answer: Answer) -> Answer {
        answer
            .headers
            .push(("x-amzn-RequestId".to_owned(), self.record.request_id().to_owned()));
        answer
    }

    fn reply(&mut self, mut answer: Answer, truncated: bool) -> Reply {
        if !answer.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("date")) {
            answer
                .headers
                .push(("Date".to_owned(), http_date(self.shared.lock().now())));
        }
        self.record.edit(|record| {
            record.status = Some(answer.status);
            record.code.clone_from(&answer.code);
            record.answer = logged(&answer.body);
        });
        Reply::Answer { answer, truncated }
    }
}
