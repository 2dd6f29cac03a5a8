//! Whether the last read of the served schema says something of what the API server has told since: one value, changed by
//! what happens, and asked with the time.

use std::time::Duration;

use crate::clock::BootInstant;

/// From the start of one read to the start of the next, when nothing asks for one sooner.
pub const PERIOD: Duration = Duration::from_secs(30);

/// From the start of a read that failed to the start of the next.
pub const RETRY: Duration = Duration::from_secs(2);

/// How long the last read that succeeded counts, when those after it fail.
pub const COUNTS_FOR: Duration = Duration::from_mins(2);

/// How long a list or a watch may wait for its read before others should go on in this replica's place.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Of several API servers, one learns of a CRD later than another one; a list may come of the first and the schema of the
/// second. So a read speaks of a list only when it begins this much later. A watch needs none: the API server ends those
/// of a CRD that changes a second after the change.
pub const SPREAD: Duration = Duration::from_millis(500);

/// What the API server has begun to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// A page of a list.
    List,
    /// A watch, be it a new one or one that goes on where another one ended.
    Watch,
    /// An answer that contradicts what was known of an object: the same generation with another spec.
    Contradiction,
}

/// Whether resources may be acted upon and written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Every field is served. They may.
    Complete,
    /// The read that a list or a watch asks for is under way. They may not.
    Pending,
    /// It has not succeeded for too long. They may not, and another replica may be able to.
    Unread,
    /// These fields are not served. They may not, and a replica of the version before may be able to.
    Lacks(Vec<String>),
}

/// What was read, and what has begun since.
#[derive(Clone, Debug)]
pub struct Gate {
    /// A read must begin then or later to speak of everything that has begun.
    speaks_from: BootInstant,
    /// Since when something has begun of which no read speaks.
    unproven_since: Option<BootInstant>,
    /// The start of the last read that succeeded, and the fields that it found missing.
    read: Option<(BootInstant, Vec<String>)>,
    /// The start of the last read, when it failed.
    failed: Option<BootInstant>,
}

impl Standing {
    /// Whether resources may be acted upon and written.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        *self == Self::Complete
    }

    /// Whether another replica should go on instead.
    #[must_use]
    pub fn is_unusable(&self) -> bool {
        matches!(self, Self::Unread | Self::Lacks(_))
    }
}

impl Gate {
    /// Nothing was read yet.
    #[must_use]
    pub fn new(now: BootInstant) -> Self {
        Self {
            speaks_from: now,
            unproven_since: Some(now),
            read: None,
            failed: None,
        }
    }

    /// The API server begins to tell something. What was read before says nothing of it.
    pub fn begun(&mut self, what: Begun, now: BootInstant) {
        let spread = match what {
            Begun::Watch => Duration::ZERO,
            Begun::List | Begun::Contradiction => SPREAD,
        };
        self.speaks_from = self.speaks_from.max(now + spread);
        self.unproven_since.get_or_insert(now);
    }

    /// A read that began then found these fields missing.
    pub fn read(&mut self, began: BootInstant, missing: Vec<String>) {
        if began >= self.speaks_from {
            self.unproven_since = None;
        }
        self.read = Some((began, missing));
        self.failed = None;
    }

    /// A read that began then failed.
    pub fn failed(&mut self, began: BootInstant) {
        self.failed = Some(began);
    }

    /// Where things stand.
    #[must_use]
    pub fn standing(&self, now: BootInstant) -> Standing {
        match (&self.read, self.unproven_since) {
            (Some((_, missing)), _) if !missing.is_empty() => Standing::Lacks(missing.clone()),
            (_, Some(since)) if now - since < PATIENCE => Standing::Pending,
            (Some((began, _)), None) if now - *began < COUNTS_FOR => Standing::Complete,
            _ => Standing::Unread,
        }
    }

