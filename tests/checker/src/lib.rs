//! Judges a finished run of the operator from what was recorded of it, and knows nothing of how that came about.
//!
//! The request log of the emulator, every version of every resource and what became of the processes are a [`History`].
//! [`check`] decides from it alone which of the promises of `docs/design.md` were broken. It shares no logic with the operator:
//! of its library it uses the shape of the resource, and nothing of what decides.

mod answer;
mod authorised;
mod evidence;
mod history;
mod promises;
mod resource;
mod sent;
mod timeline;
mod violation;

pub use history::{ClockChange, Context, History, OtherChange, ProcessChange, ProcessEvent, Version};
pub use violation::{Promise, Violation};

/// The promises that this history breaks.
#[must_use]
pub fn check(history: &History) -> Vec<Violation> {
    promises::judge(&evidence::Evidence::new(history))
}
