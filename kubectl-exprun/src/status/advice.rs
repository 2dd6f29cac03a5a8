//! What a person can do about a reason.

use appconfig_experiment_operator::decide::findings::Reason;

/// What to do. `None` when nothing is to be done.
pub(crate) const fn advice(reason: Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::InvalidSpec => "correct the spec as the message says; nothing is sent until then",
        Reason::RunAlreadyManaged => "delete one of the two resources: the older one acts",
        Reason::RunReplaced => "delete and recreate this resource, if it should stand for the new run",
        Reason::RunNotFound => {
            "check application, definition, run and region in the spec, and that the run was started"
        }
        Reason::ExperimentsUnsupported => {
            "check the region, and the operator's --endpoint-url: there are no experiments there"
        }
        Reason::AccessDenied => "give the operator's AWS identity the IAM action that the message names",
        Reason::CredentialsUnavailable => "check the operator's AWS identity: its service account's role, or its keys",
        Reason::RunDone => "nothing can change this run any more: another run is another resource",
        Reason::RunStopped => "look at the alarm or the error that ended the run: another run is another resource",
        Reason::Suspended => "when it may go on: kubectl exprun release",
        Reason::UnknownTreatment => "in treatmentOverrides, name only treatments that the message lists",
        Reason::UpdateRejected => "correct the spec as the error says; it is tried again once an hour",
        Reason::UpdateIneffective => "change that member, or remove it from the spec",
        Reason::Contested => "agree with whoever changes it back on one owner, then change the spec",
        Reason::ExposureAboveDesired => {
            "set exposurePercentage to the live exposure or more, or remove it; to go back, stop the run and start another"
        }
        Reason::RampRemoved => "set spec.ramp again, or ramp: {steps: []} to go to the target at once",
        Reason::DeploymentInProgress => "wait: it goes on when the deployment in the environment has ended",
        Reason::OutcomeUnknown => "wait: the operator reads until it knows what became of the update",
        Reason::Throttled => "wait; if it stays, lower --read-rate and --write-rate, or see who else calls AppConfig",
        Reason::ServiceUnavailable => "wait; if it stays, check AWS's health page and the operator's way to AWS",
        Reason::ClockSkew => "set the clock of the operator's node",
        Reason::StaleRead => "wait: the run is read again",
        Reason::UnusableAnswer => "wait; if it stays, check what answers at the operator's --endpoint-url",
        Reason::Pending => "see whether an operator watches this namespace: kubectl exprun check",
        Reason::Progressing | Reason::RampHolding | Reason::RampWaiting | Reason::InSync | Reason::Observing => {
            return None;
        }
    })
}
