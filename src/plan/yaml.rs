//! A document as kubectl turns it into JSON: what it consists of is `nodes`' business, what scalars mean `scalars`'.
//!
//! Stricter than kubectl where a slip would pass in silence: a doubled key is an error.

use std::{collections::HashSet, rc::Rc};

use serde_json::{Map, Value};

use super::{
    nodes::{self, Content, DEPTH, LONGEST_KEY, Node, Syntax},
    scalars::{self, Scalar},
    unreadable::{Unreadable, Why},
};

const OWN_TAGS: &str = "tag:yaml.org,2002:";

/// What a document says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct YamlContent {
    pub(super) value: Value,
    /// The keys of which more is to be said.
    pub(super) keys: Vec<Key>,
}

/// A key that doesn't mean what it looks like, or that not all can carry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// Which map has it, such as `spec.treatmentOverrides.inline`.
    pub(super) map: String,
    /// From 1.
    pub(super) line: u64,
    pub(super) kind: KeyKind,
}

/// What is to be said of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// It is a number, or true or false, and becomes other text.
    Altered,
    /// Server-side apply can't carry it.
    TooLong,
}

/// Reads one document.
///
/// # Errors
/// All for which kubectl would refuse it, and what it would pass over.
pub(super) fn read(text: &str, syntax: Syntax) -> Result<YamlContent, Unreadable> {
    let read = read_all(text, syntax);
    read.map_err(|unreadable| as_template(text, unreadable))
}

/// Braces are a map to YAML, and mostly a broken one: whoever wrote two of them meant something else.
fn as_template(text: &str, unreadable: Unreadable) -> Unreadable {
    let broken = matches!(unreadable.why, Why::Syntax(_) | Why::Key | Why::DoubledKey);
    let lines = (1..=unreadable.line).zip(text.lines());
    let template = lines
        .filter(|(_, line)| !line.trim_start().starts_with('#'))
        .find(|(_, line)| ["{{", "{%", "<%"].iter().any(|mark| line.contains(mark)));
    match template {
        Some((line, _)) if broken => Unreadable::new(Why::Template, line),
        _ => unreadable,
    }
}

fn read_all(text: &str, syntax: Syntax) -> Result<YamlContent, Unreadable> {
    let Some(root) = nodes::compose(text, syntax)? else {
        return Ok(YamlContent::default());
    };
    let mut decoder = Decoder::default();
    let value = decoder.value(&root, "", 0)?;
    Ok(YamlContent {
        value,
        keys: decoder.keys,
    })
}

/// Makes JSON of nodes.
#[derive(Default)]
struct Decoder {
    keys: Vec<Key>,
    decoded: u32,
    /// How many of them within aliases.
    aliased: u32,
    aliases: u32,
}

impl Decoder {
    fn value(&mut self, node: &Node, at: &str, depth: usize) -> Result<Value, Unreadable> {
        self.count(node.line)?;
        if depth > DEPTH {
            return Err(Unreadable::new(Why::Depth, node.line));
        }
        match &node.content {
            Content::Scalar { .. } => scalar(node)?.value().ok_or(Unreadable::new(Why::OutOfRange, node.line)),
            Content::List(items) => (0..)
                .zip(items)
                .map(|(index, item): (usize, _)| self.value(item, &format!("{at}[{index}]"), depth + 1))
                .collect(),
            Content::Map(entries) => {
                let mut map = Map::new();
                self.entries(entries, &mut map, at, depth)?;
                Ok(Value::Object(map))
            }
            Content::Alias(node) => self.within_alias(|decoder| decoder.value(node, at, depth + 1)),
        }
    }

    /// As Go: later entries and merges win over earlier ones.
    fn entries(
        &mut self,
        entries: &[[Rc<Node>; 2]],
        map: &mut Map<String, Value>,
        at: &str,
        depth: usize,
    ) -> Result<(), Unreadable> {
        let mut own = HashSet::new();
        for [key, value] in entries {
            if is_merge(key) {
                self.merge(value, map, at, depth)?;
                continue;
            }
            let name = self.key(key, at)?;
            if !own.insert(name.clone()) {
                return Err(Unreadable::new(Why::DoubledKey, key.line));
            }
            let below = if at.is_empty() {
                name.clone()
            } else {
                format!("{at}.{name}")
            };
            let value = self.value(value, &below, depth + 1)?;
            map.insert(name, value);
        }
        Ok(())
    }

