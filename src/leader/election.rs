//! What a replica does next about the Lease: one pure function, without clock and without I/O, so that a model can check
//! it.

use std::time::Duration;

use crate::clock::BootInstant;

/// How long a holder that is not heard of any more keeps the Lease.
pub const LEASE_DURATION: Duration = Duration::from_secs(15);

/// How long a holder acts after the start of its last successful renewal. It is shorter than [`LEASE_DURATION`] by more
/// than an update can live.
pub const RENEW_DEADLINE: Duration = Duration::from_secs(10);

/// From the start of one try to the start of the next.
pub const RETRY_PERIOD: Duration = Duration::from_secs(2);

/// What a Lease says. Two equal records are one: nobody wrote in between.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaseRecord {
    /// Who holds the Lease; nobody after a release.
    pub holder: Option<String>,
    /// How long its holder asks others to wait.
    pub duration: Duration,
    /// Its `renewTime`: the wall clock of another machine, in microseconds, and so only compared for equality.
    pub renewed: Option<i64>,
    /// How often the holder has changed.
    pub transitions: i32,
    /// Its `resourceVersion`, which a write must name.
    pub version: String,
}

/// What the API server last said of the Lease.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ObservedLease {
    /// Nothing that could still be acted on.
    Nothing,
    /// There is no such Lease.
    Absent,
    /// It is there.
    Present(LeaseRecord),
}

/// What a replica remembers from step to step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ElectionState {
    /// What others left there, and since when it has not changed, by this replica's own clock.
    observed: Option<(ObservedLease, BootInstant)>,
    /// The start of the last successful renewal of this replica's term, if it has one.
    renewed: Option<BootInstant>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ElectionStep {
    /// Read the Lease, and decide again.
    Read,
    /// Write oneself into it, but only while it is what was read. After success: [`ElectionState::renewed_at`].
    Write(LeaseWrite),
    /// Look again after [`RETRY_PERIOD`].
    Wait,
    /// The term is over, and with it the process.
    End(LeadershipLost),
}

/// A write that succeeds only on what was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaseWrite {
    /// The version that is replaced. `None` when there must be no Lease.
    pub replaces: Option<String>,
    /// The new value of `leaseTransitions`.
    pub transitions: i32,
    /// Whether a new term begins, and so `acquireTime` is now.
    pub begins: bool,
}

/// Why a term is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum LeadershipLost {
    /// No renewal succeeded in time.
    #[error("the Lease could not be renewed for 10 s; see the log for the cause, and restart the operator")]
    DeadlinePassed,
    /// The Lease names somebody else, or nobody.
    #[error("another replica took over the Lease, or the Lease was changed by hand; restart the operator")]
    TakenOver,
    /// This process gave it up, as it was told to stop.
    #[error("the Lease was released, since the operator is stopping")]
    Released,
    /// Nobody renews it any more.
    #[error("the renewal of the Lease ended unexpectedly; restart the operator, and report this error")]
    Abandoned,
}

impl ElectionState {
    /// Remembers that a write of [`ElectionStep::Write`] succeeded: `started` is from just before it was sent.
    #[must_use]
    pub fn renewed_at(self, started: BootInstant) -> Self {
        Self {
            observed: None,
            renewed: Some(started),
        }
    }

    /// Until when this replica may act. `None` without a term.
    #[must_use]
    pub fn acts_until(&self) -> Option<BootInstant> {
        self.renewed.map(|started| started + RENEW_DEADLINE)
    }
}

/// What `identity` does at `now`, knowing this much, and what it remembers from then on.
#[must_use]
pub fn decide(
    identity: &str,
    known: &ObservedLease,
    state: &ElectionState,
    now: BootInstant,
) -> (ElectionStep, ElectionState) {
    let step = match state.acts_until() {
        Some(deadline) if now >= deadline => ElectionStep::End(LeadershipLost::DeadlinePassed),
        Some(_) => renew(identity, known),
        None => return seek(identity, known, state, now),
    };
    (step, state.clone())
}

