//! Waits until the operator has seen the brakes, and until no request can be under way any more.

use std::{collections::BTreeMap, time::Duration};

use kube::api::DynamicObject;
use tokio::time::{Instant, sleep};

use super::{
    bounds::LAST_END,
    pull::{Pulled, status},
};
use crate::{
    cluster::Cluster,
    selection::{LOOK, read},
};

/// How often is looked.
const PERIOD: Duration = Duration::from_millis(250);

/// Looks until the operator has observed the generation of each patch's answer and [`LAST_END`] has passed since the
/// acknowledgement, or until the timeout. It never waits for a reason: that of a worse trouble comes before `Suspended`.
pub(super) async fn wait(cluster: &Cluster, pulled: &[Pulled], timeout: Duration) -> BTreeMap<String, DynamicObject> {
    let begun = Instant::now();
    let mut found = BTreeMap::new();
    loop {
        let late = begun.elapsed() >= timeout;
        // What nobody waits for any more is looked at once, at the end.
        let over = begun.elapsed() >= LAST_END;
        let open: Vec<String> = pulled
            .iter()
            .filter(|brake| over || late || found.get(&brake.name).is_none_or(|after| !has_seen(brake, after)))
            .map(|brake| brake.name.clone())
            .collect();
        for target in read(cluster, open, LOOK).await {
            if let Ok(object) = target.before {
                found.insert(target.name, object);
            }
        }
        let all_seen = pulled
            .iter()
            .all(|brake| found.get(&brake.name).is_some_and(|after| has_seen(brake, after)));
        if late || (over && all_seen) {
            return found;
        }
        sleep(PERIOD.min(timeout.saturating_sub(begun.elapsed()))).await;
    }
}

/// Whether the operator has looked at the resource since the brake was pulled.
pub(super) fn has_seen(brake: &Pulled, after: &DynamicObject) -> bool {
    status(after).observed_generation >= brake.answer.metadata.generation
}
