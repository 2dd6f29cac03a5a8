//! Times of a case, in milliseconds since the epoch.

use jiff::Timestamp;

/// 2026-09-01T00:00:00Z, a Tuesday.
pub const START: i64 = 1_788_220_800_000;

pub fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

/// As `AppConfig` writes it: with as many digits of a second as it takes.
pub fn rfc3339(ms: i64) -> String {
    timestamp(ms).to_string()
}