/// The step of a replica in its term.
fn renew(identity: &str, known: &ObservedLease) -> ElectionStep {
    match known {
        ObservedLease::Nothing => ElectionStep::Read,
        // Somebody deleted it. Others wait before they take an absent Lease for free, so that it can be made anew.
        ObservedLease::Absent => ElectionStep::Write(LeaseWrite {
            replaces: None,
            transitions: 0,
            begins: false,
        }),
        ObservedLease::Present(record) if record.holder.as_deref() == Some(identity) => {
            ElectionStep::Write(record.write(0))
        }
        ObservedLease::Present(_) => ElectionStep::End(LeadershipLost::TakenOver),
    }
}

/// The step of a replica that would like a term.
fn seek(
    identity: &str,
    known: &ObservedLease,
    state: &ElectionState,
    now: BootInstant,
) -> (ElectionStep, ElectionState) {
    let since = match &state.observed {
        Some((observed, since)) if observed == known => *since,
        _ => now,
    };
    let watched = ElectionState {
        observed: Some((known.clone(), since)),
        renewed: None,
    };
    let unchanged = now - since;
    let step = match known {
        ObservedLease::Nothing => return (ElectionStep::Read, state.clone()),
        ObservedLease::Absent if state.observed.is_none() || unchanged >= LEASE_DURATION => {
            ElectionStep::Write(LeaseWrite {
                replaces: None,
                transitions: 0,
                begins: true,
            })
        }
        ObservedLease::Absent => ElectionStep::Wait,
        ObservedLease::Present(record) => match &record.holder {
            None => ElectionStep::Write(record.write(1)),
            // A write of this process whose answer was lost. It counts from the next one that succeeds.
            Some(holder) if holder == identity => ElectionStep::Write(record.write(0)),
            Some(_) if unchanged >= record.duration.max(LEASE_DURATION) => ElectionStep::Write(record.write(1)),
            Some(_) => ElectionStep::Wait,
        },
    };
    (step, watched)
}