    fn key(&mut self, node: &Node, at: &str) -> Result<String, Unreadable> {
        self.count(node.line)?;
        let scalar = match &node.content {
            Content::Alias(node) => return self.within_alias(|decoder| decoder.key(node, at)),
            Content::Scalar { .. } => scalar(node)?,
            Content::List(_) | Content::Map(_) => return Err(Unreadable::new(Why::Key, node.line)),
        };
        let written = matches!(scalar, Scalar::Text(_));
        let name = scalar.key().ok_or(Unreadable::new(Why::Key, node.line))?;
        let altered = !written && matches!(&node.content, Content::Scalar { text, .. } if *text != name);
        let kinds = [
            (altered, KeyKind::Altered),
            (length(&name) > LONGEST_KEY, KeyKind::TooLong),
        ];
        self.keys
            .extend(kinds.into_iter().filter(|(is, _)| *is).map(|(_, kind)| Key {
                map: at.to_owned(),
                line: node.line,
                kind,
            }));
        Ok(name)
    }

    fn merge(&mut self, node: &Node, map: &mut Map<String, Value>, at: &str, depth: usize) -> Result<(), Unreadable> {
        let wrong = || Unreadable::new(Why::Merge, node.line);
        if depth > DEPTH {
            return Err(Unreadable::new(Why::Depth, node.line));
        }
        match &node.content {
            Content::Map(entries) => {
                self.count(node.line)?;
                self.entries(entries, map, at, depth + 1)
            }
            Content::Alias(node) if matches!(node.content, Content::Map(_)) => {
                self.within_alias(|decoder| decoder.merge(node, map, at, depth + 1))
            }
            // The first of them wins.
            Content::List(items) => items.iter().rev().try_for_each(|item| match &item.content {
                Content::List(_) => Err(wrong()),
                _ => self.merge(item, map, at, depth + 1),
            }),
            _ => Err(wrong()),
        }
    }

    fn within_alias<T>(&mut self, decode: impl FnOnce(&mut Self) -> T) -> T {
        self.aliases += 1;
        let decoded = decode(self);
        self.aliases -= 1;
        decoded
    }

    /// Go's bound, so that a few lines don't become gigabytes.
    fn count(&mut self, line: u64) -> Result<(), Unreadable> {
        self.decoded += 1;
        self.aliased += u32::from(self.aliases > 0);
        let (low, high) = (400_000.0, 4_000_000.0);
        let decoded = f64::from(self.decoded);
        let allowed = 0.99 - 0.89 * ((decoded - low) / (high - low)).clamp(0.0, 1.0);
        if self.aliased > 100 && self.decoded > 1000 && f64::from(self.aliased) / decoded > allowed {
            return Err(Unreadable::new(Why::ManyAliases, line));
        }
        Ok(())
    }
}

fn scalar(node: &Node) -> Result<Scalar, Unreadable> {
    let Content::Scalar { text, plain, tag } = &node.content else {
        return Err(Unreadable::new(Why::Key, node.line));
    };
    match tag.as_ref().map(|tag| tag.suffix_in_namespace(OWN_TAGS)) {
        None if *plain => Ok(scalars::plain(text)),
        Some(Some(own)) => scalars::tagged(&own, text).ok_or(Unreadable::new(Why::Tag, node.line)),
        _ => Ok(Scalar::Text(text.clone().into_owned())),
    }
}

fn is_merge(node: &Node) -> bool {
    matches!(&node.content, Content::Scalar { text, plain, tag } if text == "<<" && match tag {
        None => *plain,
        Some(tag) => tag.suffix_in_namespace(OWN_TAGS).as_deref() == Some("merge"),
    })
}

