//! [`Assessment`]: what differs, which findings follow, what may be sent, and when to look again.

use std::time::Duration;

use crate::{
    api::{LastError, Member, RunStatus},
    fleet::Class,
    run::{Failure, FailureKind, LiveRun, Update},
};

use super::{
    EndedBy, Evidence, Outcome, Owner, Situation,
    desired::Desired,
    findings::{self, Finding, Severity, Target},
    last_error,
    memory::{Memory, Pending},
    next_look::NextLook,
    observation::Observation,
    schedule::{self, Next},
    service_time::Skew,
};

/// The trigger of a run that a person ended.
const USER: &str = "USER";
/// The triggers of a run that stopped by itself.
const STOPPED: [&str; 2] = ["CLOUDWATCH_ALARM", "INTERNAL_ERROR"];

/// What a pass makes of what is known.
#[derive(Debug)]
pub(super) struct Assessment {
    /// What it found.
    pub(super) findings: Vec<Finding>,
    /// That a raise has no time to go by, though the read was good, and how many in a row were so. `None` when something else
    /// keeps it back.
    pub(super) skewed: Option<(Skew, u32)>,
    /// What live exposure is to the spec.
    pub(super) target: Target,
    /// What may be sent.
    pub(super) update: Option<Update>,
    /// Conditions that say why Ready is not True stay as they are: more is known at once.
    pub(super) keeps_conditions: bool,
    /// Nothing is left of an update that failed.
    pub(super) clears_update_error: bool,
    /// When to look again.
    pub(super) look: NextLook,
}

impl Assessment {
    fn new(findings: Vec<Finding>, look: NextLook) -> Self {
        Self {
            findings,
            skewed: None,
            target: Target::NotSeen,
            update: None,
            keeps_conditions: false,
            clears_update_error: false,
            look,
        }
    }

    /// The next read tells more; until then the conditions stay as they are.
    fn read_again(findings: Vec<Finding>, look: NextLook) -> Self {
        Self {
            keeps_conditions: true,
            ..Self::new(findings, look.at_once())
        }
    }

    /// What is found of this observation by who remembers this. `error` is what the status records now.
    pub(super) fn of(
        situation: &Situation<'_>,
        observation: &Observation<'_>,
        memory: &Memory,
        error: Option<&LastError>,
    ) -> Self {
        let look = NextLook::regular(memory, situation.slot(false));
        match observation {
            Observation::Missing => without_answer(situation, memory, look),
            Observation::OfAnotherRun { now, pinned } => {
                let finding = Finding::RunReplaced {
                    now: (*now).clone(),
                    pinned: pinned.clone(),
                };
                Self::new(vec![finding], look)
            }
            Observation::Stale { .. } => {
                let mut findings = memory.findings_of(situation.resource.generation);
                findings.push(Finding::StaleRead {
                    in_a_row: memory.failures,
                });
                Self::new(findings, look.backing_off())
            }
            Observation::Usable { live, ended_by, .. } => of_run(situation, live, ended_by, memory, error),
        }
    }

    /// The finding that the conditions tell. While an update is not settled, Ready is not True, whatever else was found (P4).
    pub(super) fn most_severe(&self, pending: Option<&Pending>) -> Finding {
        let skewed = self
            .skewed
            .map(|(skew, in_a_row)| Finding::RampDateSkewed { skew, in_a_row });
        let unknown = pending.map(|pending| Finding::OutcomeUnknown(pending.record.member));
        let besides = skewed.iter().chain(&unknown);
        let most_severe = findings::most_severe(self.findings.iter().chain(besides));
        most_severe.cloned().unwrap_or(Finding::FirstRead)
    }
}

/// What was found last still holds, and so does the status.
fn without_answer(situation: &Situation<'_>, memory: &Memory, look: NextLook) -> Assessment {
    let findings = memory.findings_of(situation.resource.generation);
    match situation.evidence {
        Evidence::Nothing | Evidence::Read(..) => Assessment::new(findings, look),
        Evidence::ReadFailed(failure) => failed(situation, failure, memory, findings, look),
        Evidence::Updated { outcome, .. } => match outcome {
            Outcome::Applied(_) | Outcome::Unknown(_) => {
                let pending = memory.pending.as_ref();
                Assessment::new(findings, pending.map_or(look, |it| look.settling(it, situation.now)))
            }
            Outcome::NotSent(None) => Assessment::read_again(findings, look),
            Outcome::Refused(failure) if failure.kind == FailureKind::Refused => Assessment::read_again(findings, look),
            Outcome::NotSent(Some(failure)) | Outcome::Refused(failure) => {
                failed(situation, failure, memory, findings, look)
            }
        },
    }
}

