//! The `AppConfig` client: steps 1 and 5 of a pass, and the credentials and rates of step 3, on the map in
//! [`crate`].
//!
//! It calls the three operations of the experiment API that the operator needs and no others, tries each request once
//! (a read once more with new credentials, when AWS refuses the old ones), and answers with a parsed value or a typed
//! failure. Values and failures are those of [`crate::run`]. It decides nothing: what a failure means for a resource is
//! the business of `controller` and `decide`. The facts about the API
//! that it rests on, each with its source, are in `docs/appconfig-api.md`.
//!
//! ```text
//! RunAddress, Update ─► request ─► sign ─► transport: reads  ─► answer, event_page or error_answer
//!                                  ▲       connection: an update, made beforehand
//!                             credentials  ▲
//!                                       endpoint               rate: asked by the controller, beforehand
//! ```

mod answer;
mod client;
mod connection;
mod credentials;
mod default_chain;
mod endpoint;
mod error_answer;
mod event_page;
mod exchange;
mod observer;
mod rate;
mod request;
mod sign;
mod transport;

pub use answer::Answer;
pub use client::{Client, InvalidSettings, Prepared, Settings};
pub use default_chain::default_credentials;
pub use endpoint::{CustomEndpoint, EndpointKey, Endpoints, InvalidEndpoint};
pub use error_answer::permission_hint;
pub use observer::{Observer, Unobserved};
pub use rate::{InvalidRate, Rate, RateKind, RateLimits};
pub use transport::{HttpsProxy, InvalidProxy, Timeouts, UPDATE_LIVES};
