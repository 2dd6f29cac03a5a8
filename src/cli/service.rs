//! [`Service`]: where `AppConfig` is and how it is reached, by the flags and by the variables that AWS's own tools have.

use std::{env, sync::Arc};

use super::{Ended, flags::ServiceFlags, wrong};
use crate::{
    api::Region,
    appconfig::{Endpoints, HttpsProxy, InvalidProxy, Observer, Settings, Timeouts, default_credentials},
};

/// Where `AppConfig` is, and how it is reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// The region of resources that name none. `None` when each has to name one.
    pub region: Option<Region>,
    /// Which host each region's requests go to.
    pub endpoints: Endpoints,
    /// The proxy for `https://`, see [`https_proxy`].
    pub https_proxy: Option<HttpsProxy>,
}

impl Service {
    /// Adds to the flags what the environment says.
    ///
    /// # Errors
    /// When the default region is none, or the settings can't be used together.
    pub(super) fn new(flags: ServiceFlags) -> Result<Self, Ended> {
        let ServiceFlags {
            region,
            endpoint_url,
            allow_insecure_endpoint,
        } = flags;
        let switch = |name: &str| env::var(name).is_ok_and(|value| value.eq_ignore_ascii_case("true"));
        let (fips, dual_stack) = (switch("AWS_USE_FIPS_ENDPOINT"), switch("AWS_USE_DUALSTACK_ENDPOINT"));
        let endpoints = Endpoints::new(endpoint_url, allow_insecure_endpoint, fips, dual_stack);
        Ok(Self {
            region: region.map_or_else(default_region, |region| Ok(Some(region)))?,
            endpoints: endpoints.map_err(|invalid| wrong(&invalid.to_string()))?,
            https_proxy: https_proxy().map_err(|invalid| wrong(&format!("{invalid} (from HTTPS_PROXY)")))?,
        })
    }

    /// What a client of `AppConfig` is made of, with credentials from where all AWS SDKs find them. `process_id` and
    /// `observer` are those of [`Settings`].
    #[must_use]
    pub fn client_settings(&self, process_id: &str, observer: Arc<dyn Observer>) -> Settings {
        Settings {
            endpoints: self.endpoints.clone(),
            timeouts: Timeouts::default(),
            credentials: default_credentials(self.region.as_ref(), self.https_proxy.clone()),
            https_proxy: self.https_proxy.clone(),
            process_id: process_id.to_owned(),
            observer,
        }
    }
}

/// The older of the two variables in which AWS's tools look for a region. Shared configuration files and the instance
/// metadata service are not asked: a region that appears from nowhere is worse than none.
fn default_region() -> Result<Option<Region>, Ended> {
    match env::var("AWS_DEFAULT_REGION") {
        Ok(text) if !text.is_empty() => text
            .parse()
            .map(Some)
            .map_err(|error| wrong(&format!("{error} (from AWS_DEFAULT_REGION)"))),
        _ => Ok(None),
    }
}

/// The variables that name a proxy for `https://`, the first one that does winning.
const HTTPS_PROXY: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];

/// The proxy that `HTTPS_PROXY` or `https_proxy` names, with `NO_PROXY` or `no_proxy`. `None` when neither names one.
///
/// # Errors
/// When the one that is named is no URL of a proxy.
pub fn https_proxy() -> Result<Option<HttpsProxy>, InvalidProxy> {
    let variable = |names: [&str; 2]| {
        names
            .into_iter()
            .filter_map(|name| env::var(name).ok())
            .find(|value| !value.is_empty())
    };
    let proxy = |url| HttpsProxy::new(url, variable(["NO_PROXY", "no_proxy"]));
    variable(HTTPS_PROXY).map(proxy).transpose()
}

/// Every proxy that `HTTPS_PROXY` and `https_proxy` name.
pub(super) fn https_proxies() -> Vec<http::Uri> {
    let named = HTTPS_PROXY.into_iter().filter_map(|name| env::var(name).ok());
    named.filter_map(|url| url.parse().ok()).collect()
}
