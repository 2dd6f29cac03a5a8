//! The plans: at which point of a pass, what goes wrong, and what a user has done meanwhile.

use std::fmt;

use crate::{
    reference_run::{Request, Step},
    workload::{End, Workload},
};

/// What goes wrong at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operator is killed, and another is started.
    Kill,
    /// It is answered with an error.
    Error,
    /// It is not answered before its deadline.
    Hang,
}

/// What a user does while the operator is held at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meanwhile {
    Nothing,
    Lowered,
    Raised,
    Deleted,
    Recreated,
}

/// How far a request comes before the operator is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It is on its way. It meets the fault and is never acted upon.
    Sent,
    /// It has been acted upon. Its answer meets the fault and is lost.
    ActedUpon,
    /// It has been acted upon, and its answer comes; the next request meets the fault.
    Answered,
}

/// One plan.
#[derive(Clone, Debug)]
pub struct Plan {
    pub workload: Workload,
    /// Where the operator is held while the user acts.
    pub step: Step,
    pub reached: Reached,
    /// The request after [`Self::step`], if any.
    pub next: Option<Step>,
    pub fault: Fault,
    pub meanwhile: Meanwhile,
    /// How many updates had been carried out when the user acted.
    pub carried_out: usize,
}

/// Every plan of a workload whose pass makes these requests.
pub fn all(workload: &Workload, steps: &[Step]) -> Vec<Plan> {
    let mut plans = Vec::new();
    for (at, &step) in steps.iter().enumerate().filter(|(_, step)| is_own(workload, **step)) {
        for reached in stages(step.request) {
            let sent = steps[..at]
                .iter()
                .filter(|step| step.request == Request::Update)
                .count();
            let carried_out = sent + usize::from(step.request == Request::Update && *reached != Reached::Sent);
            for fault in [Fault::Kill, Fault::Error, Fault::Hang] {
                for meanwhile in [
                    Meanwhile::Nothing,
                    Meanwhile::Lowered,
                    Meanwhile::Raised,
                    Meanwhile::Deleted,
                    Meanwhile::Recreated,
                ] {
                    plans.push(Plan {
                        workload: workload.clone(),
                        step,
                        reached: *reached,
                        next: steps.get(at + 1).copied(),
                        fault,
                        meanwhile,
                        carried_out,
                    });
                }
            }
        }
    }
    plans
}

/// Whether a workload has points of its own at a request.
fn is_own(workload: &Workload, step: Step) -> bool {
    workload
        .first_updates
        .is_none_or(|updates| matches!(step.request, Request::Fence | Request::Update) && step.before < updates)
}

/// Where a request is worth being held. Losing the answer of a read is like losing the read; that a status write is
/// answered is what the next request tells, and of the last one nothing.
fn stages(request: Request) -> &'static [Reached] {
    match request {
        Request::Get => &[Reached::Sent, Reached::Answered],
        Request::Fence | Request::Status => &[Reached::Sent, Reached::ActedUpon],
        Request::Update => &[Reached::Sent, Reached::ActedUpon, Reached::Answered],
    }
}

impl Plan {
    /// The name by which it is played again: `fence-acknowledged/kill/lowered`.
    pub fn name(&self) -> String {
        let point = match (self.step.request, self.reached) {
            (Request::Get, Reached::Sent) => format!("before-{}", self.step),
            (Request::Get, _) => format!("after-{}", self.step),
            (_, Reached::Sent) => format!("{}-sent", self.step),
            (Request::Update, Reached::ActedUpon) => format!("{}-committed", self.step),
            _ => format!("{}-acknowledged", self.step),
        };
        format!("{}{point}/{}/{}", self.workload.prefix, self.fault, self.meanwhile)
    }

    /// Whether it may take the operator a minute to know whether an update was carried out.
    pub fn may_take_long(&self) -> bool {
        matches!(self.step.request, Request::Fence | Request::Update) && self.reached != Reached::Answered
    }

    /// Which of the updates sent is one that was never carried out, as nobody can know for a minute: nothing may follow it
    /// before. Where the record went with the resource, a new process knows of nothing.
    pub fn sent_in_vain(&self) -> Option<usize> {
        let in_vain = self.step.request == Request::Update && self.reached == Reached::Sent;
        let forgotten = self.meanwhile == Meanwhile::Recreated && self.fault == Fault::Kill;
        (in_vain && !forgotten).then_some(self.carried_out)
    }

    /// How it must end.
    pub fn end(&self) -> End {
        let asked = self.workload.asked_in_the_end(self.meanwhile);
        End::after(&self.workload, self.carried_out, asked)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Kill => "kill",
            Self::Error => "error",
            Self::Hang => "hang",
        })
    }
}

impl fmt::Display for Meanwhile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Nothing => "nothing",
            Self::Lowered => "lowered",
            Self::Raised => "raised",
            Self::Deleted => "deleted",
            Self::Recreated => "recreated",
        })
    }
}
