//! Times: the host's, for the log, and the emulated service's, for what clients see.

use jiff::{SignedDuration, Timestamp};
use serde::Serializer;

/// The host's time, no finer than the log shows it.
pub(crate) fn host_now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// The service's time: the host's, moved by the `clockOffsetSeconds` setting.
pub(crate) fn service_now(offset_seconds: i32) -> Timestamp {
    let offset = SignedDuration::from_secs(i64::from(offset_seconds));
    Timestamp::now().checked_add(offset).unwrap_or(Timestamp::MAX)
}

/// The HTTP `Date` header's form.
pub(crate) fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Log lines sort as text only if every time has the same number of digits.
pub(crate) fn micros<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{at:.6}"))
}

/// As [`micros`], for a time that may never have come.
#[expect(
    clippy::ref_option,
    reason = "serde's serialize_with passes a reference to the field"
)]
pub(crate) fn optional_micros<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => micros(at, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_header_is_in_gmt() {
        let at = Timestamp::from_second(1_781_632_884).unwrap_or_default();
        assert_eq!(http_date(at), "Tue, 16 Jun 2026 18:01:24 GMT");
    }
}