impl LeaseRecord {
    /// A write on this record, which changes its holder so many times.
    fn write(&self, changes: i32) -> LeaseWrite {
        let transitions = self.transitions.saturating_add(changes);
        LeaseWrite {
            replaces: Some(self.version.clone()),
            transitions,
            begins: changes > 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: &str = "me";

    fn at(seconds: u64) -> BootInstant {
        BootInstant::after_boot(Duration::from_secs(1000 + seconds))
    }

    fn held_by(holder: &str, version: &str) -> ObservedLease {
        let holder = (!holder.is_empty()).then(|| holder.to_owned());
        let record = LeaseRecord {
            holder,
            duration: LEASE_DURATION,
            renewed: Some(1),
            transitions: 3,
            version: version.into(),
        };
        ObservedLease::Present(record)
    }

    fn write(replaces: Option<&str>, transitions: i32, begins: bool) -> ElectionStep {
        ElectionStep::Write(LeaseWrite {
            replaces: replaces.map(str::to_owned),
            transitions,
            begins,
        })
    }

    /// The step at each of the times, state carried along.
    fn watch(sights: &[(u64, ObservedLease)]) -> Vec<ElectionStep> {
        let mut state = ElectionState::default();
        let mut steps = Vec::new();
        for (seconds, known) in sights {
            let (step, next) = decide(ME, known, &state, at(*seconds));
            steps.push(step);
            state = next;
        }
        steps
    }

    #[test]
    fn a_free_lease_is_taken_at_once() {
        assert_eq!(
            watch(&[(0, ObservedLease::Nothing), (0, ObservedLease::Absent)]),
            [ElectionStep::Read, write(None, 0, true)]
        );
        assert_eq!(watch(&[(0, held_by("", "7"))]), [write(Some("7"), 4, true)]);
    }

    #[test]
    fn a_foreign_lease_is_taken_when_it_was_seen_unchanged_for_its_duration() {
        let you = held_by("you", "7");
        let steps = watch(&[(0, you.clone()), (14, you.clone()), (15, you)]);
        assert_eq!(
            steps,
            [ElectionStep::Wait, ElectionStep::Wait, write(Some("7"), 4, true)]
        );
    }

    #[test]
    fn each_foreign_renewal_starts_the_wait_anew() {
        let steps = watch(&[
            (0, held_by("you", "7")),
            (14, held_by("you", "8")),
            (28, held_by("you", "8")),
        ]);
        assert_eq!(steps, [ElectionStep::Wait, ElectionStep::Wait, ElectionStep::Wait]);
    }

    #[test]
    fn a_failed_read_between_does_not_forget_what_was_seen() {
        let you = held_by("you", "7");
        let steps = watch(&[(0, you.clone()), (8, ObservedLease::Nothing), (15, you)]);
        assert_eq!(
            steps,
            [ElectionStep::Wait, ElectionStep::Read, write(Some("7"), 4, true)]
        );
    }

    #[test]
    fn a_longer_duration_of_another_holder_is_respected_and_a_shorter_one_is_not() {
        let with_duration = |seconds| {
            let ObservedLease::Present(record) = held_by("you", "7") else {
                return ObservedLease::Absent;
            };
            ObservedLease::Present(LeaseRecord {
                duration: Duration::from_secs(seconds),
                ..record
            })
        };
        let last = |known: ObservedLease| watch(&[(0, known.clone()), (15, known)]).pop();
        assert_eq!(last(with_duration(60)), Some(ElectionStep::Wait));
        assert_eq!(last(with_duration(1)), Some(write(Some("7"), 4, true)));
    }

    #[test]
    fn a_deleted_lease_is_free_only_after_the_term_of_its_holder() {
        let steps = watch(&[
            (0, held_by("you", "7")),
            (2, ObservedLease::Absent),
            (16, ObservedLease::Absent),
            (17, ObservedLease::Absent),
        ]);
        assert_eq!(
            steps,
            [
                ElectionStep::Wait,
                ElectionStep::Wait,
                ElectionStep::Wait,
                write(None, 0, true)
            ]
        );
    }

    #[test]
    fn an_own_write_whose_answer_was_lost_is_renewed_before_it_counts() {
        let (step, state) = decide(ME, &held_by(ME, "7"), &ElectionState::default(), at(0));
        assert_eq!((step, state.acts_until()), (write(Some("7"), 3, false), None));
    }

    #[test]
    fn a_holder_renews_until_its_deadline_which_counts_from_before_the_renewal() {
        let state = ElectionState::default().renewed_at(at(0));
        assert_eq!(state.acts_until(), Some(at(10)));
        assert_eq!(
            decide(ME, &held_by(ME, "7"), &state, at(9)).0,
            write(Some("7"), 3, false)
        );
        assert_eq!(decide(ME, &ObservedLease::Nothing, &state, at(9)).0, ElectionStep::Read);
        assert_eq!(
            decide(ME, &ObservedLease::Absent, &state, at(9)).0,
            write(None, 0, false)
        );
        assert_eq!(
            decide(ME, &held_by(ME, "7"), &state, at(10)).0,
            ElectionStep::End(LeadershipLost::DeadlinePassed)
        );
        assert_eq!(
            decide(ME, &ObservedLease::Nothing, &state, at(3600)).0,
            ElectionStep::End(LeadershipLost::DeadlinePassed)
        );
    }

    #[test]
    fn a_holder_that_sees_another_one_or_none_ends() {
        let state = ElectionState::default().renewed_at(at(0));
        for holder in ["you", ""] {
            assert_eq!(
                decide(ME, &held_by(holder, "8"), &state, at(2)).0,
                ElectionStep::End(LeadershipLost::TakenOver)
            );
        }
    }

    #[test]
    fn nobody_takes_over_while_the_former_holder_or_its_last_request_lives() {
        let request = Duration::from_secs(3);
        assert!(RETRY_PERIOD < RENEW_DEADLINE && RENEW_DEADLINE + request <= LEASE_DURATION);
    }
}
