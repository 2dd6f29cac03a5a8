//! A certificate for `localhost`, and processes that trust it: what is trusted is read from the environment once.

use std::{path::PathBuf, sync::Arc};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::built;

/// A certificate in a file, which goes with it.
pub struct Certificate {
    file: PathBuf,
    /// Serves TLS with the certificate.
    pub acceptor: TlsAcceptor,
}

impl Certificate {
    /// A new certificate with a key of its own.
    #[must_use]
    pub fn generate() -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let file = built::folder().join(format!("certificate-{}.pem", uuid::Uuid::new_v4()));
        std::fs::write(&file, cert.pem()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        Self {
            file,
            acceptor: Arc::new(tls).into(),
        }
    }

    /// Where the certificate is, for `SSL_CERT_FILE`.
    #[must_use]
    pub fn file(&self) -> &str {
        self.file.to_str().unwrap()
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}
