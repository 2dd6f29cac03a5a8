//! The last raises, as Events tell of them: the API server keeps those for about an hour.

use appconfig_experiment_operator::decide::event::{EXPOSURE_CHANGED_EXTERNALLY, EXPOSURE_RAISED};
use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use kube::{Api, ResourceExt as _, api::ListParams};
use serde::Serialize;

use crate::{cluster::Cluster, failure::call, run::Run, terminal::harmless};

/// How many are shown.
const SHOWN: usize = 5;

/// A raise, by this operator or by somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Raise {
    /// When the operator told of it.
    pub(crate) at: Timestamp,
    /// What it told.
    pub(crate) note: String,
}

/// The last raises, oldest first; or why they are not known.
pub(crate) type Raises = Result<Vec<Raise>, String>;

/// Reads them. Whoever may see a run may not see Events, which hides nothing else.
pub(super) async fn raises(cluster: &Cluster, run: &Run) -> Raises {
    let events: Api<Event> = Api::namespaced(cluster.client.clone(), &run.namespace());
    let of_run = format!("regarding.name={}", run.name());
    let found = call(events.list(&ListParams::default().fields(&of_run))).await;
    let found = found.map_err(|failure| failure.what)?;
    let uid = run.resource.uid();
    let is_of_run = |event: &&Event| event.regarding.as_ref().is_some_and(|regarding| regarding.uid == uid);
    let mut raises: Vec<Raise> = found.items.iter().filter(is_of_run).filter_map(raise).collect();
    raises.sort_by_key(|raise| raise.at);
    Ok(raises.split_off(raises.len().saturating_sub(SHOWN)))
}

fn raise(event: &Event) -> Option<Raise> {
    let is_raise = [EXPOSURE_RAISED, EXPOSURE_CHANGED_EXTERNALLY].contains(&event.reason.as_deref()?);
    is_raise.then_some(())?;
    Some(Raise {
        at: event.event_time.as_ref()?.0,
        note: harmless(event.note.as_deref()?),
    })
}
