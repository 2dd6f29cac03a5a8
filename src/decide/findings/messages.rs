//! What people read of each finding: one sentence, the same for the same situation.

use jiff::{SignedDuration, Timestamp};

use crate::{
    api::{Exposure, LastError, Member},
    run::RunKey,
};

use super::{
    super::{live::words, text},
    FailedCall, Finding,
    effect::PATIENCE,
};

const NOT_FOUND: &str = "check applicationIdentifier, experimentDefinitionIdentifier, run and region, or start the run";
const UNSUPPORTED: &str = "this endpoint or region does not offer experiments: check the region";
const DENIED: &str = "allow the operator's IAM role to perform this operation";
const NO_CREDENTIALS: &str = "give the operator's service account an IAM role, and check the role's trust policy";
const EXPIRED: &str = "the session of the operator's credentials has expired and could not be renewed: check where \
                       the credentials come from";
const UNKNOWN_KEY: &str = "AWS does not know the operator's access key ID: check that the key exists, is active and \
                           belongs to this partition";
const WRONG_SECRET: &str = "the operator's secret access key does not match its access key ID: set both again";
const DEPLOYMENT: &str = "a deployment is under way in the run's environment; waiting for it to finish";
const THROTTLED: &str = "AWS limits the rate of requests; retrying";
const SKEWED: &str = "this machine's clock and AWS's clock differ by more than 5 minutes: correct this machine's clock";
const UNREACHED: &str = "the region may not exist: check the region and the operator's network path to AWS; retrying";
const RETRYING: &str = "retrying";
const UNUSABLE: &str = "the answer is ignored; retrying";

impl Finding {
    /// What happened, to what, and what to do: one sentence, the same for the same situation. No entity ID is in it (P11).
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::InvalidSpec(invalid) => invalid.to_string(),
            Self::RunAlreadyManaged { by } => already_managed(by.as_deref()),
            Self::RunReplaced { now, pinned } => replaced(now, pinned),
            Self::RunNotFound(error) => failed(error, NOT_FOUND),
            Self::ExperimentsUnsupported(error) => failed(error, UNSUPPORTED),
            Self::AccessDenied { error, advice } => failed(error, advice.unwrap_or(DENIED)),
            Self::CredentialsUnavailable(error) => failed(error, NO_CREDENTIALS),
            Self::CredentialsExpired(error) => failed(error, EXPIRED),
            Self::UnknownAccessKey(error) => failed(error, UNKNOWN_KEY),
            Self::WrongSecret(error) => failed(error, WRONG_SECRET),
            Self::RunDoneMatching => "the run has ended and matches the spec".to_owned(),
            Self::RunDoneByUser => "a user ended the run after it had matched the spec".to_owned(),
            Self::RunDoneUnexplained { unread } => unexplained(unread.as_deref()),
            Self::RunStopped { by } => differs_at_its_end(&format!("the run was ended by {by}")),
            Self::RunDoneDiffering => differs_at_its_end("the run has ended"),
            Self::Suspended { differing } => suspended(differing),
            Self::UnknownTreatment { keys } => unknown_treatment(keys),
            Self::UpdateRejected { member, error } => rejected(*member, error.as_ref()),
            Self::UpdateIneffective(member) => ineffective(*member),
            Self::Contested(member) => contested(*member),
            Self::ExposureAboveDesired { live, desired } => above_desired(*live, *desired),
            Self::RampRemoved { live, target } => ramp_removed(*live, *target),
            Self::DeploymentInProgress(error) => failed(error, DEPLOYMENT),
            Self::OutcomeUnknown(member) => outcome_unknown(*member),
            Self::Throttled(call) => failed(&call.error, THROTTLED),
            Self::Unreachable(call) => unreachable_service(call),
            Self::ServiceUnavailable(call) => failed(&call.error, RETRYING),
            Self::ClockSkew(call) => failed(&call.error, SKEWED),
            Self::RampDateSkewed { skew, .. } => skew.to_string(),
            Self::StaleRead { .. } => stale_read(),
            Self::UnusableAnswer(call) => failed(&call.error, UNUSABLE),
            Self::FirstRead => "reading the run for the first time".to_owned(),
            Self::Updating(member) => format!("updating the {}", words(*member)),
            Self::RampHolding {
                live,
                next,
                until,
                hold,
            } => holding(*live, *next, *until, *hold),
            Self::RampWaiting { live, next, opens } => waiting(*live, *next, *opens),
            Self::RampWithoutDate => without_date(),
            Self::InSync { exposure } => in_sync(*exposure),
            Self::Observing => "the spec manages nothing; the operator only observes the run".to_owned(),
            Self::Recorded { message, .. } => message.clone(),
        }
    }
}

/// A failed call in words: what was called, what came of it, and what to do.
fn failed(error: &LastError, advice: &str) -> String {
    format!("{}; {advice}", described(error))
}

