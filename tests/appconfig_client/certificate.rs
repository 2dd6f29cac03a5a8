//! A certificate for `localhost`, and processes that trust it: what is trusted is read from the environment once.

use std::{path::PathBuf, process::Output, sync::Arc};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;

/// A certificate in a file, which goes with it.
pub struct Certificate {
    file: PathBuf,
    pub acceptor: TlsAcceptor,
}

impl Certificate {
    pub fn new() -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("certificate-{}.pem", uuid::Uuid::new_v4()));
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
    pub fn file(&self) -> &str {
        self.file.to_str().unwrap()
    }

    /// Runs an ignored test of this binary in a process that trusts the certificate, and shows what it printed.
    pub async fn trusted_by(&self, test: &str, environment: &[(&str, &str)]) -> Output {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env_clear()
            .env("SSL_CERT_FILE", self.file())
            .envs(environment.iter().copied())
            .output()
            .await
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        print!("{printed}");
        assert!(
            output.status.success() && printed.contains("1 passed"),
            "{printed}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}
