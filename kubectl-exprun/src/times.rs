//! Times for people: by the clock on their wall and in UTC.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// What tells the time: now, and the zone of whoever reads.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    pub(crate) now: Timestamp,
    pub(crate) zone: TimeZone,
}

impl Clock {
    /// Now, in the zone of this machine or of `TZ`.
    pub(crate) fn system() -> Self {
        Self {
            now: Timestamp::now(),
            zone: TimeZone::system(),
        }
    }

    /// `Wed 2026-11-25 10:00:00 CET (09:00:00Z)`; with the date in UTC where that is another one.
    pub(crate) fn at(&self, at: Timestamp) -> String {
        let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
        let local = whole.to_zoned(self.zone.clone());
        if local.offset().is_zero() {
            return whole.strftime("%a %Y-%m-%d %H:%M:%SZ").to_string();
        }
        let same_day = local.date() == whole.to_zoned(TimeZone::UTC).date();
        let utc = whole.strftime(if same_day { "%H:%M:%SZ" } else { "%Y-%m-%d %H:%M:%SZ" });
        format!("{} ({utc})", local.strftime("%a %Y-%m-%d %H:%M:%S %Z"))
    }

    /// `in 2h 3m`, `5m ago`, or `now`.
    pub(crate) fn distance(&self, at: Timestamp) -> String {
        let away = at.duration_since(self.now);
        if away.as_secs() == 0 {
            "now".to_owned()
        } else if away.is_negative() {
            format!("{} ago", length(away.abs()))
        } else {
            format!("in {}", length(away))
        }
    }
}

/// The two largest units of a length of time, as `3d 4h`.
pub(crate) fn length(length: SignedDuration) -> String {
    let seconds = length.as_secs();
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let begins = units.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let shown = units.iter().skip(begins).take(2);
    let words = shown.filter(|(count, unit)| *count > 0 || (seconds == 0 && *unit == "s"));
    words
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn lengths_have_their_two_largest_units() {
        for (seconds, words) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3661, "1h 1m"),
            (86_400, "1d"),
            (90_061, "1d 1h"),
            (86_460, "1d"),
        ] {
            assert_eq!(length(SignedDuration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn times_are_local_and_utc() {
        let berlin = Clock {
            now: "2026-11-25T09:00:00Z".parse().unwrap(),
            zone: TimeZone::get("Europe/Berlin").unwrap(),
        };
        let at = |text: &str| berlin.at(text.parse().unwrap());
        assert_eq!(at("2026-11-25T09:00:00.7Z"), "Wed 2026-11-25 10:00:00 CET (09:00:00Z)");
        assert_eq!(
            at("2026-11-25T23:30:00Z"),
            "Thu 2026-11-26 00:30:00 CET (2026-11-25 23:30:00Z)"
        );
        let utc = Clock {
            zone: TimeZone::UTC,
            ..berlin
        };
        assert_eq!(utc.at(utc.now), "Wed 2026-11-25 09:00:00Z");
        let of = |text: &str| utc.distance(text.parse().unwrap());
        assert_eq!(
            (of("2026-11-25T11:03:09Z"), of("2026-11-25T08:59:00Z")),
            ("in 2h 3m".to_owned(), "1m ago".to_owned())
        );
    }
}
