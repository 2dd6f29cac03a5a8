//! A way to the API server on which things go wrong, for tests of what a client does then.
//!
//! A [`Proxy`] listens on a loopback port, speaks TLS, and passes every request on with the caller's own token. Each
//! request is noted, and [`Rule`]s say what happens to which of them:
//!
//! ```no_run
//! use control_plane::proxy::{Effect, Proxy, Rule};
//! # fn example(control_plane: &control_plane::ControlPlane) -> Result<(), control_plane::Error> {
//! let proxy = Proxy::start(control_plane)?;
//! // The second write of a status is done, and its answer lost.
//! proxy.add(Rule::new("patch", "experimentruns/status", Effect::DropAnswer).skip(1).times(1));
//! // From now on, no watch of ConfigMaps delivers anything.
//! let freeze = proxy.add(Rule::new("watch", "configmaps", Effect::Freeze));
//! proxy.remove(freeze);
//! # Ok(())
//! # }
//! ```
//!
//! A [`Gate`] stops a request for as long as the test wants, and lets the test say how it goes on:
//!
//! ```no_run
//! use control_plane::proxy::{Effect, Gate, Proxy, Release, Rule, Stage};
//! # async fn example(proxy: Proxy) {
//! // The next write of a status is done, and its answer waits.
//! let gate = Gate::new(Stage::Answer);
//! proxy.add(Rule::new("patch", "experimentruns/status", Effect::Hold(gate.clone())).times(1));
//! gate.reached().await;
//! gate.release(Release::Close);
//! # }
//! ```

mod forward;
mod gate;
mod request;
mod rule;
mod watch;

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

pub use gate::{Gate, Release, Stage};
pub use request::Request;
pub use rule::{Effect, Rule, RuleId};

use crate::control_plane::ControlPlane;
use crate::error::Error;
use crate::user::User;
use forward::Forward;
use rule::Rules;

/// A running proxy. Dropping it closes all of its connections.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    ca_pem: String,
    kubeconfigs: [PathBuf; User::ALL.len()],
    shared: Arc<Shared>,
    /// Its own, so that a test which blocks its runtime, by waiting for kubectl for example, doesn't block the proxy.
    runtime: Option<Runtime>,
}

/// What a proxy and its connections have in common.
#[derive(Debug, Default)]
struct Shared {
    rules: Rules,
    requests: Mutex<Vec<Request>>,
}

impl Proxy {
    /// Starts a proxy to this control plane's API server, without rules.
    ///
    /// # Errors
    /// When no port, certificate or thread is to be had.
    pub fn start(control_plane: &ControlPlane) -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("listen for the proxy"))?;
        let port = listener.local_addr().map_err(Error::io("listen for the proxy"))?.port();
        let (tls, ca_pem) = tls_server()?;
        let url = format!("https://127.0.0.1:{port}");
        let mut kubeconfigs = User::ALL.map(|_| PathBuf::new());
        for user in User::ALL {
            let name = format!("{}.proxy-{port}.kubeconfig", user.short_name());
            kubeconfigs[user as usize] = control_plane.write_kubeconfig(&name, user, &url, &ca_pem)?;
        }
        let shared = Arc::new(Shared::default());
        let forward = Arc::new(Forward::new(control_plane, Arc::clone(&shared))?);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("proxy")
            .enable_all()
            .build()
            .map_err(Error::io("start the proxy's thread"))?;
        listener
            .set_nonblocking(true)
            .map_err(Error::io("listen for the proxy"))?;
        let entered = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).map_err(Error::io("listen for the proxy"))?;
        drop(entered);
        runtime.spawn(forward::accept(listener, tls, forward));
        Ok(Self {
            url,
            ca_pem,
            kubeconfigs,
            shared,
            runtime: Some(runtime),
        })
    }

    /// The proxy's address, as in `https://127.0.0.1:34567`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The proxy's own certificate, which no authority signed.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// A kubeconfig with which a user goes through the proxy.
    #[must_use]
    pub fn kubeconfig_of(&self, user: User) -> &Path {
        &self.kubeconfigs[user as usize]
    }

    /// Adds a rule. Of the rules that fit a request, the one that was added first is applied.
    pub fn add(&self, rule: Rule) -> RuleId {
        self.shared.rules.add(rule)
    }

    /// Removes a rule, and releases what it holds: frozen watches go on, hanging requests lose their connection.
    pub fn remove(&self, rule: RuleId) {
        self.shared.rules.remove(rule);
    }

    /// Removes all rules.
    pub fn remove_all(&self) {
        self.shared.rules.remove_all();
    }

    /// The requests seen so far, in the order in which they came.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // A runtime can't be dropped in async code, which a test may well be.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    /// Notes a request; the answer is its place, for [`Shared::note_status`].
    fn note(&self, request: Request) -> usize {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.push(request);
        requests.len() - 1
    }

    fn note_status(&self, place: usize, status: u16) {
        if let Some(request) = self
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_mut(place)
        {
            request.status = Some(status);
        }
    }
}

fn tls_server() -> Result<(TlsAcceptor, String), Error> {
    let action = "make the proxy's certificate";
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).map_err(Error::certificate(action))?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(Error::certificate(action))?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::certificate(action))?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .map_err(Error::certificate(action))?;
    Ok((TlsAcceptor::from(Arc::new(config)), made.cert.pem()))
}
