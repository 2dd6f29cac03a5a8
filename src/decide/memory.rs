//! What one process remembers of one resource, by uid. It restores a lost status; a status restores most of it.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    api::{ConditionType, ExperimentRunStatus, HeldUpdate, Member, PendingUpdate, RampStatus},
    run::{RunKey, Update},
};

use super::{conditions, findings::Finding, live::Known, names::Names, service_time::Skew};

/// How many updates are remembered whose outcome is known: more than a pass can fence.
const RESOLVED_KEPT: usize = 16;

/// What one process remembers of one resource. Bounded: nothing in it grows with time.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Memory {
    /// The run that was found first.
    pub pin: Option<RunKey>,
    /// By which names it was found, as long as no status has told of it: until then the names may be corrected, and another
    /// process may have found another run first.
    pub found_by: Option<Names>,
    /// The last answer that was believed.
    pub known: Option<Known>,
    /// The last answer that was not.
    pub stale: Option<Stale>,
    /// Reads in a row that failed or were stale.
    pub failures: u32,
    /// Passes in a row that ended in a back-off.
    pub attempts: u32,
    /// Updates in a row that met a deployment in progress.
    pub conflicts: u32,
    /// An update whose outcome isn't known.
    pub pending: Option<Pending>,
    /// The IDs of the last updates whose outcome is known, so that an old copy of the status doesn't revive one. Several:
    /// a fence that failed leaves the update before it in the status.
    pub resolved: Vec<String>,
    /// An update that was refused and that no read has confirmed since.
    pub refused: Option<Refused>,
    /// Members that aren't sent again for now.
    pub held: Vec<HeldUpdate>,
    /// Where the ramp stood when it was last seen.
    pub ramp: Option<RampStatus>,
    /// Why a ramp has no time to go by, as it was first seen, and for how many good answers in a row.
    pub skew: Option<(Skew, u32)>,
    /// How often each member that matched was changed from outside.
    pub contests: BTreeMap<Member, Contest>,
    /// What the last good read led to, and the generation that it is of.
    pub last_findings: Option<(i64, Vec<Finding>)>,
    /// The last generation at which Ready was True.
    pub ready_generation: Option<i64>,
}

/// An answer that is older than what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The answer.
    pub answer: Known,
    /// Since when it has been the answer, on the process's own clock.
    pub since: Duration,
}

/// An update whose outcome isn't known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The update as it was recorded.
    pub record: PendingUpdate,
    /// When this process first saw it, on its own clock.
    pub first_seen: Duration,
}

/// An update that was refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The generation that asked for it.
    pub generation: i64,
    /// The update.
    pub update: Update,
}

/// How often a member that matched was changed from outside.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Contest {
    /// The generation that the count belongs to.
    pub generation: i64,
    /// How often.
    pub count: u32,
    /// Since when it matches, on the process's own clock.
    pub matching_since: Option<Duration>,
}

impl Memory {
    /// What a status tells of a resource that this process sees for the first time, so long after the process's start.
    ///
    /// An update that it names is remembered at once: somebody may wipe the status before the first pass.
    #[must_use]
    pub fn from_status(status: &ExperimentRunStatus, run: i32, first_seen: Duration) -> Self {
        let pending = status
            .pending_update
            .clone()
            .map(|record| Pending { record, first_seen });
        Self {
            pin: RunKey::pinned(status, run),
            known: Known::from_status(status),
            held: status.held_updates.clone(),
            ramp: status.ramp.clone(),
            pending,
            last_findings: conditions::recorded(&status.conditions),
            ready_generation: ready_generation(status),
            ..Self::default()
        }
    }

    /// What the last good read led to, as far as it is of the spec of this generation.
    pub(super) fn findings_of(&self, generation: i64) -> Vec<Finding> {
        let last = self.last_findings.as_ref().filter(|(of, _)| *of == generation);
        last.map(|(_, findings)| findings.clone()).unwrap_or_default()
    }

    /// Notes that a status which this process decided upon is written, and with it the run that it found.
    pub fn recorded(&mut self) {
        self.found_by = None;
    }

    /// Whether a status has told of the run that was found.
    pub(super) const fn has_recorded_pin(&self) -> bool {
        self.pin.is_some() && self.found_by.is_none()
    }

    /// Lets go of a run that was found by other names than the spec's and that no status has told of, and of all that was
    /// seen of it: the names have been corrected.
    pub fn follow(&mut self, names: &Names) {
        let is_of_others = self.found_by.as_ref().is_some_and(|found_by| found_by != names);
        if is_of_others {
            *self = Self {
                resolved: std::mem::take(&mut self.resolved),
                ..Self::default()
            };
        }
    }

    /// Notes that nothing was sent, or will be, under this ID: whatever copy of the status still names it is old.
    pub fn resolve(&mut self, id: &str) {
        self.resolved.push(id.to_owned());
        let surplus = self.resolved.len().saturating_sub(RESOLVED_KEPT);
        self.resolved.drain(..surplus);
        if self.pending.as_ref().is_some_and(|pending| pending.record.id == id) {
            self.pending = None;
        }
    }

    /// Generations mean other specs than they did: the data of the API server were restored from a backup, and generations
    /// repeat. What is remembered by generation is dropped, or what the status tells of it stands instead.
    pub fn forget_generations(&mut self, status: &ExperimentRunStatus) {
        self.held.clone_from(&status.held_updates);
        self.last_findings = None;
        self.ready_generation = None;
        self.refused = None;
        self.contests.clear();
        if let Some(pending) = &mut self.pending {
            pending.record.generation = -1;
        }
    }

    /// Takes over the unsettled update that another resource sent to the same run.
    ///
    /// Its generation is the other resource's, so it is made one that no spec of this resource has: only the run itself
    /// or time can settle it.
    pub fn inherit(&mut self, mut pending: Pending) {
        pending.record.generation = -1;
        self.open(pending);
    }

    /// Notes an update whose outcome isn't known.
    pub(super) fn open(&mut self, mut pending: Pending) {
        let id = &pending.record.id;
        if self.resolved.contains(id) || self.pending.as_ref().is_some_and(|open| open.record.id == *id) {
            return;
        }
        if let Some(open) = &self.pending {
            // Two are open and one record can't tell of both, so no live state settles it: only time does.
            pending.record.generation = -1;
            pending.record.exposure_percentage = None;
            pending.first_seen = pending.first_seen.max(open.first_seen);
        }
        self.pending = Some(pending);
    }
}

/// The generation at which Ready is True, if it is.
pub(super) fn ready_generation(status: &ExperimentRunStatus) -> Option<i64> {
    let ready = conditions::find(&status.conditions, ConditionType::Ready)?;
    ready.observed_generation.filter(|_| ready.status == "True")
}
