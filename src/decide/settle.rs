//! An update whose outcome isn't known: when it is settled, and that nothing is sent until then (P4).

use crate::{
    api::{Member, PendingUpdate, RunStatus},
    run::{LiveRun, Update},
};

use super::{
    Pass,
    findings::Finding,
    memory::Pending,
    notice,
    schedule::{self, Next, SETTLING_TIME},
};

impl Pass<'_> {
    /// Takes up an update that the status names and whose end this process doesn't know: it was sent just now and the
    /// answer is missing, or another process, or this one before a crash, may have sent it. Its settling time starts.
    pub(super) fn notice_pending(&mut self) {
        if let Some(record) = self.resource.status.pending_update.clone() {
            self.open(record);
        }
    }

    fn open(&mut self, record: PendingUpdate) {
        let first_seen = self.now.elapsed;
        self.memory.open(Pending { record, first_seen });
    }

    /// The outcome of this update isn't known, whether or not the copy of the status at hand names it.
    pub(super) fn leave_unsettled(&mut self, update: &Update, id: Option<&str>) {
        self.reuse_last_findings();
        self.open(update.pending(id.unwrap_or_default(), self.resource.generation, self.now));
        self.unsettled();
    }

    /// Drops the unsettled update when this answer, which isn't stale, settles it. `UpdatedAt` alone settles nothing.
    pub(super) fn settle(&mut self, live: &LiveRun) {
        let waited = |pending: &Pending| self.now.elapsed.saturating_sub(pending.first_seen) >= SETTLING_TIME;
        let settled =
            |pending: &Pending| live.status == RunStatus::Done || waited(pending) || self.shows(&pending.record, live);
        let Some(record) = self
            .memory
            .pending
            .as_ref()
            .filter(|it| settled(it))
            .map(|it| it.record.clone())
        else {
            return;
        };
        if self.shows(&record, live) {
            // A raise is told by the change that the answer shows.
            self.notices.extend(notice::of_update(record.member));
        }
        self.memory.resolve(&record.id);
    }

    /// Whether live is what the update asked for, and nothing else could have made it so.
    fn shows(&self, record: &PendingUpdate, live: &LiveRun) -> bool {
        match record.member {
            Member::ExposurePercentage => record.exposure_percentage.is_some_and(|asked| live.exposure >= asked),
            member => record.generation == self.resource.generation && self.desired.matches(member, live),
        }
    }

    /// The finding of an unsettled update, if there is one: whatever else a pass saw, Ready is not True (P4).
    pub(super) fn outcome_unknown(&self) -> Option<Finding> {
        let pending = self.memory.pending.as_ref()?;
        Some(Finding::OutcomeUnknown(pending.record.member))
    }

    /// Whether an update is unsettled; if so, when to read again for it.
    pub(super) fn unsettled(&mut self) -> bool {
        let Some(pending) = &self.memory.pending else {
            return false;
        };
        let left = SETTLING_TIME.saturating_sub(self.now.elapsed.saturating_sub(pending.first_seen));
        self.next = match self.back_off() {
            Next::Backoff(ceiling) if ceiling < left => Next::Backoff(ceiling),
            _ => Next::After(left.max(schedule::backoff(1))),
        };
        true
    }
}
