//! What one case gave, line by line: once whole, and once without the sentences that people read.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// The record of one case.
#[derive(Default)]
pub struct CaseRecord {
    /// All of it.
    pub whole: String,
    /// All but the messages of conditions and the notes of Events.
    pub without_sentences: String,
    /// How often each reason was written into a condition.
    pub reasons: BTreeMap<String, usize>,
    /// The status that was written last, and its lines.
    last: (String, [Lines; 2]),
}

/// Names and values.
type Lines = Vec<(String, String)>;

impl CaseRecord {
    pub fn line(&mut self, line: &str) {
        for text in [&mut self.whole, &mut self.without_sentences] {
            text.push_str(line);
            text.push('\n');
        }
    }

    pub fn event(&mut self, head: &str, note: &str) {
        writeln!(self.whole, "  Event {head}: {note}").unwrap();
        writeln!(self.without_sentences, "  Event {head}").unwrap();
    }

    /// A status is written over another one.
    pub fn status(&mut self, before: &str, after: &str) {
        if before == after {
            return;
        }
        if self.last.0 != before {
            self.last.1 = lines(before);
        }
        let after_lines = lines(after);
        let [whole, without_sentences] = [0, 1].map(|of| changes(&self.last.1[of], &after_lines[of]));
        for (member, value) in &whole {
            if member.starts_with("conditions") && value != GONE {
                *self.reasons.entry(reason(value)).or_default() += 1;
            }
        }
        append(&mut self.whole, &whole);
        append(&mut self.without_sentences, &without_sentences);
        self.last = (after.to_owned(), after_lines);
    }

    /// The two digests, in 16 hexadecimal digits each.
    pub fn digests(&self) -> [String; 2] {
        [&self.whole, &self.without_sentences].map(|text| {
            let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
            let (first, _) = digest.split_first_chunk().unwrap();
            format!("{:016x}", u64::from_be_bytes(*first))
        })
    }
}

const GONE: &str = "is gone";

/// The members of a status, and each condition by itself: whole, and without sentences.
fn lines(status: &str) -> [Lines; 2] {
    let mut whole = Lines::new();
    let mut without_sentences = Lines::new();
    for (member, value) in Members::of(status).0 {
        if member != "conditions" {
            whole.push((member.clone(), value.clone()));
            without_sentences.push((member, value));
            continue;
        }
        let conditions: Vec<&RawValue> = serde_json::from_str(&value).unwrap();
        for (place, condition) in conditions.iter().enumerate() {
            let name = format!("conditions[{place}]");
            whole.push((name.clone(), condition.get().to_owned()));
            without_sentences.push((name, without_message(condition.get())));
        }
    }
    [whole, without_sentences]
}

fn append(text: &mut String, changes: &[(String, String)]) {
    for (member, value) in changes {
        writeln!(text, "  status.{member} {value}").unwrap();
    }
}

fn changes(before: &[(String, String)], after: &[(String, String)]) -> Lines {
    let value = |of: &[(String, String)], member: &str| {
        let found = of.iter().find(|(name, _)| name == member);
        found.map(|(_, value)| value.clone())
    };
    let new = after
        .iter()
        .filter(|(member, it)| value(before, member).as_ref() != Some(it))
        .cloned();
    let gone = before.iter().filter(|(member, _)| value(after, member).is_none());
    new.chain(gone.map(|(member, _)| (member.clone(), GONE.to_owned())))
        .collect()
}

fn reason(condition: &str) -> String {
    let members = Members::of(condition);
    let (_, reason) = members.0.iter().find(|(name, _)| name == "reason").unwrap();
    reason.trim_matches('"').to_owned()
}

/// The members of a JSON object in the order in which they are written, each as it is written.
struct Members(Vec<(String, String)>);

impl Members {
    fn of(json: &str) -> Self {
        serde_json::from_str(json).unwrap()
    }
}

fn without_message(condition: &str) -> String {
    let members = Members::of(condition);
    let rest = members.0.iter().filter(|(name, _)| name != "message");
    let rest: Vec<String> = rest.map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", rest.join(","))
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    members.push((name, value.get().to_owned()));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
