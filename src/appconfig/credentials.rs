//! Who the operator is to AWS: credentials from a provider, kept until shortly before they expire.
//!
//! `aws-config`'s chain asks its source each time it is asked, so the cache lives here. However many passes wait, one
//! renewal is under way at a time; it is a task of its own, so a pass that gives up does not end it for the others.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError},
};
use aws_smithy_types::error::ErrorMetadata;
use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::time::Instant;

use crate::run::one_line;

/// How long before their expiry credentials are renewed.
const RENEW_BEFORE_EXPIRY: Duration = Duration::from_mins(5);
/// How long a provider may take: a chain may ask several sources.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long after a failure the provider is left alone, doubled with each failure in a row.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long after a drop no other one is made: new credentials that AWS refuses as well are not a matter of age.
const DROP_AGAIN_AFTER: Duration = Duration::from_mins(1);

/// No usable credentials, and why: never with a secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CredentialsUnavailable(pub String);

/// Credentials, and which renewal brought them.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub credentials: Credentials,
    generation: u64,
    renew_at: Option<SystemTime>,
}

/// Keeps the credentials of one provider. Cheap to clone.
#[derive(Clone)]
pub(super) struct CredentialsCache {
    shared: Arc<Inner>,
}

type Clock = Box<dyn Fn() -> SystemTime + Send + Sync>;
type Renewal = Shared<BoxFuture<'static, Result<Held, CredentialsUnavailable>>>;

struct Inner {
    provider: SharedCredentialsProvider,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    generation: u64,
    renewal: Option<Renewal>,
    failure: Option<Failure>,
    dropped_at: Option<Instant>,
}

struct Failure {
    error: CredentialsUnavailable,
    until: Instant,
    pause: Duration,
}

impl CredentialsCache {
    pub(super) fn new(provider: SharedCredentialsProvider) -> Self {
        Self::with_clock(provider, Box::new(SystemTime::now))
    }

    fn with_clock(provider: SharedCredentialsProvider, clock: Clock) -> Self {
        Self {
            shared: Arc::new(Inner {
                provider,
                clock,
                state: Mutex::default(),
            }),
        }
    }

    /// Credentials that are valid for at least `margin` more.
    ///
    /// While they are, a renewal that is due goes on in the background, and one that fails goes unnoticed.
    pub(super) async fn valid_for(&self, margin: Duration) -> Result<Held, CredentialsUnavailable> {
        let renewal = {
            let now = (self.shared.clock)();
            let mut state = self.shared.state();
            let usable = state.held.clone().filter(|held| held.is_valid_at(now + margin));
            match usable {
                Some(held) if !held.is_due_at(now) => return Ok(held),
                Some(held) => {
                    if state.recent_failure().is_none() {
                        // It is a task: it goes on without being awaited.
                        drop(self.shared.renewal(&mut state));
                    }
                    return Ok(held);
                }
                None => match state.recent_failure() {
                    Some(error) => return Err(error),
                    None => self.shared.renewal(&mut state),
                },
            }
        };
        let held = renewal.await?;
        if held.is_valid_at((self.shared.clock)() + margin) {
            Ok(held)
        } else {
            Err(CredentialsUnavailable(
                "the new credentials expire too soon to be used".to_owned(),
            ))
        }
    }

    /// AWS has refused these credentials as expired, unknown or wrongly signed: drops them, at most once a minute. Whether another try
    /// would have other ones.
    pub(super) fn refused(&self, refused: &Held) -> bool {
        let mut state = self.shared.state();
        if state
            .held
            .as_ref()
            .is_some_and(|held| held.generation == refused.generation)
        {
            if state.dropped_at.is_some_and(|at| at.elapsed() < DROP_AGAIN_AFTER) {
                return false;
            }
            state.held = None;
            state.dropped_at = Some(Instant::now());
        }
        true
    }
}

impl fmt::Debug for CredentialsCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CredentialsCache").finish_non_exhaustive()
    }
}