/// How long a key is in the JSON that Go writes.
fn length(name: &str) -> usize {
    let json = serde_json::to_string(name).unwrap_or_default();
    let escaped = |it: char| "<>&\u{2028}\u{2029}".contains(it);
    json.chars().map(|it| if escaped(it) { 6 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn why(text: &str) -> (Why, u64) {
        match read(text, Syntax::Yaml) {
            Ok(read) => (Why::Syntax(format!("{read:?}")), 0),
            Err(unreadable) => (unreadable.why, unreadable.line),
        }
    }

    #[test]
    fn what_is_wrong_is_told_apart_and_its_line_with_it() {
        for (text, expected, line) in [
            ("a: 1\nb: 2\na: 3\n", Why::DoubledKey, 3),
            ("a: 1\n\"8\": 2\n010: 3\n", Why::DoubledKey, 3),
            ("a:\n- .inf\n", Why::OutOfRange, 2),
            ("# {{ not this }}\nrun: {{ .Values.run }}\n", Why::Template, 2),
            ("{{- if .Values.run }}\nrun: 1\n{{- end }}\n", Why::Template, 1),
            ("a: 1\nb: {{ one }}-{{ two }}\n", Why::Template, 2),
            ("a: 1\n...\nb: 2\n", Why::AfterEnd, 3),
            ("a: 1\n? [b]\n: 2\n", Why::Key, 2),
            ("a: 1\n~: 2\n", Why::Key, 2),
            ("a: \"b\u{7}\"\n", Why::Character, 1),
            ("a: !!int b\n", Why::Tag, 1),
            ("a: *b\n", Why::Alias, 1),
            ("a: &a [*a]\n", Why::Alias, 1),
            ("a: 1\n<<: b\n", Why::Merge, 2),
        ] {
            assert_eq!(why(text), (expected, line), "{text}");
        }
        for text in ["a: [1\n", "a: 'b\n", "a: b: c\n", "\ta: 1\n", "a: @b\n", "a: \"\\/\"\n"] {
            assert!(matches!(why(text), (Why::Syntax(_), 1..)), "{text}");
        }
        let json = read("{\"a\":\n1e400}", Syntax::Json).err();
        assert_eq!(json, Some(Unreadable::new(Why::OutOfRange, 2)));
    }

    /// A template in a string is a string.
    #[test]
    fn what_helm_has_rendered_may_still_have_braces() {
        let read = read("a: \"{{ name }}\"\n", Syntax::Yaml);
        assert_eq!(read.map(|read| read.value), Ok(json!({"a": "{{ name }}"})));
    }

    #[test]
    fn a_few_lines_do_not_become_gigabytes_or_a_tower() {
        let laughs: String = ('b'..='j').fold("a: &a [x]\n".to_owned(), |text, name| {
            let before = char::from(name as u8 - 1);
            let aliases = vec![format!("*{before}"); 10].join(", ");
            format!("{text}{name}: &{name} [{aliases}]\n")
        });
        assert_eq!(why(&laughs).0, Why::ManyAliases);
        let tower: String = (1..40).fold("a0: &a0 [[[x]]]\n".to_owned(), |text, number| {
            format!("{text}a{number}: &a{number} [[[*a{}]]]\n", number - 1)
        });
        assert_eq!(why(&tower).0, Why::Depth);
        for bracket in ["[", "{a: ", "- ", "? "] {
            assert_eq!(why(&bracket.repeat(100_000)).0, Why::Depth, "{bracket}");
        }
    }

    #[test]
    fn keys_that_change_or_are_too_long_are_told_by_map_and_line() {
        let text = format!(
            "a:\n  \"010\": 1\n  010: 2\n  12: 3\n  yes: 4\n? {}\n: 5\n",
            "x".repeat(1023)
        );
        let keys = read(&text, Syntax::Yaml).map(|read| read.keys);
        let key = |map: &str, line, kind| Key {
            map: map.to_owned(),
            line,
            kind,
        };
        assert_eq!(
            keys,
            Ok(vec![
                key("a", 3, KeyKind::Altered),
                key("a", 5, KeyKind::Altered),
                key("", 6, KeyKind::TooLong)
            ])
        );
    }
}
