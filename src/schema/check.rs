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
pub enum SchemaState {
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
pub struct SchemaCheck {
    /// A read must begin then or later to speak of everything that has begun.
    speaks_from: BootInstant,
    /// Since when something has begun of which no read speaks.
    unproven_since: Option<BootInstant>,
    /// The start of the last read that succeeded, and the fields that it found missing.
    read: Option<(BootInstant, Vec<String>)>,
    /// The start of the last read, when it failed.
    failed: Option<BootInstant>,
}

impl SchemaState {
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

impl SchemaCheck {
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

    /// What follows from that.
    #[must_use]
    pub fn state(&self, now: BootInstant) -> SchemaState {
        match (&self.read, self.unproven_since) {
            (Some((_, missing)), _) if !missing.is_empty() => SchemaState::Lacks(missing.clone()),
            (_, Some(since)) if now - since < PATIENCE => SchemaState::Pending,
            (Some((began, _)), None) if now - *began < COUNTS_FOR => SchemaState::Complete,
            _ => SchemaState::Unread,
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

    fn proven() -> SchemaCheck {
        let mut check = SchemaCheck::new(at(0));
        check.read(at(0), vec![]);
        check
    }

    #[test]
    fn nothing_may_be_written_before_the_first_read_has_succeeded() {
        let mut check = SchemaCheck::new(at(0));
        assert_eq!(
            (check.state(at(0)), check.next_read(at(0))),
            (SchemaState::Pending, Duration::ZERO)
        );
        check.failed(at(0));
        assert_eq!(
            (check.state(at(1)), check.next_read(at(0))),
            (SchemaState::Pending, RETRY)
        );
        assert_eq!(check.state(at(10_000)), SchemaState::Unread);
        check.read(at(12_000), vec![]);
        assert_eq!(check.state(at(12_001)), SchemaState::Complete);
    }

    #[test]
    fn a_read_speaks_of_a_watch_that_had_begun_and_of_no_later_one() {
        let mut check = proven();
        check.begun(Begun::Watch, at(5_000));
        assert_eq!(
            (check.state(at(5_000)), check.next_read(at(5_000))),
            (SchemaState::Pending, Duration::ZERO)
        );
        check.begun(Begun::Watch, at(5_010));
        check.read(at(5_009), vec![]);
        assert_eq!(check.state(at(5_020)), SchemaState::Pending);
        assert_eq!(check.next_read(at(5_020)), Duration::ZERO);
        check.read(at(5_020), vec![]);
        assert_eq!(check.state(at(5_021)), SchemaState::Complete);
    }

    #[test]
    fn a_read_speaks_of_a_list_only_when_every_api_server_has_had_time_to_know() {
        for what in [Begun::List, Begun::Contradiction] {
            let mut check = proven();
            check.begun(what, at(5_000));
            // A watch that begins meanwhile brings it no nearer.
            check.begun(Begun::Watch, at(5_010));
            assert_eq!(check.next_read(at(5_100)), Duration::from_millis(400));
            check.read(at(5_499), vec![]);
            assert_eq!(check.state(at(5_500)), SchemaState::Pending);
            check.read(at(5_500), vec![]);
            assert_eq!(check.state(at(5_501)), SchemaState::Complete);
        }
    }

    #[test]
    fn fields_that_are_missing_are_told_until_a_read_finds_them() {
        let lacks = SchemaState::Lacks(vec!["spec.ramp".to_owned()]);
        let mut check = proven();
        check.read(at(1_000), vec!["spec.ramp".to_owned()]);
        assert_eq!(check.state(at(1_001)), lacks);
        check.begun(Begun::Watch, at(2_000));
        check.failed(at(2_000));
        for later in [2_001, 60_000, 3_600_000] {
            assert_eq!(check.state(at(later)), lacks, "failed reads are no evidence");
        }
        assert!(lacks.is_unusable() && !lacks.is_complete());
        check.read(at(3_600_000), vec![]);
        assert_eq!(check.state(at(3_600_001)), SchemaState::Complete);
    }

    #[test]
    fn it_is_read_every_30_s_and_what_fails_then_is_repeated_and_counts_after_two_minutes() {
        let mut check = proven();
        assert_eq!(check.next_read(at(0)), PERIOD);
        check.failed(at(30_000));
        assert_eq!(check.next_read(at(30_000)), RETRY);
        check.failed(at(118_000));
        assert_eq!(
            (check.state(at(119_999)), check.next_read(at(118_000))),
            (SchemaState::Complete, RETRY)
        );
        assert_eq!(
            check.state(at(120_000)),
            SchemaState::Unread,
            "two minutes after the last that succeeded"
        );
        check.read(at(130_000), vec![]);
        assert_eq!(
            (check.state(at(130_001)), check.next_read(at(130_000))),
            (SchemaState::Complete, PERIOD)
        );
    }

    #[test]
    fn a_read_that_a_list_or_a_watch_asks_for_and_that_fails_counts_at_once() {
        let mut check = proven();
        check.begun(Begun::Watch, at(1_000));
        check.failed(at(1_000));
        assert_eq!(
            (check.state(at(1_001)), check.next_read(at(1_000))),
            (SchemaState::Pending, RETRY)
        );
        check.begun(Begun::Watch, at(9_000));
        assert_eq!(
            check.state(at(11_000)),
            SchemaState::Unread,
            "since the first of which nothing speaks"
        );
    }

    #[test]
    fn a_machine_that_was_suspended_wakes_up_without_evidence() {
        let check = proven();
        assert_eq!(check.state(at(3_600_000)), SchemaState::Unread);
        assert_eq!(check.next_read(at(3_600_000)), Duration::ZERO);
    }
}