impl Held {
    fn is_valid_at(&self, time: SystemTime) -> bool {
        self.credentials.expiry().is_none_or(|expiry| time < expiry)
    }

    fn is_due_at(&self, time: SystemTime) -> bool {
        self.renew_at.is_some_and(|renew_at| renew_at <= time)
    }
}

impl State {
    fn recent_failure(&self) -> Option<CredentialsUnavailable> {
        self.failure
            .as_ref()
            .filter(|failure| Instant::now() < failure.until)
            .map(|failure| failure.error.clone())
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can leave the state half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The renewal under way, else a new one.
    fn renewal(self: &Arc<Self>, state: &mut State) -> Renewal {
        // One that has ended and is still here ended in a panic.
        if let Some(renewal) = state.renewal.as_ref().filter(|renewal| renewal.peek().is_none()) {
            return renewal.clone();
        }
        let task = tokio::spawn(Self::renew(Arc::clone(self)));
        let renewal = async move {
            task.await.unwrap_or_else(|_| {
                Err(CredentialsUnavailable(
                    "the renewal of the credentials was interrupted".to_owned(),
                ))
            })
        };
        state.renewal.insert(renewal.boxed().shared()).clone()
    }

    async fn renew(self: Arc<Self>) -> Result<Held, CredentialsUnavailable> {
        let provided = match tokio::time::timeout(PROVIDER_TIMEOUT, self.provider.provide_credentials()).await {
            Ok(Ok(credentials)) => self.hold(credentials),
            Ok(Err(error)) => Err(CredentialsUnavailable(explain(&error))),
            Err(_) => {
                let seconds = PROVIDER_TIMEOUT.as_secs();
                Err(CredentialsUnavailable(format!(
                    "the credential provider did not answer within {seconds} s"
                )))
            }
        };
        let mut state = self.state();
        state.renewal = None;
        match provided {
            Ok(mut held) => {
                state.generation += 1;
                held.generation = state.generation;
                state.failure = None;
                state.held = Some(held.clone());
                Ok(held)
            }
            Err(error) => {
                let pause = state
                    .failure
                    .as_ref()
                    .map_or(FIRST_PAUSE, |last| LONGEST_PAUSE.min(last.pause * 2));
                tracing::warn!(error = error.0, "AWS credentials could not be loaded");
                state.failure = Some(Failure {
                    error: error.clone(),
                    until: Instant::now() + pause,
                    pause,
                });
                Err(error)
            }
        }
    }

    fn hold(&self, credentials: Credentials) -> Result<Held, CredentialsUnavailable> {
        let now = (self.clock)();
        let renew_at = match credentials.expiry().map(|expiry| (expiry, expiry.duration_since(now))) {
            None => None,
            // Half of a short life, so that short-lived credentials are not asked for with each request.
            Some((expiry, Ok(life))) => Some(expiry - RENEW_BEFORE_EXPIRY.min(life / 2)),
            Some((_, Err(_))) => {
                return Err(CredentialsUnavailable(
                    "the provider's credentials have already expired".to_owned(),
                ));
            }
        };
        Ok(Held {
            credentials,
            generation: 0,
            renew_at,
        })
    }
}

/// What a provider's error says, in one sentence. Only `Display` is used: `Debug` of these errors holds whole answers.
fn explain(error: &CredentialsError) -> String {
    if matches!(error, CredentialsError::CredentialsNotLoaded(_)) {
        return "no source of credentials is configured: environment, profile, IRSA, EKS Pod Identity, ECS and \
                instance metadata have none"
            .to_owned();
    }
    let mut cause: &(dyn std::error::Error + 'static) = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let text = match cause
        .downcast_ref::<ErrorMetadata>()
        .map(|metadata| (metadata.code(), metadata.message()))
    {
        Some((Some(code), Some(message))) => format!("the credential provider was refused: {code}: {message}"),
        Some((Some(code), None)) => format!("the credential provider was refused: {code}"),
        _ => format!("the credential provider failed: {cause}"),
    };
    one_line(&text, 512)
}

#[cfg(test)]
mod tests;
