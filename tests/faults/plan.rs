//! The plans: at which point of a pass, what goes wrong, and what a user has done meanwhile.

use std::fmt;

use crate::{
    reference_run::{Request, Step},
    workload::{End, Own, Workload},
};

/// What goes wrong at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it was only slow, and what it meets has changed meanwhile.
    None,
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
    /// The status is wiped.
    StatusLost,
    /// The ramp is taken out of the spec.
    RampRemoved,
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
    /// How many updates the pass has sent before.
    pub updates_before: usize,
}

/// Every plan of a workload whose pass makes these requests.
pub fn all(workload: &Workload, steps: &[Step]) -> Vec<Plan> {
    let mut plans = Vec::new();
    for (at, &step) in steps.iter().enumerate() {
        let updates_before = steps[..at].iter().filter(|step| step.request == Request::Update);
        let updates_before = updates_before.count();
        for (reached, fault) in points(step.request).filter(|(_, fault)| is_own(workload, step, *fault)) {
            for meanwhile in workload.meanwhile() {
                plans.push(Plan {
                    workload: workload.clone(),
                    step,
                    reached,
                    next: steps.get(at + 1).copied(),
                    fault,
                    meanwhile,
                    updates_before,
                });
            }
        }
    }
    plans
}

/// Whether a workload has a plan of its own for a fault at a request.
fn is_own(workload: &Workload, step: Step, fault: Fault) -> bool {
    let of_an_update = matches!(step.request, Request::Fence | Request::Update);
    match workload.own {
        Own::Everything => true,
        Own::FirstUpdates(updates) => of_an_update && step.before < updates,
        Own::UpdatesAndKills => of_an_update || fault == Fault::Kill,
    }
}

/// Where a request is worth being held, and for what. Losing the answer of a read is like losing the read, and that a
/// status was written is told by the request that follows, if any.
fn points(request: Request) -> impl Iterator<Item = (Reached, Fault)> {
    let stages: &[Reached] = match request {
        Request::Get | Request::Events => &[Reached::Sent, Reached::Answered],
        Request::Fence | Request::Status => &[Reached::Sent, Reached::ActedUpon],
        Request::Update => &[Reached::Sent, Reached::ActedUpon, Reached::Answered],
    };
    let faults = [Fault::None, Fault::Kill, Fault::Error, Fault::Hang];
    let points = stages
        .iter()
        .flat_map(move |&reached| faults.map(|fault| (reached, fault)));
    points.filter(move |&(reached, fault)| match (request, reached) {
        // Whether a slow fence is followed depends on how slow, and an update that is committed goes on to be answered.
        (Request::Fence | Request::Update, Reached::ActedUpon) => fault != Fault::None,
        _ => true,
    })
}

impl Plan {
    /// The name by which it is played again: `fence-acknowledged/kill/lowered`.
    pub fn name(&self) -> String {
        let point = match (self.step.request, self.reached) {
            (Request::Get | Request::Events, Reached::Sent) => format!("before-{}", self.step),
            (Request::Get | Request::Events, _) => format!("after-{}", self.step),
            (_, Reached::Sent) => format!("{}-sent", self.step),
            (Request::Update, Reached::ActedUpon) => format!("{}-committed", self.step),
            _ => format!("{}-acknowledged", self.step),
        };
        format!("{}{point}/{}/{}", self.workload.prefix, self.fault, self.meanwhile)
    }

    /// Whether it may take the operator a minute to know whether an update was carried out.
    pub fn may_take_long(&self) -> bool {
        let known = self.fault == Fault::None || self.reached == Reached::Answered;
        matches!(self.step.request, Request::Fence | Request::Update) && !known
    }

    /// How many updates are carried out of those that were asked for before the user acted.
    fn carried_out(&self) -> usize {
        let this_too =
            self.step.request == Request::Update && (self.reached != Reached::Sent || self.fault == Fault::None);
        self.updates_before + usize::from(this_too)
    }

    /// Which of the updates sent is one that was never carried out, as nobody can know for a minute: nothing may follow it
    /// before. Where the record is gone, a new process knows of nothing.
    pub fn sent_in_vain(&self) -> Option<usize> {
        let in_vain = self.step.request == Request::Update && self.carried_out() == self.updates_before;
        let without_record = matches!(self.meanwhile, Meanwhile::Recreated | Meanwhile::StatusLost);
        let forgotten = without_record && self.fault == Fault::Kill;
        (in_vain && !forgotten).then_some(self.updates_before)
    }

    /// How it must end.
    pub fn end(&self) -> End {
        let asked = self.workload.asked_in_the_end(self.meanwhile);
        End::after(&self.workload, self.carried_out(), asked)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "none",
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
            Self::StatusLost => "status-lost",
            Self::RampRemoved => "ramp-removed",
        })
    }
}
