#![expect(clippy::unwrap_used, reason = "a test that can't be set up should say where")]

use super::*;

const PATH_SENT: &str = "/applications/my%20app%2F%CF%80/experimentdefinitions/bsxyd7k/experimentruns/1/update";

/// A request whose signature was made by another implementation (AWS's SDK for Python).
struct Vector {
    headers: HeaderMap,
    body: Bytes,
}

impl Vector {
    fn new(signature: &str, token: Option<&str>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("host", "appconfig.us-east-1.amazonaws.com".parse().unwrap());
        headers.insert("content-type", "application/json".parse().unwrap());
        headers.insert("x-amz-date", "20260616T180124Z".parse().unwrap());
        let mut signed = "content-type;host;x-amz-date".to_owned();
        if let Some(token) = token {
            headers.insert("x-amz-security-token", token.parse().unwrap());
            signed.push_str(";x-amz-security-token");
        }
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260616/us-east-1/appconfig/aws4_request, \
             SignedHeaders={signed}, Signature={signature}"
        );
        headers.insert("authorization", authorization.parse().unwrap());
        Self {
            headers,
            body: Bytes::from_static(br#"{"ExposurePercentage":75.0}"#),
        }
    }

    fn verify(&self, key_pairs: &[KeyPair], now: &str) -> Result<(), String> {
        let (method, path, query) = (&Method::PATCH, PATH_SENT, "");
        let request = Signed {
            method,
            path,
            query,
            headers: &self.headers,
            body: &self.body,
        };
        verify(&request, key_pairs, now.parse().unwrap()).map_err(|refusal| refusal.code)
    }
}

const PLAIN: &str = "7ed8ad526bc8f37a5345d7f348d346af17d95c66a709c29a449f6bcf2bde686e";
const WITH_TOKEN: &str = "2f80088248103860340e10e411a18aa09c17033479a9fcc77b9e4ef0f37f94d9";
const SIGNED_AT: &str = "2026-06-16T18:01:24Z";

#[test]
fn the_known_signatures_are_good() {
    let temporary = KeyPair::example().with_session_token("TOKEN", Some("2026-06-16T19:00:00Z".parse().unwrap()));
    assert_eq!(
        Vector::new(PLAIN, None).verify(&[KeyPair::example()], SIGNED_AT),
        Ok(())
    );
    assert_eq!(
        Vector::new(WITH_TOKEN, Some("TOKEN")).verify(&[KeyPair::example(), temporary], SIGNED_AT),
        Ok(())
    );
}

#[test]
fn anything_else_is_refused_with_its_code() {
    let example = [KeyPair::example()];
    let expired = [KeyPair::example().with_session_token("TOKEN", Some(SIGNED_AT.parse().unwrap()))];
    let refused = |vector: Vector, pairs: &[KeyPair], now| vector.verify(pairs, now).unwrap_err();
    let plain = || Vector::new(PLAIN, None);

    assert_eq!(
        refused(plain(), &example, "2026-06-16T18:06:25Z"),
        "InvalidSignatureException"
    );
    assert_eq!(
        refused(plain(), &example, "2026-06-16T17:56:23Z"),
        "InvalidSignatureException"
    );
    assert_eq!(
        refused(plain(), &[KeyPair::new("OTHER", "x")], SIGNED_AT),
        "UnrecognizedClientException"
    );
    assert_eq!(
        refused(plain(), &[KeyPair::new("AKIDEXAMPLE", "x")], SIGNED_AT),
        "InvalidSignatureException"
    );
    assert_eq!(
        refused(Vector::new(WITH_TOKEN, Some("TOKEN")), &example, SIGNED_AT),
        "UnrecognizedClientException"
    );
    assert_eq!(
        refused(Vector::new(WITH_TOKEN, Some("TOKEN")), &expired, SIGNED_AT),
        "ExpiredTokenException"
    );

    let mut other_body = plain();
    other_body.body = Bytes::from_static(b"{}");
    assert_eq!(refused(other_body, &example, SIGNED_AT), "InvalidSignatureException");
    let mut unsigned = plain();
    unsigned.headers.remove("authorization");
    assert_eq!(refused(unsigned, &example, SIGNED_AT), "MissingAuthenticationToken");
}

#[test]
fn key_pairs_are_read_from_text() {
    assert_eq!("A:b/c+d".parse::<KeyPair>().unwrap(), KeyPair::new("A", "b/c+d"));
    let expiry = Some(SIGNED_AT.parse().unwrap());
    assert_eq!(
        format!("A:b:T@{SIGNED_AT}").parse::<KeyPair>().unwrap(),
        KeyPair::new("A", "b").with_session_token("T", expiry)
    );
    for text in ["", "A", "A:", ":b", "A:b:", "A:b:T@soon"] {
        assert!(text.parse::<KeyPair>().is_err(), "{text}");
    }
}
