//! Why the brake was pulled, as the annotation says.

use serde_json::value::RawValue;

use super::LONGEST_ECHO;

/// The reason, as the Event quotes it. `None` where there is none, where it is longer than the policy on annotations lets it be,
/// and where it can't be read, which is no fault of the resource.
pub(super) fn brake_reason(raw: Option<&RawValue>) -> Option<String> {
    let reason: String = serde_json::from_str(raw?.get()).ok()?;
    Some(reason).filter(|reason| !reason.is_empty() && reason.len() <= LONGEST_ECHO)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_can_be_quoted_is_kept() {
        let kept = |value: serde_json::Value| {
            let raw = RawValue::from_string(value.to_string()).unwrap();
            brake_reason(Some(&raw))
        };
        assert_eq!(
            kept("checkout errors rise".into()).as_deref(),
            Some("checkout errors rise")
        );
        for none in ["".into(), "x".repeat(254).into(), 7.into()] {
            assert_eq!(kept(none), None);
        }
        assert_eq!(brake_reason(None), None);
    }
}
