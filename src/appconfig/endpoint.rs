//! [`Endpoints`]: which host a region's requests go to.

use std::{net::IpAddr, str::FromStr};

use reqwest::Url;

use crate::api::Region;

/// How the endpoint of each region is found.
///
/// The rules are those of the service's endpoint rule set, as the official SDK carries it (a test compares the two).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoints {
    /// AWS's own endpoint of each region.
    Aws {
        /// Use FIPS endpoints (`AWS_USE_FIPS_ENDPOINT`).
        fips: bool,
        /// Use dual-stack endpoints (`AWS_USE_DUALSTACK_ENDPOINT`).
        dual_stack: bool,
    },
    /// One endpoint for every region (`AWS_ENDPOINT_URL_APPCONFIG`).
    Custom(CustomEndpoint),
}

/// An endpoint, as what is one there is told apart by it: two regions whose requests go to the same place have the same runs
/// there, and share its limits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointKey(String);

/// A custom endpoint, an `http` or `https` URL: scheme, host, port and path prefix, without a final slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomEndpoint {
    base: String,
    plain_http: bool,
    /// Nobody on a network between can read along: it is `https`, or on this machine.
    is_private: bool,
}

/// The endpoint settings can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// The URL is not one, or has parts that an endpoint can't have.
    #[error("endpoint URL {url:?} can't be used: {why}")]
    Url {
        /// The URL, without its user and password if it had any.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// `http://` to another machine.
    #[error("endpoint URL {0:?} is http:// and not on this machine: use https://, or add --allow-insecure-endpoint")]
    Insecure(String),
    /// FIPS or dual stack together with a custom endpoint.
    #[error("a custom endpoint URL can't be combined with {0}: unset one of the two")]
    Combined(&'static str),
}

impl Endpoints {
    /// Parses the endpoint settings.
    ///
    /// # Errors
    /// When the custom URL is none, see [`CustomEndpoint`], or the settings can't be used together, see [`Self::new`].
    pub fn parse(
        custom: Option<&str>,
        allow_insecure: bool,
        fips: bool,
        dual_stack: bool,
    ) -> Result<Self, InvalidEndpoint> {
        let custom = custom.map(str::parse).transpose()?;
        Self::new(custom, allow_insecure, fips, dual_stack)
    }

    /// The endpoints of these settings.
    ///
    /// # Errors
    /// When a custom one is `http` to another machine without `allow_insecure`, or is combined with FIPS or dual stack.
    pub fn new(
        custom: Option<CustomEndpoint>,
        allow_insecure: bool,
        fips: bool,
        dual_stack: bool,
    ) -> Result<Self, InvalidEndpoint> {
        let Some(custom) = custom else {
            return Ok(Self::Aws { fips, dual_stack });
        };
        if fips {
            return Err(InvalidEndpoint::Combined("AWS_USE_FIPS_ENDPOINT"));
        }
        if dual_stack {
            return Err(InvalidEndpoint::Combined("AWS_USE_DUALSTACK_ENDPOINT"));
        }
        if !custom.is_private && !allow_insecure {
            return Err(InvalidEndpoint::Insecure(custom.base));
        }
        Ok(Self::Custom(custom))
    }

    /// Which endpoint the region's requests go to.
    #[must_use]
    pub fn key(&self, region: &Region) -> EndpointKey {
        EndpointKey(self.base(region))
    }

    /// The start of each URL of the region: scheme, host and path prefix, without a final slash.
    pub(super) fn base(&self, region: &Region) -> String {
        match self {
            Self::Custom(custom) => custom.base.clone(),
            Self::Aws { fips, dual_stack } => {
                let partition = Partition::of(region);
                // GovCloud's plain IPv4 endpoints are FIPS endpoints: there is no host with "-fips" in its name.
                let plain_is_fips = region.as_str().starts_with("us-gov-") && !dual_stack;
                let fips = if *fips && !plain_is_fips { "-fips" } else { "" };
                let suffix = if *dual_stack {
                    partition.dual_stack_suffix
                } else {
                    partition.suffix
                };
                format!("https://appconfig{fips}.{region}.{suffix}")
            }
        }
    }

    /// Whether requests travel unencrypted.
    pub(super) const fn is_plain_http(&self) -> bool {
        matches!(self, Self::Custom(CustomEndpoint { plain_http: true, .. }))
    }
}

struct Partition {
    suffix: &'static str,
    dual_stack_suffix: &'static str,
}

impl Partition {
    fn of(region: &Region) -> Self {
        let partition = |suffix, dual_stack_suffix| Self {
            suffix,
            dual_stack_suffix,
        };
        match region.as_str() {
            name if name.starts_with("cn-") => partition("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
            name if name.starts_with("us-iso-") => partition("c2s.ic.gov", "api.aws.ic.gov"),
            name if name.starts_with("us-isob-") => partition("sc2s.sgov.gov", "api.aws.scloud"),
            name if name.starts_with("eu-isoe-") => partition("cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
            name if name.starts_with("us-isof-") => partition("csp.hci.ic.gov", "api.aws.hci.ic.gov"),
            name if name.starts_with("eusc-") => partition("amazonaws.eu", "api.amazonwebservices.eu"),
            _ => partition("amazonaws.com", "api.aws"),
        }
    }
}

impl FromStr for CustomEndpoint {
    type Err = InvalidEndpoint;

    /// # Errors
    /// When the text is no `http` or `https` URL, or carries a user, a query or a fragment.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |url: &str, why: &str| InvalidEndpoint::Url {
            url: url.to_owned(),
            why: why.to_owned(),
        };
        let url = Url::parse(text).map_err(|error| invalid("", &format!("{error}")))?;
        let mut shown = url.clone();
        if !url.username().is_empty() || url.password().is_some() {
            // Neither call fails for a URL that has a user.
            let _ = (shown.set_username(""), shown.set_password(None));
            return Err(invalid(
                shown.as_str(),
                "it contains a user or password: remove them, since requests are signed instead",
            ));
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid(shown.as_str(), "use http:// or https://"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid(shown.as_str(), "it contains a query or a fragment: remove it"));
        }
        let plain_http = url.scheme() == "http";
        Ok(Self {
            base: url.as_str().trim_end_matches('/').to_owned(),
            plain_http,
            is_private: !plain_http || is_loopback(&url),
        })
    }
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