/// What a failure is, and when to try again after it.
fn failed(
    situation: &Situation<'_>,
    failure: &Failure,
    memory: &Memory,
    mut findings: Vec<Finding>,
    look: NextLook,
) -> Assessment {
    let before = situation.resource.status.last_error.as_ref();
    if failure.kind.refuses_credentials() && !before.is_some_and(|before| failure.repeats(before)) {
        // The client has dropped them: one more try gets fresh ones.
        return Assessment::read_again(findings, look);
    }
    let error = last_error::record(before.cloned(), failure, situation.now);
    let finding = Finding::of_failure(failure, error, memory.failures);
    let look = match finding.severity() {
        Severity::Stalled => NextLook {
            class: Class::Retry,
            ..look
        },
        Severity::InProgress => look.after_conflict(),
        _ => look.backing_off(),
    };
    findings.push(finding);
    Assessment::new(findings, look)
}

/// What is found of a live state that is this resource's run and isn't stale.
fn of_run(
    situation: &Situation<'_>,
    live: &LiveRun,
    ended_by: &EndedBy,
    memory: &Memory,
    error: Option<&LastError>,
) -> Assessment {
    let done = live.status == RunStatus::Done;
    let look = look_at_ramp(situation, NextLook::regular(memory, situation.slot(done)));
    let mut assessment = if done {
        of_ended(situation, live, ended_by, memory, error, look)
    } else {
        of_running(situation, live, memory, error, look)
    };
    if let Owner::Other { name } = situation.owner {
        let finding = Finding::RunAlreadyManaged { by: name.clone() };
        assessment.findings.insert(0, finding);
    }
    assessment.target = match situation.effective.spec.exposure {
        None => Target::NotManaged,
        Some(asked) if asked == live.exposure => Target::Reached,
        Some(_) => Target::Ahead,
    };
    let otherwise_kept = done || situation.desired().suspend || *situation.owner != Owner::Itself;
    if let Some(skew) = situation.effective.skew()
        && !otherwise_kept
        && assessment.update.is_none()
    {
        // The times of the first one are told while it goes on, so that the same situation is told in the same words.
        let (first, before) = memory.skew.unwrap_or((skew, 0));
        let times = before.saturating_add(1);
        assessment.skewed = Some((first, times));
        if memory.pending.is_none() {
            assessment.look.next = Next::Backoff(schedule::backoff(times));
        }
    }
    let was_update = matches!(situation.evidence, Evidence::Updated { .. });
    if was_update && super::asks_who_ended_it(live, situation.resource.status) {
        assessment.look = assessment.look.at_once();
    }
    assessment
}

/// The regular look, or sooner when the ramp may change by itself.
fn look_at_ramp(situation: &Situation<'_>, look: NextLook) -> NextLook {
    let changes_at = situation.effective.raise.changes_at();
    let ahead = changes_at.map(|at| at.duration_since(situation.now.wall().0));
    let next = match (look.next, ahead.and_then(|ahead| Duration::try_from(ahead).ok())) {
        (Next::After(slot), Some(ahead)) => Next::After(slot.min(ahead)),
        (slot, _) => slot,
    };
    let raises = next != look.next && situation.effective.raises_by_itself() && *situation.owner == Owner::Itself;
    NextLook {
        next,
        class: if raises { Class::Raise } else { look.class },
        ..look
    }
}

