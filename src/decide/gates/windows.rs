//! [`OpenWindows`]: a ramp rises only while its windows let it.

use jiff::Timestamp;

use crate::decide::ramp::search::{NoneBefore, Search};

/// The windows of a ramp, and what this decision may still look up of them.
#[derive(Debug)]
pub struct OpenWindows<'s, 'w>(
    /// The search that the decision has.
    pub &'s mut Search<'w>,
);

impl OpenWindows<'_, '_> {
    /// The first instant, from this one on, at which a raise may leave.
    ///
    /// # Errors
    /// When none is found, with how far was looked.
    pub fn opens(&mut self, from: Timestamp) -> Result<Timestamp, NoneBefore> {
        self.0.opens(from)
    }

    /// The instant from which on a raise may not leave any more that may leave at this one. `None` when no end is found.
    pub fn closes(&mut self, at: Timestamp) -> Option<Timestamp> {
        self.0.closes(at)
    }

    /// Whether it takes the time to tell that a raise may leave: there is a window.
    #[must_use]
    pub const fn needs_time(&self) -> bool {
        self.0.has_windows()
    }
}
