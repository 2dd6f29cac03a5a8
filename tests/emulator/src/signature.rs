//! Signature Version 4, verified as a service does.
//!
//! Written from AWS's description of the algorithm and not with AWS's signing crate, so that tests of a client which
//! signs with that crate compare two implementations.

use std::{fmt::Write as _, str::FromStr};

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, Method};
use jiff::{SignedDuration, Timestamp, civil};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use crate::{answer::Refusal, route::parse_query};

/// What is left as it is in a canonical query; a canonical path leaves `/`, too.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// How far apart the clocks may be (doc).
const MAXIMUM_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Credentials that the service knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// The access key ID.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: String,
    /// For temporary credentials.
    pub session_token: Option<SessionToken>,
}

/// What makes credentials temporary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionToken {
    /// The token itself, sent as `x-amz-security-token`.
    pub token: String,
    /// From when on it is refused, by the service's clock; absent: never.
    pub expires_at: Option<Timestamp>,
}

impl KeyPair {
    /// Long-lived credentials.
    #[must_use]
    pub fn new(access_key_id: &str, secret_access_key: &str) -> Self {
        Self {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: secret_access_key.to_owned(),
            session_token: None,
        }
    }

    /// The pair in AWS's own examples (doc), which the emulator always knows.
    #[must_use]
    pub fn example() -> Self {
        Self::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    }

    /// The same pair as temporary credentials.
    #[must_use]
    pub fn with_session_token(mut self, token: &str, expires_at: Option<Timestamp>) -> Self {
        self.session_token = Some(SessionToken {
            token: token.to_owned(),
            expires_at,
        });
        self
    }
}

/// Why a text isn't a key pair.
#[derive(Debug, thiserror::Error)]
#[error("a key pair is ID:SECRET, or ID:SECRET:TOKEN@EXPIRY with an RFC 3339 expiry")]
pub struct KeyPairError;

impl FromStr for KeyPair {
    type Err = KeyPairError;

    fn from_str(text: &str) -> Result<Self, KeyPairError> {
        let mut parts = text.splitn(3, ':');
        let (Some(id), Some(secret), token) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyPairError);
        };
        if id.is_empty() || secret.is_empty() || token.is_some_and(str::is_empty) {
            return Err(KeyPairError);
        }
        let pair = Self::new(id, secret);
        let Some(token) = token else { return Ok(pair) };
        match token.rsplit_once('@') {
            Some((token, expiry)) => {
                Ok(pair.with_session_token(token, Some(expiry.parse().map_err(|_| KeyPairError)?)))
            }
            None => Ok(pair.with_session_token(token, None)),
        }
    }
}

/// The parts of a request that a signature covers, as they came.
#[derive(Debug)]
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
}

/// The `Authorization` header, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authorization<'a> {
    pub(crate) access_key_id: &'a str,
    date: &'a str,
    pub(crate) region: &'a str,
    service: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    pub(crate) fn of(headers: &'a HeaderMap) -> Option<Self> {
        let fields = headers
            .get("authorization")?
            .to_str()
            .ok()?
            .strip_prefix("AWS4-HMAC-SHA256 ")?;
        let field = |name| {
            fields
                .split(',')
                .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
        };
        let mut scope = field("Credential")?.split('/');
        let authorization = Self {
            access_key_id: scope.next()?,
            date: scope.next()?,
            region: scope.next()?,
            service: scope.next()?,
            signed_headers: field("SignedHeaders")?,
            signature: field("Signature")?,
        };
        (scope.next() == Some("aws4_request") && scope.next().is_none()).then_some(authorization)
    }
}

/// Refuses what AWS would refuse. The order and texts are those of AWS's front ends (seen, doc).
pub(crate) fn verify(request: &Signed<'_>, key_pairs: &[KeyPair], now: Timestamp) -> Result<(), Refusal> {
    let Some(authorization) = Authorization::of(request.headers) else {
        return Err(Refusal::new(
            403,
            "MissingAuthenticationToken",
            "Missing Authentication Token",
        ));
    };
    let token = header(request.headers, "x-amz-security-token");
    let key_pair = known(&authorization, token.as_deref(), key_pairs, now)?;
    let date = header(request.headers, "x-amz-date").unwrap_or_default();
    verify_date(&authorization, &date, now)?;
    if authorization.service != "appconfig" {
        return Err(invalid("Credential should be scoped to correct service: 'appconfig'."));
    }
    let signed: Vec<&str> = authorization.signed_headers.split(';').collect();
    for name in ["host", "x-amz-date", "x-amz-security-token"] {
        if request.headers.contains_key(name) && !signed.contains(&name) {
            return Err(invalid(&format!(
                "'{name}' must be a 'SignedHeader' in the AWS Authorization header."
            )));
        }
    }
    let canonical = canonical_request(request, &signed)?;
    let scope = format!("{}/{}/appconfig/aws4_request", authorization.date, authorization.region);
    let string_to_sign = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        hex::encode(Sha256::digest(canonical))
    );
    let key = signing_key(&key_pair.secret_access_key, authorization.date, authorization.region)?;
    let signature = hex::decode(authorization.signature).unwrap_or_default();
    hmac_of(&key, &string_to_sign)?.verify_slice(&signature).map_err(|_| {
        invalid(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
             Access Key and signing method. Consult the service documentation for details.",
        )
    })
}

