//! Operators that reach the API server through a proxy on which things go wrong.

use std::collections::BTreeMap;

use control_plane::{User, proxy::Proxy};

use crate::{Flags, Operator, control_plane};

/// A way to the shared API server of a test's own.
#[must_use]
pub fn proxy() -> Proxy {
    Proxy::start(control_plane()).expect("a proxy")
}

impl Flags {
    /// The same, with the proxy between the operator and the API server.
    #[must_use]
    pub fn through(mut self, proxy: &Proxy) -> Self {
        proxy.kubeconfig_of(User::Operator).clone_into(&mut self.kubeconfig);
        self
    }
}

impl Operator {
    /// Every sample of `/metrics` with its labels, as `name{label="value"}`.
    pub async fn metrics(&self) -> BTreeMap<String, f64> {
        let (_, text) = self.get("/metrics").await;
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(sample)
            .collect()
    }

    /// How many passes have ended.
    pub async fn passes(&self) -> u32 {
        let metrics = self.metrics().await;
        let of_passes = |(name, _): &(&String, &f64)| name.starts_with("controller_runtime_reconcile_total");
        let ended: f64 = metrics.iter().filter(of_passes).map(|(_, count)| count).sum();
        format!("{ended}").parse().expect("a count")
    }
}
