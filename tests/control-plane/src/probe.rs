//! Looks whether a server serves. Blocking, and a connection per look: a start needs no more.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::error::Error;

const PATIENCE: Duration = Duration::from_secs(5);

/// Whether `GET http://127.0.0.1:{port}{path}` answers 200.
pub(crate) fn http(port: u16, path: &str) -> Result<(), String> {
    let stream = connect(port).map_err(|error| error.to_string())?;
    get(stream, path, None)
}

/// Whether `GET https://127.0.0.1:{port}{path}` answers 200.
pub(crate) fn https(port: u16, path: &str, ca_pem: &str, token: &str) -> Result<(), String> {
    let config = tls_client(ca_pem).map_err(|error| error.to_string())?;
    let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
    let connection = ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
    let stream = connect(port).map_err(|error| error.to_string())?;
    get(StreamOwned::new(connection, stream), path, Some(token))
}

/// TLS as a client that trusts this authority and no other.
pub(crate) fn tls_client(ca_pem: &str) -> Result<ClientConfig, Error> {
    let action = "use the API server's certificate";
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        let certificate = certificate.map_err(Error::certificate(action))?;
        roots.add(certificate).map_err(Error::certificate(action))?;
    }
    // Named here, since a process-wide default is for the program that uses this crate to choose.
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::certificate(action))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn connect(port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn get(mut stream: impl Read + Write, path: &str, token: Option<&str>) -> Result<(), String> {
    let authorization = token
        .map(|token| format!("Authorization: Bearer {token}\r\n"))
        .unwrap_or_default();
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}Connection: close\r\n\r\n");
    let mut start = [0; 12];
    stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.read_exact(&mut start))
        .map_err(|error| format!("GET {path}: {error}"))?;
    if &start[9..] == b"200" {
        Ok(())
    } else {
        Err(format!("GET {path} answered {}", String::from_utf8_lossy(&start)))
    }
}
