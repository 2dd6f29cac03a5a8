//! A process's part in the election, as `src/leader` plays it around its pure `decide`.

use appconfig_experiment_operator::leader::{self, Claim, LEASE_DURATION, ObservedLease, RETRY_PERIOD, Record, Step};

use crate::state::{At, Campaign, State, instant};

impl Campaign {
    /// The part of a process that has just started.
    pub fn new(clock: u16) -> Self {
        Self {
            memory: leader::Memory::default(),
            known: ObservedLease::Nothing,
            writing: None,
            next: clock,
            over: false,
        }
    }
}

impl State {
    /// One step: what is decided, and the read that it asks for.
    pub fn campaign(&mut self, replica: usize) {
        let (clock, lease) = (self.clock, self.lease.clone());
        let process = self.replicas[replica].process;
        let Some(campaign) = &mut self.replicas[replica].campaign else {
            return;
        };
        let mut step = campaign.decide(process, clock);
        if step == Step::Read {
            campaign.known = lease.map_or(ObservedLease::Absent, ObservedLease::Present);
            step = campaign.decide(process, clock);
        }
        match step {
            Step::Read => {}
            Step::Write(claim) => campaign.writing = Some((claim, clock)),
            Step::Wait => campaign.pause(clock),
            Step::End(_) => {
                campaign.over = true;
                let replica = &mut self.replicas[replica];
                if replica.work.as_ref().is_none_or(|work| work.at == At::Rest) {
                    (replica.up, replica.work) = (false, None);
                }
            }
        }
    }

    /// The processes without a term do what is next in the election, at once: later, they would take over later, which is
    /// less of a danger.
    pub fn stand_by(&mut self) {
        for replica in 0..self.replicas.len() {
            let seeks = |campaign: &Campaign| campaign.memory.acts_until().is_none() && campaign.next <= self.clock;
            let it = &self.replicas[replica];
            if it.up && it.campaign.as_ref().is_some_and(seeks) {
                self.campaign(replica);
                self.write_lease(replica, true);
            }
        }
    }

    /// The write of the Lease arrives, and its answer comes unless it is lost.
    pub fn write_lease(&mut self, replica: usize, answered: bool) {
        let clock = self.clock;
        let process = self.replicas[replica].process;
        let lease = self.lease.clone();
        let Some(campaign) = &mut self.replicas[replica].campaign else {
            return;
        };
        let Some((claim, started)) = campaign.writing.take() else {
            return;
        };
        if claim.replaces != lease.as_ref().map(|lease| lease.version.clone()) {
            // A conflict is news, which is read soon.
            campaign.known = ObservedLease::Nothing;
            return;
        }
        let record = record(process, &claim, lease.as_ref(), clock);
        if answered {
            campaign.memory = std::mem::take(&mut campaign.memory).renewed_at(instant(started));
            campaign.pause(started);
            campaign.known = ObservedLease::Present(record.clone());
        } else {
            campaign.pause(started);
        }
        self.lease = Some(record);
    }
}

impl Campaign {
    fn decide(&mut self, process: u8, clock: u16) -> Step {
        let (step, memory) = leader::decide(&identity(process), &self.known, &self.memory, instant(clock));
        self.memory = memory;
        step
    }

    /// Until the next step, what was heard gets old.
    fn pause(&mut self, since: u16) {
        self.known = ObservedLease::Nothing;
        self.next = since + u16::try_from(RETRY_PERIOD.as_secs()).unwrap();
    }
}

/// The Lease that a write leads to.
pub fn record(process: u8, claim: &Claim, before: Option<&Record>, clock: u16) -> Record {
    let version: u16 = before.map_or(0, |lease| lease.version.parse().unwrap());
    Record {
        holder: Some(identity(process)),
        duration: LEASE_DURATION,
        renewed: Some(clock.into()),
        transitions: claim.transitions,
        version: (version + 1).to_string(),
    }
}

fn identity(process: u8) -> String {
    format!("process-{process}")
}
