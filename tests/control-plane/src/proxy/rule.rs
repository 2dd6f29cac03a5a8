//! What is to happen to which requests.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::gate::Gate;
use super::request::Request;

/// What a [`Rule`] does to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The request waits before it is passed on. It is passed on even if its caller has given up meanwhile.
    DelayRequest(Duration),
    /// The request is passed on, and its answer waits.
    DelayAnswer(Duration),
    /// The connection is closed, and the request never reaches the API server.
    DropRequest,
    /// The API server does what it is asked, and the connection is closed instead of an answer.
    DropAnswer,
    /// The API server does what it is asked, and in its answer one text stands in the place of another.
    AlterAnswer {
        /// What is replaced, wherever it is.
        from: String,
        /// What it is replaced by.
        to: String,
    },
    /// A Kubernetes Status with this code is answered, and the request never reaches the API server.
    Refuse {
        /// The HTTP status, as in 409, 410, 429, 500 or 504.
        status: u16,
        /// What the header `Retry-After` says.
        retry_after_seconds: Option<u32>,
    },
    /// Nothing is answered until the rule is removed; then the connection is closed. The request never reaches the API
    /// server.
    Hang,
    /// The request, or its answer, waits for what the test decides.
    Hold(Gate),
    /// Watches, those that are open too, deliver nothing until the rule is removed; then they go on where they were.
    Freeze,
    /// Watches, those that are open too, lose their connection.
    Cut,
}

/// Which requests something happens to, and what.
#[derive(Clone, Debug)]
pub struct Rule {
    verb: String,
    resource: String,
    namespace: Option<String>,
    name: Option<String>,
    skip: u32,
    times: Option<u32>,
    effect: Effect,
}

/// A rule that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleId(u64);

impl Rule {
    /// A rule for every request with this verb and resource, as RBAC names them: `("patch", "experimentruns/status")`.
    /// `*` stands for any; a resource without its subresource stands for itself alone.
    #[must_use]
    pub fn new(verb: impl Into<String>, resource: impl Into<String>, effect: Effect) -> Self {
        let (verb, resource) = (verb.into(), resource.into());
        Self {
            verb,
            resource,
            namespace: None,
            name: None,
            skip: 0,
            times: None,
            effect,
        }
    }

    /// Only for requests in this namespace; a watch of all namespaces is in none.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Only for requests for the object of this name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Not for the first so many requests that fit.
    #[must_use]
    pub fn skip(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Only for so many of the requests that fit.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    fn fits(&self, request: &Request) -> bool {
        let wanted = |wish: &Option<String>, value: &Option<String>| wish.is_none() || wish == value;
        (self.verb == "*" || self.verb == request.verb)
            && (self.resource == "*" || self.resource == request.full_resource())
            && wanted(&self.namespace, &request.namespace)
            && wanted(&self.name, &request.name)
    }

    fn is_for_streams(&self) -> bool {
        matches!(self.effect, Effect::Freeze | Effect::Cut)
    }
}

/// The rules of a proxy.
#[derive(Debug)]
pub(super) struct Rules {
    list: Mutex<List>,
    /// Tells those that wait for a rule to come or go.
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct List {
    added: u64,
    rules: Vec<Standing>,
}

#[derive(Debug)]
struct Standing {
    id: RuleId,
    rule: Rule,
    fitted: u32,
}

impl Standing {
    /// Counts a request that fits, and tells whether it is one of those that the rule is for.
    fn takes(&mut self) -> bool {
        let place = self.fitted;
        self.fitted += 1;
        place >= self.rule.skip && self.rule.times.is_none_or(|times| place - self.rule.skip < times)
    }
}

/// Which rules a watch has met, and whether it was one of those that they are for: a rule counts it once.
#[derive(Debug, Default)]
pub(super) struct Met(Vec<(RuleId, bool)>);

impl Default for Rules {
    fn default() -> Self {
        Self {
            list: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }
}

impl Rules {
    pub(super) fn add(&self, rule: Rule) -> RuleId {
        let id = self.change(|list| {
            list.added += 1;
            let id = RuleId(list.added);
            list.rules.push(Standing { id, rule, fitted: 0 });
            id
        });
        self.changed.send_replace(());
        id
    }

    pub(super) fn remove(&self, id: RuleId) {
        self.change(|list| list.rules.retain(|standing| standing.id != id));
        self.changed.send_replace(());
    }

    pub(super) fn remove_all(&self) {
        self.change(|list| list.rules.clear());
        self.changed.send_replace(());
    }

    /// What is to happen to a new request.
    pub(super) fn take(&self, request: &Request) -> Option<(RuleId, Effect)> {
        self.change(|list| {
            let mut fitting = list
                .rules
                .iter_mut()
                .filter(|it| !it.rule.is_for_streams() && it.rule.fits(request));
            fitting.find_map(|standing| standing.takes().then(|| (standing.id, standing.rule.effect.clone())))
        })
    }

    /// What is to happen now to a watch that is open.
    pub(super) fn take_stream(&self, request: &Request, met: &mut Met) -> Option<Effect> {
        self.change(|list| {
            let mut fitting = list
                .rules
                .iter_mut()
                .filter(|it| it.rule.is_for_streams() && it.rule.fits(request));
            fitting.find_map(|standing| {
                let known = met.0.iter().find(|(id, _)| *id == standing.id).map(|(_, taken)| *taken);
                let taken = known.unwrap_or_else(|| {
                    let taken = standing.takes();
                    met.0.push((standing.id, taken));
                    taken
                });
                taken.then(|| standing.rule.effect.clone())
            })
        })
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(super) async fn until_removed(&self, id: RuleId) {
        let mut changes = self.changes();
        while self.change(|list| list.rules.iter().any(|standing| standing.id == id)) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut List) -> T) -> T {
        change(&mut self.list.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
