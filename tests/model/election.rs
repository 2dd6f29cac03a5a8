//! A process's part in the election, as `src/leader` plays it around its pure `decide`.

use appconfig_experiment_operator::leader::{
    self, ElectionStep, LEASE_DURATION, LeaseRecord, LeaseWrite, ObservedLease, RETRY_PERIOD,
};

use crate::state::{At, Candidate, State, instant};

impl Candidate {
    /// The part of a process that has just started.
    pub fn new(clock: u16) -> Self {
        Self {
            state: leader::ElectionState::default(),
            known: ObservedLease::Nothing,
            writing: None,
            next: clock,
            over: false,
        }
    }
}

impl State {
    /// One step: what is decided, and the read that it asks for.
    pub fn elect(&mut self, replica: usize) {
        let (clock, lease) = (self.clock, self.lease.clone());
        let process = self.replicas[replica].process;
        let Some(candidate) = &mut self.replicas[replica].candidate else {
            return;
        };
        let mut step = candidate.decide(process, clock);
        if step == ElectionStep::Read {
            candidate.known = lease.map_or(ObservedLease::Absent, ObservedLease::Present);
            step = candidate.decide(process, clock);
        }
        match step {
            ElectionStep::Read => {}
            ElectionStep::Write(write) => candidate.writing = Some((write, clock)),
            ElectionStep::Wait => candidate.pause(clock),
            ElectionStep::End(_) => {
                candidate.over = true;
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
            let seeks = |candidate: &Candidate| candidate.state.acts_until().is_none() && candidate.next <= self.clock;
            let it = &self.replicas[replica];
            if it.up && it.candidate.as_ref().is_some_and(seeks) {
                self.elect(replica);
                self.write_lease(replica, true);
            }
        }
    }

    /// The write of the Lease arrives, and its answer comes unless it is lost.
    pub fn write_lease(&mut self, replica: usize, answered: bool) {
        let clock = self.clock;
        let process = self.replicas[replica].process;
        let lease = self.lease.clone();
        let Some(candidate) = &mut self.replicas[replica].candidate else {
            return;
        };
        let Some((write, started)) = candidate.writing.take() else {
            return;
        };
        if write.replaces != lease.as_ref().map(|lease| lease.version.clone()) {
            // A conflict is news, which is read soon.
            candidate.known = ObservedLease::Nothing;
            return;
        }
        let record = record(process, &write, lease.as_ref(), clock);
        if answered {
            candidate.state = std::mem::take(&mut candidate.state).renewed_at(instant(started));
            candidate.pause(started);
            candidate.known = ObservedLease::Present(record.clone());
        } else {
            candidate.pause(started);
        }
        self.lease = Some(record);
    }
}

impl Candidate {
    fn decide(&mut self, process: u8, clock: u16) -> ElectionStep {
        let (step, state) = leader::decide(&identity(process), &self.known, &self.state, instant(clock));
        self.state = state;
        step
    }

    /// Until the next step, what was heard gets old.
    fn pause(&mut self, since: u16) {
        self.known = ObservedLease::Nothing;
        self.next = since + u16::try_from(RETRY_PERIOD.as_secs()).unwrap();
    }
}

/// The Lease that a write leads to.
pub fn record(process: u8, write: &LeaseWrite, before: Option<&LeaseRecord>, clock: u16) -> LeaseRecord {
    let version: u16 = before.map_or(0, |lease| lease.version.parse().unwrap());
    LeaseRecord {
        holder: Some(identity(process)),
        duration: LEASE_DURATION,
        renewed: Some(clock.into()),
        transitions: write.transitions,
        version: (version + 1).to_string(),
    }
}

fn identity(process: u8) -> String {
    format!("process-{process}")
}
