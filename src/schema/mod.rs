//! Which fields the API server keeps. Pure: no async, no clock, no client, no logging.
//!
//! On the map this is beneath `controller`, which reads the served schema and asks here what follows. The API server drops
//! each field that its CRD doesn't have, from spec and status, whenever it decodes an object. With a CRD older than the
//! operator, a ramp reads as a plain target, and any write stores it so. What the operator sees is then no evidence, and
//! what it writes is damage, so it does nothing until the schema has every field that it knows: [`fields`] says which it
//! lacks, and [`check`] from when on a read of the schema says something of the objects that were read before it.

pub mod check;
pub mod fields;

pub use check::{Begun, SchemaCheck, SchemaState};
pub use fields::{KnownFields, NotServed};
