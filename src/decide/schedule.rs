//! When to look again.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    api::{ConditionType, ExperimentRunStatus},
    fleet::Class,
};

use super::{conditions, findings::Reason};

/// When the next pass is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// At once.
    Now,
    /// After this long.
    After(Duration),
    /// After a random part of this long (full jitter), so that many that failed together don't come back together.
    Backoff(Duration),
    /// When the spec changes.
    OnChange,
}

/// The longest back-off.
pub const BACKOFF_CEILING: Duration = Duration::from_mins(5);
/// How long an update with an unknown outcome can stay unsettled: then a read that is not stale settles it.
pub const SETTLING_TIME: Duration = Duration::from_mins(1);
/// How long an answer older than what is known has to stand to be believed.
pub const STALE_BELIEVED_AFTER: Duration = Duration::from_mins(5);
/// How often a run that has ended is read, at most.
pub const DONE_INTERVAL: Duration = Duration::from_hours(1);

const BACKOFF_FLOOR: Duration = Duration::from_secs(1);
const CONFLICT_FLOOR: Duration = Duration::from_secs(30);

/// The back-off before the n-th attempt in a row, from 1: 1 s, doubling up to 5 minutes.
#[must_use]
pub fn backoff(attempts: u32) -> Duration {
    doubled(BACKOFF_FLOOR, attempts)
}

/// The wait after the n-th deployment in progress in a row, from 1: 30 s, doubling up to 5 minutes.
#[must_use]
pub fn conflict(conflicts: u32) -> Duration {
    doubled(CONFLICT_FLOOR, conflicts)
}

fn doubled(floor: Duration, times: u32) -> Duration {
    floor
        .saturating_mul(1 << times.saturating_sub(1).min(16))
        .min(BACKOFF_CEILING)
}

/// How long it is to this resource's slot: a moment within the interval that is fixed by its uid on the wall clock, so
/// that reads spread evenly and a restart costs nothing. More than nothing, at most the interval.
#[must_use]
pub fn slot(uid: &str, interval: Duration, now: Timestamp) -> Duration {
    let interval_ms = i128::try_from(interval.as_millis()).unwrap_or(i128::MAX).max(1);
    let mut hasher = DefaultHasher::new();
    uid.hash(&mut hasher);
    let ahead = (i128::from(hasher.finish()) - i128::from(now.as_millisecond())).rem_euclid(interval_ms);
    let wait_ms = if ahead == 0 { interval_ms } else { ahead };
    Duration::from_millis(u64::try_from(wait_ms).unwrap_or(u64::MAX))
}

/// The slot of a settled resource, or the time at which its ramp raises if that is earlier; nothing when that is past. The
/// ramp of one that is suspended raises nothing.
#[must_use]
pub fn slot_or_ramp(status: &ExperimentRunStatus, suspend: bool, slot: Duration, now: Timestamp) -> (Duration, Class) {
    let waits = status.ramp.as_ref().filter(|ramp| ramp.waiting_for.is_some());
    let next = waits.and_then(|ramp| ramp.next.as_ref()?.not_before.as_ref());
    let raise = next.map(|at| Duration::try_from(at.0.duration_since(now)).unwrap_or_default());
    match raise.filter(|raise| *raise < slot) {
        Some(raise) if suspend => (raise, Class::Resync),
        Some(raise) => (raise, Class::Raise),
        None => (slot, Class::Resync),
    }
}

/// How often to read when nothing changes: seldom when the run has ended.
#[must_use]
pub fn interval(resync: Duration, done: bool) -> Duration {
    if done { resync.max(DONE_INTERVAL) } else { resync }
}

/// Whether a resource that this process sees for the first time can wait for its slot.
#[must_use]
pub fn settled(status: &ExperimentRunStatus, generation: i64, reconcile_requested_at: Option<&str>) -> bool {
    // A spec that could not be used may be usable now: by another operator's region, or since the object can be parsed.
    let known = conditions::find(&status.conditions, ConditionType::Ready).is_some_and(|ready| {
        ready.status != "Unknown"
            && ready.reason != Reason::InvalidSpec.as_str()
            && ready.observed_generation == Some(generation)
    });
    known
        && status.observed_generation == Some(generation)
        && conditions::find(&status.conditions, ConditionType::Reconciling).is_none()
        && status.pending_update.is_none()
        && reconcile_requested_at.is_none_or(|asked| status.last_handled_reconcile_at.as_deref() == Some(asked))
}
