//! Step 6 of a pass: the status, and the object that it goes onto.

use std::sync::Arc;

use crate::decide::Decision;

use super::{Interrupted, Pass};
use crate::controller::{
    call::{CallError, bounded},
    status,
};

/// How often a status is written again onto a newer object.
const RECORDS: usize = 4;

impl Pass {
    /// Step 6: the status, when it differs; onto the newest object when that has changed meanwhile. True when the newest
    /// asks for more than what was decided upon: to the loop it looks like one that this pass has dealt with. True as well
    /// when somebody else has written the status meanwhile: what was decided must not replace it, since it may tell of an
    /// update that another replica has sent. And true when the spec has changed before a status told of the run that was
    /// found: what names it may have been corrected, and then it must not be pinned to the new names (P5). Once it is pinned,
    /// what an answer told is recorded whatever the spec is by now, since a process after this one has nothing else.
    pub(super) async fn record(&mut self, decision: &Decision) -> Result<bool, Interrupted> {
        let decided_upon = Arc::clone(&self.object);
        for _ in 0..RECORDS {
            let (schema, selector) = (&self.shared.schema, self.shared.selector.as_ref());
            match status::write(schema, &self.api, selector, &self.object, &decision.status).await {
                Ok(written) => {
                    self.memory.recorded();
                    if let Some(written) = written {
                        self.contradicted_by(&written);
                        self.object = written;
                    }
                    self.publish();
                    return Ok(self.object.identity.asked() != decided_upon.identity.asked());
                }
                Err(CallError::Conflict) => {
                    self.refresh().await?;
                    let asks_otherwise = self.object.identity.generation != decided_upon.identity.generation
                        || self.object.was_restored_since(&decided_upon);
                    let corrected = asks_otherwise && self.memory.found_by.is_some();
                    if self.object.status != decided_upon.status || corrected {
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
        let newest = bounded(self.api.get(&self.key.name)).await?;
        let newest = newest.answered(self.shared.selector.as_ref())?;
        if newest.identity.uid != self.object.identity.uid {
            return Err(Interrupted::Gone);
        }
        self.contradicted_by(&newest);
        if newest.was_restored_since(&self.object) {
            self.restored = true;
            self.memory.forget_generations(&newest.status);
        }
        self.object = newest;
        Ok(())
    }
}
