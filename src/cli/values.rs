//! The values of flags: each type holds its own rule, so that what is parsed is right.

use std::{fmt, net::SocketAddr, num::NonZeroU16, str::FromStr, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::{api::Exposure, decide::desired::MAXIMUM_RESYNC_INTERVAL};

/// The name of a Kubernetes namespace: a
/// [DNS label](https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Namespace(String);

/// The name of a Lease: a
/// [DNS subdomain](https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseName(String);

/// How a preview is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// Tables for people.
    Text,
    /// One line of JSON for each resource.
    Json,
    /// A table and a Mermaid timeline, for a pull request.
    Markdown,
}

/// Why a value was refused: what it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(pub(super) &'static str);

impl Namespace {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl LeaseName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Namespace {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rule = "a namespace is 1 to 63 lower-case letters, digits and hyphens";
        if is_dns_label(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidValue(rule))
        }
    }
}

impl FromStr for LeaseName {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let legal = text.len() <= 253 && text.split('.').all(is_dns_label);
        let rule = "a Lease's name is up to 253 lower-case letters, digits, hyphens and dots";
        if legal {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidValue(rule))
        }
    }
}

impl fmt::Display for LeaseName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The shortest interval after which a settled resource is read again. Shorter than a spec may ask for: who starts the
/// operator answers for its load.
const MINIMUM_RESYNC_INTERVAL: Duration = Duration::from_secs(1);

/// How often a settled resource is read again: 1 second to 24 hours.
pub(super) fn resync_interval(text: &str) -> Result<Duration, InvalidValue> {
    let parsed: Option<SignedDuration> = text.parse().ok();
    parsed
        .and_then(|interval| Duration::try_from(interval).ok())
        .filter(|interval| (MINIMUM_RESYNC_INTERVAL..=MAXIMUM_RESYNC_INTERVAL).contains(interval))
        .ok_or(InvalidValue("an interval is from 1s to 24h, such as 30s, 10m or 1h30m"))
}

/// A live exposure.
pub(super) fn exposure(text: &str) -> Result<Exposure, InvalidValue> {
    let percentage: Option<f32> = text.parse().ok();
    percentage
        .and_then(|percentage| Exposure::new(percentage).ok())
        .ok_or(InvalidValue("an exposure is a number from 0 to 100, such as 0.5"))
}

/// A time, in whole seconds.
pub(super) fn time(text: &str) -> Result<Timestamp, InvalidValue> {
    text.parse()
        .ok()
        .and_then(|time: Timestamp| Timestamp::from_second(time.as_second()).ok())
        .ok_or(InvalidValue(
            "a time is written as 2026-11-23T08:00:00Z or 2026-11-23T09:00:00+01:00",
        ))
}

/// Where to listen. Without a host it is every address of this machine, of IPv6 and IPv4, as in Go.
pub(super) fn http_address(text: &str) -> Result<SocketAddr, InvalidValue> {
    let address = match text.strip_prefix(':') {
        Some(port) => format!("[::]:{port}").parse(),
        None => text.parse(),
    };
    address.map_err(|_| InvalidValue("an address is written as :8080, 127.0.0.1:8080 or [::1]:8080"))
}

/// How many passes may run at a time.
pub(super) fn concurrency(text: &str) -> Result<NonZeroU16, InvalidValue> {
    text.parse()
        .map_err(|_| InvalidValue("concurrency is a whole number from 1 to 65535"))
}

/// Lower-case letters, digits and hyphens, at most 63, starting and ending with a letter or digit.
pub(super) fn is_dns_label(text: &str) -> bool {
    let legal = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    (1..=63).contains(&text.len()) && text.chars().all(legal) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts<T: FromStr>(texts: &[&str]) -> bool {
        texts.iter().all(|text| text.parse::<T>().is_ok())
    }

    fn refuses<T: FromStr>(texts: &[&str]) -> bool {
        texts.iter().all(|text| text.parse::<T>().is_err())
    }

    #[test]
    fn names_follow_kubernetes_rules() {
        assert!(accepts::<Namespace>(&["checkout", "a-1"]));
        assert!(refuses::<Namespace>(&[
            "",
            "Checkout",
            "a.b",
            "-a",
            "a-",
            &"a".repeat(64)
        ]));
        assert!(accepts::<LeaseName>(&["operator", "operator.example.com"]));
        assert!(refuses::<LeaseName>(&["", "a..b", "a/b", &"a.".repeat(127)]));
    }

    #[test]
    fn intervals_keep_their_bounds() {
        for text in ["1s", "2s", "90s", "10m", "1h30m", "24h", "86400s", "1440m"] {
            assert!(resync_interval(text).is_ok(), "{text}");
        }
        for text in ["", "10", "0s", "999ms", "24h1s", "1d", "-5m", "soon"] {
            assert!(resync_interval(text).is_err(), "{text}");
        }
        assert_eq!(resync_interval("10m"), Ok(Duration::from_mins(10)));
    }
}
