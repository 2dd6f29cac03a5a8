//! The first steps of a pass: whose the run is, the run as it is now, and what its events tell.

use super::{Moment, Pass, ServiceClock, Step, step_of_a_pass};
use crate::{
    api::Region,
    decide::{self, EndedBy, Evidence, Owner, desired::Desired, memory::Pending, service_time::Untold},
    run::{ExperimentRunEvent, Failure, LiveRun, RunAddress, RunKey, exposed_at},
};

/// Claim the run, and wait for other passes over it.
#[derive(Clone, Debug)]
pub struct Claim<P> {
    pub(super) pass: Box<Pass<P>>,
    target: Target,
}

/// What is claimed, and what comes after.
#[derive(Clone, Debug)]
enum Target {
    /// No run is known, or the names of the one that was have been corrected: what was claimed is let go of. What is read
    /// next is `None` when the spec can't be used.
    Nothing(Option<Named>),
    /// The run that was found before: it is read next.
    Pinned(RunKey, Named),
    /// The run that was read just now.
    Live(Box<Read>, Named),
}

/// A run as the spec names it.
#[derive(Clone, Debug)]
struct Named {
    region: Region,
    address: RunAddress,
}

/// What a claim gives.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Who acts for the run.
    pub owner: Owner,
    /// An update of the run that another resource sent and that is not settled.
    pub inherited: Option<Pending>,
    /// Whether another pass over the run had to be waited for.
    pub waited: bool,
}

/// `GetExperimentRun`.
#[derive(Clone, Debug)]
pub struct Get<P> {
    pub(super) pass: Box<Pass<P>>,
    named: Named,
}

/// What `GetExperimentRun` answered.
#[derive(Clone, Debug)]
pub struct Read {
    /// The run.
    pub live: LiveRun,
    /// What the answer told of `AppConfig`'s time.
    pub service: Result<ServiceClock, Untold>,
}

/// `ListExperimentRunEvents`.
#[derive(Clone, Debug)]
pub struct ListEvents<P> {
    pub(super) pass: Box<Pass<P>>,
    live: Box<LiveRun>,
    named: Named,
}

step_of_a_pass!(Claim);
step_of_a_pass!(Get);
step_of_a_pass!(ListEvents);

impl<P> Pass<P> {
    /// Looks at the run as it is now, from the beginning.
    pub(super) fn observe(mut self: Box<Self>, moment: &Moment) -> Step<P> {
        if let Some(why) = moment.forbids() {
            return self.end(Err(why));
        }
        self.memory.follow(&self.resource.names(&self.defaults));
        let target = match (self.memory.pin.clone(), self.named()) {
            (Some(pin), Some(named)) => Target::Pinned(pin, named),
            (Some(_), None) => return self.decide(&Evidence::Nothing, moment),
            (None, named) => {
                (self.run, self.owner) = (None, Owner::Itself);
                Target::Nothing(named)
            }
        };
        Step::Claim(Claim { pass: self, target })
    }

    /// The run that the spec names. `None` when the spec can't be used.
    fn named(&self) -> Option<Named> {
        let desired = self.desired().ok()?;
        let names = (
            &desired.application_identifier,
            &desired.experiment_definition_identifier,
        );
        let address = RunAddress::parse(names.0, names.1, desired.run).ok()?;
        let region = desired.region;
        Some(Named { region, address })
    }

    /// Goes on with a run that is claimed, or that is not this resource's to claim.
    fn look_at(mut self: Box<Self>, read: Read, named: Named, moment: &Moment) -> Step<P> {
        (self.run, self.service) = (Some(read.live.key.clone()), read.service);
        if self.asks_for_events(&read.live) {
            Step::ListEvents(ListEvents {
                pass: self,
                live: Box::new(read.live),
                named,
            })
        } else {
            self.decide(&Evidence::Read(read.live, EndedBy::NotAsked), moment)
        }
    }

    fn asks_for_events(&self, live: &LiveRun) -> bool {
        let status = &self.resource.status;
        let asks_since_when = |desired: &Desired| decide::asks_since_when(desired, live, status, &self.memory);
        decide::asks_who_ended_it(live, status) || self.desired().as_ref().is_ok_and(asks_since_when)
    }
}

impl<P> Claim<P> {
    /// The run to claim; `None` when there is none, and what was claimed is let go of.
    #[must_use]
    pub fn run(&self) -> Option<&RunKey> {
        match &self.target {
            Target::Nothing(_) => None,
            Target::Pinned(run, _) => Some(run),
            Target::Live(read, _) => Some(&read.live.key),
        }
    }

    /// Goes on when nothing is claimed any more, or the claim is made.
    #[must_use]
    pub fn answered(mut self, claimed: Claimed, moment: &Moment) -> Step<P> {
        self.pass.owner = claimed.owner;
        let inherited = claimed.inherited.filter(|_| self.pass.owner == Owner::Itself);
        if let Some(unsettled) = inherited {
            self.pass.memory.inherit(unsettled);
        }
        let pass = self.pass;
        match self.target {
            // Another resource's pass over the run may have gone on meanwhile and outdated what was read.
            Target::Live(read, named) if !claimed.waited => pass.look_at(*read, named, moment),
            Target::Nothing(None) => pass.decide(&Evidence::Nothing, moment),
            Target::Nothing(Some(named)) | Target::Pinned(_, named) | Target::Live(_, named) => {
                Step::Get(Get { pass, named })
            }
        }
    }
}

impl<P> Get<P> {
    /// Where the run is.
    #[must_use]
    pub const fn region(&self) -> &Region {
        &self.named.region
    }

    /// Which run, by the spec's names.
    #[must_use]
    pub const fn address(&self) -> &RunAddress {
        &self.named.address
    }

    /// Goes on with the run, or with why it can't be told.
    #[must_use]
    pub fn answered(self, answer: Result<Read, Failure>, moment: &Moment) -> Step<P> {
        match answer {
            Err(failure) => self.pass.decide(&Evidence::ReadFailed(failure), moment),
            // A resource whose names now mean another run has no claim to that one.
            Ok(read) if self.pass.memory.pin.as_ref().is_some_and(|pin| *pin != read.live.key) => {
                self.pass.look_at(read, self.named, moment)
            }
            Ok(read) => Step::Claim(Claim {
                pass: self.pass,
                target: Target::Live(Box::new(read), self.named),
            }),
        }
    }
}

impl<P> ListEvents<P> {
    /// Where the run is.
    #[must_use]
    pub const fn region(&self) -> &Region {
        &self.named.region
    }

    /// Which run, by the spec's names.
    #[must_use]
    pub const fn address(&self) -> &RunAddress {
        &self.named.address
    }

    /// Goes on with what happened to the run, or with why that can't be told.
    #[must_use]
    pub fn answered(mut self, answer: Result<Vec<ExperimentRunEvent>, Failure>, moment: &Moment) -> Step<P> {
        let ended_by = if decide::asks_who_ended_it(&self.live, &self.pass.resource.status) {
            match answer {
                Ok(events) => EndedBy::of(&events),
                Err(failure) => EndedBy::Unreadable(failure),
            }
        } else {
            let events = answer.ok();
            self.live.exposed_at = events.and_then(|events| exposed_at(&events, self.live.exposure));
            EndedBy::NotAsked
        };
        self.pass.decide(&Evidence::Read(*self.live, ended_by), moment)
    }
}