fn of_running(
    situation: &Situation<'_>,
    live: &LiveRun,
    memory: &Memory,
    error: Option<&LastError>,
    look: NextLook,
) -> Assessment {
    let desired = situation.desired();
    let mut findings = Vec::new();
    if desired.suspend {
        let differing = situation.effective.spec.differences(live);
        findings.push(Finding::Suspended { differing });
    }
    let differing = desired.differences(live);
    let mut updates = Vec::new();
    for member in &differing {
        match why_not_sent(*member, desired, live, memory, error) {
            Some(why) => findings.push(why),
            None => updates.extend(Update::towards(desired, *member, live)),
        }
    }
    let free = memory.pending.is_none() && !desired.suspend && *situation.owner == Owner::Itself;
    let first = updates.into_iter().next();
    let update = first.filter(|update| free && may_go(update, &differing));
    match &update {
        Some(update) => findings.push(Finding::Updating(update.member())),
        None if differing.is_empty() && situation.effective.skew().is_none() => findings.push(matching(situation)),
        None => {}
    }
    findings.extend(situation.effective.removed());
    let is_settled = memory.pending.is_none() && update.is_none();
    let look = match &memory.pending {
        Some(pending) => look.settling(pending, situation.now),
        None if is_settled => NextLook {
            attempts: 0,
            conflicts: 0,
            ..look
        },
        None => look,
    };
    Assessment {
        keeps_conditions: update.is_some(),
        clears_update_error: is_settled && !memory.holds_a_refusal(),
        update,
        ..Assessment::new(findings, look)
    }
}

/// Why a member that differs is not brought to what is asked for. `None` when it can be.
fn why_not_sent(
    member: Member,
    desired: &Desired,
    live: &LiveRun,
    memory: &Memory,
    error: Option<&LastError>,
) -> Option<Finding> {
    if member == Member::TreatmentOverrides && names_unknown_treatment(desired, live) {
        let keys = live.treatment_keys().map(str::to_owned).collect();
        return Some(Finding::UnknownTreatment { keys });
    }
    let above = || {
        let leads_down = member == Member::ExposurePercentage && Update::towards(desired, member, live).is_none();
        let desired = desired.exposure.filter(|_| leads_down)?;
        let live = live.exposure;
        Some(Finding::ExposureAboveDesired { live, desired })
    };
    memory.why_held(member, error).or_else(above)
}

/// Exposure is the step that can't be taken back: it goes only when every other managed member matches.
fn may_go(update: &Update, differing: &[Member]) -> bool {
    update.member() != Member::ExposurePercentage || differing == [Member::ExposurePercentage]
}

fn names_unknown_treatment(desired: &Desired, live: &LiveRun) -> bool {
    let asked = desired.overrides.iter().flat_map(|asked| asked.inline.values());
    asked
        .into_iter()
        .any(|key| !live.treatment_keys().any(|known| known == key))
}

fn matching(situation: &Situation<'_>) -> Finding {
    let desired = situation.desired();
    if let Some(waiting) = situation.effective.waiting() {
        waiting
    } else if desired.managed().next().is_none() {
        Finding::Observing
    } else {
        Finding::InSync {
            exposure: desired.exposure,
        }
    }
}

fn of_ended(
    situation: &Situation<'_>,
    live: &LiveRun,
    ended_by: &EndedBy,
    memory: &Memory,
    error: Option<&LastError>,
    look: NextLook,
) -> Assessment {
    let was_ready = memory.ready_generation == Some(situation.resource.generation);
    let trigger = ended_by.trigger(situation.resource.status);
    let finding = if situation.effective.spec.differences(live).is_empty() {
        Finding::RunDoneMatching
    } else if was_ready && trigger == Some(USER) {
        Finding::RunDoneByUser
    } else if trigger.is_none() && !matches!(ended_by, EndedBy::Event(_)) {
        let unread = match (ended_by, error) {
            (EndedBy::Unreadable(failure), Some(error)) => Some(Finding::of_failure(failure, error.clone(), 0)),
            _ => None,
        };
        let unread = unread.map(Box::new);
        return Assessment::new(vec![Finding::RunDoneUnexplained { unread }], look.backing_off());
    } else if let Some(by) = trigger.filter(|trigger| STOPPED.contains(trigger)) {
        Finding::RunStopped { by: by.to_owned() }
    } else {
        Finding::RunDoneDiffering
    };
    Assessment {
        clears_update_error: true,
        ..Assessment::new(vec![finding], NextLook { attempts: 0, ..look })
    }
}
