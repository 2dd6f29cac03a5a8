//! AWS `AppConfig`'s experiment API on a loopback port, for tests and demonstrations.
//!
//! One request takes this way: `server` reads it, `route` names its operation, `signature` verifies it,
//! `faults` may spoil it and a `gate` hold it, `operations` carry it out on the `store` as `settings` say, and `log` writes down what
//! happened, whether or not the client ever got an answer. `control` is the tester's side door under `/_emulator/`.
//!
//! The side door, which is never signed, spoiled or logged:
//!
//! | request | does | body |
//! |---|---|---|
//! | `GET`, `DELETE /_emulator/requests` | shows, forgets the requests | |
//! | `GET`, `PUT /_emulator/faults` | shows, replaces the faults | `[{"operation":"UpdateExperimentRun","skip":0,"times":1,"effect":{"commit-later-ms":12000}}]` |
//! | `GET`, `PUT /_emulator/settings` | shows, changes the settings named | `{"decimals":"widened","deploymentInProgress":["production"]}` |
//! | `POST /_emulator/end-run` | ends a run | `{"application":"shop","definition":"add-to-cart","run":1,"triggeredBy":"CLOUDWATCH_ALARM"}` |
//!
//! What can't be taken is answered 400 `{"error":…}` and changes nothing.
//!
//! Facts about AWS carry their source: (model), (doc), (seen) or (guess). `docs/appconfig-api.md` has the facts, and says
//! what each mark means.

mod answer;
mod clock;
mod constraint;
mod control;
mod emulator;
mod faults;
mod gate;
mod handle;
mod log;
mod operations;
mod rate;
mod route;
mod seed;
mod server;
mod settings;
mod signature;
mod store;

pub use answer::Refusal;
pub use emulator::{Emulator, Options, StartError};
pub use faults::{Effect, Fault, FaultError, RawAnswer, RawBody, RefuseWith};
pub use gate::{Gate, Release, Stage};
pub use log::RequestRecord;
pub use route::Operation;
pub use seed::{EndedBy, Experiment, Seed};
pub use settings::{
    Acceptance, Cleared, Decimals, IdentifierPrecedence, OverrideUpdate, RateLimits, Settings, SettingsError,
    ThrottleAnswer,
};
pub use signature::{KeyPair, KeyPairError, SessionToken};
