//! What an experiment run, its events, an update and a failure are. Pure types: no client, no async, no I/O.
//!
//! On the map this stands beneath the pass: `appconfig` fills a [`LiveRun`] and its [`ExperimentRunEvent`]s from what the
//! service answers, or a [`Failure`] from what went wrong; `decide` reads them and makes an [`Update`]; and from that very
//! update `appconfig` writes the body of the request. So what is decided, what is sent and what is answered are each one
//! type, and a [`Raise`], which can't lead down, reaches the wire as it is.
//!
//! | question | where |
//! |---|---|
//! | what does `AppConfig` say of a run, and which run is it? | `experiment_run` |
//! | by which names or IDs is a run asked for? | `address` |
//! | what has happened to it, and since when is an exposure live? | `event` |
//! | what can be sent? | `update` |
//! | what can go wrong, and with which operation? | `failure` |
//! | how precise are `AppConfig`'s times? | `seconds` |

mod address;
mod event;
mod experiment_run;
mod failure;
mod seconds;
mod update;

pub use address::{InvalidAddress, RunAddress, RunNumber, Segment};
pub use event::{ExperimentRunEvent, ExperimentRunEventType, TriggeredBy, exposed_at, last_run_stopped};
pub use experiment_run::{LiveRun, RunKey};
pub use failure::{Failure, FailureKind, Operation, UpdateError, one_line};
pub use seconds::{end_of_second, whole_seconds};
pub use update::{Change, Raise, Update};