    /// How long until the next read is to begin.
    #[must_use]
    pub fn next_read(&self, now: BootInstant) -> Duration {
        let asked = match (&self.read, self.unproven_since) {
            (Some((began, _)), None) => *began + PERIOD,
            _ => self.speaks_from,
        };
        let due = match (self.failed, self.unproven_since) {
            (Some(began), Some(_)) => asked.max(began + RETRY),
            (Some(began), None) => began + RETRY,
            (None, _) => asked,
        };
        due - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> BootInstant {
        BootInstant::after_boot(Duration::from_hours(1) + Duration::from_millis(milliseconds))
    }

    fn proven() -> Gate {
        let mut gate = Gate::new(at(0));
        gate.read(at(0), vec![]);
        gate
    }

    #[test]
    fn nothing_may_be_written_before_the_first_read_has_succeeded() {
        let mut gate = Gate::new(at(0));
        assert_eq!(
            (gate.standing(at(0)), gate.next_read(at(0))),
            (Standing::Pending, Duration::ZERO)
        );
        gate.failed(at(0));
        assert_eq!(
            (gate.standing(at(1)), gate.next_read(at(0))),
            (Standing::Pending, RETRY)
        );
        assert_eq!(gate.standing(at(10_000)), Standing::Unread);
        gate.read(at(12_000), vec![]);
        assert_eq!(gate.standing(at(12_001)), Standing::Complete);
    }

    #[test]
    fn a_read_speaks_of_a_watch_that_had_begun_and_of_no_later_one() {
        let mut gate = proven();
        gate.begun(Begun::Watch, at(5_000));
        assert_eq!(
            (gate.standing(at(5_000)), gate.next_read(at(5_000))),
            (Standing::Pending, Duration::ZERO)
        );
        gate.begun(Begun::Watch, at(5_010));
        gate.read(at(5_009), vec![]);
        assert_eq!(gate.standing(at(5_020)), Standing::Pending);
        assert_eq!(gate.next_read(at(5_020)), Duration::ZERO);
        gate.read(at(5_020), vec![]);
        assert_eq!(gate.standing(at(5_021)), Standing::Complete);
    }

    #[test]
    fn a_read_speaks_of_a_list_only_when_every_api_server_has_had_time_to_know() {
        for what in [Begun::List, Begun::Contradiction] {
            let mut gate = proven();
            gate.begun(what, at(5_000));
            // A watch that begins meanwhile brings it no nearer.
            gate.begun(Begun::Watch, at(5_010));
            assert_eq!(gate.next_read(at(5_100)), Duration::from_millis(400));
            gate.read(at(5_499), vec![]);
            assert_eq!(gate.standing(at(5_500)), Standing::Pending);
            gate.read(at(5_500), vec![]);
            assert_eq!(gate.standing(at(5_501)), Standing::Complete);
        }
    }

    #[test]
    fn fields_that_are_missing_are_told_until_a_read_finds_them() {
        let lacks = Standing::Lacks(vec!["spec.ramp".to_owned()]);
        let mut gate = proven();
        gate.read(at(1_000), vec!["spec.ramp".to_owned()]);
        assert_eq!(gate.standing(at(1_001)), lacks);
        gate.begun(Begun::Watch, at(2_000));
        gate.failed(at(2_000));
        for later in [2_001, 60_000, 3_600_000] {
            assert_eq!(gate.standing(at(later)), lacks, "failed reads are no evidence");
        }
        assert!(lacks.is_unusable() && !lacks.is_complete());
        gate.read(at(3_600_000), vec![]);
        assert_eq!(gate.standing(at(3_600_001)), Standing::Complete);
    }

    #[test]
    fn it_is_read_every_30_s_and_what_fails_then_is_repeated_and_counts_after_two_minutes() {
        let mut gate = proven();
        assert_eq!(gate.next_read(at(0)), PERIOD);
        gate.failed(at(30_000));
        assert_eq!(gate.next_read(at(30_000)), RETRY);
        gate.failed(at(118_000));
        assert_eq!(
            (gate.standing(at(119_999)), gate.next_read(at(118_000))),
            (Standing::Complete, RETRY)
        );
        assert_eq!(
            gate.standing(at(120_000)),
            Standing::Unread,
            "two minutes after the last that succeeded"
        );
        gate.read(at(130_000), vec![]);
        assert_eq!(
            (gate.standing(at(130_001)), gate.next_read(at(130_000))),
            (Standing::Complete, PERIOD)
        );
    }

    #[test]
    fn a_read_that_a_list_or_a_watch_asks_for_and_that_fails_counts_at_once() {
        let mut gate = proven();
        gate.begun(Begun::Watch, at(1_000));
        gate.failed(at(1_000));
        assert_eq!(
            (gate.standing(at(1_001)), gate.next_read(at(1_000))),
            (Standing::Pending, RETRY)
        );
        gate.begun(Begun::Watch, at(9_000));
        assert_eq!(
            gate.standing(at(11_000)),
            Standing::Unread,
            "since the first of which nothing speaks"
        );
    }

    #[test]
    fn a_machine_that_was_suspended_wakes_up_without_evidence() {
        let gate = proven();
        assert_eq!(gate.standing(at(3_600_000)), Standing::Unread);
        assert_eq!(gate.next_read(at(3_600_000)), Duration::ZERO);
    }
}
