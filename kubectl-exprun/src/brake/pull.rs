//! One brake: one merge patch, and what its answer tells.

use std::time::Duration;

use appconfig_experiment_operator::api::{BRAKE_REASON, ExperimentRunStatus};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde::Deserialize as _;
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::owners::MANAGER;
use crate::{
    cluster::Cluster,
    failure::Failure,
    selection::{AT_ONCE, Target},
};

/// How many bytes the reason may have: the policy on annotations bounds it too.
pub(crate) const REASON_BYTES: usize = 253;

/// How often a patch is tried that brings no answer, how long each time, and how long after the last one.
const TRIES: u32 = 3;
const TRY: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(300);

/// A brake that the API server has acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Pulled {
    pub(super) name: String,
    /// As it was before. `None` when it could not be read.
    pub(super) before: Option<DynamicObject>,
    /// As the patch was answered.
    pub(super) answer: DynamicObject,
    /// When the answer was here.
    pub(super) at: Timestamp,
}

/// A brake, or why there is none.
pub(super) type Tried = Result<Pulled, (String, Failure)>;

/// Whether the brake is pulled: of an object that may hold what this version can't read.
pub(super) fn is_braked(object: &DynamicObject) -> bool {
    object.data["spec"]["suspend"] == true
}

/// Its status, as far as it can be read.
pub(super) fn status(object: &DynamicObject) -> ExperimentRunStatus {
    ExperimentRunStatus::deserialize(&object.data["status"]).unwrap_or_default()
}

/// A reason on one line and short enough for an annotation.
///
/// # Errors
/// When it can't be one.
pub(super) fn reason(text: &str) -> Result<String, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::usage(
            "--reason is empty: say why, for those who find the brake pulled",
        ));
    }
    if text.len() > REASON_BYTES {
        return Err(Failure::usage(format!(
            "--reason has {} bytes: it can have {REASON_BYTES}",
            text.len()
        )));
    }
    if text.chars().any(char::is_control) {
        return Err(Failure::usage(
            "--reason has a line break or another control character: write one line",
        ));
    }
    Ok(text.to_owned())
}

/// Pulls the brakes of all targets at once.
pub(super) async fn pull_all(cluster: &Cluster, targets: Vec<Target>, reason: &str) -> Vec<Tried> {
    let pulls = targets.into_iter().map(|target| pull(cluster, target, reason));
    stream::iter(pulls).buffer_unordered(AT_ONCE).collect().await
}

async fn pull(cluster: &Cluster, target: Target, reason: &str) -> Tried {
    let api = cluster.runs(&cluster.namespace);
    let patch = Patch::Merge(json!({
        "metadata": { "annotations": { BRAKE_REASON: reason } },
        "spec": { "suspend": true }
    }));
    let parameters = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let Target { name, before } = target;
    let patched = acknowledged(|| api.patch(&name, &parameters, &patch)).await;
    let answer = patched.map_err(|failure| (name.clone(), failure))?;
    Ok(Pulled {
        at: Timestamp::now(),
        before: before.ok(),
        name,
        answer,
    })
}

/// The answer to a patch. What was not answered, or by a server in trouble, is tried again: a brake that is pulled twice is
/// pulled.
async fn acknowledged<F>(mut patch: impl FnMut() -> F) -> Result<DynamicObject, Failure>
where
    F: Future<Output = kube::Result<DynamicObject>>,
{
    let mut tries = 1;
    loop {
        let failure = match timeout(TRY, patch()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(kube::Error::Api(status))) if status.code < 500 => return Err(kube::Error::Api(status).into()),
            Ok(Err(error)) => error.into(),
            Err(_) => Failure::new(format!("the API server did not answer within {} s", TRY.as_secs())),
        };
        if tries == TRIES {
            return Err(Failure::new(format!(
                "{failure}; it may be pulled all the same: run this again"
            )));
        }
        tries += 1;
        sleep(PAUSE).await;
    }
}
