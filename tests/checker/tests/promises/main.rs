//! Each test is one story told twice: as it should be, which breaks nothing, and with one detail changed, which breaks the
//! promises named. The checker must tell the two apart, name the right promises and show a timeline.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod p10_quiet;
mod p12_converges;
mod p1_authorised;
mod p2_upward_only;
mod p3_minimal;
mod p4_at_most_once;
mod p5_identity;
mod p6_evidence;
mod p7_scope;
mod p8_one_owner;
mod p9_truthful;
mod recording;
mod timeline;

use std::collections::BTreeSet;

use promise_checker::{Promise, check};

use recording::Recording;

/// Tells a story as it should be and with the detail changed: then just these promises are broken, and the first one in
/// these words.
fn broken(promises: &[Promise], words: &str, story: impl Fn(&mut Recording, bool)) {
    let violations = |changed: bool| {
        let mut recording = Recording::new();
        story(&mut recording, changed);
        // As a file would hold it.
        let json = serde_json::to_string(&recording.finish()).unwrap();
        check(&serde_json::from_str(&json).unwrap())
    };
    let told: Vec<String> = violations(false).iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "the good story breaks nothing:\n{}", told.join("\n"));
    let violations = violations(true);
    let told: Vec<String> = violations.iter().map(ToString::to_string).collect();
    let named: BTreeSet<Promise> = violations.iter().map(|violation| violation.promise).collect();
    assert_eq!(named, promises.iter().copied().collect(), "{}", told.join("\n"));
    let of_first: Vec<_> = violations
        .iter()
        .filter(|violation| violation.promise == promises[0])
        .collect();
    assert!(
        of_first.iter().any(|violation| violation.what.contains(words)),
        "{words:?} is in none of\n{}",
        told.join("\n")
    );
    assert!(of_first.iter().all(|violation| !violation.timeline.is_empty()));
}
