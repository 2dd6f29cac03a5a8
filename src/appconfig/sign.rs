//! Signature Version 4 of one request.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign as sign_request},
    sign::v4,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::api::Region;

/// `AppConfig`'s name in signatures (service model: `signingName`).
const SERVICE: &str = "appconfig";

/// The request can't be signed: the credentials hold something that can't be sent in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsignable;

/// Adds `x-amz-date`, `x-amz-security-token` and `authorization` to the headers.
///
/// Each header present is signed except those that `SigningSettings::default()` excludes (`user-agent` among them);
/// `host` is taken from the URL, as the transport will.
pub(super) fn sign(
    method: &Method,
    url: &str,
    headers: &mut HeaderMap,
    body: &[u8],
    credentials: &Credentials,
    region: &Region,
    at: SystemTime,
) -> Result<(), Unsignable> {
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region.as_str())
        .name(SERVICE)
        .time(at)
        .settings(SigningSettings::default())
        .build()
        .map_err(|_| Unsignable)?
        .into();
    let mut present = Vec::with_capacity(headers.len());
    for (name, value) in &*headers {
        present.push((name.as_str(), value.to_str().map_err(|_| Unsignable)?));
    }
    let request = SignableRequest::new(method.as_str(), url, present.into_iter(), SignableBody::Bytes(body))
        .map_err(|_| Unsignable)?;
    let (instructions, _signature) = sign_request(request, &parameters).map_err(|_| Unsignable)?.into_parts();
    for (name, value) in instructions.headers() {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Unsignable)?;
        let mut value = HeaderValue::from_str(value).map_err(|_| Unsignable)?;
        // Keeps it out of whatever a library may print of a request.
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::time::{Duration, UNIX_EPOCH};

    use http::header;

    use super::*;
    use crate::{appconfig::request::run_path, run::RunAddress};

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn signature(session_token: Option<String>) -> String {
        let address = RunAddress::parse("my app/π", "bsxyd7k", 1).unwrap();
        let url = format!("https://appconfig.us-east-1.amazonaws.com{}/update", run_path(&address));
        assert_eq!(
            url,
            "https://appconfig.us-east-1.amazonaws.com/applications/my%20app%2F%CF%80/experimentdefinitions/bsxyd7k\
             /experimentruns/1/update"
        );
        let credentials = Credentials::new("AKIDEXAMPLE", SECRET, session_token, None, "test");
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("not signed"));
        let at = UNIX_EPOCH + Duration::from_secs(1_781_632_884);
        let (region, body) = ("us-east-1".parse().unwrap(), br#"{"ExposurePercentage":75.0}"#);
        sign(&Method::PATCH, &url, &mut headers, body, &credentials, &region, at).unwrap();
        assert_eq!(headers["x-amz-date"], "20260616T180124Z");
        headers[header::AUTHORIZATION].to_str().unwrap().to_owned()
    }

    #[test]
    fn the_known_signatures_come_out() {
        assert_eq!(
            signature(None),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260616/us-east-1/appconfig/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=7ed8ad526bc8f37a5345d7f348d346af17d95c66a709c29a449f6bcf2bde686e"
        );
        assert_eq!(
            signature(Some("TOKEN".to_owned())),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260616/us-east-1/appconfig/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, \
             Signature=2f80088248103860340e10e411a18aa09c17033479a9fcc77b9e4ef0f37f94d9"
        );
    }

    #[test]
    fn credentials_that_no_header_can_hold_are_an_error() {
        let credentials = Credentials::new("AKID", SECRET, Some("line\nbreak".to_owned()), None, "test");
        let region = "us-east-1".parse().unwrap();
        let url = "https://appconfig.us-east-1.amazonaws.com/";
        let refused = sign(
            &Method::GET,
            url,
            &mut HeaderMap::new(),
            b"",
            &credentials,
            &region,
            UNIX_EPOCH,
        );
        assert_eq!(refused, Err(Unsignable));
    }
}
