//! What a kubelet and Prometheus ask: `/livez`, `/readyz` and `/metrics`.
//!
//! On the map this is beside the pass: it serves what `controller` and `leader` report through [`Readiness`],
//! [`Heartbeat`] and [`Metrics`], and knows none of them. Whoever reaches the port may be anybody, so what all of them
//! together can cost is bounded: connections in `connections`, responses in `responder`.

mod connections;
mod responder;
mod serve;

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket},
    time::Instant,
};

use crate::metrics::Metrics;
pub use serve::serve;

/// How many connections the system keeps until they are accepted. Beyond them it answers nobody, and who wants to connect tries
/// again after a second, and after three: too late for a probe.
const BACKLOG: u32 = 4096;

/// What has to be in place before the operator is ready. Clones share one list.
///
/// A replica that waits for the Lease is ready: it does all that it should, and a rollout that waits for readiness
/// would otherwise never end.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, Option<String>>>>);

/// One entry of [`Readiness`].
#[derive(Clone, Debug)]
pub struct Check {
    readiness: Readiness,
    what: &'static str,
}

/// The sign of life of the loop that must not get stuck. Clones share it.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    last: Arc<Mutex<Instant>>,
    limit: Duration,
}

/// What is served.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Behind `/metrics`.
    pub metrics: Metrics,
    /// Behind `/readyz`.
    pub readiness: Readiness,
    /// Behind `/livez`.
    pub heartbeat: Heartbeat,
}

impl Readiness {
    /// Adds something that is not in place yet; `what` completes the sentence "waiting for …".
    #[must_use]
    pub fn require(&self, what: &'static str) -> Check {
        let check = Check {
            readiness: self.clone(),
            what,
        };
        check.set(false);
        check
    }

    /// What is missing, in order.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let checks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        checks.values().flatten().cloned().collect()
    }
}

impl Check {
    /// Whether it is in place now.
    pub fn set(&self, ready: bool) {
        self.put((!ready).then(|| self.what.to_owned()));
    }

    /// It is not in place, and this is why; the words complete the sentence "waiting for …".
    pub fn wait_for(&self, what: String) {
        self.put(Some(what));
    }

    fn put(&self, missing: Option<String>) {
        let mut checks = self.readiness.0.lock().unwrap_or_else(PoisonError::into_inner);
        checks.insert(self.what, missing);
    }
}

impl Heartbeat {
    /// A heart that beats now, and is stuck when it does not beat for longer than `limit`.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self {
            last: Arc::new(Mutex::new(Instant::now())),
            limit,
        }
    }

    /// The loop goes on.
    pub fn beat(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How long the loop has been silent, when that is too long. Time in which the machine was suspended does not
    /// count: nothing could beat.
    #[must_use]
    pub fn stuck_for(&self) -> Option<Duration> {
        let silent = self.last.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
        (silent > self.limit).then_some(silent)
    }
}

/// Opens the address and logs it, since port 0 picks a free one. Where there is no IPv6, every address of IPv6 is every
/// address of IPv4.
///
/// # Errors
/// When the address is taken or is not of this machine; the error says which address.
#[allow(
    clippy::unused_async,
    reason = "a listener belongs to the runtime that it is made in"
)]
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let named = |error: io::Error| {
        let advice = "choose another address with --http-address";
        io::Error::new(
            error.kind(),
            format!("can't serve metrics and probes on {address}: {error}; {advice}"),
        )
    };
    let every = address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let listener = match listen(address) {
        Err(error) if every && error.kind() != io::ErrorKind::AddrInUse => {
            let of_ipv4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            listen(of_ipv4).map_err(|_| error)
        }
        bound => bound,
    };
    let listener = listener.map_err(named)?;
    tracing::info!(address = %listener.local_addr()?, "serving /metrics, /livez and /readyz");
    Ok(listener)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A process that starts anew must not wait for the connections of the one before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[tokio::test]
    async fn a_taken_address_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let error = bind(address).await.unwrap_err().to_string();
        assert!(
            error.contains(&address.to_string()) && error.contains("--http-address"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn every_address_is_that_of_ipv4_too() {
        let listener = bind("[::]:0".parse().unwrap()).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
    }
}
