//! An update whose outcome isn't known: when it is settled. Nothing is sent until then (P4).

use crate::{
    api::{Member, PendingUpdate, RunStatus},
    run::LiveRun,
};

use super::{Situation, memory::Pending, schedule::SETTLING_TIME};

impl Pending {
    /// Whether this state of the run, which isn't stale, settles it. `UpdatedAt` alone settles nothing.
    pub(super) fn is_settled_by(&self, live: &LiveRun, situation: &Situation<'_>) -> bool {
        let waited = situation.now.elapsed.saturating_sub(self.first_seen) >= SETTLING_TIME;
        live.status == RunStatus::Done || waited || is_shown_by(&self.record, live, situation)
    }
}

/// Whether live is what the update asked for, and nothing else could have made it so.
pub(super) fn is_shown_by(record: &PendingUpdate, live: &LiveRun, situation: &Situation<'_>) -> bool {
    match record.member {
        Member::ExposurePercentage => record.exposure_percentage.is_some_and(|asked| live.exposure >= asked),
        member => record.generation == situation.resource.generation && situation.desired().matches(member, live),
    }
}
