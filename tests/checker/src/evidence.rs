//! The histories put in order: by resource, by run and by process, so that each promise is judged from what concerns it.

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use crate::{
    answer::LiveRun,
    history::{History, ProcessChange},
    resource::{Resource, State},
    sent::Request,
};

/// How long an answer that is older than what is known has to stand until it is believed, less what clocks differ.
pub(crate) const BELIEVED_AFTER: SignedDuration = SignedDuration::from_secs(295);

/// The histories in order.
pub(crate) struct Evidence<'a> {
    pub(crate) history: &'a History,
    /// In the order in which they were first seen.
    pub(crate) resources: Vec<Resource<'a>>,
    /// The operator's own, in the order of arrival.
    pub(crate) requests: Vec<Request<'a>>,
    /// Where each pending update was first recorded: resource and state.
    recorded: HashMap<&'a str, (usize, usize)>,
}

impl<'a> Evidence<'a> {
    pub(crate) fn new(history: &'a History) -> Self {
        let mut evidence = Self {
            history,
            resources: Vec::new(),
            requests: requests(history),
            recorded: HashMap::new(),
        };
        let mut by_uid: HashMap<&str, usize> = HashMap::new();
        let edited: BTreeSet<&str> = history.context.edited_statuses.iter().map(String::as_str).collect();
        for (index, version) in history.versions.iter().enumerate() {
            let metadata = &version.run.metadata;
            let uid = metadata.uid.as_deref().unwrap_or_default();
            let place = *by_uid.entry(uid).or_insert_with(|| {
                evidence.resources.push(Resource::new(version));
                evidence.resources.len() - 1
            });
            let resource = &mut evidence.resources[place];
            let number = metadata.resource_version.as_deref();
            resource.see(index, version, number.is_some_and(|number| edited.contains(number)));
            if let Some(pending) = resource.states.last().and_then(State::pending) {
                let state = resource.states.len() - 1;
                evidence.recorded.entry(&pending.id).or_insert((place, state));
            }
        }
        evidence.attribute();
        evidence
    }

    /// Finds out on whose behalf each request was sent, and which resources can't be told apart by that.
    fn attribute(&mut self) {
        let default_region = &self.history.context.default_region;
        let (mut by_address, mut by_run) = (HashMap::<_, Vec<usize>>::new(), HashMap::<_, Vec<usize>>::new());
        for (place, resource) in self.resources.iter().enumerate() {
            for address in resource.addresses(default_region) {
                by_address.entry(address).or_default().push(place);
            }
            if let Some(run) = resource.run() {
                by_run.entry(run.by_ids()).or_default().push(place);
            }
        }
        for (place, request) in self.requests.iter().enumerate() {
            let record = request.record;
            let cause = request.id.and_then(|id| self.recorded.get(id)).map(|(cause, _)| *cause);
            let address = (|| {
                let names = (record.application.as_deref()?, record.definition.as_deref()?);
                Some((names.0, names.1, record.run?, request.region.to_owned()))
            })();
            let of = match (request.is_update(), cause) {
                (true, Some(cause)) => vec![cause],
                // Nobody recorded it; whoever stands for its run is concerned.
                (true, None) => request
                    .target()
                    .and_then(|run| by_run.get(&run.by_ids()).cloned())
                    .unwrap_or_default(),
                (false, _) => address
                    .and_then(|address| by_address.get(&address).cloned())
                    .unwrap_or_default(),
            };
            for resource in of {
                self.resources[resource].requests.push(place);
            }
        }
        let shared = by_address
            .into_values()
            .chain(by_run.into_values())
            .filter(|places| places.len() > 1);
        for place in shared.flatten() {
            self.resources[place].shares_its_run = true;
        }
    }

    /// The resource, and its state, that first recorded a pending update.
    pub(crate) fn recorded(&self, id: &str) -> Option<(&Resource<'a>, usize)> {
        let (resource, state) = self.recorded.get(id)?;
        Some((&self.resources[*resource], *state))
    }

    /// The resource and the state on whose behalf an update was sent.
    pub(crate) fn cause(&self, update: &Request<'_>) -> Option<(&Resource<'a>, usize)> {
        self.recorded(update.id?)
    }

    /// The operator's updates, in the order of arrival.
    pub(crate) fn updates(&self) -> impl Iterator<Item = &Request<'a>> {
        self.requests.iter().filter(|request| request.is_update())
    }

    /// The requests that were sent on behalf of a resource, in the order of arrival.
    pub(crate) fn requests_of(&self, resource: &Resource<'_>) -> impl DoubleEndedIterator<Item = &Request<'a>> {
        resource.requests.iter().map(|place| &self.requests[*place])
    }

    /// The good answers to one process about a resource's run, on behalf of that resource, before a moment.
    pub(crate) fn known_by(&self, process: &str, resource: &Resource<'_>, before: Timestamp) -> Vec<&LiveRun> {
        let of_process = self.requests_of(resource).filter(|request| request.process == process);
        let mut good: Vec<_> = of_process
            .filter(|request| request.answered_before(before))
            // Names that were corrected since may have meant another run.
            .filter(|request| request.is_update() || resource.is_named_by(request))
            .filter_map(|request| Some((request.record.answered_at?, request.answer.run()?)))
            .collect();
        good.sort_by_key(|(at, _)| *at);
        believed(&good)
    }

    /// The processes that may still act at a moment, grace included that a request on its way has.
    pub(crate) fn processes_at(&self, moment: Timestamp, grace: SignedDuration) -> BTreeSet<&str> {
        let mut acting = BTreeSet::new();
        let mut until: HashMap<&str, Timestamp> = HashMap::new();
        for event in &self.history.processes {
            let process = event.process.as_str();
            match event.what {
                ProcessChange::Started if event.at <= moment => {
                    acting.insert(process);
                }
                ProcessChange::Killed | ProcessChange::Terminated | ProcessChange::Exited { .. } => {
                    until.entry(process).or_insert(event.at);
                }
                _ => {}
            }
        }
        acting.retain(|process| until.get(process).is_none_or(|end| moment <= *end + grace));
        acting
    }
}

fn requests(history: &History) -> Vec<Request<'_>> {
    let default_region = &history.context.default_region;
    let mut requests: Vec<_> = history
        .requests
        .iter()
        .filter_map(|record| Request::of(record, default_region))
        .collect();
    requests.sort_by_key(Request::arrived_at);
    requests
}

/// The answers that a process believes: one that is older than what it knows counts for nothing until it has stood for
/// five minutes.
fn believed<'e>(good: &[(Timestamp, &'e LiveRun)]) -> Vec<&'e LiveRun> {
    let mut known: Vec<&LiveRun> = Vec::new();
    let mut stale: Option<(Timestamp, &LiveRun)> = None;
    for (at, run) in good {
        if known.last().is_none_or(|known| !run.precedes(known)) {
            stale = None;
            known.push(run);
            continue;
        }
        match stale {
            Some((since, before)) if before == *run => {
                if at.duration_since(since) >= BELIEVED_AFTER {
                    stale = None;
                    known.push(run);
                }
            }
            _ => stale = Some((*at, run)),
        }
    }
    known
}
