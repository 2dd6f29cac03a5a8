//! Step 6 of a pass: the status, and the object that it goes onto.

use kube::ResourceExt;

use crate::decide::Decision;

use super::{Interrupted, Pass};
use crate::controller::{
    cache,
    call::{CallError, bounded},
    status,
};

/// How often a status is written again onto a newer object.
const RECORDS: usize = 4;

impl Pass {
    /// Step 6: the status, when it differs; onto the newest object when that has changed meanwhile. True when the newest
    /// asks for more than what was decided upon: to the loop it looks like one that this pass has dealt with. True as well
    /// when somebody else has written the status meanwhile: what was decided must not replace it, since it may tell of an
    /// update that another replica has sent.
    pub(super) async fn record(&mut self, decision: &Decision) -> Result<bool, Interrupted> {
        let decided_upon = cache::asked(&self.object.metadata);
        let status = self.object.status.clone();
        for _ in 0..RECORDS {
            match status::write(&self.api, &self.object, &decision.status).await {
                Ok(written) => {
                    self.memory.recorded();
                    if let Some(written) = written {
                        self.object = written;
                    }
                    self.publish();
                    return Ok(cache::asked(&self.object.metadata) != decided_upon);
                }
                Err(CallError::Conflict) => {
                    self.refresh().await?;
                    if self.object.status != status {
                        return Ok(true);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(CallError::Conflict.into())
    }

    /// Reads the newest object from the API server, not from the cache.
    pub(super) async fn refresh(&mut self) -> Result<(), Interrupted> {
        let mut newest = bounded(self.api.get(&self.key.name)).await?;
        if newest.uid() != self.object.uid() || newest.metadata.deletion_timestamp.is_some() {
            return Err(Interrupted::Gone);
        }
        cache::prune(&mut newest);
        self.object = newest;
        Ok(())
    }
}
