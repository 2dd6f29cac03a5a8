//! [`default_credentials`]: the credential sources of every AWS tool.

use super::HttpsProxy;
use crate::api::Region;
use aws_config::{default_provider::credentials::DefaultCredentialsChain, provider_config::ProviderConfig};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future};
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};

/// `aws-config`'s default chain: environment, profile, IRSA web identity, container credentials (EKS Pod Identity, ECS),
/// and the instance's metadata (`IMDSv2`).
///
/// Nothing is asked until credentials are first needed. The chain is built anew each time it is asked: its parts keep what
/// they once read of a file, and a key that AWS refuses may have been rotated in it since. `region` is the one whose STS is asked; without it, the region
/// that the environment, the profile or the instance names. SSO and credential processes are not built in: they are
/// for people's own machines.
#[must_use]
pub fn default_credentials(region: Option<&Region>, https_proxy: Option<HttpsProxy>) -> SharedCredentialsProvider {
    let region = region.map(|region| aws_config::Region::new(region.as_str().to_owned()));
    SharedCredentialsProvider::new(DefaultChain { region, https_proxy })
}

#[derive(Debug)]
struct DefaultChain {
    region: Option<aws_config::Region>,
    https_proxy: Option<HttpsProxy>,
}

impl DefaultChain {
    async fn credentials(&self) -> Result<aws_credential_types::Credentials, CredentialsError> {
        let proxy = proxy(self.https_proxy.as_ref())?;
        let chain = DefaultCredentialsChain::builder().configure(configuration(proxy));
        let chain = match &self.region {
            Some(region) => chain.region(region.clone()).build().await,
            None => chain.build().await,
        };
        chain.provide_credentials().await
    }
}

impl ProvideCredentials for DefaultChain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

/// For `https://` alone, as in [`HttpsProxy`]: the credentials agents on a node speak plain HTTP.
fn proxy(proxy: Option<&HttpsProxy>) -> Result<ProxyConfig, CredentialsError> {
    let Some(HttpsProxy { url, no_proxy }) = proxy else {
        return Ok(ProxyConfig::disabled());
    };
    let configuration = ProxyConfig::https(url.as_str())
        .map_err(|_| CredentialsError::invalid_configuration("the HTTPS proxy's URL can't be used"))?;
    Ok(match no_proxy {
        Some(hosts) => configuration.no_proxy(hosts),
        None => configuration,
    })
}

fn configuration(proxy: ProxyConfig) -> ProviderConfig {
    let http_client = Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(proxy.clone());
        connector.set_connector_settings(settings.cloned());
        #[allow(
            clippy::redundant_closure_for_method_calls,
            reason = "the type is of a crate that is no dependency"
        )]
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
    });
    ProviderConfig::without_region().with_http_client(http_client)
}