/// One error in words: what was called, and what came of it.
fn described(error: &LastError) -> String {
    let how = match (&error.code, error.status_code) {
        (Some(code), Some(status)) => format!("returned {status} {code}"),
        (Some(code), None) => format!("failed with {code}"),
        (None, Some(status)) => format!("returned {status}"),
        (None, None) => "got no answer".to_owned(),
    };
    let message = error
        .message
        .as_deref()
        .map(|message| format!(": {}", message.trim_end_matches('.')));
    format!("{} {how}{}", error.operation, message.unwrap_or_default())
}

/// A region that does not exist can't be told from one that can't be reached, so this is said when it lasts.
fn unreachable_service(call: &FailedCall) -> String {
    let advice = if call.in_a_row >= PATIENCE { UNREACHED } else { RETRYING };
    failed(&call.error, advice)
}

fn already_managed(by: Option<&str>) -> String {
    match by {
        Some(name) => format!("the older resource {name} manages the same run: delete one of the two"),
        None => "an older resource in another namespace manages the same run: delete one of the two".to_owned(),
    }
}

fn replaced(now: &RunKey, pinned: &RunKey) -> String {
    format!(
        "the spec now names run {} of application {} and experiment definition {}, but this resource manages run {} \
         of application {} and experiment definition {}: delete and recreate this resource to manage the new run",
        now.run,
        now.application_id,
        now.experiment_definition_id,
        pinned.run,
        pinned.application_id,
        pinned.experiment_definition_id
    )
}

fn unexplained(unread: Option<&Finding>) -> String {
    match unread {
        Some(failure) => format!(
            "the run has ended; the operator could not read who ended it: {}",
            failure.message()
        ),
        None => "the run has ended; reading who ended it".to_owned(),
    }
}

fn differs_at_its_end(end: &str) -> String {
    format!("{end} and does not match the spec: create another resource to manage another run")
}

fn suspended(differing: &[Member]) -> String {
    if differing.is_empty() {
        return "suspended; the run matches the spec".to_owned();
    }
    let which: Vec<&str> = differing.iter().map(|member| words(*member)).collect();
    format!(
        "suspended; the {} would change: remove spec.suspend to continue",
        which.join(" and the ")
    )
}

fn unknown_treatment(keys: &[String]) -> String {
    if keys.is_empty() {
        return "AppConfig does not say which treatments the run has, so treatmentOverrides can't be checked; no \
                override is sent: check the experiment definition"
            .to_owned();
    }
    format!(
        "treatmentOverrides names a treatment that the run does not have; no override is sent: use one of {}",
        keys.join(", ")
    )
}

fn rejected(member: Member, error: Option<&LastError>) -> String {
    let because = error.map(|error| format!(" ({})", described(error)));
    format!(
        "AppConfig refused the update of the {}{}: correct the spec; the operator tries again once an hour",
        words(member),
        because.unwrap_or_default()
    )
}

fn ineffective(member: Member) -> String {
    let what = words(member);
    let then = if member == Member::ExposurePercentage {
        "the operator sends it again when the spec or the run changes"
    } else {
        "remove this field from the spec to raise exposure without it"
    };
    format!("AppConfig accepted the update of the {what} but did not apply it: {then}")
}

fn contested(member: Member) -> String {
    let what = words(member);
    format!("somebody else changed the {what} back for the third time: agree on one owner, then change the spec")
}

fn above_desired(live: Exposure, desired: Exposure) -> String {
    format!(
        "live exposure is {live} %, desired exposure is {desired} %: AppConfig cannot lower a run's exposure. To \
         accept the live exposure, set exposurePercentage to {live} or more, or remove exposurePercentage; to go \
         back, stop the run and start a new one"
    )
}

fn ramp_removed(live: Exposure, target: Exposure) -> String {
    format!(
        "spec.ramp was removed at {live} %, before exposure reached {target} %; exposure is not raised: set ramp \
         again, or, to go to {target} % at once, set ramp: {{steps: []}}"
    )
}

fn outcome_unknown(member: Member) -> String {
    let what = words(member);
    format!("the outcome of the {what} update is unknown; nothing is sent until a read confirms it")
}

fn stale_read() -> String {
    "AppConfig returned an older state than before; the answer is ignored".to_owned()
}

fn holding(live: Exposure, next: Exposure, until: Timestamp, hold: SignedDuration) -> String {
    format!(
        "exposure is {live} %; it rises to {next} % at {}, when the hold of {} ends",
        text::minute(until),
        text::words(hold)
    )
}

fn waiting(live: Exposure, next: Exposure, opens: Option<Timestamp>) -> String {
    let then = match opens {
        Some(at) => format!("at {}, when a window opens", text::minute(at)),
        None => "when a window opens, but no window was found to open: correct spec.ramp.windows".to_owned(),
    };
    format!("exposure is {live} %; it rises to {next} % {then}")
}

fn without_date() -> String {
    "AppConfig's answer has no usable Date; the ramp waits for an answer that has one".to_owned()
}

fn in_sync(exposure: Option<Exposure>) -> String {
    match exposure {
        Some(exposure) => format!("the run matches the spec; exposure is {exposure} %"),
        None => "the run matches the spec; exposure is not managed".to_owned(),
    }
}
