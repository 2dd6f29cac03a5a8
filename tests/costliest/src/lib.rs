//! Everything that is pure, and nothing else: what the benchmark measures.

#[path = "../../../src/api/mod.rs"]
pub mod api;
#[path = "../../../src/decide/mod.rs"]
pub mod decide;
#[path = "../../../src/fleet/mod.rs"]
pub mod fleet;
#[path = "../../../src/run/mod.rs"]
pub mod run;
