//! Everything that is pure, as a library of its own: `run` puts it in place of `src/lib.rs` while cargo-mutants breaks
//! one line after the other, so that each is built in seconds. That it builds shows that `decide` needs nothing else.

pub mod api;
pub mod clock;
pub mod decide;
pub mod fleet;
/// The Lease's decision.
pub mod leader {
    mod election;
    pub use election::*;
}
pub mod pass;
pub mod run;
pub mod schema;
