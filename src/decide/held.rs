//! Members that aren't sent again for now: refused, accepted without effect, or contested by somebody else.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::{
    api::{HeldUpdate, LastError, Member, RunStatus},
    run::{LiveRun, Operation, Update},
};

use super::{
    Owner, Situation,
    findings::{Finding, Reason},
    memory::{Contest, Memory},
};

/// How long a refused update is not tried again while nothing changes.
const REJECTED_FOR: SignedDuration = SignedDuration::from_hours(1);
/// The change from outside, within one generation, that is not corrected any more.
const CONTESTED_AT: u32 = 3;
/// How long a member has to match for its count of changes to start anew.
const CONTEST_FORGOTTEN_AFTER: Duration = Duration::from_hours(24);

impl Memory {
    /// Holds a member, as long as the run is as it was changed last at this time.
    pub(super) fn hold(
        &mut self,
        member: Member,
        reason: Reason,
        updated_at: Option<Timestamp>,
        situation: &Situation<'_>,
    ) {
        self.held.retain(|held| held.member != member);
        self.held.push(HeldUpdate {
            member,
            reason: reason.to_string(),
            generation: situation.resource.generation,
            updated_at: updated_at.map(Time),
            at: situation.now.wall(),
        });
        self.held.sort_by_key(|held| held.member);
    }

    /// Holds the update that was refused only if this answer, which is newer, leads to it again.
    pub(super) fn confirm_refusal(&mut self, live: &LiveRun, situation: &Situation<'_>) {
        let Some(refused) = self.refused.take() else {
            return;
        };
        let member = refused.update.member();
        let again = refused.generation == situation.resource.generation
            && Update::towards(&situation.effective.allowed_next, member, live).as_ref() == Some(&refused.update);
        if again {
            self.hold(member, Reason::UpdateRejected, live.updated_at, situation);
        } else {
            self.held.retain(|held| held.member != member);
        }
    }

    /// Lets go of what no longer holds.
    pub(super) fn release_held(&mut self, live: &LiveRun, situation: &Situation<'_>) {
        let (generation, now) = (situation.resource.generation, situation.now.wall().0);
        let updated_at = live.updated_at.map(Time);
        // A ramp that waits leaves a refused raise as it is: an hour is an hour.
        let desired = &situation.effective.allowed_next;
        let running = live.status == RunStatus::Running;
        self.held.retain(|held| {
            let same_run = held.updated_at == updated_at;
            let still = match reason(held) {
                // A time that lies further ahead than clocks differ was not written by this operator.
                Some(Reason::UpdateRejected) => same_run && now.duration_since(held.at.0).abs() < REJECTED_FOR,
                Some(Reason::UpdateIneffective) => same_run,
                Some(Reason::Contested) => true,
                _ => false,
            };
            still && running && held.generation == generation && !desired.matches(held.member, live)
        });
    }

    /// Whether a member is held that was refused, so that the error of its update still holds.
    pub(super) fn holds_a_refusal(&self) -> bool {
        self.held
            .iter()
            .any(|held| reason(held) == Some(Reason::UpdateRejected))
    }

    /// Why a member is held. `None` when it isn't.
    ///
    /// `error` is the error that the status records.
    pub(super) fn why_held(&self, member: Member, error: Option<&LastError>) -> Option<Finding> {
        let held = self.held.iter().find(|held| held.member == member)?;
        match reason(held)? {
            Reason::UpdateRejected => {
                let error = error.filter(|error| error.operation == Operation::UpdateExperimentRun.as_str());
                Some(Finding::UpdateRejected {
                    member,
                    error: error.cloned(),
                })
            }
            Reason::UpdateIneffective => Some(Finding::UpdateIneffective(member)),
            _ => Some(Finding::Contested(member)),
        }
    }

    /// An update of another member has changed the run's `updatedAt`. That is no news for a member on which updates have no
    /// effect: with two such members, each would have the other sent again, without end.
    pub(super) fn keep_ineffective_held(&mut self, before: Option<Timestamp>, after: Option<Timestamp>) {
        for held in &mut self.held {
            if reason(held) == Some(Reason::UpdateIneffective) && held.updated_at == before.map(Time) {
                held.updated_at = after.map(Time);
            }
        }
    }

    /// Counts a member that matched and now doesn't, which only somebody else can have done: one who waits for the owner
    /// counts nothing.
    pub(super) fn count_contests(&mut self, live: &LiveRun, situation: &Situation<'_>) {
        if *situation.owner != Owner::Itself {
            self.contests.clear();
            return;
        }
        let generation = situation.resource.generation;
        let desired = &situation.effective.allowed_next;
        for member in desired.managed() {
            let contest = self.contests.entry(member).or_default();
            if contest.generation != generation {
                *contest = Contest {
                    generation,
                    ..Contest::default()
                };
            }
            match (contest.matching_since, desired.matches(member, live)) {
                (None, true) => contest.matching_since = Some(situation.now.elapsed),
                (Some(since), true) if situation.now.elapsed.saturating_sub(since) >= CONTEST_FORGOTTEN_AFTER => {
                    contest.count = 0;
                }
                (Some(_), false) => {
                    contest.matching_since = None;
                    contest.count = contest.count.saturating_add(1);
                    // Exposure changed from outside can only have risen, which is a finding of its own.
                    if contest.count >= CONTESTED_AT && Update::towards(desired, member, live).is_some() {
                        self.hold(member, Reason::Contested, live.updated_at, situation);
                    }
                }
                _ => {}
            }
        }
        self.contests
            .retain(|member, _| desired.managed().any(|managed| managed == *member));
    }
}

fn reason(held: &HeldUpdate) -> Option<Reason> {
    let reasons = [Reason::UpdateRejected, Reason::UpdateIneffective, Reason::Contested];
    reasons.into_iter().find(|reason| reason.as_str() == held.reason)
}