fn invalid(message: &str) -> Refusal {
    Refusal::new(403, "InvalidSignatureException", message)
}

fn known<'a>(
    authorization: &Authorization<'_>,
    token: Option<&str>,
    key_pairs: &'a [KeyPair],
    now: Timestamp,
) -> Result<&'a KeyPair, Refusal> {
    let unrecognized = || {
        Refusal::new(
            403,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        )
    };
    let same_token = |pair: &&KeyPair| pair.session_token.as_ref().map(|session| session.token.as_str()) == token;
    let pair = key_pairs
        .iter()
        .filter(|pair| pair.access_key_id == authorization.access_key_id)
        .find(same_token)
        .ok_or_else(unrecognized)?;
    match pair.session_token.as_ref().and_then(|session| session.expires_at) {
        Some(expiry) if expiry <= now => Err(Refusal::new(
            403,
            "ExpiredTokenException",
            "The security token included in the request is expired",
        )),
        _ => Ok(pair),
    }
}

fn verify_date(authorization: &Authorization<'_>, date: &str, now: Timestamp) -> Result<(), Refusal> {
    let signed_at = civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date)
        .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC))
        .map_err(|_| invalid("Date must be in ISO-8601 'basic format'."))?
        .timestamp();
    if !date.starts_with(authorization.date) {
        return Err(invalid(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.",
        ));
    }
    let basic = |at: Timestamp| at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let age = now.duration_since(signed_at);
    if age > MAXIMUM_SKEW {
        let earliest = basic(now - MAXIMUM_SKEW);
        Err(invalid(&format!(
            "Signature expired: {date} is now earlier than {earliest} ({} - 5 min.)",
            basic(now)
        )))
    } else if -age > MAXIMUM_SKEW {
        let latest = basic(now + MAXIMUM_SKEW);
        Err(invalid(&format!(
            "Signature not yet current: {date} is still later than {latest} ({} + 5 min.)",
            basic(now)
        )))
    } else {
        Ok(())
    }
}

fn canonical_request(request: &Signed<'_>, signed: &[&str]) -> Result<String, Refusal> {
    // Every service but S3 encodes the path, which is encoded already, once more (doc).
    let path = utf8_percent_encode(request.path, PATH);
    let mut query: Vec<(String, String)> = parse_query(request.query)
        .iter()
        .map(|(key, value)| {
            (
                utf8_percent_encode(key, QUERY).to_string(),
                utf8_percent_encode(value, QUERY).to_string(),
            )
        })
        .collect();
    query.sort();
    let query: Vec<String> = query.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    let mut headers = String::new();
    for name in signed {
        let value = header(request.headers, name).unwrap_or_default();
        let _ = writeln!(headers, "{name}:{value}");
    }
    let payload = hex::encode(Sha256::digest(request.body));
    if header(request.headers, "x-amz-content-sha256").is_some_and(|declared| declared != payload) {
        return Err(invalid(
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ));
    }
    let (method, query, signed) = (request.method, query.join("&"), signed.join(";"));
    Ok(format!("{method}\n{path}\n{query}\n{headers}\n{signed}\n{payload}"))
}

/// A header's values as the canonical request has them: trimmed, single-spaced, joined by commas.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<String> = headers
        .get_all(name)
        .iter()
        .map(|value| {
            String::from_utf8_lossy(value.as_bytes())
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn hmac_of(key: &[u8], message: &str) -> Result<Hmac<Sha256>, Refusal> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| invalid("The key can't be used."))?;
    hmac.update(message.as_bytes());
    Ok(hmac)
}

fn signing_key(secret: &str, date: &str, region: &str) -> Result<Vec<u8>, Refusal> {
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [date, region, "appconfig", "aws4_request"] {
        key = hmac_of(&key, part)?.finalize().into_bytes().to_vec();
    }
    Ok(key)
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
