//! Durations and times as specs, statuses and messages write them.

use jiff::{SignedDuration, Timestamp};

/// Go's duration syntax, as Kubernetes writes it (`1h30m`), within bounds; a subset of what jiff reads, which CEL has
/// narrowed already.
pub(super) fn length(text: &str, (least, most): (SignedDuration, SignedDuration)) -> Option<SignedDuration> {
    let length: SignedDuration = text.parse().ok()?;
    (least..=most).contains(&length).then_some(length)
}

/// A duration in the words of the spec: whole hours, minutes and seconds.
pub(super) fn words(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    let parts = [(seconds / 3600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let mut words = String::new();
    for (count, unit) in parts.iter().filter(|(count, _)| *count > 0) {
        words.push_str(&count.to_string());
        words.push(*unit);
    }
    if words.is_empty() { "0s".to_owned() } else { words }
}

/// A time in UTC, to the minute where it is a whole one.
pub(super) fn minute(at: Timestamp) -> String {
    let format = if at.as_second() % 60 == 0 {
        "%Y-%m-%dT%H:%MZ"
    } else {
        "%Y-%m-%dT%H:%M:%SZ"
    };
    at.strftime(format).to_string()
}

/// What the spec says, short enough for a message.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(128).collect::<String>())
}
