//! What kubectl's parser, which reads YAML 1.1, refuses, and this one, which reads YAML 1.2, does not.

use granit_parser::{Event, ScalarStyle, Span};

/// Why kubectl's parser would refuse what an event tells of, if it would.
pub(super) fn refused(text: &str, event: &Event, span: &Span, in_flow: bool) -> Option<&'static str> {
    if let Event::Anchor(_, name) = event {
        let legal = |it: char| it.is_ascii_alphanumeric() || "_-".contains(it);
        return (!name.chars().all(legal)).then_some("the name of an anchor has letters, digits, _ and - only");
    }
    if event.is_node() && !in_flow && after_tab(text, span) {
        return Some("a tab can't indent: use spaces");
    }
    let legal = |it: char| it.is_ascii_alphanumeric() || "!_-./:".contains(it);
    if event.tag().is_some_and(|tag| !tag.original().chars().all(legal)) {
        return Some("a tag has letters, digits and !_-./: only");
    }
    let (value, style) = event.scalar()?;
    match style {
        ScalarStyle::DoubleQuoted => newer_escape(span.slice(text)?)
            .then_some("JSON's escapes \\/ and \\ud800 are not YAML's: write the character"),
        ScalarStyle::Plain if in_flow && (value.contains('?') || value.starts_with(':')) => {
            Some("between braces or brackets, text with ? or : must be in quotes")
        }
        ScalarStyle::Plain if in_flow && value.is_empty() && event.tag().is_some() => {
            Some("between braces or brackets, a tag must be followed by a value")
        }
        _ => None,
    }
}

/// Whether a tab stands where a line, or an item of a list, begins.
fn after_tab(text: &str, span: &Span) -> bool {
    let before = span
        .start
        .byte_offset()
        .and_then(|end| text.get(..end))
        .unwrap_or_default();
    let before = &before[before.rfind(['\n', '\r']).map_or(0, |end| end + 1)..];
    let token = before.trim_end_matches([' ', '\t']);
    before[token.len()..].contains('\t') && (token.is_empty() || token.ends_with(['-', '?']))
}

/// Whether there is an escape that YAML 1.1 doesn't have.
fn newer_escape(quoted: &str) -> bool {
    let mut rest = quoted;
    while let Some((_, escape)) = rest.split_once('\\') {
        let surrogate = escape.starts_with("ud") || escape.starts_with("uD");
        if escape.starts_with('/')
            || surrogate
                && escape[2..].starts_with(['8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 'A', 'B', 'C', 'D', 'E', 'F'])
        {
            return true;
        }
        let mut characters = escape.chars();
        characters.next();
        rest = characters.as_str();
    }
    false
}
