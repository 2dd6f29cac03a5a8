//! [`Stage`]: the world that a test tells a pass of.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::{
    api::{ExperimentRunSpec, ExperimentRunStatus, Exposure},
    clock::BootInstant,
    decide::{
        Outcome, Owner,
        desired::Defaults,
        memory::Memory,
        service_time::Untold,
        tests::support::{START, apply, live, spec},
    },
    pass::{
        Answered, Claimed, End, Moment, Read, Sent, ServiceClock, Step, Written,
        resource::{Identity, ObjectKey, Spec, StoredResource},
    },
    run::LiveRun,
};

/// What a test tells a pass: a resource that asks for 5 %, a run that has 0 %, and the time.
pub(in crate::pass) struct Stage {
    pub(in crate::pass) spec: ExperimentRunSpec,
    pub(in crate::pass) live: LiveRun,
    pub(in crate::pass) moment: Moment,
    /// Whether answers tell `AppConfig`'s time, which is that of this machine.
    pub(in crate::pass) answers_tell_time: bool,
    versions: u32,
    ids: u32,
}

impl Stage {
    pub(in crate::pass) fn new() -> Self {
        Self {
            spec: spec(5.0),
            live: live(0.0),
            moment: Moment {
                boot: BootInstant::after_boot(Duration::from_secs(1_000)),
                elapsed: Duration::ZERO,
                local: Timestamp::from_second(START).unwrap(),
                acts_until: BootInstant::NEVER,
                schema_is_complete: true,
            },
            answers_tell_time: false,
            versions: 0,
            ids: 0,
        }
    }

    pub(super) fn wait(&mut self, milliseconds: u64) {
        self.time_passes(Duration::from_millis(milliseconds));
    }

    pub(in crate::pass) fn time_passes(&mut self, time: Duration) {
        self.moment.boot = self.moment.boot + time;
        self.moment.elapsed += time;
        self.moment.local += SignedDuration::try_from(time).unwrap();
    }

    /// A version of the resource with this status.
    pub(super) fn stored(&mut self, generation: i64, status: ExperimentRunStatus) -> Arc<StoredResource> {
        self.versions += 1;
        let identity = Identity {
            key: ObjectKey {
                namespace: "shop".to_owned(),
                name: "add-to-cart".to_owned(),
            },
            uid: "uid-1".to_owned(),
            version: self.versions.to_string(),
            generation,
            created: Timestamp::from_second(START).ok(),
            deleting: false,
            reconcile_requested_at: None,
            brake_reason: None,
        };
        let spec = Spec::new(self.spec.clone(), BTreeSet::new(), 100).unwrap();
        Arc::new(StoredResource { identity, spec, status })
    }

    pub(super) fn begin(&mut self) -> Step<()> {
        let resource = self.stored(1, ExperimentRunStatus::default());
        self.begin_with(resource, Memory::default())
    }

    /// A pass after another one, or the first.
    fn begin_with(&self, resource: Arc<StoredResource>, memory: Memory) -> Step<()> {
        let defaults = Defaults {
            region: "eu-west-1".parse().ok(),
            resync_interval: Duration::from_mins(10),
        };
        crate::pass::begin(Arc::new(defaults), resource, memory, Vec::new(), &self.moment)
    }

    /// One whole pass, with the usual answers, and the updates that it sent: from and to which exposure.
    pub(in crate::pass) fn whole_pass(&mut self, before: Option<End>) -> (End, Vec<(Exposure, Exposure)>) {
        let mut step = match before {
            Some(end) => self.begin_with(end.resource, end.memory),
            None => self.begin(),
        };
        let mut raises = Vec::new();
        loop {
            let (from, sends) = (self.live.exposure, matches!(step, Step::Send(_)));
            step = match step {
                Step::End(end) => return (*end, raises),
                step => self.answer(step),
            };
            if sends {
                raises.push((from, self.live.exposure));
            }
        }
    }

    fn read(&self) -> Read {
        Read {
            live: self.live.clone(),
            service: self.service(),
        }
    }

    fn service(&self) -> Result<ServiceClock, Untold> {
        let clock = ServiceClock::exactly(self.moment.local, self.moment.boot);
        self.answers_tell_time.then_some(clock).ok_or(Untold::NoDate)
    }

    /// The usual answer, which takes no time.
    pub(super) fn answer(&mut self, step: Step<()>) -> Step<()> {
        match step {
            Step::Claim(claim) => claim.answered(claimed(false), &self.moment),
            Step::Get(get) => get.answered(Ok(self.read()), &self.moment),
            Step::ListEvents(list) => list.answered(Ok(Vec::new()), &self.moment),
            Step::Prepare(prepare) => {
                self.ids += 1;
                prepare.answered(Ok(((), format!("update-{}", self.ids))), &self.moment)
            }
            Step::Fence(fence) => {
                let written = self.stored(fence.resource().identity.generation, fence.status().clone());
                fence.answered(Written::Written(written), &self.moment)
            }
            Step::Send(update) => {
                let ((), sent) = update.departs();
                apply(sent.update(), &mut self.live);
                self.came_of(sent, Outcome::Applied(Box::new(self.live.clone())))
            }
            Step::Record(record) => {
                let written = self.stored(record.resource().identity.generation, record.status().clone());
                record.answered(Written::Written(written), &self.moment)
            }
            Step::Refresh(refresh) => {
                let newest = self.stored(
                    refresh.resource().identity.generation,
                    refresh.resource().status.clone(),
                );
                refresh.answered(Ok(newest), &self.moment)
            }
            Step::End(end) => Step::End(end),
        }
    }

    pub(super) fn came_of(&self, sent: Sent<()>, outcome: Outcome) -> Step<()> {
        let answer = Answered {
            outcome,
            service: self.service(),
        };
        sent.answered(answer, &self.moment)
    }

    /// Answers in the usual way until a step of this name, and tells which there were.
    pub(super) fn until(&mut self, mut step: Step<()>, name: &str) -> (Step<()>, Vec<&'static str>) {
        let mut steps = vec![step.name()];
        while step.name() != name {
            assert!(!matches!(step, Step::End(_)), "no {name} in {steps:?}");
            step = self.answer(step);
            steps.push(step.name());
        }
        (step, steps)
    }
}

impl Step<()> {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Claim(_) => "claim",
            Self::Get(_) => "get",
            Self::ListEvents(_) => "list events",
            Self::Prepare(_) => "prepare",
            Self::Fence(_) => "fence",
            Self::Send(_) => "send",
            Self::Record(_) => "record",
            Self::Refresh(_) => "refresh",
            Self::End(_) => "end",
        }
    }
}

pub(super) fn claimed(waited: bool) -> Claimed {
    Claimed {
        owner: Owner::Itself,
        inherited: None,
        waited,
    }
}
