//! The certificate authorities, as a file that programs read.

use base64::{Engine, engine::general_purpose::STANDARD};
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

/// How many characters of base64 a line of PEM has (RFC 7468).
const LINE: usize = 64;

/// Mozilla's certificate authorities for servers, as PEM.
pub(crate) fn pem() -> String {
    let mut pem = String::new();
    for certificate in TLS_SERVER_ROOT_CERTS {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        let mut rest = STANDARD.encode(certificate);
        while !rest.is_empty() {
            let after = rest.split_off(rest.len().min(LINE));
            pem.push_str(&rest);
            pem.push('\n');
            rest = after;
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem
}
